-- The events of a trace with the ids of a JSON array. One by one: whatever the planner believes to
-- know of the trace, it is not to read all of it.
SELECT e.seq, e.trace_id, e.event_id, e.ts, e.severity, e.system, e.type, e.body
  FROM json_array_elements_text(CAST($1 AS json)) AS ids (id)
 CROSS JOIN LATERAL (
       SELECT * FROM events
        WHERE trace_id = $2 AND event_id = CAST(id AS uuid)
          AND ts >= (SELECT first_ts FROM traces WHERE trace_id = $2)
          AND ts <= (SELECT last_ts FROM traces WHERE trace_id = $2)
       OFFSET 0) e;
