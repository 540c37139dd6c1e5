//! `GET /scim/v2/Users/{id}`: one person.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use model::permission::may;

use crate::App;
use crate::access::Allowed;
use crate::api::scim_apart;
use crate::scim::Wrong;
use crate::scim::resource::{Asked, one, user};

pub(crate) async fn handle(
    Allowed(view): Allowed<may::ScimWrite>,
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    asked: Asked,
    headers: HeaderMap,
) -> Result<Response, Wrong> {
    let id = super::id(&id)?;
    let found = scim_apart(move || app.store.scim_user(&view, id).map_err(Wrong::from)).await?;
    let resource = user(&found);
    let mut shown = asked.project(resource.clone());
    // The version is in the header whatever is asked for.
    shown["meta"] = resource["meta"].clone();
    Ok(one(StatusCode::OK, &headers, &shown))
}
