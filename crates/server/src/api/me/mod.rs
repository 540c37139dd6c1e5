//! Who has signed in.

pub(crate) mod get;
