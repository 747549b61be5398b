INSERT INTO dead_letters (trace_id, event_id, received, why, body)
VALUES (?, ?, ?, ?, ?)
ON CONFLICT DO NOTHING;
