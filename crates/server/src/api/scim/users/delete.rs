//! `DELETE /scim/v2/Users/{id}`: takes a person away: they are switched off and keep their data, or are erased, as the tenant has decided.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use model::permission::may;
use store::Left;

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
            // What is on hold stays, and so does the person, switched off; an admin erases them when it is released.
            if let Err(error) = app.store.erase_user(view.tenant_scope(), user, act) {
                tracing::warn!(%user, %error, "a person who has left is not erased");
            }
        }
        Ok::<_, Wrong>(())
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}
