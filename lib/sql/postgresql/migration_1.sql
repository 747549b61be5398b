-- Version 0 to 1. The table schema_version is there.
--
-- Keys are compared as bytes (COLLATE "C"): fast, and the order is SQLite's. A body is `json`,
-- which is kept to the letter (jsonb would rewrite numbers and reorder members) and can still be
-- asked for its members: body->>'details'.

CREATE TABLE event_counter (
    one smallint PRIMARY KEY CHECK (one = 1),
    n bigint NOT NULL
) WITH (fillfactor = 10);

INSERT INTO event_counter VALUES (1, 0);

CREATE TABLE events (
    seq bigint NOT NULL,
    trace_id text COLLATE "C" NOT NULL,
    event_id uuid NOT NULL,
    ts timestamptz NOT NULL,
    severity text NOT NULL,
    system text COLLATE "C" NOT NULL,
    type text NOT NULL,
    body json NOT NULL,
    PRIMARY KEY (trace_id, event_id)
);

CREATE INDEX events_seq ON events (seq);

CREATE TABLE traces (
    trace_id text COLLATE "C" PRIMARY KEY,
    first_ts timestamptz NOT NULL,
    last_ts timestamptz NOT NULL,
    events bigint NOT NULL,
    errors bigint NOT NULL,
    warnings bigint NOT NULL,
    title text NOT NULL
);

CREATE INDEX traces_last ON traces (last_ts, trace_id);

CREATE TABLE trace_systems (
    trace_id text COLLATE "C" NOT NULL,
    system text COLLATE "C" NOT NULL,
    first_ts timestamptz NOT NULL,
    last_ts timestamptz NOT NULL,
    events bigint NOT NULL,
    errors bigint NOT NULL,
    PRIMARY KEY (trace_id, system)
);

CREATE TABLE dead_letters (
    trace_id text COLLATE "C" NOT NULL,
    event_id uuid NOT NULL,
    received timestamptz NOT NULL,
    why text NOT NULL,
    body bytea NOT NULL,
    PRIMARY KEY (trace_id, event_id)
);
