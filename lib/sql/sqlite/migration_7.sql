-- Version 6 to 7. A trace has a number, in the order in which traces came, and its events are found by
-- that. An id is in no order: a batch changed a page of each index that begins with it for each of its
-- traces, and the rows of traces that are read together lay far apart.

CREATE TABLE traces_7 (
    trace_n INTEGER PRIMARY KEY,
    trace_id TEXT NOT NULL UNIQUE,
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
) STRICT;

INSERT INTO traces_7
SELECT NULL, trace_id, first_ts, last_ts, events, errors, warnings, debugs, title, title_ts, title_rank,
       environment, last_error, last_error_ts, systems, system_times
  FROM traces
 ORDER BY last_ts, trace_id;

DROP TABLE traces;
ALTER TABLE traces_7 RENAME TO traces;

-- Where other hands have removed a trace's row its events are not lost for that: it gets one, with what
-- their columns say, and so without a title.
INSERT INTO traces
SELECT NULL, trace_id, min(ts), max(ts), count(*), sum(severity = 'error'), sum(severity = 'warning'),
       sum(severity = 'debug'), '', min(ts), 2,
       coalesce((SELECT environment FROM events i WHERE i.trace_id = e.trace_id AND environment IS NOT NULL
                  ORDER BY seq LIMIT 1), ''),
       '', coalesce(max(CASE severity WHEN 'error' THEN ts END), min(ts)),
       (SELECT json_group_array(system) FROM (SELECT system FROM events i WHERE i.trace_id = e.trace_id
                                              GROUP BY system ORDER BY min(ts), min(seq) LIMIT 100)),
       (SELECT json_group_array(first_ts) FROM (SELECT min(ts) AS first_ts FROM events i
                                                WHERE i.trace_id = e.trace_id
                                                GROUP BY system ORDER BY min(ts), min(seq) LIMIT 100))
  FROM events e
 WHERE trace_id IN (SELECT trace_id FROM events EXCEPT SELECT trace_id FROM traces)
 GROUP BY trace_id;

CREATE INDEX traces_last ON traces (last_ts, trace_id);
CREATE INDEX traces_duration ON traces ((last_ts - first_ts), trace_id);
CREATE INDEX traces_errors ON traces (errors, last_ts, trace_id) WHERE errors > 0;

ALTER TABLE events RENAME TO events_6;

CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    -- Of the row of traces that has this trace_id; there always is one. An older program that still has
    -- the file open gives none: by this text, which is no JSON, its statement fails, and not its event.
    trace_n INTEGER NOT NULL DEFAULT (json('from a program that is older than the database')),
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
    UNIQUE (trace_n, event_id)
) STRICT;

-- The numbers go on where they were.
UPDATE sqlite_sequence SET name = 'events' WHERE name = 'events_6';

INSERT INTO events
SELECT seq, (SELECT trace_n FROM traces t WHERE t.trace_id = e.trace_id), trace_id, event_id, ts, severity,
       system, type, environment, duration_ms, fingerprint, body
  FROM events_6 e
 ORDER BY seq;

DROP TABLE events_6;

CREATE INDEX events_ts ON events (ts);
CREATE INDEX events_fingerprint ON events (fingerprint, ts) WHERE fingerprint IS NOT NULL;
