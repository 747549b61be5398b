-- What a writer sets on its connection. One that is stopped in its transaction doesn't hold up the
-- others for ever, and its commits are durable, whatever is the default of the database or the
-- role; whether they are so on standbys too is left to that.
SET idle_in_transaction_session_timeout = '60s';
-- A batch, or a migration, that takes longer than a limit of the database or the role allows would be
-- tried again for ever.
SET statement_timeout = 0;
SELECT set_config('synchronous_commit', 'on', false)
 WHERE current_setting('synchronous_commit') IN ('off', 'local');
-- Whatever a writer asks is asked by a key. For a batch of many the planner would rather read the
-- whole table once, which grows.
SET enable_seqscan = off;
SET enable_hashjoin = off;
SET enable_mergejoin = off;
-- Where the days begin is written as text (devpulse_add_day), and read again: the same instant only in a
-- style that has numbers for zones.
SET datestyle = 'ISO';
