-- Version 1 to 2. How far each spool's events are stored; a source is the spool's id.

CREATE TABLE positions (
    source TEXT PRIMARY KEY NOT NULL,
    pos INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
