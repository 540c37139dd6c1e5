-- Why: the first shape of everything the server remembers.
--
-- Every table of tenant data leads its key with the tenant's number, and every reference is a composite foreign key that holds the tenant
-- again, so that no row can refer across tenants even if a statement is wrong. Tenants, users, devices and profiles have a random id of
-- 128 bits, which is all that the outside ever sees, and a small number, which is what rows refer to: a backup with one changed value writes
-- five rows and index entries, and with numbers they are some 150 bytes shorter.
--
-- Times are milliseconds since 1970. STRICT makes SQLite as exact about types as PostgreSQL is.

CREATE TABLE meta (
    name TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
) STRICT;

CREATE TABLE tenants (
    no INTEGER NOT NULL PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    name TEXT NOT NULL UNIQUE,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE users (
    tenant INTEGER NOT NULL REFERENCES tenants (no),
    no INTEGER NOT NULL,
    id BLOB NOT NULL,
    name TEXT NOT NULL,
    password TEXT NOT NULL,               -- argon2id, as a PHC string
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, no),
    UNIQUE (tenant, id),
    UNIQUE (tenant, name)
) STRICT;

CREATE TABLE devices (
    tenant INTEGER NOT NULL,
    no INTEGER NOT NULL,
    id BLOB NOT NULL,
    user_no INTEGER NOT NULL,
    name TEXT NOT NULL,
    token_hash BLOB NOT NULL UNIQUE,      -- BLAKE3 of the bearer token, which itself is kept nowhere
    created_at INTEGER NOT NULL,
    seen_at INTEGER NOT NULL,
    revoked_at INTEGER,
    PRIMARY KEY (tenant, no),
    UNIQUE (tenant, id),
    FOREIGN KEY (tenant, user_no) REFERENCES users (tenant, no)
) STRICT;

CREATE TABLE profiles (
    tenant INTEGER NOT NULL,
    no INTEGER NOT NULL,
    id BLOB NOT NULL,
    user_no INTEGER NOT NULL,
    device_no INTEGER NOT NULL,
    last_seq INTEGER NOT NULL,            -- the highest number ever given, deleted snapshots included
    latest_seq INTEGER,                   -- the newest snapshot that is kept, with its id
    latest_id BLOB,
    next_part INTEGER NOT NULL,
    next_blob INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, no),
    UNIQUE (tenant, id),
    FOREIGN KEY (tenant, user_no) REFERENCES users (tenant, no),
    FOREIGN KEY (tenant, device_no) REFERENCES devices (tenant, no)
) STRICT;
CREATE INDEX profiles_of_user ON profiles (tenant, user_no);
CREATE INDEX profiles_of_device ON profiles (tenant, device_no);

-- Wrapped keys only. Each is wrapped by its parent in the key tree: root, tenant, user, profile.
CREATE TABLE keys (
    tenant INTEGER NOT NULL REFERENCES tenants (no),
    id BLOB NOT NULL,
    purpose INTEGER NOT NULL,             -- keys.rs, `Purpose`
    user_no INTEGER,
    profile_no INTEGER,
    wrapped BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, id),
    FOREIGN KEY (tenant, user_no) REFERENCES users (tenant, no),
    FOREIGN KEY (tenant, profile_no) REFERENCES profiles (tenant, no)
) STRICT;
CREATE INDEX keys_of_user ON keys (tenant, user_no);

CREATE TABLE parts (
    tenant INTEGER NOT NULL,
    profile_no INTEGER NOT NULL,
    no INTEGER NOT NULL,
    id BLOB NOT NULL,
    checksum BLOB NOT NULL,               -- first 16 bytes of BLAKE3 of `sealed`: finds rot, not malice
    sealed_len INTEGER NOT NULL,
    sealed BLOB NOT NULL,
    PRIMARY KEY (tenant, profile_no, no),
    FOREIGN KEY (tenant, profile_no) REFERENCES profiles (tenant, no)
) STRICT;
-- Answers by itself what a commit asks of each part that is not new; the parts' own pages, one for each, stay on the disk.
CREATE INDEX parts_by_id ON parts (tenant, profile_no, id, no, sealed_len);

-- There is no table of references from snapshots to parts and blobs: the packed header holds their numbers (pack.rs).
CREATE TABLE snapshots (
    tenant INTEGER NOT NULL,
    profile_no INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    id BLOB NOT NULL,
    header BLOB NOT NULL,                 -- packed: pack.rs
    header_tag BLOB NOT NULL,
    checksum BLOB NOT NULL,               -- first 16 bytes of BLAKE3 of the unpacked header
    signature BLOB NOT NULL,              -- of the receipt, whose other fields are in this row and its parents
    epoch INTEGER NOT NULL,
    taken_at INTEGER NOT NULL,
    committed_at INTEGER NOT NULL,
    settings INTEGER NOT NULL,
    apps INTEGER NOT NULL,
    size_bytes INTEGER NOT NULL,
    PRIMARY KEY (tenant, profile_no, seq),
    FOREIGN KEY (tenant, profile_no) REFERENCES profiles (tenant, no)
) STRICT;

CREATE TABLE blobs (
    tenant INTEGER NOT NULL,
    profile_no INTEGER NOT NULL,
    no INTEGER NOT NULL,
    id BLOB NOT NULL,
    generation INTEGER NOT NULL,          -- names the file; a deletion in flight never meets a new upload
    length INTEGER NOT NULL,
    received INTEGER NOT NULL,            -- durable bytes
    checksum BLOB,                        -- BLAKE3 of the sealed bytes, once all are there
    condemned_at INTEGER,                 -- since when no snapshot names it; NULL while one does
    deleting INTEGER NOT NULL,            -- 1 from the moment its file may be gone
    PRIMARY KEY (tenant, profile_no, no),
    UNIQUE (tenant, profile_no, id),
    FOREIGN KEY (tenant, profile_no) REFERENCES profiles (tenant, no)
) STRICT;
CREATE INDEX blobs_condemned ON blobs (condemned_at);

CREATE TABLE audit (
    tenant INTEGER NOT NULL REFERENCES tenants (no),
    n INTEGER NOT NULL,
    event BLOB NOT NULL,                  -- CBOR: audit.rs
    hash BLOB NOT NULL,                   -- chained: audit.rs
    PRIMARY KEY (tenant, n)
) STRICT;
CREATE TRIGGER audit_is_never_changed BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'audit rows are never changed'); END;
CREATE TRIGGER audit_is_never_deleted BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'audit rows are never deleted'); END;
