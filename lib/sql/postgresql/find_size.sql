-- The bytes that all tables take with their indexes, room left by rows that are gone included.
SELECT sum(pg_total_relation_size(relid))::bigint
  FROM (SELECT relid FROM pg_partition_tree('events')
        UNION ALL SELECT unnest(ARRAY['traces', 'error_groups', 'minute_counts', 'dead_letters']::regclass[])) t;
