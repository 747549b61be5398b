-- Adds a batch's shares to their traces. The title is that of the first event in time. The rows
-- come sorted: writers lock them in the same order.
INSERT INTO traces (trace_id, first_ts, last_ts, events, errors, warnings, title)
SELECT unnest($1::text[]), unnest($2::timestamptz[]), unnest($3::timestamptz[]),
       unnest($4::bigint[]), unnest($5::bigint[]), unnest($6::bigint[]), unnest($7::text[])
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
