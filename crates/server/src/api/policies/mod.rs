//! Policies: what PCs do, for whom, and what was before.

pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod devices;
pub(crate) mod duplicate;
pub(crate) mod get;
pub(crate) mod import;
pub(crate) mod list;
pub(crate) mod put;
pub(crate) mod reach;
pub(crate) mod rollback;
pub(crate) mod versions;
pub(crate) mod what_if;
