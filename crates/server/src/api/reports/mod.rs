//! Reports of restores.

pub(crate) mod get;
pub(crate) mod list;
pub(crate) mod put;
