INSERT INTO dead_letters (trace_id, event_id, received, why, body)
VALUES ($1::text, $2::uuid, $3::timestamptz, $4::text, $5::bytea)
ON CONFLICT DO NOTHING;
