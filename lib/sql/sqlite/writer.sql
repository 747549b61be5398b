-- What a writer sets on its connection.
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
