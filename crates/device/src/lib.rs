//! The device's half of the road.
//!
//! ```text
//! collect -> snapshot -> seal -> upload   =====>   list -> open -> plan -> apply
//! ```
//!
//! Each station is a folder; [`backup`] reads as the first four in order, [`restore`] as the last ones. Nothing here touches Windows: the
//! registry is the trait [`registry::Registry`], the apps are the trait [`apps::Apps`], and the crate `win32` brings the live ones.

pub mod apply;
pub mod apps;
pub mod backup;
pub mod baseline;
pub mod bundle;
pub mod codec;
pub mod collect;
pub mod diff;
pub mod doctor;
pub mod due;
pub mod export;
pub mod facts;
pub mod folder;
pub mod input;
pub mod installer;
pub mod key;
pub mod list;
pub mod own_files;
pub mod persist;
pub mod picture;
pub mod plan;
pub mod progress;
pub mod registry;
pub mod rehearse;
pub mod report;
pub mod restore;
mod sealed;
pub mod sign_in;
pub mod state;
pub mod target;
pub mod upload;
pub mod welcome;

#[cfg(test)]
#[path = "../../../e2e/src/not_tried.rs"]
mod not_tried;
#[cfg(test)]
mod road_tests;
#[cfg(test)]
mod sample;
