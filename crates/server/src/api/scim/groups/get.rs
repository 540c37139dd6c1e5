//! `GET /scim/v2/Groups/{id}`: one group.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use model::permission::may;

use crate::App;
use crate::access::Allowed;
use crate::api::scim_apart;
use crate::scim::Wrong;
use crate::scim::resource::{Asked, group, one};

pub(crate) async fn handle(
    Allowed(view): Allowed<may::ScimWrite>,
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    asked: Asked,
    headers: HeaderMap,
) -> Result<Response, Wrong> {
    let id = super::id(&id)?;
    let wants_members = asked.wants("members");
    let found = scim_apart(move || {
        if wants_members {
            let (found, members) = super::read(&app.store, &view, id)?;
            return Ok::<_, Wrong>((found, Some(members)));
        }
        Ok((super::head(&app.store, &view, id)?, None))
    });
    let (found, members) = found.await?;
    let resource = group(&found, members.as_deref());
    let mut shown = asked.project(resource.clone());
    shown["meta"] = resource["meta"].clone();
    Ok(one(StatusCode::OK, &headers, &shown))
}
