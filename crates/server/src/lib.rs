//! The server's half of the road: receive, store, list.
//!
//! A request comes in through [`listen`], gets its id and its place under the limits in [`api`], is told apart by [`identity`], allowed or
//! refused by [`access`] and handled by the file of its verb, `api/<resource>/<verb>.rs`. Whatever is refused leaves as a [`problem`]. The server keeps what devices sealed.
//! [`keyring`] is the only module that holds keys, it gives them to the person they belong to, and it alone opens content, in a case ([`keyring::content`]).

pub mod access;
pub mod allowed;
pub mod api;
pub mod app;
pub mod audit;
pub mod cases;
pub mod commands;
pub mod config;
pub mod console;
pub mod enrolment_token;
pub mod gates;
pub mod identity;
pub mod jobs;
pub mod keyring;
pub mod listen;
pub mod login;
pub mod logs;
pub mod metrics;
mod notify;
pub mod pages;
pub mod password;
mod pieces;
pub mod problem;
pub mod process;
pub mod proxy;
pub mod rehome;
pub mod room;
pub mod scim;
mod seen;
pub mod self_signed;
pub mod traces;
pub mod world;

pub use app::App;
