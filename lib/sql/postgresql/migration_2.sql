-- Version 1 to 2. How far each spool's events are stored; a source is the spool's id. No table of
-- events: its few rows are small and need no distribution. Room in its pages is for new versions of
-- a row, of which each transaction makes one.

CREATE TABLE positions (
    source text COLLATE "C" PRIMARY KEY,
    pos bigint NOT NULL
) WITH (fillfactor = 10);
