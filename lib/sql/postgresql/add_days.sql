-- The partitions of yesterday, today and the two days to come. Attaching one takes a lock that waits
-- for readers of the default partition, and behind which others wait: not for long.
BEGIN;
SET LOCAL lock_timeout = '300ms';
SELECT devpulse_add_day((now() AT TIME ZONE 'UTC')::date + n) FROM generate_series(-1, 2) n;
COMMIT;
