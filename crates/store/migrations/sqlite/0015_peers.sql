-- Why: servers side by side on one database have to know of each other what a lone one keeps in its memory: which signed requests were here before, how often
-- somebody has asked, whose passwords were tried in vain, and which of them does a job. All of it is forgotten within a day, and a server on SQLite does not write it.

CREATE TABLE nonces (
    key_print BLOB NOT NULL,              -- of the device that signed
    nonce BLOB NOT NULL,
    seen_at INTEGER NOT NULL,             -- seconds since 1970
    PRIMARY KEY (key_print, nonce)
) STRICT, WITHOUT ROWID;
CREATE INDEX nonces_by_time ON nonces (seen_at);

CREATE TABLE gates (
    name TEXT NOT NULL,                   -- which rate
    who BLOB NOT NULL,                    -- id or address of who asks
    full_at INTEGER NOT NULL,             -- when nothing of the rate is used any more, in microseconds since 1970
    PRIMARY KEY (name, who)
) STRICT, WITHOUT ROWID;
CREATE INDEX gates_by_time ON gates (full_at);

CREATE TABLE passes (
    device BLOB NOT NULL,
    passed_at INTEGER NOT NULL,           -- when a new snapshot of the device came
    turn INTEGER NOT NULL,                -- tells two of one millisecond apart
    PRIMARY KEY (device, passed_at, turn)
) STRICT, WITHOUT ROWID;
CREATE INDEX passes_by_time ON passes (passed_at);

CREATE TABLE tries (
    who BLOB NOT NULL PRIMARY KEY,        -- a hash of tenant, account and address
    wrong INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    until_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX tries_by_time ON tries (last_at);

CREATE TABLE jobs (
    name TEXT NOT NULL PRIMARY KEY,
    done_at INTEGER,                      -- when it was last done to the end; NULL: never
    holder INTEGER NOT NULL,              -- number of the server that does it, or did it last
    held_until INTEGER NOT NULL           -- until when nobody else does it
) STRICT, WITHOUT ROWID;
