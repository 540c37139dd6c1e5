//! Connecting a PC.

pub(crate) mod create;
