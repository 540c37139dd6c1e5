-- Why: PostgreSQL tries to compress what is longer than 2 kB before it stores it. Sealed parts and pages of the audit cannot get smaller, and trying took a tenth of
-- what a backup costs there. Rows of profiles are changed with each backup: room on their pages spares new entries in their indexes. SQLite does neither.

-- PostgreSQL: ALTER TABLE parts ALTER COLUMN sealed SET STORAGE EXTERNAL;
-- PostgreSQL: ALTER TABLE audit_pages ALTER COLUMN events SET STORAGE EXTERNAL;
-- PostgreSQL: ALTER TABLE profiles SET (fillfactor = 80);
