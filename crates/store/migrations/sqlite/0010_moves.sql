-- Why: a profile moves to another organisation on the server when both say so, and its people are shown where it went and where it came from.
--
-- The rows of a move change hands in one transaction; what is copied before it are files, and these are written down first, so that those of an attempt
-- that was cut off are found and removed.

-- Since when the profile is in another organisation: the row stays for what refers to it, and nobody is shown it. NULL: it is here.
ALTER TABLE profiles ADD COLUMN left_at INTEGER;

-- What an organisation gives to another, so that it can send a profile to one person. The code itself is kept nowhere.
CREATE TABLE invitations (
    tenant INTEGER NOT NULL REFERENCES tenants (no),
    id BLOB NOT NULL,
    hash BLOB NOT NULL UNIQUE,            -- BLAKE3 of the code
    user_no INTEGER NOT NULL,
    note TEXT NOT NULL,
    made_by BLOB NOT NULL,                -- id of who made it; empty: the operator
    made_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at INTEGER,
    withdrawn_at INTEGER,
    PRIMARY KEY (tenant, id),
    FOREIGN KEY (tenant, user_no) REFERENCES users (tenant, no)
) STRICT;
CREATE INDEX invitations_of_user ON invitations (tenant, user_no);

-- Files that were copied for a profile that is about to come: no row names them until it has.
CREATE TABLE arrivals (
    tenant INTEGER NOT NULL REFERENCES tenants (no),
    generation INTEGER NOT NULL,          -- of the copies: random, one for each attempt
    profile BLOB NOT NULL,
    blobs BLOB NOT NULL,                  -- their ids, one after the other
    began_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, generation)
) STRICT;

-- Profiles that were moved away from a person or came to them, for that person.
CREATE TABLE moves (
    tenant INTEGER NOT NULL,
    no INTEGER NOT NULL,
    user_no INTEGER NOT NULL,
    profile BLOB NOT NULL,
    device_name TEXT NOT NULL,
    came INTEGER NOT NULL,                -- 1: it came to them
    other_tenant BLOB,                    -- id; NULL: within the organisation
    approval BLOB NOT NULL,               -- id of the request in this organisation
    moved_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, no),
    FOREIGN KEY (tenant, user_no) REFERENCES users (tenant, no)
) STRICT;
CREATE INDEX moves_of_user ON moves (tenant, user_no);
