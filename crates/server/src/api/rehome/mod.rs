//! Moving a profile to another account.

pub(crate) mod create;
