-- Why: who may do what, to whom, and what takes two.
--
-- Each table leads its key with the tenant, as in 0001. Scope tags of objects are in one table with the kind of the object (tags.rs), because a
-- new kind of object should not need a new table; rows go with their object in the same transaction.

-- Counts changes, for ETag and If-Match.
ALTER TABLE users ADD COLUMN version INTEGER NOT NULL DEFAULT 1;

CREATE TABLE tags (
    tenant INTEGER NOT NULL REFERENCES tenants (no),
    no INTEGER NOT NULL,
    id BLOB NOT NULL,
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, no),
    UNIQUE (tenant, id),
    UNIQUE (tenant, name)
) STRICT;

CREATE TABLE object_tags (
    tenant INTEGER NOT NULL,
    kind INTEGER NOT NULL,                -- tags.rs, `Kind`
    object_no INTEGER NOT NULL,
    tag_no INTEGER NOT NULL,
    PRIMARY KEY (tenant, kind, object_no, tag_no),
    FOREIGN KEY (tenant, tag_no) REFERENCES tags (tenant, no)
) STRICT;
CREATE INDEX object_tags_of_tag ON object_tags (tenant, tag_no);

CREATE TABLE user_groups (
    tenant INTEGER NOT NULL REFERENCES tenants (no),
    no INTEGER NOT NULL,
    id BLOB NOT NULL,
    name TEXT NOT NULL,
    origin INTEGER NOT NULL,              -- groups.rs, `Source`: who says who is in it
    external_id TEXT,                     -- as the origin knows it
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, no),
    UNIQUE (tenant, id),
    UNIQUE (tenant, name)
) STRICT;

CREATE TABLE group_members (
    tenant INTEGER NOT NULL,
    group_no INTEGER NOT NULL,
    user_no INTEGER NOT NULL,
    PRIMARY KEY (tenant, group_no, user_no),
    FOREIGN KEY (tenant, group_no) REFERENCES user_groups (tenant, no) ON DELETE CASCADE,
    FOREIGN KEY (tenant, user_no) REFERENCES users (tenant, no)
) STRICT;
CREATE INDEX group_members_of_user ON group_members (tenant, user_no);

-- Roles that a tenant has put together itself; the built-in ones are in the program.
CREATE TABLE roles (
    tenant INTEGER NOT NULL REFERENCES tenants (no),
    no INTEGER NOT NULL,
    id BLOB NOT NULL,
    name TEXT NOT NULL,
    permissions TEXT NOT NULL,            -- words with a space between
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, no),
    UNIQUE (tenant, id),
    UNIQUE (tenant, name)
) STRICT;

-- Service accounts. The token itself is kept nowhere.
CREATE TABLE api_tokens (
    tenant INTEGER NOT NULL REFERENCES tenants (no),
    no INTEGER NOT NULL,
    id BLOB NOT NULL,
    name TEXT NOT NULL,
    token_hash BLOB NOT NULL UNIQUE,      -- BLAKE3
    addresses TEXT NOT NULL,              -- networks it may come from, with a space between; empty: any
    created_by BLOB NOT NULL,             -- id of who made it; empty: the operator
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at INTEGER,
    used_from TEXT,
    revoked_at INTEGER,
    version INTEGER NOT NULL,
    PRIMARY KEY (tenant, no),
    UNIQUE (tenant, id),
    UNIQUE (tenant, name)
) STRICT;

-- A role for members, over the people of some groups (or all) and the objects with some tags (or all).
CREATE TABLE assignments (
    tenant INTEGER NOT NULL REFERENCES tenants (no),
    no INTEGER NOT NULL,
    id BLOB NOT NULL,
    name TEXT NOT NULL,
    built_in TEXT,                        -- word of a built-in role, or else
    role_no INTEGER,                      -- one of the tenant's own
    all_groups INTEGER NOT NULL,
    all_tags INTEGER NOT NULL,
    expires_at INTEGER,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, no),
    UNIQUE (tenant, id),
    UNIQUE (tenant, name),
    FOREIGN KEY (tenant, role_no) REFERENCES roles (tenant, no),
    CHECK ((built_in IS NULL) <> (role_no IS NULL))
) STRICT;

CREATE TABLE assignment_users (
    tenant INTEGER NOT NULL,
    assignment_no INTEGER NOT NULL,
    user_no INTEGER NOT NULL,
    PRIMARY KEY (tenant, assignment_no, user_no),
    FOREIGN KEY (tenant, assignment_no) REFERENCES assignments (tenant, no) ON DELETE CASCADE,
    FOREIGN KEY (tenant, user_no) REFERENCES users (tenant, no)
) STRICT;
CREATE INDEX assignments_of_user ON assignment_users (tenant, user_no);

