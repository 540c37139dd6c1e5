-- Why: an organisation says of whom it demands a second factor at the server's own accounts (ASVS 5.0, 6.3.3). Without a row: of nobody.

CREATE TABLE factor_rules (
    tenant INTEGER NOT NULL PRIMARY KEY REFERENCES tenants (no),
    second_factor TEXT NOT NULL,          -- model::admin::FactorRule, its word
    version INTEGER NOT NULL
) STRICT;
