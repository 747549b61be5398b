-- 1 where the events are partitioned by time, 0 where somebody laid the table out otherwise.
SELECT count(*) FROM pg_partitioned_table WHERE partrelid = 'events'::regclass AND partstrat = 'r';
