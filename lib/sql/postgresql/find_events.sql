-- Which of these events are there, whatever their time: their places in the arrays, from 1. In which
-- partitions to look is told by the span of their trace; of a new one, in none. OFFSET 0 keeps the
-- joins apart, so that the key of events gets all its columns from the first.
SELECT wanted.at
  FROM (SELECT given.trace_id, given.event_id, given.at, t.first_ts, t.last_ts
          FROM unnest($1::text[], $2::uuid[]) WITH ORDINALITY AS given (trace_id, event_id, at)
          JOIN traces t ON t.trace_id = given.trace_id
        OFFSET 0) wanted
  JOIN events e ON e.trace_id = wanted.trace_id AND e.event_id = wanted.event_id
               AND e.ts >= wanted.first_ts AND e.ts <= wanted.last_ts;
