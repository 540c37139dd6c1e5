//! `PUT /scim/v2/Groups/{id}`: puts a group in place of what was said of it.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use model::permission::may;

use crate::App;
use crate::access::Allowed;
use crate::api::scim_apart;
use crate::scim::Wrong;
use crate::scim::resource::{Input, group, one, to_group, version};

pub(crate) async fn handle(
    Allowed(view): Allowed<may::ScimWrite>,
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    Input(input): Input,
) -> Result<Response, Wrong> {
    let (id, version) = (super::id(&id)?, version(&headers));
    let changed = scim_apart(move || {
        super::head(&app.store, &view, id)?;
        let wanted = input;
        let change = super::change(to_group(&wanted)?);
        app.store.change_group(&view, (id, version, true), change, app.clock.now()).map_err(super::wrong)?;
        Ok::<_, Wrong>(super::read(&app.store, &view, id)?)
    });
    let (changed, members) = changed.await?;
    Ok(one(StatusCode::OK, &headers, &group(&changed, Some(&members))))
}
