//! Rules of signing in at the server's own accounts: of whom a second factor is demanded.

pub(crate) mod get;
pub(crate) mod put;
