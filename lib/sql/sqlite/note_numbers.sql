-- A statement that FAILs does not note the numbers of what it has stored.
INSERT INTO sqlite_sequence (name, seq)
SELECT 'events', 0
WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'events');

UPDATE sqlite_sequence
SET seq = max(seq, (SELECT coalesce(max(seq), 0) FROM events))
WHERE name = 'events';
