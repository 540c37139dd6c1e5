//! What the store promises, from outside: one program, as each program of tests costs a link of its own.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "tests: what fails here fails them, and what cannot run says so"
)]

mod approvals;
mod audit;
mod blobs;
mod crash;
mod crash_states;
mod devices;
mod drafts;
mod faults;
mod journal;
mod keep;
mod migrations;
mod moves;
#[path = "../../../../e2e/src/not_tried.rs"]
mod not_tried;
mod peers;
mod people;
mod refused;
mod store;
mod support;
mod tenants;
