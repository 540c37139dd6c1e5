//! Connecting a PC: the one call that brings a key instead of being signed by one that the server knows. The new key signs it all the same.

use model::api::{EnrollRequest, Enrolled};

use super::server::{Repeat, Server, ServerError};
use super::wire::{Method, Request};

/// Asks the server to take this PC in. Asking again with the same key is harmless.
pub fn enroll(server: &Server<'_>, request: &EnrollRequest) -> Result<Enrolled, ServerError> {
    let body = serde_json::to_vec(request).expect("texts can always be written as JSON");
    let call = Request::new(Method::Post, "/api/v1/enroll").body("application/json", &body);
    server.call_json(call, &[200, 201], Repeat::Harmless)
}
