//! Enrollment options: whether the page that offers a restore is shown.

pub(crate) mod get;
pub(crate) mod put;
