//! Files of a profile, too big for an envelope.

pub(crate) mod get;
pub(crate) mod head;
pub(crate) mod put;
