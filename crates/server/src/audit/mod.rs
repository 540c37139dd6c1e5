//! The audit as the server sees it: where events come from ([`door`]), and how many refusals are written down ([`refusals`]).
//!
//! The events themselves are written by the store, each in the transaction of what it tells.

pub mod door;
pub mod refusals;
