//! `POST /api/v1/sign-in/token`: a code for a token, with which the PC may be connected once.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use model::api::{SignInToken, SignInTokenRequest};
use model::reason::Reason;
use store::people::{Approved, Polled};

use crate::App;
use crate::access::{Allowed, Anyone};
use crate::api::extract::{Body, apart};
use crate::identity::hash_token;
use crate::login::agent::{POLL_SECONDS, TOKEN_MILLIS};
use crate::login::oidc::start::challenge;
use crate::login::visitor::random;
use crate::problem::Refusal;

/// The largest request: a code, a verifier and an address.
const BODY_BYTES_MAX: usize = 4 * 1024;

pub(crate) async fn handle(
    _: Allowed<Anyone>,
    State(app): State<Arc<App>>,
    Body(body): Body<BODY_BYTES_MAX>,
) -> Result<Json<SignInToken>, Refusal> {
    let request: SignInTokenRequest = serde_json::from_slice(&body).map_err(|error| Refusal::not_the_form(&error))?;
    apart(move || redeem(&app, request)).await.map(Json)
}

fn redeem(app: &App, request: SignInTokenRequest) -> Result<SignInToken, Refusal> {
    let now = app.clock.now();
    let approved = match request {
        SignInTokenRequest::AuthorizationCode { code, verifier, redirect_uri } => {
            let found = app.store.redeem_agent_code(hash_token(&code), now)?.ok_or_else(expired)?;
            let fits = found.challenge == challenge(&verifier) && found.redirect_uri == redirect_uri;
            if !fits {
                let person = &found.approved.person;
                return Err(expired().about(person.tenant_scope()).whom(person.user()));
            }
            found.approved
        }
        SignInTokenRequest::DeviceCode { device_code } => {
            let pause = i64::try_from(POLL_SECONDS).unwrap_or(i64::MAX) * 1000;
            match app.store.poll_agent(hash_token(&device_code), pause, now)? {
                Polled::Approved(approved) => approved,
                Polled::Waiting => return Err(waiting(Reason::SignInPending, "the person has not answered yet")),
                Polled::TooSoon => return Err(waiting(Reason::RateLimited, "ask less often").retry_after(POLL_SECONDS)),
                Polled::Denied => {
                    let detail = "the person said no";
                    return Err(Refusal::new(StatusCode::FORBIDDEN, Reason::SignInDenied, detail));
                }
                Polled::Unknown => return Err(expired()),
            }
        }
    };
    issue(app, &approved)
}

fn issue(app: &App, approved: &Approved) -> Result<SignInToken, Refusal> {
    let token = random(app);
    let expires_at = app.clock.now().plus_millis(TOKEN_MILLIS);
    app.store.keep_sign_in_token(approved, hash_token(&token), expires_at)?;
    Ok(SignInToken {
        token,
        expires_in_seconds: TOKEN_MILLIS.unsigned_abs() / 1000,
        user: app.store.name_of(&approved.person)?,
    })
}

fn expired() -> Refusal {
    let detail = "the code is wrong, was used before or came too late";
    Refusal::new(StatusCode::UNAUTHORIZED, Reason::SignInExpired, detail)
}

fn waiting(reason: Reason, detail: &str) -> Refusal {
    let status = if reason == Reason::RateLimited { StatusCode::TOO_MANY_REQUESTS } else { StatusCode::CONFLICT };
    Refusal::new(status, reason, detail)
}
