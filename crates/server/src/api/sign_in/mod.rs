//! How an agent signs its person in: it asks for a code, and redeems what comes of it (RFC 8252, RFC 8628). For our own agent only.

pub(crate) mod device_code;
pub(crate) mod token;
