//! `POST /api/v1/sign-in/device-code`: a code for the agent to wait with, and one for its person to type elsewhere.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use model::api::{DeviceCode, DeviceCodeRequest};
use model::reason::Reason;
use store::people::NewAgentRequest;

use crate::App;
use crate::access::{Allowed, Anyone};
use crate::api::extract::{Base, Body, Peer, apart};
use crate::app::DEFAULT_TENANT;
use crate::identity::hash_token;
use crate::login::agent::{CODE_MILLIS, POLL_SECONDS, check_thumbprint};
use crate::login::device_code::{allowed, new_user_code};
use crate::login::sign_in::segment;
use crate::login::visitor::random;
use crate::problem::Refusal;

/// The largest request: two names and a hash.
const BODY_BYTES_MAX: usize = 4 * 1024;

pub(crate) async fn handle(
    _: Allowed<Anyone>,
    State(app): State<Arc<App>>,
    Peer(address): Peer,
    Base(base): Base,
    Body(body): Body<BODY_BYTES_MAX>,
) -> Result<Json<DeviceCode>, Refusal> {
    app.gates.enrolment(address).map_err(|seconds| {
        let detail = "too many tries from this address";
        Refusal::new(StatusCode::TOO_MANY_REQUESTS, Reason::RateLimited, detail).retry_after(seconds)
    })?;
    let request: DeviceCodeRequest = serde_json::from_slice(&body).map_err(|error| Refusal::not_the_form(&error))?;
    check_thumbprint(&request.thumbprint)?;
    apart(move || begin(&app, request, &base)).await.map(Json)
}

fn begin(app: &App, request: DeviceCodeRequest, base: &str) -> Result<DeviceCode, Refusal> {
    let name = request.tenant.unwrap_or_else(|| DEFAULT_TENANT.to_owned());
    let tenant = app.store.operator(&name)?.ok_or_else(|| Refusal::not_found(Reason::NotFound))?;
    if !allowed(app, &tenant)? {
        let detail = "your organisation has not switched device codes on";
        return Err(Refusal::new(StatusCode::FORBIDDEN, Reason::DeviceCodeOff, detail));
    }
    let now = app.clock.now();
    let (code, user_code) = (random(app), new_user_code(&*app.random));
    let new = NewAgentRequest {
        code_hash: hash_token(&code),
        user_code: Some(user_code.clone()),
        loopback: None,
        thumbprint: request.thumbprint,
        device_name: request.device_name,
        approved: None,
        expires_at: now.plus_millis(CODE_MILLIS),
    };
    app.store.begin_agent_sign_in(&tenant, new, now)?;
    let address = if name == DEFAULT_TENANT { "/device".to_owned() } else { format!("/t/{}/device", segment(&name)) };
    Ok(DeviceCode {
        device_code: code,
        user_code,
        verification_uri: format!("{base}{address}"),
        expires_in_seconds: CODE_MILLIS.unsigned_abs() / 1000,
        interval_seconds: POLL_SECONDS,
    })
}
