-- Adds a batch's shares to the systems of their traces. The rows come sorted.
INSERT INTO trace_systems (trace_id, system, first_ts, last_ts, events, errors)
SELECT unnest($1::text[]), unnest($2::text[]), unnest($3::timestamptz[]),
       unnest($4::timestamptz[]), unnest($5::bigint[]), unnest($6::bigint[])
ON CONFLICT (trace_id, system) DO UPDATE SET
    first_ts = CASE WHEN excluded.first_ts < trace_systems.first_ts
                    THEN excluded.first_ts ELSE trace_systems.first_ts END,
    last_ts = CASE WHEN excluded.last_ts > trace_systems.last_ts
                   THEN excluded.last_ts ELSE trace_systems.last_ts END,
    events = trace_systems.events + excluded.events,
    errors = trace_systems.errors + excluded.errors;
