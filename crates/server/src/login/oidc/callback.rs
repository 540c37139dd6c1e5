//! `GET /login/callback`: a browser comes back from its provider.
//!
//! The row of the sign-in says which tenant and which provider it is; what comes with the browser never does. Each "no" here leaves one audit row
//! in that tenant.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use model::reason::Reason;
use model::world::Moment;
use store::people::{Provider, SignIn, Stage};
use store::{Origin, Person, StoreError, TenantScope};

use super::egress::{Egress, tame};
use super::known::Known;
use super::person::{Claimed, claimed};
use super::start::ANEW;
use super::strict::Object;
use super::token::{self, Expected};
use super::{OidcError, entra_directory, redirect_uri, secret};
use crate::App;
use crate::access::FRESH_MILLIS;
use crate::api::extract::apart;
use crate::identity::hash_token;
use crate::keyring::KeyringError;
use crate::login::finish::{Proven, finish};
use crate::login::posted::query_fields;
use crate::login::visitor::Visitor;
use crate::pages::Trouble;
use crate::problem::Refusal;

/// A "no" to a browser that came back.
struct No {
    reason: Reason,
    /// For the log.
    why: String,
    /// Who it was, if that much was known.
    who: Option<Person>,
}

impl No {
    fn new(reason: Reason, why: impl Into<String>) -> Self {
        Self { reason, why: why.into(), who: None }
    }

    fn status(&self) -> StatusCode {
        match self.reason {
            Reason::ProviderUnreachable => StatusCode::BAD_GATEWAY,
            Reason::SignInRefused | Reason::SignInExpired | Reason::ProviderRefused | Reason::NotAskedAnew => {
                StatusCode::UNAUTHORIZED
            }
            _ => StatusCode::FORBIDDEN,
        }
    }
}

impl From<OidcError> for No {
    fn from(error: OidcError) -> Self {
        Self::new(Reason::ProviderUnreachable, error.to_string())
    }
}

/// Refused and written down, or the store itself failed.
enum Failed {
    No(No),
    Ours(Refusal),
}

impl From<No> for Failed {
    fn from(no: No) -> Self {
        Self::No(no)
    }
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        Self::Ours(error.into())
    }
}

impl From<KeyringError> for Failed {
    fn from(error: KeyringError) -> Self {
        Self::Ours(error.into())
    }
}

pub(in crate::login) async fn handle(
    State(app): State<Arc<App>>,
    RawQuery(given): RawQuery,
    visitor: Visitor,
) -> Result<Response, Trouble> {
    let fields = query_fields(given.as_deref());
    let text = |name: &str| fields.get(name).cloned().unwrap_or_default();
    let again = "/login";
    let expired = || Trouble::new(StatusCode::UNAUTHORIZED, Reason::SignInExpired, "").again(again);
    let (state, browser) = (text("state"), visitor.browser_hash().unwrap_or_default());
    if state.is_empty() {
        return Err(expired());
    }
    let worker = Arc::clone(&app);
    let found = apart(move || worker.store.take_sign_in(hash_token(&state), browser, worker.clock.now()));
    let sign_in = found.await?.ok_or_else(expired)?;
    let came = Came {
        error: text("error"),
        code: text("code"),
        issuer: fields.get("iss").cloned(),
        base: visitor.base.clone(),
    };
    let _turn = app.outgoing.acquire().await.map_err(|_| Refusal::stopping())?;
    let tenant = sign_in.tenant.by(visitor.origin.clone());
    let (worker, about, return_to) = (Arc::clone(&app), tenant.clone(), sign_in.return_to.clone());
    let outcome = apart(move || match sign_in_with(&worker, &sign_in, (&came, &about)) {
        Ok(proven) => Ok(Ok(proven)),
        Err(Failed::Ours(refusal)) => Err(refusal),
        Err(Failed::No(no)) => {
            tracing::warn!(tenant = %about.tenant(), reason = no.reason.code(), why = %no.why, "sign-in refused");
            Ok(Err(no))
        }
    });
    match outcome.await? {
        Ok(proven) => finish(&app, &visitor, proven, &return_to).await,
        Err(no) => {
            // A provider's own words go on the page only where it is the provider that says no.
            let detail = if no.reason == Reason::ProviderRefused { no.why.clone() } else { String::new() };
            let trouble = Trouble::new(no.status(), no.reason, detail).again(again).about(&tenant);
            Err(match no.who {
                Some(person) => trouble.whom(person.user()),
                None => trouble,
            })
        }
    }
}

/// What the browser brought.
struct Came {
    error: String,
    code: String,
    issuer: Option<String>,
    base: String,
}

