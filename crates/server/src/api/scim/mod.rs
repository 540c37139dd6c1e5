//! The addresses of SCIM 2.0: [`crate::scim`].

pub(crate) mod about;
pub(crate) mod groups;
pub(crate) mod search;
pub(crate) mod users;
