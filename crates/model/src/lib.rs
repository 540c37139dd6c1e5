//! The nouns everybody shares.
//!
//! Ids, the settings catalog, the snapshot and envelope formats, plans, reason codes and the shapes of the API. There is no
//! input or output here, no clock and no randomness: whoever needs those is handed a [`world::Clock`] or a [`world::Random`].
//! Agent, server and tests therefore agree on every word by construction.

pub mod admin;
pub mod api;
pub mod audit;
pub mod bundle;
pub mod catalog;
pub mod cbor;
pub mod check_in;
pub mod csv;
pub mod device;
pub mod envelope;
pub mod erasure;
mod fields;
pub mod ids;
#[cfg(test)]
#[path = "../../../e2e/src/not_tried.rs"]
mod not_tried;
pub mod permission;
pub mod plan;
pub mod policy;
pub mod prerequisite;
pub mod reason;
pub mod receipt;
pub mod rehearsal;
pub mod report;
pub mod retention;
pub mod signature;
pub mod snapshot;
pub mod value;
pub mod words;
pub mod world;
