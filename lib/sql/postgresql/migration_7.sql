-- Version 6 to 7: nothing but the number. The change is one of SQLite. Of no statement at all PostgreSQL
-- says so instead of an end.

DO $$ BEGIN END $$;
