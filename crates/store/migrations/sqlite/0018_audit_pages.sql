-- Why: a row of the audit is written for each backup and each that retention lets go, and is kept for good. Most of it is the same in the next row, and each
-- has a hash that follows from the events before it. So rows that nobody's words lie beside are moved to pages, 512 together (audit/pages.rs).

CREATE TABLE audit_pages (
    tenant INTEGER NOT NULL REFERENCES tenants (no),
    page INTEGER NOT NULL,                -- from 0: the rows 512 * page + 1 to 512 * page + 512
    hash BLOB NOT NULL,                   -- the chain's, at the last of them
    events BLOB NOT NULL,                 -- compressed
    PRIMARY KEY (tenant, page)
) STRICT;
CREATE TRIGGER audit_pages_are_never_changed BEFORE UPDATE ON audit_pages BEGIN SELECT RAISE(ABORT, 'audit pages are never changed'); END;
CREATE TRIGGER audit_pages_are_never_deleted BEFORE DELETE ON audit_pages BEGIN SELECT RAISE(ABORT, 'audit pages are never deleted'); END;

DROP TRIGGER audit_is_never_deleted;
CREATE TRIGGER audit_is_never_deleted BEFORE DELETE ON audit WHEN OLD.person_no IS NOT NULL OR OLD.private IS NOT NULL
    OR NOT EXISTS (SELECT 1 FROM audit_pages p WHERE p.tenant = OLD.tenant AND p.page = (OLD.n - 1) / 512)
BEGIN SELECT RAISE(ABORT, 'audit rows are never deleted'); END;
