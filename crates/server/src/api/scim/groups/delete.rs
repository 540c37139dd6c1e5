//! `DELETE /scim/v2/Groups/{id}`: deletes a group that no role assignment names.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use model::permission::may;

use crate::App;
use crate::access::Allowed;
use crate::api::scim_apart;
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
        super::head(&app.store, &view, id)?;
        Ok::<_, Wrong>(app.store.delete_group(&view, (id, version, true), app.clock.now())?)
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}
