//! `GET /t/{tenant}/login/{provider}`: sends a browser to its provider.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use model::ids::ProviderId;
use model::reason::Reason;
use ring::digest;
use store::people::{NewSignIn, Provider};

use super::{OidcError, redirect_uri};
use crate::App;
use crate::access::FRESH_MILLIS;
use crate::api::extract::apart;
use crate::identity::hash_token;
use crate::login::finish::with_cookie;
use crate::login::posted::query_fields;
use crate::login::sign_in::doors;
use crate::login::site::{query, safe_path};
use crate::login::visitor::{Visitor, random};
use crate::pages::Trouble;
use crate::problem::Refusal;

/// What a nonce begins with whose sign-in is to be one that the provider asks for anew. The nonce stands in our row and comes back in what the provider has
/// signed, so that nobody on the way can take that off.
pub(super) const ANEW: &str = "anew.";

/// For how long a browser may be at the provider, in milliseconds.
const AWAY_MILLIS: i64 = 10 * 60 * 1000;

impl From<OidcError> for Trouble {
    fn from(error: OidcError) -> Self {
        // What exactly is wrong is for the operator, not for whoever stands at the door.
        tracing::warn!(%error, "an identity provider cannot be used");
        Self::new(StatusCode::BAD_GATEWAY, Reason::ProviderUnreachable, "")
    }
}

/// The challenge of a PKCE verifier: RFC 7636, 4.2, `S256`.
pub fn challenge(verifier: &str) -> String {
    BASE64URL.encode(digest::digest(&digest::SHA256, verifier.as_bytes()))
}

pub(in crate::login) async fn handle(
    State(app): State<Arc<App>>,
    Path((tenant, provider)): Path<(String, String)>,
    RawQuery(given): RawQuery,
    mut visitor: Visitor,
) -> Result<Response, Trouble> {
    let (_, providers) = doors(&app, &tenant).await?;
    let id: ProviderId = provider.parse().map_err(|_| Trouble::not_found())?;
    let provider = providers.into_iter().find(|one| one.id == id).ok_or_else(Trouble::not_found)?;
    app.gates.enrolment(visitor.address).map_err(|seconds| {
        let detail = "too many sign-ins from this address";
        Refusal::new(StatusCode::TOO_MANY_REQUESTS, Reason::RateLimited, detail).retry_after(seconds)
    })?;
    let fields = query_fields(given.as_deref());
    let return_to = safe_path(fields.get("return_to").map_or("", String::as_str)).to_owned();
    let cookie = visitor.name_browser(&app);
    let browser_hash = visitor.browser_hash().ok_or_else(Refusal::internal)?;
    let (base, worker) = (visitor.base.clone(), Arc::clone(&app));
    let _turn = app.outgoing.acquire().await.map_err(|_| Refusal::stopping())?;
    // Whoever is signed in and comes here again is to prove it anew: a provider that only knows the browser has not asked anybody.
    let anew = visitor.session.as_ref().is_some_and(|session| !Visitor::is_fresh(session, &app));
    let address = apart(move || begin(&worker, &provider, (&base, return_to, anew), browser_hash)).await??;
    let response =
        (StatusCode::SEE_OTHER, [(header::LOCATION, address), (header::CACHE_CONTROL, "no-store".to_owned())]);
    Ok(match cookie {
        Some(cookie) => with_cookie(response.into_response(), cookie),
        None => response.into_response(),
    })
}

/// Remembers the sign-in and gives the address at the provider.
fn begin(
    app: &App,
    provider: &Provider,
    (base, return_to, anew): (&str, String, bool),
    browser_hash: [u8; 32],
) -> Result<Result<String, OidcError>, Refusal> {
    let now = app.clock.now();
    let known = match app.providers.known(provider, None, now) {
        Ok(known) => known,
        Err(error) => return Ok(Err(error)),
    };
    let (state, verifier) = (random(app), random(app));
    let nonce = if anew { format!("{ANEW}{}", random(app)) } else { random(app) };
    let mut scopes = vec!["openid"];
    let asked = &provider.settings.scopes;
    scopes.extend(asked.iter().map(String::as_str).filter(|scope| *scope != "openid"));
    if asked.is_empty() {
        scopes.push("profile");
    }
    let (redirect, scope, challenge) = (redirect_uri(base), scopes.join(" "), challenge(&verifier));
    let age = (FRESH_MILLIS / 1000).to_string();
    let mut fields = vec![
        ("response_type", "code"),
        ("client_id", provider.settings.client_id.as_str()),
        ("redirect_uri", redirect.as_str()),
        ("scope", scope.as_str()),
        ("state", state.as_str()),
        ("nonce", nonce.as_str()),
        ("code_challenge", challenge.as_str()),
        ("code_challenge_method", "S256"),
    ];
    if anew {
        fields.push(("max_age", age.as_str()));
    }
    let fields = query(&fields);
    let joint = if known.document.authorization.contains('?') { '&' } else { '?' };
    let address = format!("{}{joint}{fields}", known.document.authorization);
    let expires_at = now.plus_millis(AWAY_MILLIS);
    let new = NewSignIn { state_hash: hash_token(&state), browser_hash, nonce, verifier, return_to, expires_at };
    app.store.begin_sign_in(provider, new)?;
    Ok(Ok(address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vector_of_rfc_7636() {
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        assert_eq!(challenge(verifier), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }
}
