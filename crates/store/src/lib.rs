//! What the server remembers: the only crate with SQL.
