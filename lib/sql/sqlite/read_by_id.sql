-- The events of a trace with the ids of a JSON array.
SELECT e.seq, e.trace_id, e.event_id, e.ts, e.severity, e.system, e.type, e.body
  FROM json_each($1) ids
 CROSS JOIN events e
    ON e.trace_n = (SELECT trace_n FROM traces WHERE trace_id = $2) AND e.event_id = ids.value;
