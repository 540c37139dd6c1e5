//! `POST /api/v1/enroll`: a PC's key and its user's proof for a device, its profile and its keys.
//!
//! The request is signed with the key that it brings. Who the user is comes from a password, a sign-in, or a token bound to somebody. A token
//! alone lets a PC wait for its user, and one that wants approval lets it wait for an administrator; a PC that waits has access to nothing.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use model::api::{EnrollRequest, Enrolled};
use model::device::KeyLevel;
use model::ids::{DeviceId, ProfileId, from_hex, to_hex};
use model::reason::Reason;
use seal::device_key::{self, PUBLIC_KEY_LEN};
use store::{Account, EnrollError, FoundToken, NewDevice, NewDeviceKey, Origin, TenantScope};

use crate::access::{Allowed, Anyone};
use crate::api::extract::{Body, Unproven, apart};
use crate::app::App;
use crate::enrolment_token;
use crate::keyring::KeyringError;
use crate::keyring::provider::ProviderError;
use crate::login::prove::{self, Shown};
use crate::problem::Refusal;

/// The largest request: names, a key and a token of a sign-in, generously.
const BODY_BYTES_MAX: usize = 16 * 1024;

impl From<KeyringError> for Refusal {
    fn from(error: KeyringError) -> Self {
        match error {
            KeyringError::Store(error) => error.into(),
            KeyringError::Provider(ProviderError::Silent { .. }) => {
                let detail = "the place where the organisation's keys are does not answer";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, Reason::KeysUnavailable, detail).retry_after(30)
            }
            other => {
                tracing::error!(error = %other, "a key is not there");
                Self::internal()
            }
        }
    }
}

impl From<EnrollError> for Refusal {
    fn from(error: EnrollError) -> Self {
        let detail = error.to_string();
        match error {
            EnrollError::OtherMachine => Self::new(StatusCode::CONFLICT, Reason::OtherMachine, detail),
            EnrollError::KeyInUse => Self::new(StatusCode::CONFLICT, Reason::Revoked, detail),
            EnrollError::TokenRefused => token_refused(),
            EnrollError::PersonDisabled => Self::new(StatusCode::FORBIDDEN, Reason::PersonDisabled, detail),
            EnrollError::Store(error) => error.into(),
        }
    }
}

fn token_refused() -> Refusal {
    Refusal::new(StatusCode::UNAUTHORIZED, Reason::TokenRefused, EnrollError::TokenRefused.to_string())
}

pub(crate) async fn handle(
    _: Allowed<Anyone>,
    State(app): State<Arc<App>>,
    Unproven { parts, address, origin }: Unproven,
    Body(body): Body<BODY_BYTES_MAX>,
) -> Result<(StatusCode, Json<Enrolled>), Refusal> {
    let request: EnrollRequest = serde_json::from_slice(&body).map_err(|error| Refusal::not_the_form(&error))?;
    store::check_name(&request.device_name)?;
    let public: [u8; PUBLIC_KEY_LEN] = from_hex(&request.public_key)
        .ok_or_else(|| Refusal::invalid("`public_key` is not an uncompressed point of 130 digits"))?;
    let machine = match request.machine.as_deref().map(from_hex::<32>) {
        Some(None) => return Err(Refusal::invalid("`machine` is not 64 digits")),
        Some(machine) => machine,
        None => None,
    };
    let print = app.devices.holds(&parts, &public)?;
    let key = NewDeviceKey { print, public, level: request.key_level };
    let user = match (&request.sign_in, &request.user, &request.password) {
        (Some(token), None, None) => Some(Shown::SignIn(token)),
        (None, Some(user), Some(password)) => Some(Shown::Password(user, password)),
        (None, None, None) => None,
        _ => return Err(Refusal::invalid("either `sign_in` or `user` and `password` is wanted")),
    };
    // Before a password is looked at: a token that is none costs its address a try.
    if request.token.is_some() {
        app.gates.enrolment(address).map_err(|seconds| {
            let detail = "too many tries from this address";
            Refusal::new(StatusCode::TOO_MANY_REQUESTS, Reason::RateLimited, detail).retry_after(seconds)
        })?;
    }
    let user = match user {
        Some(shown) => Some(prove::account(&app, shown, &device_key::thumbprint(&public), address).await?),
        None => None,
    };
    let worker = Arc::clone(&app);
    let enrolled = apart(move || enroll(&worker, &request, (key, machine), (user, origin))).await?;
    tracing::info!(tenant = %enrolled.tenant, user = %enrolled.user, device = %enrolled.device, "device enrolled");
    Ok((StatusCode::CREATED, Json(enrolled)))
}

