-- The numbers of all of a batch stand in its rows; where one event is there already nothing of it is
-- taken, and put_events.sql comes next.
COPY events (seq, trace_id, event_id, ts, severity, system, type, environment, duration_ms, fingerprint, body)
FROM STDIN (FORMAT binary);
