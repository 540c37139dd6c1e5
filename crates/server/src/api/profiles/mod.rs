//! Profiles of the person who asks.

pub(crate) mod keys;
pub(crate) mod latest;
pub(crate) mod list;
