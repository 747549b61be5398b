SELECT fingerprint, type, place, message, title, first_ts, last_ts, events, systems, system_times,
       environments, environment_times, traces, trace_times
FROM error_groups WHERE fingerprint = ?;
