//! What the server promises, from outside: one program, as each program of tests costs a link of its own.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "tests: what fails here fails them; their files are scratch"
)]

mod access;
mod admin;
mod api;
mod audit;
mod audit_verify;
mod bombs;
mod cases;
mod commands;
mod console;
mod console_policies;
mod console_tenant;
mod cut;
mod devices;
mod elsewhere;
mod failover;
mod first_agent;
mod groups;
mod keep;
mod keys;
mod limits;
mod locked;
mod moves;
#[path = "../../../../e2e/src/not_tried.rs"]
mod not_tried;
mod operate;
mod people;
mod policies;
mod replicas;
mod retention;
mod roles_page;
mod rolling;
mod scim;
mod support;
mod swapped;
mod unread;
mod walk;