fn enroll(
    app: &App,
    request: &EnrollRequest,
    (key, machine): (NewDeviceKey, Option<[u8; 32]>),
    (user, origin): (Option<Account>, Origin),
) -> Result<Enrolled, Refusal> {
    let token = request.token.as_deref().map(|token| find_token(app, token, &key)).transpose()?;
    if let (Some(user), Some(token)) = (&user, &token)
        && (user.tenant() != token.tenant().tenant()
            || token.user.as_ref().is_some_and(|bound| bound.user != user.user))
    {
        // A token of another tenant or person is no token for this one.
        return Err(token_refused());
    }
    let account = user.or_else(|| token.as_ref().and_then(|token| token.user.clone()));
    may_come_in(app, (request, &key), (token.as_ref(), account.as_ref()))?;
    let Some(account) = account else {
        let detail = "a password, a sign-in or an enrollment token is wanted";
        return Err(Refusal::new(StatusCode::UNAUTHORIZED, Reason::WrongCredentials, detail));
    };
    strong_enough(app, account.tenant_scope(), key.level)?;
    app.gates.enrolment_into(account.tenant()).map_err(|seconds| {
        let most = app.bounds.tenant_enrolments_per_minute;
        Refusal::limited(format!("more than {most} enrollments a minute in this organisation"), seconds)
    })?;
    make_device(app, &account.by(origin), (&request.device_name, key, machine), token.as_ref())
}

/// Lets a key through that is kept as well as the organisation wants it, as far as the PC says the truth about it.
pub(crate) fn strong_enough(app: &App, tenant: &TenantScope, level: KeyLevel) -> Result<(), Refusal> {
    let least = app.store.least_key_level(tenant)?;
    if level >= least {
        return Ok(());
    }
    let detail = format!("the key is kept as `{level}`, and `{least}` or better is wanted");
    Err(Refusal::new(StatusCode::FORBIDDEN, Reason::KeyTooWeak, detail))
}

fn find_token(app: &App, token: &str, key: &NewDeviceKey) -> Result<FoundToken, Refusal> {
    let hash = enrolment_token::hash(token).ok_or_else(token_refused)?;
    app.store.find_token(&hash, key.print, app.clock.now())?.ok_or_else(token_refused)
}

/// Lets a PC wait that has no user yet or wants an administrator's yes, and refuses it for now.
fn may_come_in(
    app: &App,
    (request, key): (&EnrollRequest, &NewDeviceKey),
    (token, account): (Option<&FoundToken>, Option<&Account>),
) -> Result<(), Refusal> {
    let approved = match (token, account) {
        (Some(token), account) if token.approval || account.is_none() => {
            app.store.wait(token, (key.print, &request.device_name), app.clock.now())?
        }
        // Without the token, but let in by one before: what it wanted still counts.
        (None, Some(account)) => app.store.waiting(account.tenant_scope(), key.print)?.unwrap_or(true),
        _ => true,
    };
    let waits = |reason, detail| Err(Refusal::new(StatusCode::FORBIDDEN, reason, detail));
    match account {
        None if token.is_some() => waits(Reason::AwaitsUser, "the PC is known and has no user yet"),
        _ if !approved => waits(Reason::AwaitsApproval, "the PC is known and not approved yet"),
        _ => Ok(()),
    }
}

fn make_device(
    app: &App,
    account: &Account,
    (name, device_key, machine): (&str, NewDeviceKey, Option<[u8; 32]>),
    token: Option<&FoundToken>,
) -> Result<Enrolled, Refusal> {
    let (mut device, mut profile) = ([0; DeviceId::LEN], [0; ProfileId::LEN]);
    app.random.fill(&mut device);
    app.random.fill(&mut profile);
    let (device, profile) = (DeviceId(device), ProfileId(profile));
    let (key, _) = app.keyring.new_profile(&app.store, account, profile, &*app.random)?;
    let new = NewDevice { id: device, name: name.to_owned(), device_key, machine, profile, key };
    let scope = app.store.enroll(account, new, token, app.clock.now())?;
    // The PC may be one that was here before, with keys of its own.
    let keys = app.keyring.profile_keys(&app.store, &scope, scope.profile())?.ok_or_else(Refusal::internal)?;
    Ok(Enrolled {
        tenant: scope.tenant(),
        tenant_name: account.tenant_name.clone(),
        user: scope.user(),
        user_name: account.name.clone(),
        device: scope.device(),
        profile: scope.profile(),
        receipt_key: to_hex(&app.keyring.receipt_key()),
        keys,
    })
}
