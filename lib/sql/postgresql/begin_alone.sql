-- Begins a transaction beside which no other writer writes: none gets numbers (take_numbers.sql).
BEGIN ISOLATION LEVEL READ COMMITTED;
UPDATE event_counter SET n = n WHERE one = 1;
