//! The audit as the server sees it: where events come from ([`door`]), how many refusals are written down ([`refusals`]), how rows are shown
//! and given out ([`row`], [`export`]), and whether what was given out is still what it was ([`verify`]).
//!
//! The events themselves are written by the store, each in the transaction of what it tells.

pub mod door;
pub mod export;
pub mod filter;
pub mod refusals;
pub mod row;
pub mod verify;
