//! Windows itself: the live registry, the places for the device's own key, the calls that make a change visible, the files that Windows keeps of a person's settings.
//!
//! All unsafe code of the project and every call of the Windows API are here, behind the traits of `device`; on other systems the crate is
//! empty. Each `unsafe` block says why it is sound, and wraps one call.
//!
//! What Wine cannot run says so where it stands, with the words "not under Wine": those lines are compiled on every change and tested on
//! Windows only.

#![cfg(windows)]

mod confine;
pub mod desktop;
mod effects;
pub mod eventlog;
mod facts;
mod keys;
mod libraries;
pub mod machine;
mod packages;
pub mod profiles;
mod registry;
pub mod schedule;
mod store;
mod text;

pub use confine::confine;
pub use effects::LiveEffects;
pub use facts::{LivePlaces, ask, known, person};
pub use keys::{key_stores, machine_id};
pub use libraries::from_system_only;
pub use packages::packages;
pub use registry::{LiveRegistry, LiveRegistryWrite};
pub use store::{open_store_page, without_window};
