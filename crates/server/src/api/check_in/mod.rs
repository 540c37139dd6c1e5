//! Check-ins of PCs.

pub(crate) mod create;
