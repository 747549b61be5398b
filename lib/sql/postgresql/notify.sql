-- Wakes those that wait for events, when the transaction is committed.
NOTIFY devpulse;
