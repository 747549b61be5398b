-- Version 2 to 3. The events move to a table with more columns, and all that is summed up of them is
-- made anew (store_refill.c), then events_2 goes. Indexed are only the keys of queries:
-- trace_id by the unique key, ts, and the errors of a group.

ALTER TABLE events RENAME TO events_2;

CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    trace_id TEXT NOT NULL,
    event_id TEXT NOT NULL,
    ts INTEGER NOT NULL,
    severity TEXT NOT NULL,
    system TEXT NOT NULL,
    type TEXT NOT NULL,
    environment TEXT,
    duration_ms REAL,
    fingerprint TEXT,
    body TEXT NOT NULL,
    UNIQUE (trace_id, event_id)
) STRICT;

CREATE INDEX events_ts ON events (ts);
CREATE INDEX events_fingerprint ON events (fingerprint, ts) WHERE fingerprint IS NOT NULL;

-- The numbers go on where they were.
UPDATE sqlite_sequence SET name = 'events' WHERE name = 'events_2';

DROP TABLE trace_systems;
DROP TABLE traces;

CREATE TABLE traces (
    trace_id TEXT PRIMARY KEY NOT NULL,
    first_ts INTEGER NOT NULL,
    last_ts INTEGER NOT NULL,
    events INTEGER NOT NULL,
    errors INTEGER NOT NULL,
    warnings INTEGER NOT NULL,
    debugs INTEGER NOT NULL,
    title TEXT NOT NULL,
    title_ts INTEGER NOT NULL,
    title_rank INTEGER NOT NULL,
    environment TEXT NOT NULL,
    last_error TEXT NOT NULL,
    last_error_ts INTEGER NOT NULL,
    systems TEXT NOT NULL,
    system_times TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX traces_last ON traces (last_ts, trace_id);

CREATE TABLE error_groups (
    fingerprint TEXT PRIMARY KEY NOT NULL,
    type TEXT NOT NULL,
    place TEXT NOT NULL,
    message TEXT NOT NULL,
    title TEXT NOT NULL,
    first_ts INTEGER NOT NULL,
    last_ts INTEGER NOT NULL,
    events INTEGER NOT NULL,
    systems TEXT NOT NULL,
    system_times TEXT NOT NULL,
    environments TEXT NOT NULL,
    environment_times TEXT NOT NULL,
    traces TEXT NOT NULL,
    trace_times TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX error_groups_last ON error_groups (last_ts, fingerprint);

CREATE TABLE minute_counts (
    minute INTEGER NOT NULL,
    system TEXT NOT NULL,
    severity TEXT NOT NULL,
    events INTEGER NOT NULL,
    PRIMARY KEY (minute, system, severity)
) STRICT, WITHOUT ROWID;

-- For those that are too old.
CREATE INDEX dead_letters_received ON dead_letters (received);
