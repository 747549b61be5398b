-- What a writer sets on its connection.
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
-- A log that has grown, as by a migration, becomes small again; by its checkpoints it has half of that.
PRAGMA journal_size_limit = 67108864;
