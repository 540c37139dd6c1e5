//! `GET /api/v1/profiles/{profile}/keys`: what opens a profile, for the person themself. Leaves an audit row.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use model::ids::ProfileId;
use model::reason::Reason;

use crate::App;
use crate::access::{Allowed, OwnDevice};
use crate::api::extract::{Profile, apart};
use crate::problem::Refusal;

pub(crate) async fn handle(
    Allowed(scope): Allowed<OwnDevice>,
    State(app): State<Arc<App>>,
    Profile(profile): Profile<ProfileId>,
) -> Result<Response, Refusal> {
    let keys = apart(move || {
        let keys = app.keyring.profile_keys(&app.store, &scope, profile)?;
        if keys.is_some() {
            app.store.note_keys_read(&scope, profile, app.clock.now())?;
        }
        Ok::<_, Refusal>(keys)
    });
    let keys = keys.await?.ok_or_else(|| Refusal::not_found(Reason::NotFound))?;
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(keys)).into_response())
}
