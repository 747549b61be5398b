-- READ COMMITTED, whatever the default is, sees what another writer did while this one waited.
BEGIN ISOLATION LEVEL READ COMMITTED;
