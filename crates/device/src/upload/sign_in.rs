//! The calls of a sign-in: a code to wait with, and what comes of a code.

use model::api::{DeviceCode, DeviceCodeRequest, SignInToken, SignInTokenRequest};

use super::server::{Repeat, Server, ServerError};
use super::wire::{Method, Request};

/// Asks for a code that the person types elsewhere.
pub fn device_code(server: &Server<'_>, request: &DeviceCodeRequest) -> Result<DeviceCode, ServerError> {
    let body = serde_json::to_vec(request).expect("texts can always be written as JSON");
    let call = Request::new(Method::Post, "/api/v1/sign-in/device-code").body("application/json", &body);
    server.call_json(call, &[200], Repeat::Never)
}

/// Redeems a code. Not repeated: a code is good once.
pub fn redeem(server: &Server<'_>, request: &SignInTokenRequest) -> Result<SignInToken, ServerError> {
    let body = serde_json::to_vec(request).expect("texts can always be written as JSON");
    let call = Request::new(Method::Post, "/api/v1/sign-in/token").body("application/json", &body);
    server.call_json(call, &[200], Repeat::Never)
}
