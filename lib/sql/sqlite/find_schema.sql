-- Whether there is a schema at all. Asks the file: the connection's own idea of it may be older
-- than another writer's.
SELECT 1 FROM sqlite_schema WHERE name = 'schema_version';
