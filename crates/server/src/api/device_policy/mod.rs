//! What holds on a device.

pub(crate) mod get;
