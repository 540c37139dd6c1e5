//! `POST /t/{tenant}/provider-logout/{provider}`: a provider ends sessions (OpenID Connect Back-Channel Logout 1.0).

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use model::ids::ProviderId;
use model::reason::Reason;

use super::person::identity;
use super::token::{self, Expected, Fault};
use super::{OidcError, entra_directory};
use crate::App;
use crate::api::extract::{Body, Peer, apart};
use crate::login::sign_in::doors;
use crate::pages::Trouble;
use crate::problem::Refusal;

/// The largest form: one token.
const FORM_BYTES_MAX: usize = 48 * 1024;

pub(in crate::login) async fn handle(
    State(app): State<Arc<App>>,
    Path((tenant, provider)): Path<(String, String)>,
    Peer(address): Peer,
    Body(body): Body<FORM_BYTES_MAX>,
) -> Result<Response, Trouble> {
    let (scope, providers) = doors(&app, &tenant).await?;
    let id: ProviderId = provider.parse().map_err(|_| Trouble::not_found())?;
    let provider = providers.into_iter().find(|one| one.id == id).ok_or_else(Trouble::not_found)?;
    let token =
        form_urlencoded::parse(&body).find(|(name, _)| name == "logout_token").map(|(_, value)| value.into_owned());
    let _turn = app.outgoing.acquire().await.map_err(|_| Refusal::stopping())?;
    let worker = Arc::clone(&app);
    let ended = apart(move || {
        let app = worker;
        let now = app.clock.now();
        let settings = &provider.settings;
        let check = |token: String| -> Result<_, Result<Fault, OidcError>> {
            let key = token::key_id(&token).map_err(Ok)?;
            let known = app.providers.known(&provider, key.as_deref(), now).map_err(Err)?;
            let expected = Expected {
                issuer: &settings.issuer,
                client_id: &settings.client_id,
                nonce: None,
                directory: entra_directory(settings),
                now,
            };
            token::check(&token, &known.keys, &expected).map_err(Ok)
        };
        let claims = match token.ok_or(Ok(Fault("there is no token"))).and_then(check) {
            Ok(claims) => claims,
            Err(why) => {
                let why = why.map_or_else(|error| error.to_string(), |fault| fault.to_string());
                tracing::warn!(tenant = %scope.tenant(), why, "a provider's logout was refused");
                return Ok::<_, Refusal>(Some(scope));
            }
        };
        let sid = claims.text("sid").map(str::to_owned);
        app.store.close_for_provider(&provider, sid, identity(&claims, settings), now)?;
        Ok(None)
    });
    if let Some(scope) = ended.await? {
        // Only what fails counts: a provider ends many sessions at once, from one address, and each of them must end.
        app.gates.enrolment(address).map_err(|seconds| {
            let detail = "too many requests from this address";
            Refusal::new(StatusCode::TOO_MANY_REQUESTS, Reason::RateLimited, detail).retry_after(seconds)
        })?;
        return Err(Trouble::new(StatusCode::UNAUTHORIZED, Reason::SignInRefused, "").about(&scope));
    }
    let mut response = StatusCode::OK.into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
