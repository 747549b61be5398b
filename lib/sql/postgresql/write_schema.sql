-- The id is that of the first writer, for ever.
INSERT INTO schema_version (one, version, database_id)
VALUES (1, $1::bigint, $2::uuid)
ON CONFLICT (one) DO UPDATE SET version = excluded.version;
