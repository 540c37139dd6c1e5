//! Who has opened the content of the person who asks.

pub(crate) mod list;
