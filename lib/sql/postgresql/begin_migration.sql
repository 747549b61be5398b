-- Begins a migration behind a lock, so that of several writers one makes it; its number is
-- arbitrary. All in the transaction: a writer that is stopped half-way holds up the others only
-- until idle_in_transaction_session_timeout. READ COMMITTED, whatever the default is, sees what
-- another writer did while this one waited.
BEGIN ISOLATION LEVEL READ COMMITTED;
SELECT pg_advisory_xact_lock(4919131752989213764);
CREATE TABLE IF NOT EXISTS schema_version (
    one smallint PRIMARY KEY CHECK (one = 1),
    version bigint NOT NULL,
    database_id uuid NOT NULL
);
