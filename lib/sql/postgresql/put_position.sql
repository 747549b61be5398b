-- Moves a position upwards, to $2. Gives a row only where it is where the writer left it ($3), or
-- there already: else another program moves it, too.
INSERT INTO positions (source, pos) VALUES ($1::text, $2::bigint)
ON CONFLICT (source) DO UPDATE SET pos = excluded.pos
    WHERE positions.pos IN ($3::bigint, excluded.pos)
RETURNING pos;
