//! `POST /api/v1/enroll`: a built-in account's password for a device, its profile, its token and its keys.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use model::api::{EnrollRequest, Enrolled};
use model::ids::{DeviceId, ProfileId, to_hex};
use model::reason::Reason;
use store::{Account, NewDevice, Origin};

use crate::access::{Allowed, Anyone};
use crate::api::extract::{Body, Peer, Whence, apart};
use crate::app::{App, DEFAULT_TENANT};
use crate::identity::hash_token;
use crate::keyring::KeyringError;
use crate::password;
use crate::problem::Refusal;

/// The largest request: two names and a password, generously.
const BODY_BYTES_MAX: usize = 8 * 1024;

impl From<KeyringError> for Refusal {
    fn from(error: KeyringError) -> Self {
        match error {
            KeyringError::Store(error) => error.into(),
            other => {
                tracing::error!(error = %other, "a key is not there");
                Self::internal()
            }
        }
    }
}

pub(crate) async fn handle(
    _: Allowed<Anyone>,
    State(app): State<Arc<App>>,
    Peer(address): Peer,
    Whence(origin): Whence,
    Body(body): Body<BODY_BYTES_MAX>,
) -> Result<(StatusCode, Json<Enrolled>), Refusal> {
    app.gates.enrolment(address).map_err(|seconds| {
        let detail = "too many tries from this address";
        Refusal::new(StatusCode::TOO_MANY_REQUESTS, Reason::RateLimited, detail).retry_after(seconds)
    })?;
    let request: EnrollRequest = serde_json::from_slice(&body).map_err(|error| Refusal::invalid(error.to_string()))?;
    store::check_name(&request.device_name)?;
    let _turn = app.passwords.acquire().await.map_err(|_| Refusal::stopping())?;
    let worker = Arc::clone(&app);
    let enrolled = apart(move || enroll(&worker, &request, origin)).await?;
    tracing::info!(tenant = %enrolled.tenant, user = %enrolled.user, device = %enrolled.device, "device enrolled");
    Ok((StatusCode::CREATED, Json(enrolled)))
}

/// Looks the password up and makes the device. Takes the time of one password hash, whether the account exists or not.
fn enroll(app: &App, request: &EnrollRequest, origin: Origin) -> Result<Enrolled, Refusal> {
    let (tenant, user) = request.user.split_once('/').unwrap_or((DEFAULT_TENANT, &request.user));
    let account = app.store.account(tenant, user)?;
    let hash = account.as_ref().map_or("", |account| account.password.as_str());
    let right = password::matches(&request.password, hash);
    let Some(account) = account.as_ref().filter(|_| right) else {
        let detail = "no account has this name and password";
        let refusal = Refusal::new(StatusCode::UNAUTHORIZED, Reason::WrongCredentials, detail);
        return Err(match &account {
            Some(account) => refusal.about(account.tenant_scope()).whom(account.user),
            None => match app.store.operator(tenant)? {
                Some(tenant) => refusal.about(&tenant),
                None => refusal,
            },
        });
    };
    make_device(app, &account.clone().by(origin), &request.device_name)
}

fn make_device(app: &App, account: &Account, name: &str) -> Result<Enrolled, Refusal> {
    let (mut device, mut profile, mut token) = ([0; DeviceId::LEN], [0; ProfileId::LEN], [0; 32]);
    app.random.fill(&mut device);
    app.random.fill(&mut profile);
    app.random.fill(&mut token);
    let (device, profile, token) = (DeviceId(device), ProfileId(profile), to_hex(&token));
    let (key, keys) = app.keyring.new_profile(&app.store, account, profile, &*app.random)?;
    let new = NewDevice { id: device, name: name.to_owned(), token_hash: hash_token(&token), profile, key };
    app.store.enroll(account, new, app.clock.now())?;
    Ok(Enrolled {
        tenant: account.tenant(),
        tenant_name: account.tenant_name.clone(),
        user: account.user,
        device,
        profile,
        token,
        receipt_key: to_hex(&app.keyring.receipt_key()),
        keys,
    })
}
