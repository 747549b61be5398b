-- Version 3 to 4. The default partition is parted itself: what is older than a year, and the rest. When
-- a day gets its partition, PostgreSQL looks through the default one for rows of that day, and nobody
-- can read or write there meanwhile. Of the first part, which a large import may fill, its CHECK says
-- that there are none; the second has few (store_pg_days.c).

DO $$
DECLARE
    bound timestamptz := ((now() AT TIME ZONE 'UTC')::date - 366)::timestamp AT TIME ZONE 'UTC';
    part text;
BEGIN
    IF to_regclass('events_default') IS NULL THEN
        RETURN; -- laid out otherwise
    END IF;
    LOCK TABLE ONLY events IN ACCESS EXCLUSIVE MODE; -- what others commit meanwhile would be lost
    CREATE TABLE events_3 AS TABLE events_default;
    DROP TABLE events_default;
    CREATE TABLE events_default PARTITION OF events DEFAULT PARTITION BY RANGE (ts);
    CREATE INDEX events_default_ts ON events_default (ts); -- for those that are too old
    EXECUTE format('CREATE TABLE events_default_old PARTITION OF events_default (CHECK (ts < %1$L))
                    FOR VALUES FROM (MINVALUE) TO (%1$L)', bound);
    EXECUTE format('CREATE TABLE events_default_new PARTITION OF events_default
                    FOR VALUES FROM (%L) TO (MAXVALUE)', bound);
    -- devpulse_add_day runs as the owner of events, who need not be the one who migrates.
    FOREACH part IN ARRAY ARRAY['events_default', 'events_default_old', 'events_default_new'] LOOP
        EXECUTE format('ALTER TABLE %I OWNER TO %s', part,
                       (SELECT relowner::regrole FROM pg_class WHERE oid = 'events'::regclass));
    END LOOP;
    INSERT INTO events_default SELECT * FROM events_3;
    DROP TABLE events_3;
    PERFORM devpulse_add_day(day)
       FROM (SELECT DISTINCT (ts AT TIME ZONE 'UTC')::date AS day FROM events_default_new
              WHERE ts < now() + interval '2 days') days;
END $$;

-- For readers who are in the way nobody waits for long.
ALTER FUNCTION devpulse_add_day(date) SET lock_timeout = '300ms';
