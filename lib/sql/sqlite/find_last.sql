-- The highest numbers of an event and of a trace: of both tables, if somebody has removed rows by hand.
SELECT (SELECT max(seq) FROM events),
       max(coalesce((SELECT max(trace_n) FROM traces), 0), coalesce((SELECT max(trace_n) FROM events), 0));
