-- Version 5 to 6. A day gets its partition behind a lock on the default one. Without it who had stored
-- events of that day there and not yet committed made the partition fail: they stood in its way.

CREATE OR REPLACE FUNCTION devpulse_add_day(day date) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    name text := 'events_' || to_char(day, 'YYYYMMDD');
    low timestamptz := day::timestamp AT TIME ZONE 'UTC';
    high timestamptz := (day + 1)::timestamp AT TIME ZONE 'UTC';
BEGIN
    IF to_regclass(name) IS NOT NULL OR NOT EXISTS (
        SELECT FROM pg_partitioned_table
         WHERE partrelid = 'events'::regclass AND partstrat = 'r') THEN
        RETURN;
    END IF;
    PERFORM pg_advisory_xact_lock(4919131752989213764); -- as a migration: one at a time
    -- by a query: to_regclass may answer from before the lock
    IF EXISTS (SELECT FROM pg_class c JOIN pg_class e ON e.relnamespace = c.relnamespace
                WHERE e.oid = 'events'::regclass AND c.relname = name) THEN
        RETURN;
    END IF;
    -- in the order of devpulse_drop_day; readers are let in until ATTACH
    LOCK TABLE ONLY events IN SHARE UPDATE EXCLUSIVE MODE;
    LOCK TABLE events_default IN SHARE ROW EXCLUSIVE MODE;
    EXECUTE format('CREATE TABLE %I (LIKE events INCLUDING ALL)', name);
    EXECUTE format('WITH moved AS (DELETE FROM events_default WHERE ts >= $1 AND ts < $2 RETURNING *)
                    INSERT INTO %I SELECT * FROM moved', name) USING low, high;
    EXECUTE format('ALTER TABLE events ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                   name, low, high);
END $$;

REVOKE ALL ON FUNCTION devpulse_add_day(date) FROM PUBLIC;

DO $$ BEGIN
    EXECUTE format('ALTER FUNCTION devpulse_add_day(date) SET search_path = %I, pg_temp', current_schema());
END $$;
ALTER FUNCTION devpulse_add_day(date) SET lock_timeout = '300ms';
