SELECT trace_id, first_ts, last_ts, events, errors, warnings, debugs, title, title_ts, title_rank,
       environment, last_error, last_error_ts, systems, system_times
FROM traces WHERE trace_n = ?;
