-- Version 2 to 3. The events move to a table with more columns that is partitioned by the day of
-- their own time (UTC), and all that is summed up of them is made anew (store_refill.c), then
-- events_2 goes. The key contains the time because it must; an event's time is part of it, and the
-- same whenever it comes again. Indexed are only the keys of queries.

ALTER TABLE events RENAME TO events_2;
ALTER INDEX events_pkey RENAME TO events_2_pkey;
ALTER INDEX events_seq RENAME TO events_2_seq;

CREATE TABLE events (
    seq bigint NOT NULL,
    trace_id text COLLATE "C" NOT NULL,
    event_id uuid NOT NULL,
    ts timestamptz NOT NULL,
    severity text NOT NULL,
    system text COLLATE "C" NOT NULL,
    type text NOT NULL,
    environment text,
    duration_ms double precision,
    fingerprint text COLLATE "C",
    body json NOT NULL,
    PRIMARY KEY (trace_id, event_id, ts)
) PARTITION BY RANGE (ts);

CREATE INDEX events_seq ON events (seq);
CREATE INDEX events_ts ON events USING brin (ts);
CREATE INDEX events_fingerprint ON events (fingerprint, ts) WHERE fingerprint IS NOT NULL;

-- For times of which there is no partition: far in the past or the future.
CREATE TABLE events_default PARTITION OF events DEFAULT;
CREATE INDEX events_default_ts ON events_default (ts); -- for those that are too old

-- Makes the partition of a day, where it is missing. Of a table that is laid out otherwise it is
-- none of our business. Its owner's rights are enough for it: who writes events needs none to make
-- tables.
CREATE FUNCTION devpulse_add_day(day date) RETURNS void
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
    EXECUTE format('CREATE TABLE %I (LIKE events INCLUDING ALL)', name);
    EXECUTE format('WITH moved AS (DELETE FROM events_default WHERE ts >= $1 AND ts < $2 RETURNING *)
                    INSERT INTO %I SELECT * FROM moved', name) USING low, high;
    EXECUTE format('ALTER TABLE events ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                   name, low, high);
END $$;

-- Drops the partition of a day of which no event with a number above `after` is left, nor, as the
-- caller knows, one below. Returns whether it did: not where a reader is in the way for longer than a
-- moment, as all others would wait behind us.
CREATE FUNCTION devpulse_drop_day(day date, after bigint) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET lock_timeout = '100ms' AS $$
DECLARE
    name text := 'events_' || to_char(day, 'YYYYMMDD');
    next bigint;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_inherits
                    WHERE inhparent = 'events'::regclass AND inhrelid = to_regclass(name)) THEN
        RETURN false;
    END IF;
    LOCK TABLE ONLY events IN ACCESS EXCLUSIVE MODE;
    EXECUTE format('SELECT min(seq) FROM %I WHERE seq > $1', name) INTO next USING after;
    IF next IS NOT NULL THEN
        RETURN false;
    END IF;
    EXECUTE format('DROP TABLE %I', name);
    RETURN true;
EXCEPTION WHEN lock_not_available THEN
    RETURN false;
END $$;

REVOKE ALL ON FUNCTION devpulse_add_day(date), devpulse_drop_day(date, bigint) FROM PUBLIC;

-- They find our tables alone: else the caller could put others before them, temporary ones even
-- where the path does not name them.
DO $$ BEGIN
    EXECUTE format('ALTER FUNCTION devpulse_add_day(date) SET search_path = %I, pg_temp', current_schema());
    EXECUTE format('ALTER FUNCTION devpulse_drop_day(date, bigint) SET search_path = %I, pg_temp',
                   current_schema());
END $$;

SELECT devpulse_add_day(day)
  FROM (SELECT DISTINCT (ts AT TIME ZONE 'UTC')::date AS day FROM events_2
         WHERE ts < now() + interval '2 days' ORDER BY day DESC LIMIT 1000) days;

DROP TABLE trace_systems;
DROP TABLE traces;

CREATE TABLE traces (
    trace_id text COLLATE "C" PRIMARY KEY,
    first_ts timestamptz NOT NULL,
    last_ts timestamptz NOT NULL,
    events bigint NOT NULL,
    errors bigint NOT NULL,
    warnings bigint NOT NULL,
    debugs bigint NOT NULL,
    title text NOT NULL,
    title_ts timestamptz NOT NULL,
    title_rank bigint NOT NULL,
    environment text NOT NULL,
    last_error text NOT NULL,
    last_error_ts timestamptz NOT NULL,
    systems text NOT NULL,
    system_times text NOT NULL
);

CREATE INDEX traces_last ON traces (last_ts, trace_id);

CREATE TABLE error_groups (
    fingerprint text COLLATE "C" PRIMARY KEY,
    type text NOT NULL,
    place text NOT NULL,
    message text NOT NULL,
    title text NOT NULL,
    first_ts timestamptz NOT NULL,
    last_ts timestamptz NOT NULL,
    events bigint NOT NULL,
    systems text NOT NULL,
    system_times text NOT NULL,
    environments text NOT NULL,
    environment_times text NOT NULL,
    traces text NOT NULL,
    trace_times text NOT NULL
);

CREATE INDEX error_groups_last ON error_groups (last_ts, fingerprint);

CREATE TABLE minute_counts (
    minute timestamptz NOT NULL,
    system text COLLATE "C" NOT NULL,
    severity text NOT NULL,
    events bigint NOT NULL,
    PRIMARY KEY (minute, system, severity)
);

-- For those that are too old.
CREATE INDEX dead_letters_received ON dead_letters (received);
