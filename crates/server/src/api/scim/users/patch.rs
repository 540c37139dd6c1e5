//! `PATCH /scim/v2/Users/{id}`: changes a person.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use model::permission::may;

use crate::App;
use crate::access::Allowed;
use crate::api::scim::anew;
use crate::api::scim_apart;
use crate::scim::resource::{Input, one, to_write, user, version};
use crate::scim::{Kind, Wrong, patch};

pub(crate) async fn handle(
    Allowed(view): Allowed<may::ScimWrite>,
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    Input(input): Input,
) -> Result<Response, Wrong> {
    let (id, version) = (super::id(&id)?, version(&headers));
    let changed = scim_apart(move || {
        anew(version, || {
            let before = app.store.scim_user(&view, id)?;
            let write = to_write(&patch::apply(Kind::User, &user(&before), &input)?)?;
            let of = version.or(Some(before.version));
            Ok::<_, Wrong>(app.store.scim_replace(&view, (id, of), write, app.clock.now())?)
        })
    });
    Ok(one(StatusCode::OK, &headers, &user(&changed.await?)))
}
