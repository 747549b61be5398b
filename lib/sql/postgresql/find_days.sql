-- The days that have a partition of their own (devpulse_add_day), the oldest first. None where the
-- table is laid out otherwise.
SELECT to_date(right(c.relname, 8), 'YYYYMMDD')::timestamp AT TIME ZONE 'UTC'
  FROM pg_inherits i
  JOIN pg_class c ON c.oid = i.inhrelid
  JOIN pg_partitioned_table p ON p.partrelid = i.inhparent AND p.partstrat = 'r'
 WHERE i.inhparent = 'events'::regclass AND c.relname ~ '^events_[0-9]{8}$'
 ORDER BY 1;
