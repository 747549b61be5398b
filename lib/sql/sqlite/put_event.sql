INSERT INTO events (seq, trace_n, trace_id, event_id, ts, severity, system, type, environment, duration_ms, fingerprint, body)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO NOTHING;
