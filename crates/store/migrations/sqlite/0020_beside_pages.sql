-- Why: the row of a backup stayed out of the pages of the audit, because the PC's address lies beside it, and these rows were half of what a PC took beyond its
-- first backup. The event goes into the page too now, and what lies beside it stays a row, with an empty event and an empty hash (audit/pages.rs). So a row
-- may be replaced once there is a page for it, and what lies beside a page stays. Programs from before know neither these rows nor the new tokens of packed headers (pack.rs).

DROP TRIGGER audit_is_never_deleted;
CREATE TRIGGER audit_is_never_deleted BEFORE DELETE ON audit
    WHEN length(OLD.event) = 0 OR NOT EXISTS (SELECT 1 FROM audit_pages p WHERE p.tenant = OLD.tenant AND p.page = (OLD.n - 1) / 512)
BEGIN SELECT RAISE(ABORT, 'audit rows are never deleted'); END;
