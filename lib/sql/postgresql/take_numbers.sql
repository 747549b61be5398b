-- Takes $1 numbers and tells the last of them. Until the transaction ends no other writer gets
-- any: so the order of numbers is the order of commits.
UPDATE event_counter SET n = n + $1::bigint WHERE one = 1 RETURNING n;