CREATE TABLE assignment_groups (
    tenant INTEGER NOT NULL,
    assignment_no INTEGER NOT NULL,
    group_no INTEGER NOT NULL,
    PRIMARY KEY (tenant, assignment_no, group_no),
    FOREIGN KEY (tenant, assignment_no) REFERENCES assignments (tenant, no) ON DELETE CASCADE,
    FOREIGN KEY (tenant, group_no) REFERENCES user_groups (tenant, no)
) STRICT;
CREATE INDEX assignments_of_group ON assignment_groups (tenant, group_no);

CREATE TABLE assignment_tokens (
    tenant INTEGER NOT NULL,
    assignment_no INTEGER NOT NULL,
    token_no INTEGER NOT NULL,
    PRIMARY KEY (tenant, assignment_no, token_no),
    FOREIGN KEY (tenant, assignment_no) REFERENCES assignments (tenant, no) ON DELETE CASCADE,
    FOREIGN KEY (tenant, token_no) REFERENCES api_tokens (tenant, no)
) STRICT;
CREATE INDEX assignments_of_token ON assignment_tokens (tenant, token_no);

CREATE TABLE assignment_scopes (
    tenant INTEGER NOT NULL,
    assignment_no INTEGER NOT NULL,
    group_no INTEGER NOT NULL,
    PRIMARY KEY (tenant, assignment_no, group_no),
    FOREIGN KEY (tenant, assignment_no) REFERENCES assignments (tenant, no) ON DELETE CASCADE,
    FOREIGN KEY (tenant, group_no) REFERENCES user_groups (tenant, no)
) STRICT;
CREATE INDEX assignments_over_group ON assignment_scopes (tenant, group_no);

CREATE TABLE assignment_tags (
    tenant INTEGER NOT NULL,
    assignment_no INTEGER NOT NULL,
    tag_no INTEGER NOT NULL,
    PRIMARY KEY (tenant, assignment_no, tag_no),
    FOREIGN KEY (tenant, assignment_no) REFERENCES assignments (tenant, no) ON DELETE CASCADE,
    FOREIGN KEY (tenant, tag_no) REFERENCES tags (tenant, no)
) STRICT;
CREATE INDEX assignments_with_tag ON assignment_tags (tenant, tag_no);

-- What takes a second admin, or time where there is none.
CREATE TABLE approvals (
    tenant INTEGER NOT NULL REFERENCES tenants (no),
    no INTEGER NOT NULL,
    id BLOB NOT NULL,
    kind TEXT NOT NULL,                   -- word of what is to be done: `profile.rehome`, `case.open`
    target BLOB NOT NULL,                 -- id of what it is done to
    body TEXT NOT NULL,                   -- JSON of the kind: what exactly
    note TEXT NOT NULL,                   -- why, in the words of who asks
    asked_by BLOB NOT NULL,               -- id of who asks; empty: the operator
    asked_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    alone_from INTEGER,                   -- from when it counts as approved without a second admin; NULL: never
    state INTEGER NOT NULL,               -- approvals.rs, `State`
    decided_by BLOB,
    decided_at INTEGER,
    answer TEXT,                          -- in the words of who decided
    done_at INTEGER,
    outcome TEXT,                         -- what became of it, in words without values
    version INTEGER NOT NULL,
    PRIMARY KEY (tenant, no),
    UNIQUE (tenant, id)
) STRICT;
CREATE INDEX approvals_by_state ON approvals (state, tenant);

-- What SCIM says of a person beyond what Rehome uses, so that a provider reads back what it wrote.
CREATE TABLE scim_users (
    tenant INTEGER NOT NULL,
    user_no INTEGER NOT NULL,
    user_name TEXT NOT NULL,              -- as written; compared without case
    folded TEXT NOT NULL,                 -- lower case of it
    external_id TEXT,
    attributes TEXT NOT NULL,             -- JSON
    created_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    gone_at INTEGER,                      -- taken away; only the external id is kept, by which they would come back
    PRIMARY KEY (tenant, user_no),
    UNIQUE (tenant, folded),
    FOREIGN KEY (tenant, user_no) REFERENCES users (tenant, no)
) STRICT;
CREATE INDEX scim_users_external ON scim_users (tenant, external_id);

-- What becomes of the data of somebody whom the provider takes away: 0 kept, 1 erased. Without a row it is kept.
CREATE TABLE leaving (
    tenant INTEGER NOT NULL PRIMARY KEY REFERENCES tenants (no),
    erase INTEGER NOT NULL
) STRICT;

-- Profiles that came from another account: for whom their snapshots were sealed.
CREATE TABLE moved (
    tenant INTEGER NOT NULL,
    profile_no INTEGER NOT NULL,
    origin_tenant BLOB NOT NULL,
    origin_user BLOB NOT NULL,
    moved_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, profile_no),
    FOREIGN KEY (tenant, profile_no) REFERENCES profiles (tenant, no)
) STRICT;

-- Tenants that were deleted: their receipts, and their numbers, which are never given again.
CREATE TABLE gone_tenants (
    no INTEGER NOT NULL PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    receipt BLOB NOT NULL,
    deleted_at INTEGER NOT NULL
) STRICT;
