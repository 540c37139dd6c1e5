-- Why: new headers are packed with a token that programs from before do not know (pack.rs, 0x96), so they are not let in. And a row of the audit that is in no page, although there is one
-- for its number (a long one, or one from before schema 20 that something lies beside), could be deleted: only what the newest page has just taken in may be.

DROP TRIGGER audit_is_never_deleted;
CREATE TRIGGER audit_is_never_deleted BEFORE DELETE ON audit
    WHEN length(OLD.event) = 0 OR length(OLD.event) > 4096
    OR NOT EXISTS (SELECT 1 FROM audit_pages p WHERE p.tenant = OLD.tenant AND p.page = (OLD.n - 1) / 512)
    OR EXISTS (SELECT 1 FROM audit_pages p WHERE p.tenant = OLD.tenant AND p.page > (OLD.n - 1) / 512)
BEGIN SELECT RAISE(ABORT, 'audit rows are never deleted'); END;
