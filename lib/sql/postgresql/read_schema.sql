SELECT version, database_id FROM schema_version;
