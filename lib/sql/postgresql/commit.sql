-- Ends a transaction that stored events, and wakes those that wait for them.
NOTIFY devpulse;
COMMIT;
