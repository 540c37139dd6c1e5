-- Why: a policy that is being made, and a form whose session has ended, are found again by whichever of several servers is asked next. Both are forgotten within a day.

CREATE TABLE drafts (
    tenant INTEGER NOT NULL,
    user_no INTEGER NOT NULL,             -- who began it; nobody else reads it
    id BLOB NOT NULL,                     -- of the policy that it is to become
    body TEXT NOT NULL,                   -- the console's own JSON
    kept_at INTEGER NOT NULL,             -- when a form of it came last
    PRIMARY KEY (tenant, user_no, id),
    FOREIGN KEY (tenant, user_no) REFERENCES users (tenant, no)
) STRICT;
CREATE INDEX drafts_by_time ON drafts (kept_at);

-- Of nobody that is known: whoever sent it is not signed in.
CREATE TABLE parked_forms (
    hash BLOB NOT NULL PRIMARY KEY,       -- BLAKE3 of a word that only the sender's address has
    sealed BLOB NOT NULL,                 -- under a key of that word and a cookie of the sender's browser, neither of which is here
    parked_at INTEGER NOT NULL
) STRICT;
CREATE INDEX parked_forms_by_time ON parked_forms (parked_at);
