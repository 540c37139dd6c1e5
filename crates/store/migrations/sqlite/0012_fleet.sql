-- Why: the console says at a glance who could be restored, over a hundred thousand PCs, and how that went in the last weeks.
--
-- What a list of PCs needs of a profile's newest snapshot stands in the profile's own row, which a commit writes anyway. So a fleet is read in one walk over
-- narrow rows.

ALTER TABLE profiles ADD COLUMN latest_at INTEGER;   -- when the newest snapshot was committed; NULL: there is none
ALTER TABLE profiles ADD COLUMN trouble TEXT;        -- code of a reason: the newest snapshot was rehearsed and would not come back
UPDATE profiles SET
    latest_at = (SELECT s.committed_at FROM snapshots s WHERE s.tenant = profiles.tenant AND s.profile_no = profiles.no AND s.seq = profiles.latest_seq),
    trouble = (SELECT r.reason FROM rehearsals r WHERE r.tenant = profiles.tenant AND r.profile_no = profiles.no AND r.seq = profiles.latest_seq);

-- What a restore's report adds up to, so that a week of them is counted without reading them.
ALTER TABLE reports ADD COLUMN came_back INTEGER NOT NULL DEFAULT 0;
ALTER TABLE reports ADD COLUMN failed INTEGER NOT NULL DEFAULT 0;
UPDATE reports SET
    came_back = (SELECT COUNT(*) FROM json_each(reports.body, '$.settings') e WHERE e.value ->> 'outcome' IN ('restored', 'same')),
    failed = (SELECT COUNT(*) FROM json_each(reports.body, '$.settings') e WHERE e.value ->> 'outcome' = 'failed');
CREATE INDEX reports_by_time ON reports (tenant, received_at);

-- How a tenant's fleet stood on each day: the trend.
CREATE TABLE fleet_days (
    tenant INTEGER NOT NULL REFERENCES tenants (no),
    day INTEGER NOT NULL,                 -- days since 1970, UTC
    people INTEGER NOT NULL,
    restorable INTEGER NOT NULL,
    PRIMARY KEY (tenant, day)
) STRICT;
