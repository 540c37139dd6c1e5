//! What a power cut leaves of what a traced program wrote.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test: what fails here fails it, and it writes folders of its own"
)]

pub mod disk;
pub mod trace;
