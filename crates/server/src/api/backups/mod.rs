//! Taking a snapshot.

pub(crate) mod create;
