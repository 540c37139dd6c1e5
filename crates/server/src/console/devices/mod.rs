//! PCs: the table, one PC, and withdrawing its access.

pub(super) mod list;
pub(super) mod revoke;
pub(super) mod show;
