-- What a reader sets on its connection. It cannot write and does not run for ever. Whatever it asks an
-- index serves; what the planner takes for more, a part of a list looked through for what is rare, is
-- ended early.
SET default_transaction_read_only = on;
SET default_transaction_isolation = 'read committed'; -- a standby cannot be serializable
SET statement_timeout = '30s';
SET enable_seqscan = off;
SET jit = off;
