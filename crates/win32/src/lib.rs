//! Windows itself: the live registry, the places for the device's own key, the calls that make a change visible, the files that Windows keeps of a person's settings.
//!
//! All unsafe code of the project and every call of the Windows API are here, behind the traits of `device`; on other systems the crate is
//! empty. Each `unsafe` block says why it is sound, and wraps one call.
//!
//! What Wine cannot run says so where it stands, with the words "not under Wine": those lines are compiled on every change and tested on
//! Windows only.
//!
//! Two features: `road` is what the agent wants of Windows, `desktop` what the person's window wants, so that neither carries the other's.

#![cfg(windows)]

#[cfg(feature = "road")]
mod confine;
#[cfg(feature = "desktop")]
pub mod desktop;
#[cfg(feature = "road")]
mod effects;
#[cfg(feature = "road")]
pub mod eventlog;
#[cfg(feature = "road")]
mod facts;
#[cfg(feature = "road")]
mod files;
#[cfg(feature = "desktop")]
mod job;
#[cfg(feature = "road")]
mod keys;
mod libraries;
#[cfg(feature = "road")]
mod lock_screen;
#[cfg(feature = "road")]
pub mod machine;
#[cfg(feature = "road")]
mod memory;
#[cfg(feature = "road")]
mod packages;
#[cfg(feature = "road")]
pub mod profiles;
mod quiet;
#[cfg(feature = "road")]
mod registry;
#[cfg(feature = "road")]
pub mod schedule;
#[cfg(feature = "road")]
mod store;
#[cfg(any(feature = "road", feature = "desktop"))]
mod text;

#[cfg(feature = "road")]
pub use confine::confine;
#[cfg(feature = "road")]
pub use effects::LiveEffects;
#[cfg(feature = "road")]
pub use facts::{LivePlaces, ask, known, person};
#[cfg(feature = "road")]
pub use files::attributes;
#[cfg(feature = "desktop")]
pub use job::ends_with_this;
#[cfg(feature = "road")]
pub use keys::{key_stores, machine_id};
pub use libraries::from_system_only;
#[cfg(feature = "road")]
pub use lock_screen::lock_screen;
#[cfg(feature = "road")]
pub use memory::Memory;
#[cfg(feature = "road")]
pub use packages::packages;
pub use quiet::without_window;
#[cfg(feature = "road")]
pub use registry::{LiveRegistry, LiveRegistryWrite};
#[cfg(feature = "road")]
pub use store::open_store_page;
