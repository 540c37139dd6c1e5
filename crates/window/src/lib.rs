//! The person's window, without its frame: what it asks of `rehome`, what it does with the answers, and what it shows.
//!
//! [`controller`] is the state machine and knows nothing of windows; [`view`] is what comes out of it; `ui` lays that out and [`shown`] carries it there.

#[cfg(test)]
extern crate self as window; // the samples are compiled into an example too

pub mod call;
pub mod controller;
#[cfg(test)]
mod controller_tests;
pub mod desktop;
pub mod notice;
#[cfg(test)]
mod reach_tests;
pub mod rehome;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod screens_tests;
pub mod shown;
pub mod texts;
#[cfg(test)]
mod unasked_tests;
pub mod view;
pub mod when;

/// What the compiler of `ui/window.slint` made.
#[expect(missing_docs, unused_qualifications, clippy::todo, clippy::unwrap_used, reason = "made by another program")]
pub mod ui {
    slint::include_modules!();
}
