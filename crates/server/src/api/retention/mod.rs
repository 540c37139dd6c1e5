//! How long snapshots are kept: the organisation's own rules, and what a change of rules or policies would let go.

pub(crate) mod get;
pub(crate) mod preview;
pub(crate) mod put;
