-- Version 0 to 1. Times are microseconds since the epoch.

CREATE TABLE schema_version (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    version INTEGER NOT NULL,
    database_id TEXT NOT NULL
) STRICT;

CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    trace_id TEXT NOT NULL,
    event_id TEXT NOT NULL,
    ts INTEGER NOT NULL,
    severity TEXT NOT NULL,
    system TEXT NOT NULL,
    type TEXT NOT NULL,
    body TEXT NOT NULL,
    UNIQUE (trace_id, event_id)
) STRICT;

CREATE TABLE traces (
    trace_id TEXT PRIMARY KEY NOT NULL,
    first_ts INTEGER NOT NULL,
    last_ts INTEGER NOT NULL,
    events INTEGER NOT NULL,
    errors INTEGER NOT NULL,
    warnings INTEGER NOT NULL,
    title TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX traces_last ON traces (last_ts, trace_id);

CREATE TABLE trace_systems (
    trace_id TEXT NOT NULL,
    system TEXT NOT NULL,
    first_ts INTEGER NOT NULL,
    last_ts INTEGER NOT NULL,
    events INTEGER NOT NULL,
    errors INTEGER NOT NULL,
    PRIMARY KEY (trace_id, system)
) STRICT, WITHOUT ROWID;

CREATE TABLE dead_letters (
    trace_id TEXT NOT NULL,
    event_id TEXT NOT NULL,
    received INTEGER NOT NULL,
    why TEXT NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (trace_id, event_id)
) STRICT;
