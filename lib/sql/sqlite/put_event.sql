INSERT INTO events (trace_id, event_id, ts, severity, system, type, body)
VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO NOTHING;
