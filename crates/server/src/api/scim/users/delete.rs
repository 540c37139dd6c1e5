//! `DELETE /scim/v2/Users/{id}`: takes a person away: they are switched off and keep their data, or are erased, as the tenant has decided.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use model::permission::may;
use store::{AdminError, EraseError, Left};

use crate::App;
use crate::access::Allowed;
use crate::api::scim_apart;
use crate::keyring::erasure_signer;
use crate::scim::Wrong;
use crate::scim::resource::version;

pub(crate) async fn handle(
    Allowed(view): Allowed<may::ScimWrite>,
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, Wrong> {
    let (id, version) = (super::id(&id)?, version(&headers));
    scim_apart(move || {
        let now = app.clock.now();
        if let Left::Erase(user) = app.store.scim_remove(&view, (id, version), now)? {
            let act = (now, erasure_signer(&app));
            match app.store.erase_user(view.tenant_scope(), user, act) {
                Ok(_) => {}
                // What is on hold stays, and so does the person, switched off, until it is released.
                Err(error @ EraseError::OnHold { .. }) => {
                    tracing::warn!(%user, %error, "a person who has left is not erased");
                }
                // They are switched off and marked: asking again goes on, and so does housekeeping.
                Err(EraseError::Store(error)) => {
                    tracing::error!(%user, %error, "a person who has left could not be erased");
                    return Err(retry(AdminError::from(error).into()));
                }
            }
        }
        Ok::<_, Wrong>(())
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Whatever it was, it is no mistake of the request.
fn retry(wrong: Wrong) -> Wrong {
    if wrong.status.is_server_error() { wrong } else { Wrong::of(StatusCode::INTERNAL_SERVER_ERROR, wrong.detail) }
}
