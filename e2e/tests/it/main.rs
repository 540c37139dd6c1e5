//! Whole-system stories, told through the two binaries: what a person or a script at the keyboard would see.
//!
//! Each story has a server and PCs of its own in a scratch folder, so stories run side by side in any order. The binaries are built once
//! by the first story that needs them. Stories on real hives read `../shared/data` in place and say so when it is not there.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::collapsible_if,
    reason = "stories write scratch files and may fail loudly"
)]

mod bad_input;
mod browser;
mod bundle;
mod canary;
mod devices;
mod export;
mod faults;
mod harness;
mod idp;
mod moves;
#[path = "../../src/not_tried.rs"]
mod not_tried;
mod policy;
mod real_hives;
mod report;
mod retention;
mod road;
mod screen;
mod stages;
mod tls;
mod trust;
mod welcome;
mod window;
mod wine;