fn sign_in_with(app: &App, sign_in: &SignIn, (came, tenant): (&Came, &TenantScope)) -> Result<Proven, Failed> {
    let now = app.clock.now();
    if !sign_in.same_browser {
        return Err(No::new(Reason::SignInExpired, "it began in another browser").into());
    }
    let provider = app.store.provider(tenant, sign_in.provider)?;
    let provider = provider.ok_or_else(|| No::new(Reason::SignInExpired, "the provider was removed meanwhile"))?;
    let known = app.providers.known(&provider, None, now).map_err(No::from)?;
    // A provider that is not the one we sent the browser to must not answer for it (RFC 9207).
    let issuer_fits = match &came.issuer {
        Some(issuer) => *issuer == provider.settings.issuer,
        None => !known.document.says_issuer,
    };
    if !issuer_fits {
        return Err(No::new(Reason::SignInRefused, "the answer names another issuer").into());
    }
    if !came.error.is_empty() {
        return Err(No::new(Reason::ProviderRefused, format!("it says {}", tame(&came.error))).into());
    }
    if came.code.is_empty() {
        return Err(No::new(Reason::SignInRefused, "there is no code").into());
    }
    let id_token = redeem(app, &provider, &known, (sign_in, came)).map_err(No::from)?;
    let claims = believe(app, &provider, &id_token, (&sign_in.nonce, now))?;
    let claimed = claimed(&claims, &provider.settings).map_err(|reason| No::new(reason, "the claims do not let in"))?;
    if sign_in.nonce.starts_with(ANEW) {
        check_asked_anew(&claimed, now)?;
    }
    let person = person(app, &provider, &claimed, now)?;
    app.store.set_claimed_roles(&person, &provider, claimed.roles.clone())?;
    if claimed.overage {
        // They are in, without the roles that their groups would give: said in the log and in the audit, and to them by the roles on their page.
        tracing::warn!(user = %person.user(), reason = Reason::GroupOverage.code(), "groups are not known");
        app.store.note_refusals(vec![store::Refused {
            tenant: Some(tenant.clone()),
            origin: Origin::default(),
            reason: Reason::GroupOverage.code().to_owned(),
            asked: "roles by groups".to_owned(),
            whom: Some(person.user()),
            at: now,
            count: 1,
        }]);
    }
    let strong = claimed.strong;
    // A provider that knows the browser signs in without asking anybody: then it was proven when it says, and not just now.
    let auth_at = claimed.auth_at.map_or(now, |at| at.min(now));
    Ok(Proven { person, stage: Stage::Complete, strong, provider: Some((provider, claimed.session)), auth_at })
}

/// The code for an ID token.
fn redeem(
    app: &App,
    provider: &Provider,
    known: &Known,
    (sign_in, came): (&SignIn, &Came),
) -> Result<String, OidcError> {
    let egress = Egress::new(&provider.settings.issuer, provider.settings.ca_file.as_deref())?;
    let (secret, redirect) = (secret(app, provider)?, redirect_uri(&came.base));
    let client = provider.settings.client_id.as_str();
    let mut fields = vec![
        ("grant_type", "authorization_code"),
        ("code", came.code.as_str()),
        ("redirect_uri", redirect.as_str()),
        ("code_verifier", sign_in.verifier.as_str()),
    ];
    let mut basic = None;
    match &secret {
        Some(secret) if !known.document.secret_in_form => basic = Some((client, secret.as_str())),
        Some(secret) => fields.extend([("client_id", client), ("client_secret", secret.as_str())]),
        None => fields.push(("client_id", client)),
    }
    let (status, body) = egress.post(&known.document.token, &fields, basic)?;
    let answer = Object::from_slice(&body);
    if status != 200 {
        let error = answer.as_ref().and_then(|answer| answer.text("error")).map(tame).unwrap_or_default();
        return Err(OidcError::Provider(format!("the code was not taken: {status} {error}")));
    }
    let token = answer.as_ref().and_then(|answer| answer.text("id_token"));
    token.map(str::to_owned).ok_or_else(|| OidcError::Provider("there is no ID token in the answer".to_owned()))
}

/// The claims of a token that this provider has signed for this sign-in.
fn believe(app: &App, provider: &Provider, id_token: &str, (nonce, now): (&str, Moment)) -> Result<Object, Failed> {
    let refuse = |fault: token::Fault| No::new(Reason::SignInRefused, fault.0);
    let key = token::key_id(id_token).map_err(refuse)?;
    let known = app.providers.known(provider, key.as_deref(), now).map_err(No::from)?;
    let settings = &provider.settings;
    let expected = Expected {
        issuer: &settings.issuer,
        client_id: &settings.client_id,
        nonce: Some(nonce),
        directory: entra_directory(settings),
        now,
    };
    Ok(token::check(id_token, &known.keys, &expected).map_err(refuse)?)
}

/// Refuses an answer to `max_age` that does not say when the person was asked, which the provider then has to say (OpenID Connect Core 1.0, 3.1.2.1), or
/// by which that is too long ago.
fn check_asked_anew(claimed: &Claimed, now: Moment) -> Result<(), No> {
    let Some(at) = claimed.auth_at else {
        return Err(No::new(Reason::NotAskedAnew, "it was sent max_age and does not send auth_time"));
    };
    let ago = now.0.saturating_sub(at.0);
    if ago < FRESH_MILLIS + token::LEEWAY * 1000 {
        return Ok(());
    }
    Err(No::new(Reason::NotAskedAnew, format!("it was sent max_age and asked the person {} seconds ago", ago / 1000)))
}

/// The user of an identity; the first sign-in makes one, unless the operator wants to know people beforehand.
fn person(app: &App, provider: &Provider, claimed: &Claimed, now: Moment) -> Result<Person, Failed> {
    let tenant = provider.tenant_scope();
    match app.store.person_of(tenant, &claimed.identity)? {
        Some((person, false)) => Ok(person),
        Some((person, true)) => {
            Err(No { reason: Reason::PersonDisabled, why: "switched off".to_owned(), who: Some(person) }.into())
        }
        None if provider.settings.known_only => Err(No::new(Reason::PersonUnknown, "nobody has added them").into()),
        None => {
            let identity = claimed.identity.clone();
            let world = (now, &*app.random);
            Ok(app.keyring.create_person(&app.store, tenant, (&claimed.name, identity), world)?)
        }
    }
}
