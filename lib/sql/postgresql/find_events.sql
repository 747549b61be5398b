-- Which of these events are there, whatever their time: their places in the arrays, from 1.
SELECT wanted.at
  FROM unnest($1::text[], $2::uuid[]) WITH ORDINALITY AS wanted (trace_id, event_id, at)
  JOIN events e ON e.trace_id = wanted.trace_id AND e.event_id = wanted.event_id;
