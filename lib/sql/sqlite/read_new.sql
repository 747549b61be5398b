-- What was stored behind a number, in that order.
SELECT trace_id, event_id, seq FROM events WHERE seq > ? ORDER BY seq;
