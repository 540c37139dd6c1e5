//! Connecting a PC with a built-in account: the one call that needs a password and no token.

use model::api::{EnrollRequest, Enrolled};

use super::server::{Repeat, Server, ServerError};
use super::wire::{Method, Request};

/// Asks the server to take this PC in. Not repeated: each enrolment makes a new device.
pub fn enroll(server: &Server<'_>, request: &EnrollRequest) -> Result<Enrolled, ServerError> {
    let body = serde_json::to_vec(request).expect("three texts can always be written as JSON");
    let call = Request::new(Method::Post, "/api/v1/enroll").body("application/json", &body);
    server.call_json(call, &[200, 201], Repeat::Never)
}
