-- The partition of the day of a time, where it is missing.
SELECT devpulse_add_day(($1::timestamptz AT TIME ZONE 'UTC')::date);
