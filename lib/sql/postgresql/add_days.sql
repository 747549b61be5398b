-- The partitions of yesterday, today and the two days to come.
SELECT devpulse_add_day((now() AT TIME ZONE 'UTC')::date + n) FROM generate_series(-1, 2) n;
