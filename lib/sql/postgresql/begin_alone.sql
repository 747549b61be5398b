-- Begins a transaction beside which no other writer writes: none gets numbers (take_numbers.sql).
BEGIN ISOLATION LEVEL READ COMMITTED;
SELECT n FROM event_counter WHERE one = 1 FOR UPDATE;
