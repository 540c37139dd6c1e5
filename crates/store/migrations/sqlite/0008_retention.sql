-- Why: organisations keep some people's or PCs' backups longer than others'.
--
-- A retention policy is a set of rules under a name with those whom it is for. Whom it is for has a table for each kind, so that the database itself
-- keeps it from naming what is gone. A tenant's own rules (0002, `retention`) count where no policy applies.

-- Counts changes, for ETag and If-Match.
ALTER TABLE retention ADD COLUMN version INTEGER NOT NULL DEFAULT 1;

CREATE TABLE retention_policies (
    tenant INTEGER NOT NULL REFERENCES tenants (no),
    no INTEGER NOT NULL,
    id BLOB NOT NULL,
    name TEXT NOT NULL,
    rules TEXT NOT NULL,                  -- JSON: model::retention::Rules
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, no),
    UNIQUE (tenant, id),
    UNIQUE (tenant, name)
) STRICT;

CREATE TABLE retention_users (
    tenant INTEGER NOT NULL,
    policy_no INTEGER NOT NULL,
    user_no INTEGER NOT NULL,
    PRIMARY KEY (tenant, policy_no, user_no),
    FOREIGN KEY (tenant, policy_no) REFERENCES retention_policies (tenant, no) ON DELETE CASCADE,
    FOREIGN KEY (tenant, user_no) REFERENCES users (tenant, no)
) STRICT;
CREATE INDEX retention_of_user ON retention_users (tenant, user_no);

CREATE TABLE retention_groups (
    tenant INTEGER NOT NULL,
    policy_no INTEGER NOT NULL,
    group_no INTEGER NOT NULL,
    PRIMARY KEY (tenant, policy_no, group_no),
    FOREIGN KEY (tenant, policy_no) REFERENCES retention_policies (tenant, no) ON DELETE CASCADE,
    FOREIGN KEY (tenant, group_no) REFERENCES user_groups (tenant, no)
) STRICT;
CREATE INDEX retention_of_group ON retention_groups (tenant, group_no);

CREATE TABLE retention_devices (
    tenant INTEGER NOT NULL,
    policy_no INTEGER NOT NULL,
    device_no INTEGER NOT NULL,
    PRIMARY KEY (tenant, policy_no, device_no),
    FOREIGN KEY (tenant, policy_no) REFERENCES retention_policies (tenant, no) ON DELETE CASCADE,
    FOREIGN KEY (tenant, device_no) REFERENCES devices (tenant, no)
) STRICT;
CREATE INDEX retention_of_device ON retention_devices (tenant, device_no);

CREATE TABLE retention_tags (
    tenant INTEGER NOT NULL,
    policy_no INTEGER NOT NULL,
    tag_no INTEGER NOT NULL,
    PRIMARY KEY (tenant, policy_no, tag_no),
    FOREIGN KEY (tenant, policy_no) REFERENCES retention_policies (tenant, no) ON DELETE CASCADE,
    FOREIGN KEY (tenant, tag_no) REFERENCES tags (tenant, no)
) STRICT;
CREATE INDEX retention_of_tag ON retention_tags (tenant, tag_no);
