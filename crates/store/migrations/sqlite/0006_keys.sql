-- Why: who wrapped each key, so that keys can be changed while the server runs; an audit that says from where and can be signed; and a
-- record of each time somebody's content was opened for somebody else.

-- Id of the key that wrapped it. NULL in rows of the first versions, where every level had one key.
ALTER TABLE keys ADD COLUMN parent BLOB;
-- 1: another key has taken its place, and it stays only until nothing hangs on it any more.
ALTER TABLE keys ADD COLUMN replaced INTEGER NOT NULL DEFAULT 0;
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

-- Each time content was opened for somebody else than its owner, in a case (an approval of 0005). Nothing writes it yet.
CREATE TABLE openings (
    tenant INTEGER NOT NULL,
    no INTEGER NOT NULL,
    case_id BLOB NOT NULL,                -- the approval's id
    user_no INTEGER NOT NULL,             -- whose content
    profile_no INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    opened_by BLOB NOT NULL,              -- id of who opened it; empty: the operator
    opened_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, no),
    FOREIGN KEY (tenant, case_id) REFERENCES approvals (tenant, id),
    FOREIGN KEY (tenant, user_no) REFERENCES users (tenant, no),
    FOREIGN KEY (tenant, profile_no) REFERENCES profiles (tenant, no)
) STRICT;
CREATE INDEX openings_of_user ON openings (tenant, user_no);
