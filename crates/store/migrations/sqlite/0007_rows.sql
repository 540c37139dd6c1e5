-- Each backup adds a row to these tables, and each changed page of the database is written twice. So each part has one index instead of two, and the rows of
-- the audit, which only ever grows at its end, lie in the tree of their key. (Parts and snapshots do not: such wide rows, added in the middle of a tree, split
-- its pages again and again.) Columns and their names are as before.

CREATE TABLE parts_7 (
    tenant INTEGER NOT NULL,
    profile_no INTEGER NOT NULL,
    no INTEGER NOT NULL,
    id BLOB NOT NULL,
    checksum BLOB NOT NULL,               -- first 16 bytes of BLAKE3 of `sealed`: finds rot, not malice
    sealed_len INTEGER NOT NULL,
    sealed BLOB NOT NULL,
    FOREIGN KEY (tenant, profile_no) REFERENCES profiles (tenant, no)
) STRICT;
INSERT INTO parts_7 (tenant, profile_no, no, id, checksum, sealed_len, sealed)
    SELECT tenant, profile_no, no, id, checksum, sealed_len, sealed FROM parts ORDER BY tenant, profile_no, no;
DROP TABLE parts;
ALTER TABLE parts_7 RENAME TO parts;
-- Answers by itself what a commit asks of each part that is not new, and finds a profile's parts by their numbers.
CREATE UNIQUE INDEX parts_by_id ON parts (tenant, profile_no, id, no, sealed_len);

CREATE TABLE audit_7 (
    tenant INTEGER NOT NULL REFERENCES tenants (no),
    n INTEGER NOT NULL,
    event BLOB NOT NULL,                  -- CBOR: audit.rs
    hash BLOB NOT NULL,                   -- chained: audit.rs
    person_no INTEGER,                    -- whom `private` is about, so that it goes when they are erased
    private BLOB,                         -- what lies beside the chain: audit/origin.rs
    PRIMARY KEY (tenant, n)
) STRICT, WITHOUT ROWID;
INSERT INTO audit_7 (tenant, n, event, hash, person_no, private)
    SELECT tenant, n, event, hash, person_no, private FROM audit ORDER BY tenant, n;
DROP TRIGGER audit_is_never_deleted;
DROP TRIGGER audit_is_never_changed;
DROP TRIGGER audit_private_is_only_taken_away;
DROP TABLE audit;
ALTER TABLE audit_7 RENAME TO audit;
CREATE TRIGGER audit_is_never_changed BEFORE UPDATE OF tenant, n, event, hash, person_no ON audit
BEGIN SELECT RAISE(ABORT, 'audit rows are never changed'); END;
CREATE TRIGGER audit_private_is_only_taken_away BEFORE UPDATE OF private ON audit WHEN NEW.private IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'what lies beside an audit row is never changed'); END;
CREATE TRIGGER audit_is_never_deleted BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'audit rows are never deleted'); END;
