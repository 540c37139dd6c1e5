-- Why: an organisation says how hard to steal the keys of its PCs must be (`security.md` 2.8). Without a row: any will do.

CREATE TABLE enrolment_rules (
    tenant INTEGER NOT NULL PRIMARY KEY REFERENCES tenants (no),
    key_level TEXT NOT NULL               -- model::device::KeyLevel, its word: the weakest that is taken
) STRICT;
