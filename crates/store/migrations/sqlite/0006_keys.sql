-- Why: who wrapped each key, so that keys can be changed while the server runs; an audit that says from where and can be signed; and cases,
-- in which content is opened for somebody else than its owner.

-- Id of the key that wrapped it. NULL in rows of the first versions, where every level had one key.
ALTER TABLE keys ADD COLUMN parent BLOB;
-- Answers which keys still hang on an old one.
CREATE INDEX keys_by_parent ON keys (tenant, purpose, parent);

-- What lies beside an event and is no part of the chain: audit/origin.rs. `person_no` says with whose erasure it goes.
ALTER TABLE audit ADD COLUMN person_no INTEGER;
ALTER TABLE audit ADD COLUMN private BLOB;
DROP TRIGGER audit_is_never_changed;
CREATE TRIGGER audit_is_never_changed BEFORE UPDATE OF tenant, n, event, hash, person_no ON audit
BEGIN SELECT RAISE(ABORT, 'audit rows are never changed'); END;
CREATE TRIGGER audit_private_is_only_taken_away BEFORE UPDATE OF private ON audit WHEN NEW.private IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'what lies beside an audit row is never changed'); END;

-- Where a chain stood when the server signed it: model::audit::Head with its signature.
CREATE TABLE audit_heads (
    tenant INTEGER NOT NULL REFERENCES tenants (no),
    n INTEGER NOT NULL,
    head BLOB NOT NULL,
    PRIMARY KEY (tenant, n)
) STRICT;

-- A case: one person's content may be opened by somebody else, for a reason, for a time. cases.rs
CREATE TABLE cases (
    tenant INTEGER NOT NULL,
    no INTEGER NOT NULL,
    id BLOB NOT NULL,
    user_no INTEGER NOT NULL,             -- whose content
    opened_by TEXT NOT NULL,              -- who asked, by name
    opener BLOB NOT NULL,                 -- and by id
    reason TEXT NOT NULL,                 -- in the opener's words; shown to the person
    opened_at INTEGER NOT NULL,
    approved_by TEXT,                     -- somebody else; NULL: not yet, or by the passing of seven days
    approver BLOB,
    approved_at INTEGER,
    alone INTEGER NOT NULL,               -- 1: there was nobody else to ask when it was opened
    valid_from INTEGER,                   -- when content may be opened; NULL: not before somebody else approves
    hours INTEGER NOT NULL,               -- how long from then on
    closed_at INTEGER,
    PRIMARY KEY (tenant, no),
    UNIQUE (tenant, id),
    FOREIGN KEY (tenant, user_no) REFERENCES users (tenant, no)
) STRICT;
CREATE INDEX cases_of_user ON cases (tenant, user_no);

-- Each time content was opened for somebody else than its owner. The owner sees these.
CREATE TABLE openings (
    tenant INTEGER NOT NULL,
    case_no INTEGER NOT NULL,
    no INTEGER NOT NULL,
    profile_no INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    by_name TEXT NOT NULL,
    opened_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, case_no, no),
    FOREIGN KEY (tenant, case_no) REFERENCES cases (tenant, no),
    FOREIGN KEY (tenant, profile_no) REFERENCES profiles (tenant, no)
) STRICT;
