INSERT INTO minute_counts (minute, system, severity, events)
SELECT unnest($1::timestamptz[]), unnest($2::text[]), unnest($3::text[]), unnest($4::bigint[])
ON CONFLICT (minute, system, severity) DO UPDATE SET
    events = minute_counts.events + excluded.events;
