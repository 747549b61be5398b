-- A batch, one array a column; tells the numbers of those that are new. Set-returning functions in
-- the list give their rows in step and one by one, where in FROM each array would be laid down as a
-- table first.
INSERT INTO events (seq, trace_id, event_id, ts, severity, system, type, environment, duration_ms, fingerprint, body)
SELECT unnest($1::bigint[]), unnest($2::text[]), unnest($3::uuid[]), unnest($4::timestamptz[]),
       unnest($5::text[]), unnest($6::text[]), unnest($7::text[]), unnest($8::text[]),
       unnest($9::double precision[]), unnest($10::text[]), unnest($11::json[])
ON CONFLICT DO NOTHING
RETURNING seq;
