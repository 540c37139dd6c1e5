//! The addresses of SCIM 2.0: [`crate::scim`].

pub(crate) mod about;
pub(crate) mod groups;
pub(crate) mod search;
pub(crate) mod users;

use axum::http::StatusCode;

use crate::scim::Wrong;

/// How often a change is tried while others change the same thing.
const TRIES: usize = 16;

/// Reads, changes and writes, again as long as somebody else wrote in between. A client that named the `version` that it changes is told so instead.
fn anew<T>(version: Option<u64>, change: impl Fn() -> Result<T, Wrong>) -> Result<T, Wrong> {
    if version.is_some() {
        return change();
    }
    for _ in 0..TRIES {
        match change() {
            Err(wrong) if wrong.status == StatusCode::PRECONDITION_FAILED => {}
            done => return done,
        }
    }
    Err(Wrong::of(StatusCode::CONFLICT, "others change this all the time; try again"))
}
