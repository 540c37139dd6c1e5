//! PCs: the table, one PC, what it is asked to do, and withdrawing its access.

pub(super) mod command;
pub(super) mod effective;
pub(super) mod list;
pub(super) mod revoke;
pub(super) mod show;
