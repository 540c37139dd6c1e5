//! What the server says of itself.

pub(crate) mod capabilities;
pub(crate) mod health;
pub(crate) mod limits;
pub(crate) mod version;
