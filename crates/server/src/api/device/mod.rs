//! The device itself.

pub(crate) mod key;
