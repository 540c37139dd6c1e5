-- Why: an organisation decides what its PCs do, for whom, and PCs come by and ask.
--
-- A policy is a set of settings under a name with those whom it is for and those whom it is not for; whom has a table for each kind, as retention policies
-- have (0008), so that the database itself keeps them from naming what is gone. Each state that a policy was in is kept in words, for history and rollback.

CREATE TABLE policies (
    tenant INTEGER NOT NULL REFERENCES tenants (no),
    no INTEGER NOT NULL,
    id BLOB NOT NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    enabled INTEGER NOT NULL,
    priority INTEGER NOT NULL,            -- the lower, the stronger
    settings TEXT NOT NULL,               -- JSON: model::policy::Settings
    all_devices INTEGER NOT NULL,
    all_users INTEGER NOT NULL,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, no),
    UNIQUE (tenant, id),
    UNIQUE (tenant, name)
) STRICT;

CREATE TABLE policy_versions (
    tenant INTEGER NOT NULL,
    policy_no INTEGER NOT NULL,
    version INTEGER NOT NULL,
    terms TEXT NOT NULL,                  -- JSON: model::admin::NewPolicy
    actor BLOB NOT NULL,                  -- id of who made it so; empty: the operator
    at INTEGER NOT NULL,
    PRIMARY KEY (tenant, policy_no, version),
    FOREIGN KEY (tenant, policy_no) REFERENCES policies (tenant, no) ON DELETE CASCADE
) STRICT;

CREATE TABLE policy_users (
    tenant INTEGER NOT NULL,
    policy_no INTEGER NOT NULL,
    user_no INTEGER NOT NULL,
    excluded INTEGER NOT NULL,            -- 1: not for them, whatever else includes them
    PRIMARY KEY (tenant, policy_no, user_no),
    FOREIGN KEY (tenant, policy_no) REFERENCES policies (tenant, no) ON DELETE CASCADE,
    FOREIGN KEY (tenant, user_no) REFERENCES users (tenant, no)
) STRICT;
CREATE INDEX policies_of_user ON policy_users (tenant, user_no);

CREATE TABLE policy_groups (
    tenant INTEGER NOT NULL,
    policy_no INTEGER NOT NULL,
    group_no INTEGER NOT NULL,
    excluded INTEGER NOT NULL,
    PRIMARY KEY (tenant, policy_no, group_no),
    FOREIGN KEY (tenant, policy_no) REFERENCES policies (tenant, no) ON DELETE CASCADE,
    FOREIGN KEY (tenant, group_no) REFERENCES user_groups (tenant, no)
) STRICT;
CREATE INDEX policies_of_group ON policy_groups (tenant, group_no);

CREATE TABLE policy_devices (
    tenant INTEGER NOT NULL,
    policy_no INTEGER NOT NULL,
    device_no INTEGER NOT NULL,
    excluded INTEGER NOT NULL,
    PRIMARY KEY (tenant, policy_no, device_no),
    FOREIGN KEY (tenant, policy_no) REFERENCES policies (tenant, no) ON DELETE CASCADE,
    FOREIGN KEY (tenant, device_no) REFERENCES devices (tenant, no)
) STRICT;
CREATE INDEX policies_of_device ON policy_devices (tenant, device_no);

CREATE TABLE policy_tags (
    tenant INTEGER NOT NULL,
    policy_no INTEGER NOT NULL,
    tag_no INTEGER NOT NULL,
    excluded INTEGER NOT NULL,
    PRIMARY KEY (tenant, policy_no, tag_no),
    FOREIGN KEY (tenant, policy_no) REFERENCES policies (tenant, no) ON DELETE CASCADE,
    FOREIGN KEY (tenant, tag_no) REFERENCES tags (tenant, no)
) STRICT;
CREATE INDEX policies_of_tag ON policy_tags (tenant, tag_no);

-- Enrollment options: whether the restore page is shown, for everybody and for the people of some groups. Without a row nothing is said.
CREATE TABLE enrolment_options (
    tenant INTEGER NOT NULL PRIMARY KEY REFERENCES tenants (no),
    restore_page INTEGER,                 -- 1 on, 0 off, NULL not configured
    version INTEGER NOT NULL
) STRICT;

CREATE TABLE enrolment_option_groups (
    tenant INTEGER NOT NULL,
    group_no INTEGER NOT NULL,
    restore_page INTEGER NOT NULL,
    PRIMARY KEY (tenant, group_no),
    FOREIGN KEY (tenant, group_no) REFERENCES user_groups (tenant, no)
) STRICT;

-- What a PC said when it last came by.
CREATE TABLE check_ins (
    tenant INTEGER NOT NULL,
    device_no INTEGER NOT NULL,
    at INTEGER NOT NULL,
    due_at INTEGER NOT NULL,              -- when it was told to come again
    facts_mark TEXT NOT NULL,             -- names `facts`, as the PC made it
    facts TEXT NOT NULL,                  -- JSON: model::check_in::Facts
    policy_mark TEXT NOT NULL,            -- names the policy that the PC has; empty: none
    PRIMARY KEY (tenant, device_no),
    FOREIGN KEY (tenant, device_no) REFERENCES devices (tenant, no)
) STRICT;

CREATE TABLE device_commands (
    tenant INTEGER NOT NULL,
    no INTEGER NOT NULL,
    id BLOB NOT NULL,
    device_no INTEGER NOT NULL,
    kind TEXT NOT NULL,                   -- model::check_in::Order, its word
    actor BLOB NOT NULL,                  -- id of who wants it; empty: the operator
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    given_at INTEGER,                     -- when the PC got it
    done_at INTEGER,
    outcome TEXT,                         -- `done`, or the code of a reason
    PRIMARY KEY (tenant, no),
    UNIQUE (tenant, id),
    FOREIGN KEY (tenant, device_no) REFERENCES devices (tenant, no)
) STRICT;
CREATE INDEX commands_of_device ON device_commands (tenant, device_no, done_at);
