-- The whole rows anew. They come sorted.
INSERT INTO error_groups (fingerprint, type, place, message, title, first_ts, last_ts, events,
    systems, system_times, environments, environment_times, traces, trace_times)
SELECT unnest($1::text[]), unnest($2::text[]), unnest($3::text[]), unnest($4::text[]),
       unnest($5::text[]), unnest($6::timestamptz[]), unnest($7::timestamptz[]), unnest($8::bigint[]),
       unnest($9::text[]), unnest($10::text[]), unnest($11::text[]), unnest($12::text[]),
       unnest($13::text[]), unnest($14::text[])
ON CONFLICT (fingerprint) DO UPDATE SET
    type = excluded.type,
    place = excluded.place,
    message = excluded.message,
    title = excluded.title,
    first_ts = excluded.first_ts,
    last_ts = excluded.last_ts,
    events = excluded.events,
    systems = excluded.systems,
    system_times = excluded.system_times,
    environments = excluded.environments,
    environment_times = excluded.environment_times,
    traces = excluded.traces,
    trace_times = excluded.trace_times;
