-- Why: devices prove each request with a key of their own, and come in by tokens.
--
-- `token_hash` of 0001 is no longer read: a device is found by the name of its key. New rows keep it unique with the BLAKE3 of the public key.
-- A device of before has no key and is nobody until it is enrolled again; its backups stay where they are.

ALTER TABLE devices ADD COLUMN key_print BLOB;       -- model::signature::KeyPrint: names the key on the wire
ALTER TABLE devices ADD COLUMN public_key BLOB;      -- an uncompressed point of P-256
ALTER TABLE devices ADD COLUMN key_level TEXT;       -- model::device::KeyLevel, as the device says
ALTER TABLE devices ADD COLUMN key_made_at INTEGER;
ALTER TABLE devices ADD COLUMN machine BLOB;         -- a hash of what tells this PC from others, made on the PC
ALTER TABLE devices ADD COLUMN forked_at INTEGER;    -- since when two PCs seem to back up as this one: it reads only
CREATE UNIQUE INDEX devices_by_key ON devices (key_print);
CREATE INDEX devices_of_user ON devices (tenant, user_no, machine);

-- The number of the backup that the newest one was made on top of; NULL: not said. commit.rs finds forks by it.
ALTER TABLE profiles ADD COLUMN last_base INTEGER;

CREATE TABLE enrolment_tokens (
    tenant INTEGER NOT NULL REFERENCES tenants (no),
    id BLOB NOT NULL,
    hash BLOB NOT NULL UNIQUE,            -- BLAKE3 of the token, which itself is kept nowhere
    note TEXT NOT NULL,
    user_no INTEGER,                      -- whose PCs it makes; NULL: whoever signs in
    approval INTEGER NOT NULL,            -- 1: an administrator says yes to each PC
    uses_max INTEGER NOT NULL,
    uses INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    revoked_at INTEGER,
    PRIMARY KEY (tenant, id),
    FOREIGN KEY (tenant, user_no) REFERENCES users (tenant, no)
) STRICT;
CREATE INDEX enrolment_tokens_of_user ON enrolment_tokens (tenant, user_no);

-- PCs that a token has let in and that are no devices yet: they wait for their user, for an administrator, or for both.
CREATE TABLE waiting_devices (
    tenant INTEGER NOT NULL,
    key_print BLOB NOT NULL UNIQUE,
    name TEXT NOT NULL,
    token BLOB NOT NULL,
    approved_at INTEGER,                  -- NULL: not yet
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, key_print),
    FOREIGN KEY (tenant, token) REFERENCES enrolment_tokens (tenant, id)
) STRICT;
