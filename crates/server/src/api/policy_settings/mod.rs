//! What policies can set: the definitions, as a picker shows them.

pub(crate) mod list;
