-- Why: the journal (journal/mod.rs) is in order because every transaction that changes rows moves this number on.

CREATE TABLE journal (
    no INTEGER NOT NULL PRIMARY KEY CHECK (no = 1),
    number INTEGER NOT NULL,              -- of the last transaction
    mark BLOB NOT NULL                    -- of the last record that was written
) STRICT;
