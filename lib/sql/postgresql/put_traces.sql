-- The whole rows anew. They come sorted.
INSERT INTO traces (trace_id, first_ts, last_ts, events, errors, warnings, debugs, title, title_ts, title_rank,
    environment, last_error, last_error_ts, systems, system_times)
SELECT unnest($1::text[]), unnest($2::timestamptz[]), unnest($3::timestamptz[]), unnest($4::bigint[]),
       unnest($5::bigint[]), unnest($6::bigint[]), unnest($7::bigint[]), unnest($8::text[]),
       unnest($9::timestamptz[]), unnest($10::bigint[]), unnest($11::text[]), unnest($12::text[]),
       unnest($13::timestamptz[]), unnest($14::text[]), unnest($15::text[])
ON CONFLICT (trace_id) DO UPDATE SET
    first_ts = excluded.first_ts,
    last_ts = excluded.last_ts,
    events = excluded.events,
    errors = excluded.errors,
    warnings = excluded.warnings,
    debugs = excluded.debugs,
    title = excluded.title,
    title_ts = excluded.title_ts,
    title_rank = excluded.title_rank,
    environment = excluded.environment,
    last_error = excluded.last_error,
    last_error_ts = excluded.last_error_ts,
    systems = excluded.systems,
    system_times = excluded.system_times;
