-- Adds a batch's share to its trace. The title is that of the first event in time.
INSERT INTO traces (trace_id, first_ts, last_ts, events, errors, warnings, title)
VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (trace_id) DO UPDATE SET
    title = CASE WHEN excluded.first_ts < traces.first_ts
                 THEN excluded.title ELSE traces.title END,
    first_ts = CASE WHEN excluded.first_ts < traces.first_ts
                    THEN excluded.first_ts ELSE traces.first_ts END,
    last_ts = CASE WHEN excluded.last_ts > traces.last_ts
                   THEN excluded.last_ts ELSE traces.last_ts END,
    events = traces.events + excluded.events,
    errors = traces.errors + excluded.errors,
    warnings = traces.warnings + excluded.warnings;
