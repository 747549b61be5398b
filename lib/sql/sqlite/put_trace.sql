INSERT INTO traces (trace_id, first_ts, last_ts, events, errors, warnings, debugs, title, title_ts, title_rank,
    environment, last_error, last_error_ts, systems, system_times, trace_n)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (trace_n) DO UPDATE SET
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
