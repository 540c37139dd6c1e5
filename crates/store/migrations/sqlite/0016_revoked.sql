-- Why: what is kept in memory of a fleet, for previews and counts, is brought up to date by what has changed since; access that was withdrawn is one of these changes.

CREATE INDEX devices_revoked ON devices (tenant, revoked_at) WHERE revoked_at IS NOT NULL;
