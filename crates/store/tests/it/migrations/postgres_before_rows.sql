-- A database of PostgreSQL as the steps up to `0006_keys` have left it, in the words in which they were run: what those of SQLite were turned into.
CREATE TABLE meta (
    name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    value BYTEA NOT NULL
);
CREATE TABLE tenants (
    no BIGINT NOT NULL PRIMARY KEY,
    id BYTEA NOT NULL UNIQUE,
    name TEXT COLLATE "C" NOT NULL UNIQUE,
    created_at BIGINT NOT NULL
);
CREATE TABLE users (
    tenant BIGINT NOT NULL REFERENCES tenants (no),
    no BIGINT NOT NULL,
    id BYTEA NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    password TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, no),
    UNIQUE (tenant, id),
    UNIQUE (tenant, name)
);
CREATE TABLE devices (
    tenant BIGINT NOT NULL,
    no BIGINT NOT NULL,
    id BYTEA NOT NULL,
    user_no BIGINT NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    token_hash BYTEA NOT NULL UNIQUE,
    created_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    revoked_at BIGINT,
    PRIMARY KEY (tenant, no),
    UNIQUE (tenant, id),
    FOREIGN KEY (tenant, user_no) REFERENCES users (tenant, no)
);
CREATE TABLE profiles (
    tenant BIGINT NOT NULL,
    no BIGINT NOT NULL,
    id BYTEA NOT NULL,
    user_no BIGINT NOT NULL,
    device_no BIGINT NOT NULL,
    last_seq BIGINT NOT NULL,
    latest_seq BIGINT,
    latest_id BYTEA,
    next_part BIGINT NOT NULL,
    next_blob BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, no),
    UNIQUE (tenant, id),
    FOREIGN KEY (tenant, user_no) REFERENCES users (tenant, no),
    FOREIGN KEY (tenant, device_no) REFERENCES devices (tenant, no)
);
CREATE INDEX profiles_of_user ON profiles (tenant, user_no);
CREATE INDEX profiles_of_device ON profiles (tenant, device_no);
CREATE TABLE keys (
    tenant BIGINT NOT NULL REFERENCES tenants (no),
    id BYTEA NOT NULL,
    purpose BIGINT NOT NULL,
    user_no BIGINT,
    profile_no BIGINT,
    wrapped BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, id),
    FOREIGN KEY (tenant, user_no) REFERENCES users (tenant, no),
    FOREIGN KEY (tenant, profile_no) REFERENCES profiles (tenant, no)
);
CREATE INDEX keys_of_user ON keys (tenant, user_no);
CREATE TABLE parts (
    tenant BIGINT NOT NULL,
    profile_no BIGINT NOT NULL,
    no BIGINT NOT NULL,
    id BYTEA NOT NULL,
    checksum BYTEA NOT NULL,
    sealed_len BIGINT NOT NULL,
    sealed BYTEA NOT NULL,
    PRIMARY KEY (tenant, profile_no, no),
    FOREIGN KEY (tenant, profile_no) REFERENCES profiles (tenant, no)
);
CREATE INDEX parts_by_id ON parts (tenant, profile_no, id, no, sealed_len);
CREATE TABLE snapshots (
    tenant BIGINT NOT NULL,
    profile_no BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    id BYTEA NOT NULL,
    header BYTEA NOT NULL,
    header_tag BYTEA NOT NULL,
    checksum BYTEA NOT NULL,
    signature BYTEA NOT NULL,
    epoch BIGINT NOT NULL,
    taken_at BIGINT NOT NULL,
    committed_at BIGINT NOT NULL,
    settings BIGINT NOT NULL,
    apps BIGINT NOT NULL,
    size_bytes BIGINT NOT NULL,
    PRIMARY KEY (tenant, profile_no, seq),
    FOREIGN KEY (tenant, profile_no) REFERENCES profiles (tenant, no)
);
CREATE TABLE blobs (
    tenant BIGINT NOT NULL,
    profile_no BIGINT NOT NULL,
    no BIGINT NOT NULL,
    id BYTEA NOT NULL,
    generation BIGINT NOT NULL,
    length BIGINT NOT NULL,
    received BIGINT NOT NULL,
    checksum BYTEA,
    condemned_at BIGINT,
    deleting BIGINT NOT NULL,
    PRIMARY KEY (tenant, profile_no, no),
    UNIQUE (tenant, profile_no, id),
    FOREIGN KEY (tenant, profile_no) REFERENCES profiles (tenant, no)
);
CREATE INDEX blobs_condemned ON blobs (condemned_at);
CREATE TABLE audit (
    tenant BIGINT NOT NULL REFERENCES tenants (no),
    n BIGINT NOT NULL,
    event BYTEA NOT NULL,
    hash BYTEA NOT NULL,
    PRIMARY KEY (tenant, n)
);
CREATE OR REPLACE FUNCTION audit_is_never_changed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'audit rows are never changed'; END $$;
CREATE TRIGGER audit_is_never_changed BEFORE UPDATE ON audit FOR EACH ROW EXECUTE FUNCTION audit_is_never_changed();
CREATE OR REPLACE FUNCTION audit_is_never_deleted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'audit rows are never deleted'; END $$;
CREATE TRIGGER audit_is_never_deleted BEFORE DELETE ON audit FOR EACH ROW EXECUTE FUNCTION audit_is_never_deleted();
CREATE TABLE rehearsals (
    tenant BIGINT NOT NULL,
    profile_no BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    reason TEXT COLLATE "C",
    rehearsed_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, profile_no, seq),
    FOREIGN KEY (tenant, profile_no, seq) REFERENCES snapshots (tenant, profile_no, seq) ON DELETE CASCADE
);
CREATE TABLE pins (
    tenant BIGINT NOT NULL,
    profile_no BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    pinned_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, profile_no, seq),
    FOREIGN KEY (tenant, profile_no, seq) REFERENCES snapshots (tenant, profile_no, seq) ON DELETE CASCADE
);
CREATE TABLE holds (
    tenant BIGINT NOT NULL,
    profile_no BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    held_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, profile_no, seq),
    FOREIGN KEY (tenant, profile_no, seq) REFERENCES snapshots (tenant, profile_no, seq)
);
CREATE TABLE retention (
    tenant BIGINT NOT NULL PRIMARY KEY REFERENCES tenants (no),
    rules TEXT COLLATE "C" NOT NULL
);
CREATE TABLE reports (
    tenant BIGINT NOT NULL,
    device_no BIGINT NOT NULL,
    id BYTEA NOT NULL,
    received_at BIGINT NOT NULL,
    body TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, device_no, id),
    FOREIGN KEY (tenant, device_no) REFERENCES devices (tenant, no)
);
CREATE TABLE erasures (
    tenant BIGINT NOT NULL REFERENCES tenants (no),
    kind BIGINT NOT NULL,
    owner BYTEA NOT NULL,
    content BYTEA NOT NULL,
    receipt BYTEA NOT NULL,
    PRIMARY KEY (tenant, kind, owner, content)
);
ALTER TABLE devices ADD COLUMN key_print BYTEA;
ALTER TABLE devices ADD COLUMN public_key BYTEA;
ALTER TABLE devices ADD COLUMN key_level TEXT COLLATE "C";
ALTER TABLE devices ADD COLUMN key_made_at BIGINT;
ALTER TABLE devices ADD COLUMN machine BYTEA;
ALTER TABLE devices ADD COLUMN forked_at BIGINT;
CREATE UNIQUE INDEX devices_by_key ON devices (key_print);
CREATE INDEX devices_of_user ON devices (tenant, user_no, machine);
ALTER TABLE profiles ADD COLUMN last_base BIGINT;
CREATE TABLE enrolment_tokens (
    tenant BIGINT NOT NULL REFERENCES tenants (no),
    id BYTEA NOT NULL,
    hash BYTEA NOT NULL UNIQUE,
    note TEXT COLLATE "C" NOT NULL,
    user_no BIGINT,
    approval BIGINT NOT NULL,
    uses_max BIGINT NOT NULL,
    uses BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT,
    PRIMARY KEY (tenant, id),
    FOREIGN KEY (tenant, user_no) REFERENCES users (tenant, no)
);
CREATE INDEX enrolment_tokens_of_user ON enrolment_tokens (tenant, user_no);
CREATE TABLE waiting_devices (
    tenant BIGINT NOT NULL,
    key_print BYTEA NOT NULL UNIQUE,
    name TEXT COLLATE "C" NOT NULL,
    token BYTEA NOT NULL,
    approved_at BIGINT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, key_print),
    FOREIGN KEY (tenant, token) REFERENCES enrolment_tokens (tenant, id)
);
ALTER TABLE users ADD COLUMN disabled_at BIGINT;
CREATE TABLE providers (
    tenant BIGINT NOT NULL REFERENCES tenants (no),
    no BIGINT NOT NULL,
    id BYTEA NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    settings TEXT COLLATE "C" NOT NULL,
    secret BYTEA,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, no),
    UNIQUE (tenant, id),
    UNIQUE (tenant, name)
);
CREATE TABLE identities (
    tenant BIGINT NOT NULL,
    authority TEXT COLLATE "C" NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    user_no BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, authority, subject),
    FOREIGN KEY (tenant, user_no) REFERENCES users (tenant, no)
);
CREATE INDEX identities_of_user ON identities (tenant, user_no);
CREATE TABLE claimed_roles (
    tenant BIGINT NOT NULL,
    user_no BIGINT NOT NULL,
    provider_no BIGINT NOT NULL,
    role TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, user_no, provider_no, role),
    FOREIGN KEY (tenant, user_no) REFERENCES users (tenant, no),
    FOREIGN KEY (tenant, provider_no) REFERENCES providers (tenant, no) ON DELETE CASCADE
);
CREATE TABLE factors (
    tenant BIGINT NOT NULL,
    user_no BIGINT NOT NULL,
    change_password BIGINT NOT NULL,
    totp BYTEA,
    totp_step BIGINT NOT NULL,
    PRIMARY KEY (tenant, user_no),
    FOREIGN KEY (tenant, user_no) REFERENCES users (tenant, no)
);
CREATE TABLE recovery_codes (
    tenant BIGINT NOT NULL,
    user_no BIGINT NOT NULL,
    hash BYTEA NOT NULL,
    PRIMARY KEY (tenant, user_no, hash),
    FOREIGN KEY (tenant, user_no) REFERENCES users (tenant, no)
);
CREATE TABLE sessions (
    tenant BIGINT NOT NULL,
    hash BYTEA NOT NULL UNIQUE,
    user_no BIGINT NOT NULL,
    stage BIGINT NOT NULL,
    strong BIGINT NOT NULL,
    provider_no BIGINT,
    provider_session TEXT COLLATE "C",
    address TEXT COLLATE "C" NOT NULL,
    browser TEXT COLLATE "C" NOT NULL,
    auth_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, hash),
    FOREIGN KEY (tenant, user_no) REFERENCES users (tenant, no),
    FOREIGN KEY (tenant, provider_no) REFERENCES providers (tenant, no) ON DELETE CASCADE
);
CREATE INDEX sessions_of_user ON sessions (tenant, user_no);
CREATE TABLE sign_ins (
    tenant BIGINT NOT NULL,
    state_hash BYTEA NOT NULL UNIQUE,
    provider_no BIGINT NOT NULL,
    browser_hash BYTEA NOT NULL,
    nonce TEXT COLLATE "C" NOT NULL,
    verifier TEXT COLLATE "C" NOT NULL,
    return_to TEXT COLLATE "C" NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, state_hash),
    FOREIGN KEY (tenant, provider_no) REFERENCES providers (tenant, no) ON DELETE CASCADE
);
CREATE TABLE agent_sign_ins (
    tenant BIGINT NOT NULL REFERENCES tenants (no),
    code_hash BYTEA NOT NULL UNIQUE,
    user_code TEXT COLLATE "C" UNIQUE,
    challenge TEXT COLLATE "C",
    redirect_uri TEXT COLLATE "C",
    thumbprint TEXT COLLATE "C" NOT NULL,
    device_name TEXT COLLATE "C" NOT NULL,
    user_no BIGINT,
    denied BIGINT NOT NULL,
    auth_at BIGINT,
    polled_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, code_hash),
    FOREIGN KEY (tenant, user_no) REFERENCES users (tenant, no)
);
CREATE TABLE sign_in_tokens (
    tenant BIGINT NOT NULL,
    hash BYTEA NOT NULL UNIQUE,
    user_no BIGINT NOT NULL,
    thumbprint TEXT COLLATE "C" NOT NULL,
    auth_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, hash),
    FOREIGN KEY (tenant, user_no) REFERENCES users (tenant, no)
);
CREATE TABLE sign_in_rules (
    tenant BIGINT NOT NULL PRIMARY KEY REFERENCES tenants (no),
    device_code BIGINT NOT NULL
);
ALTER TABLE users ADD COLUMN version BIGINT NOT NULL DEFAULT 1;
CREATE TABLE tags (
    tenant BIGINT NOT NULL REFERENCES tenants (no),
    no BIGINT NOT NULL,
    id BYTEA NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, no),
    UNIQUE (tenant, id),
    UNIQUE (tenant, name)
);
CREATE TABLE object_tags (
    tenant BIGINT NOT NULL,
    kind BIGINT NOT NULL,
    object_no BIGINT NOT NULL,
    tag_no BIGINT NOT NULL,
    PRIMARY KEY (tenant, kind, object_no, tag_no),
    FOREIGN KEY (tenant, tag_no) REFERENCES tags (tenant, no)
);
CREATE INDEX object_tags_of_tag ON object_tags (tenant, tag_no);
CREATE TABLE user_groups (
    tenant BIGINT NOT NULL REFERENCES tenants (no),
    no BIGINT NOT NULL,
    id BYTEA NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    origin BIGINT NOT NULL,
    external_id TEXT COLLATE "C",
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, no),
    UNIQUE (tenant, id),
    UNIQUE (tenant, name)
);
CREATE TABLE group_members (
    tenant BIGINT NOT NULL,
    group_no BIGINT NOT NULL,
    user_no BIGINT NOT NULL,
    PRIMARY KEY (tenant, group_no, user_no),
    FOREIGN KEY (tenant, group_no) REFERENCES user_groups (tenant, no) ON DELETE CASCADE,
    FOREIGN KEY (tenant, user_no) REFERENCES users (tenant, no)
);
CREATE INDEX group_members_of_user ON group_members (tenant, user_no);
CREATE TABLE roles (
    tenant BIGINT NOT NULL REFERENCES tenants (no),
    no BIGINT NOT NULL,
    id BYTEA NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    permissions TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, no),
    UNIQUE (tenant, id),
    UNIQUE (tenant, name)
);
CREATE TABLE api_tokens (
    tenant BIGINT NOT NULL REFERENCES tenants (no),
    no BIGINT NOT NULL,
    id BYTEA NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    token_hash BYTEA NOT NULL UNIQUE,
    addresses TEXT COLLATE "C" NOT NULL,
    created_by BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT,
    used_from TEXT COLLATE "C",
    revoked_at BIGINT,
    version BIGINT NOT NULL,
    PRIMARY KEY (tenant, no),
    UNIQUE (tenant, id),
    UNIQUE (tenant, name)
);
CREATE TABLE assignments (
    tenant BIGINT NOT NULL REFERENCES tenants (no),
    no BIGINT NOT NULL,
    id BYTEA NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    built_in TEXT COLLATE "C",
    role_no BIGINT,
    all_groups BIGINT NOT NULL,
    all_tags BIGINT NOT NULL,
    expires_at BIGINT,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, no),
    UNIQUE (tenant, id),
    UNIQUE (tenant, name),
    FOREIGN KEY (tenant, role_no) REFERENCES roles (tenant, no),
    CHECK ((built_in IS NULL) <> (role_no IS NULL))
);
CREATE TABLE assignment_users (
    tenant BIGINT NOT NULL,
    assignment_no BIGINT NOT NULL,
    user_no BIGINT NOT NULL,
    PRIMARY KEY (tenant, assignment_no, user_no),
    FOREIGN KEY (tenant, assignment_no) REFERENCES assignments (tenant, no) ON DELETE CASCADE,
    FOREIGN KEY (tenant, user_no) REFERENCES users (tenant, no)
);
CREATE INDEX assignments_of_user ON assignment_users (tenant, user_no);
CREATE TABLE assignment_groups (
    tenant BIGINT NOT NULL,
    assignment_no BIGINT NOT NULL,
    group_no BIGINT NOT NULL,
    PRIMARY KEY (tenant, assignment_no, group_no),
    FOREIGN KEY (tenant, assignment_no) REFERENCES assignments (tenant, no) ON DELETE CASCADE,
    FOREIGN KEY (tenant, group_no) REFERENCES user_groups (tenant, no)
);
CREATE INDEX assignments_of_group ON assignment_groups (tenant, group_no);
CREATE TABLE assignment_tokens (
    tenant BIGINT NOT NULL,
    assignment_no BIGINT NOT NULL,
    token_no BIGINT NOT NULL,
    PRIMARY KEY (tenant, assignment_no, token_no),
    FOREIGN KEY (tenant, assignment_no) REFERENCES assignments (tenant, no) ON DELETE CASCADE,
    FOREIGN KEY (tenant, token_no) REFERENCES api_tokens (tenant, no)
);
CREATE INDEX assignments_of_token ON assignment_tokens (tenant, token_no);
CREATE TABLE assignment_scopes (
    tenant BIGINT NOT NULL,
    assignment_no BIGINT NOT NULL,
    group_no BIGINT NOT NULL,
    PRIMARY KEY (tenant, assignment_no, group_no),
    FOREIGN KEY (tenant, assignment_no) REFERENCES assignments (tenant, no) ON DELETE CASCADE,
    FOREIGN KEY (tenant, group_no) REFERENCES user_groups (tenant, no)
);
CREATE INDEX assignments_over_group ON assignment_scopes (tenant, group_no);
CREATE TABLE assignment_tags (
    tenant BIGINT NOT NULL,
    assignment_no BIGINT NOT NULL,
    tag_no BIGINT NOT NULL,
    PRIMARY KEY (tenant, assignment_no, tag_no),
    FOREIGN KEY (tenant, assignment_no) REFERENCES assignments (tenant, no) ON DELETE CASCADE,
    FOREIGN KEY (tenant, tag_no) REFERENCES tags (tenant, no)
);
CREATE INDEX assignments_with_tag ON assignment_tags (tenant, tag_no);
CREATE TABLE approvals (
    tenant BIGINT NOT NULL REFERENCES tenants (no),
    no BIGINT NOT NULL,
    id BYTEA NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    target BYTEA NOT NULL,
    body TEXT COLLATE "C" NOT NULL,
    note TEXT COLLATE "C" NOT NULL,
    asked_by BYTEA NOT NULL,
    asked_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    alone_from BIGINT,
    state BIGINT NOT NULL,
    decided_by BYTEA,
    decided_at BIGINT,
    answer TEXT COLLATE "C",
    done_at BIGINT,
    outcome TEXT COLLATE "C",
    version BIGINT NOT NULL,
    PRIMARY KEY (tenant, no),
    UNIQUE (tenant, id)
);
CREATE INDEX approvals_by_state ON approvals (state, tenant);
CREATE TABLE scim_users (
    tenant BIGINT NOT NULL,
    user_no BIGINT NOT NULL,
    user_name TEXT COLLATE "C" NOT NULL,
    folded TEXT COLLATE "C" NOT NULL,
    external_id TEXT COLLATE "C",
    attributes TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    gone_at BIGINT,
    PRIMARY KEY (tenant, user_no),
    UNIQUE (tenant, folded),
    FOREIGN KEY (tenant, user_no) REFERENCES users (tenant, no)
);
CREATE INDEX scim_users_external ON scim_users (tenant, external_id);
CREATE TABLE leaving (
    tenant BIGINT NOT NULL PRIMARY KEY REFERENCES tenants (no),
    erase BIGINT NOT NULL
);
CREATE TABLE moved (
    tenant BIGINT NOT NULL,
    profile_no BIGINT NOT NULL,
    origin_tenant BYTEA NOT NULL,
    origin_user BYTEA NOT NULL,
    moved_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, profile_no),
    FOREIGN KEY (tenant, profile_no) REFERENCES profiles (tenant, no)
);
CREATE TABLE gone_tenants (
    no BIGINT NOT NULL PRIMARY KEY,
    id BYTEA NOT NULL UNIQUE,
    receipt BYTEA NOT NULL,
    deleted_at BIGINT NOT NULL
);
ALTER TABLE keys ADD COLUMN parent BYTEA;
ALTER TABLE keys ADD COLUMN replaced BIGINT NOT NULL DEFAULT 0;
CREATE INDEX keys_by_parent ON keys (tenant, purpose, parent);
ALTER TABLE audit ADD COLUMN person_no BIGINT;
ALTER TABLE audit ADD COLUMN private BYTEA;
DROP TRIGGER audit_is_never_changed ON audit;
CREATE OR REPLACE FUNCTION audit_is_never_changed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'audit rows are never changed'; END $$;
CREATE TRIGGER audit_is_never_changed BEFORE UPDATE OF tenant, n, event, hash, person_no ON audit FOR EACH ROW EXECUTE FUNCTION audit_is_never_changed();
CREATE OR REPLACE FUNCTION audit_private_is_only_taken_away() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'what lies beside an audit row is never changed'; END $$;
CREATE TRIGGER audit_private_is_only_taken_away BEFORE UPDATE OF private ON audit FOR EACH ROW WHEN (NEW.private IS NOT NULL) EXECUTE FUNCTION audit_private_is_only_taken_away();
CREATE TABLE audit_heads (
    tenant BIGINT NOT NULL REFERENCES tenants (no),
    n BIGINT NOT NULL,
    head BYTEA NOT NULL,
    PRIMARY KEY (tenant, n)
);
CREATE TABLE openings (
    tenant BIGINT NOT NULL,
    no BIGINT NOT NULL,
    case_id BYTEA NOT NULL,
    user_no BIGINT NOT NULL,
    profile_no BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    opened_by BYTEA NOT NULL,
    opened_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, no),
    FOREIGN KEY (tenant, case_id) REFERENCES approvals (tenant, id),
    FOREIGN KEY (tenant, user_no) REFERENCES users (tenant, no),
    FOREIGN KEY (tenant, profile_no) REFERENCES profiles (tenant, no)
);
CREATE INDEX openings_of_user ON openings (tenant, user_no);
CREATE TABLE schema_version (version BIGINT NOT NULL);
INSERT INTO schema_version (version) VALUES (6);
