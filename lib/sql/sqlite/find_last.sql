-- The highest numbers of an event and of a trace.
SELECT (SELECT max(seq) FROM events), (SELECT max(trace_n) FROM events);
