//! Who has signed in.

pub(crate) mod get;
pub(crate) mod openings;
