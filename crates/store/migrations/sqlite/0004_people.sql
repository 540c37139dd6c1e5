-- Why: who signs in, how, and what of it is still good.
--
-- Whatever a browser or an agent holds (session, code, token) is 256 random bits of which only a hash is here, so that a stolen database signs nobody
-- in. Secrets that must be read again (a provider's, a second factor's) are sealed under the tenant's key.

-- A person who is switched off keeps their row and their backups and gets in nowhere. NULL: switched on.
ALTER TABLE users ADD COLUMN disabled_at INTEGER;

CREATE TABLE providers (
    tenant INTEGER NOT NULL REFERENCES tenants (no),
    no INTEGER NOT NULL,
    id BLOB NOT NULL,
    name TEXT NOT NULL,
    settings TEXT NOT NULL,               -- JSON: people/providers.rs, `ProviderSettings`
    secret BLOB,                          -- sealed; NULL: none, or in the file that the settings name
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, no),
    UNIQUE (tenant, id),
    UNIQUE (tenant, name)
) STRICT;

-- Who a person is at their identity provider: (tid, oid) at Entra ID, (iss, sub) elsewhere. Never an e-mail.
CREATE TABLE identities (
    tenant INTEGER NOT NULL,
    authority TEXT NOT NULL,
    subject TEXT NOT NULL,
    user_no INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, authority, subject),
    FOREIGN KEY (tenant, user_no) REFERENCES users (tenant, no)
) STRICT;
CREATE INDEX identities_of_user ON identities (tenant, user_no);

-- Roles that a provider's claims gave at the newest sign-in through it.
CREATE TABLE claimed_roles (
    tenant INTEGER NOT NULL,
    user_no INTEGER NOT NULL,
    provider_no INTEGER NOT NULL,
    role TEXT NOT NULL,
    PRIMARY KEY (tenant, user_no, provider_no, role),
    FOREIGN KEY (tenant, user_no) REFERENCES users (tenant, no),
    FOREIGN KEY (tenant, provider_no) REFERENCES providers (tenant, no) ON DELETE CASCADE
) STRICT;

-- What a built-in account has beside its password.
CREATE TABLE factors (
    tenant INTEGER NOT NULL,
    user_no INTEGER NOT NULL,
    change_password INTEGER NOT NULL,     -- people/factors.rs, `Change`
    totp BLOB,                            -- sealed secret; NULL: none
    totp_step INTEGER NOT NULL,           -- the newest time step that was used: no code counts twice
    PRIMARY KEY (tenant, user_no),
    FOREIGN KEY (tenant, user_no) REFERENCES users (tenant, no)
) STRICT;

CREATE TABLE recovery_codes (
    tenant INTEGER NOT NULL,
    user_no INTEGER NOT NULL,
    hash BLOB NOT NULL,
    PRIMARY KEY (tenant, user_no, hash),
    FOREIGN KEY (tenant, user_no) REFERENCES users (tenant, no)
) STRICT;

CREATE TABLE sessions (
    tenant INTEGER NOT NULL,
    hash BLOB NOT NULL UNIQUE,            -- BLAKE3 of what the browser holds
    user_no INTEGER NOT NULL,
    stage INTEGER NOT NULL,               -- people/sessions.rs, `Stage`
    strong INTEGER NOT NULL,              -- 1: more than one factor
    provider_no INTEGER,
    provider_session TEXT,                -- `sid` at the provider, for its back-channel logout
    address TEXT NOT NULL,
    browser TEXT NOT NULL,
    auth_at INTEGER NOT NULL,             -- when the person proved who they are
    created_at INTEGER NOT NULL,
    seen_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, hash),
    FOREIGN KEY (tenant, user_no) REFERENCES users (tenant, no),
    FOREIGN KEY (tenant, provider_no) REFERENCES providers (tenant, no) ON DELETE CASCADE
) STRICT;
CREATE INDEX sessions_of_user ON sessions (tenant, user_no);

-- Browsers that are at a provider right now.
CREATE TABLE sign_ins (
    tenant INTEGER NOT NULL,
    state_hash BLOB NOT NULL UNIQUE,
    provider_no INTEGER NOT NULL,
    browser_hash BLOB NOT NULL,           -- of the cookie of the browser that began
    nonce TEXT NOT NULL,
    verifier TEXT NOT NULL,
    return_to TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, state_hash),
    FOREIGN KEY (tenant, provider_no) REFERENCES providers (tenant, no) ON DELETE CASCADE
) STRICT;

-- Agents that wait for their person: an authorization code of a browser on the PC, or a device code with what the person types elsewhere.
CREATE TABLE agent_sign_ins (
    tenant INTEGER NOT NULL REFERENCES tenants (no),
    code_hash BLOB NOT NULL UNIQUE,
    user_code TEXT UNIQUE,                -- device code only
    challenge TEXT,                       -- PKCE, authorization code only
    redirect_uri TEXT,
    thumbprint TEXT NOT NULL,             -- of the device's key (RFC 7638); empty: none was named
    device_name TEXT NOT NULL,
    user_no INTEGER,                      -- who approved
    denied INTEGER NOT NULL,
    auth_at INTEGER,
    polled_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, code_hash),
    FOREIGN KEY (tenant, user_no) REFERENCES users (tenant, no)
) STRICT;

CREATE TABLE sign_in_tokens (
    tenant INTEGER NOT NULL,
    hash BLOB NOT NULL UNIQUE,
    user_no INTEGER NOT NULL,
    thumbprint TEXT NOT NULL,
    auth_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, hash),
    FOREIGN KEY (tenant, user_no) REFERENCES users (tenant, no)
) STRICT;

-- What a tenant has decided about signing in; without a row, as the program's standard says.
CREATE TABLE sign_in_rules (
    tenant INTEGER NOT NULL PRIMARY KEY REFERENCES tenants (no),
    device_code INTEGER NOT NULL          -- 0: off, 1: on
) STRICT;
