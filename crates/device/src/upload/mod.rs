//! Station "upload": bringing a sealed snapshot to the server, and the only road on which anything leaves the PC.
//!
//! [`wire`] is the trait that requests go through, [`http`] the real one, [`prover`] signs them, [`server`] says what a call gives or why not. [`check`] asks whether
//! the last backup is still there; [`check_in`] fetches the server's policy; [`pin`] trusts one server by its fingerprint; [`proxy`] may stand between; [`enroll`] connects a PC, [`sign_in`] asks who its person is, [`renew`] changes the PC's key, [`deliver`] brings
//! a snapshot, [`tell`] small news.

pub mod address;
pub mod check;
pub mod check_in;
pub mod deliver;
pub mod enroll;
pub mod http;
mod literal;
pub mod pin;
pub mod prover;
pub mod proxy;
pub mod renew;
pub mod server;
pub mod sign_in;
pub mod tell;
pub mod wire;

/// The most bytes of an ordinary answer: a summary, keys, problem details.
const ANSWER_BYTES_MAX: u64 = 256 * 1024;

#[cfg(test)]
mod deliver_tests;
#[cfg(test)]
pub(crate) mod fake;
#[cfg(test)]
mod tests;
