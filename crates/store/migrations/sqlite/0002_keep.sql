-- Why: what a restore did, whether each snapshot opens, and why it is kept or gone.
--
-- A rehearsal and a pin go with their snapshot. A hold does not: its plain reference makes the database itself refuse to delete a snapshot on
-- hold, whatever statement tries.

CREATE TABLE rehearsals (
    tenant INTEGER NOT NULL,
    profile_no INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    reason TEXT,                          -- code of a reason; NULL: it opens and could be restored
    rehearsed_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, profile_no, seq),
    FOREIGN KEY (tenant, profile_no, seq) REFERENCES snapshots (tenant, profile_no, seq) ON DELETE CASCADE
) STRICT;

CREATE TABLE pins (
    tenant INTEGER NOT NULL,
    profile_no INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    pinned_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, profile_no, seq),
    FOREIGN KEY (tenant, profile_no, seq) REFERENCES snapshots (tenant, profile_no, seq) ON DELETE CASCADE
) STRICT;

CREATE TABLE holds (
    tenant INTEGER NOT NULL,
    profile_no INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    held_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, profile_no, seq),
    FOREIGN KEY (tenant, profile_no, seq) REFERENCES snapshots (tenant, profile_no, seq)
) STRICT;

-- How many snapshots a tenant keeps; without a row, as the program's standard says.
CREATE TABLE retention (
    tenant INTEGER NOT NULL PRIMARY KEY REFERENCES tenants (no),
    rules TEXT NOT NULL                   -- JSON: model::retention::Rules
) STRICT;

CREATE TABLE reports (
    tenant INTEGER NOT NULL,
    device_no INTEGER NOT NULL,
    id BLOB NOT NULL,                     -- chosen by the device: sending twice is sending once
    received_at INTEGER NOT NULL,
    body TEXT NOT NULL,                   -- JSON: model::report::Report
    PRIMARY KEY (tenant, device_no, id),
    FOREIGN KEY (tenant, device_no) REFERENCES devices (tenant, no)
) STRICT;

-- Receipts of deletions. They hold ids only, and nothing refers to what is gone.
CREATE TABLE erasures (
    tenant INTEGER NOT NULL REFERENCES tenants (no),
    kind INTEGER NOT NULL,                -- model::erasure::Erased
    owner BLOB NOT NULL,
    content BLOB NOT NULL,
    receipt BLOB NOT NULL,
    PRIMARY KEY (tenant, kind, owner, content)
) STRICT;
