-- Why: an organisation says by a rule who is in a group, and which PCs a policy is for.
--
-- A group holds people or PCs. Where a rule says who is in it, the members stand in the same rows as if somebody had put them in, so that everything that asks for members asks
-- in one way; `evaluate_after` says how far the rule has been asked about everybody, so that a server that is stopped goes on where it was.

ALTER TABLE user_groups ADD COLUMN description TEXT NOT NULL DEFAULT '';
ALTER TABLE user_groups ADD COLUMN holds INTEGER NOT NULL DEFAULT 0;     -- groups.rs: 0 people, 1 PCs
ALTER TABLE user_groups ADD COLUMN rule TEXT;                            -- canonical; NULL: members are put in
ALTER TABLE user_groups ADD COLUMN evaluate_after INTEGER;               -- asked up to this row; NULL: all were asked

CREATE TABLE group_devices (
    tenant INTEGER NOT NULL,
    group_no INTEGER NOT NULL,
    device_no INTEGER NOT NULL,
    PRIMARY KEY (tenant, group_no, device_no),
    FOREIGN KEY (tenant, group_no) REFERENCES user_groups (tenant, no) ON DELETE CASCADE,
    FOREIGN KEY (tenant, device_no) REFERENCES devices (tenant, no)
) STRICT, WITHOUT ROWID;
CREATE INDEX group_devices_of_device ON group_devices (tenant, device_no);

CREATE TABLE filters (
    tenant INTEGER NOT NULL REFERENCES tenants (no),
    no INTEGER NOT NULL,
    id BLOB NOT NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    rule TEXT NOT NULL,                   -- canonical
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, no),
    UNIQUE (tenant, id),
    UNIQUE (tenant, name)
) STRICT;

CREATE TABLE policy_filters (
    tenant INTEGER NOT NULL,
    policy_no INTEGER NOT NULL,
    beside INTEGER NOT NULL,              -- -1 all devices, -2 all users, else the number of a group
    filter_no INTEGER NOT NULL,
    excluded INTEGER NOT NULL,            -- 1: devices for which the rule holds are out
    PRIMARY KEY (tenant, policy_no, beside),
    FOREIGN KEY (tenant, policy_no) REFERENCES policies (tenant, no) ON DELETE CASCADE,
    FOREIGN KEY (tenant, filter_no) REFERENCES filters (tenant, no)
) STRICT;
CREATE INDEX policies_of_filter ON policy_filters (tenant, filter_no);

-- Counts the changes of a tenant's rules, so that a server knows whether those that it has in memory are those that hold.
CREATE TABLE rule_books (
    tenant INTEGER NOT NULL PRIMARY KEY REFERENCES tenants (no),
    version INTEGER NOT NULL
) STRICT;

-- What PCs said since a time: a server brings its columns of facts up to date.
CREATE INDEX check_ins_by_time ON check_ins (tenant, at, device_no);
