//! `POST /api/v1/enroll`: a sign-in, or a built-in account's password, for a device, its profile, its token and its keys.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use model::api::{EnrollRequest, Enrolled};
use model::ids::{DeviceId, ProfileId, to_hex};
use store::{Account, NewDevice};

use crate::App;
use crate::access::{Allowed, Anyone};
use crate::api::extract::{Body, Peer, Whence, apart};
use crate::identity::hash_token;
use crate::keyring::KeyringError;
use crate::login::prove::{self, Shown};
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
    let request: EnrollRequest = serde_json::from_slice(&body).map_err(|error| Refusal::invalid(error.to_string()))?;
    store::check_name(&request.device_name)?;
    let shown = match (&request.sign_in, &request.user, &request.password) {
        (Some(token), None, None) => Shown::SignIn(token),
        (None, Some(user), Some(password)) => Shown::Password(user, password),
        _ => return Err(Refusal::invalid("either `sign_in` or `user` and `password` is wanted")),
    };
    let account = prove::account(&app, shown, "", address).await?;
    let worker = Arc::clone(&app);
    let account = account.by(origin);
    let enrolled = apart(move || make_device(&worker, &account, &request.device_name)).await?;
    tracing::info!(tenant = %enrolled.tenant, user = %enrolled.user, device = %enrolled.device, "device enrolled");
    Ok((StatusCode::CREATED, Json(enrolled)))
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
