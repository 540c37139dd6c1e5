//! `POST /scim/v2/Groups`: makes a group that the provider manages.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use model::ids::GroupId;
use model::permission::may;
use store::{NewGroup, Source};

use crate::App;
use crate::access::Allowed;
use crate::api::admin::random_id;
use crate::api::scim_apart;
use crate::scim::Wrong;
use crate::scim::resource::{Input, group, one, to_group};

pub(crate) async fn handle(
    Allowed(view): Allowed<may::ScimWrite>,
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Input(input): Input,
) -> Result<Response, Wrong> {
    let (name, external_id, members) = to_group(&input)?;
    let made = scim_apart(move || {
        let id = GroupId(random_id(&app));
        let new = NewGroup { source: Source::Provider, external_id, ..NewGroup::people(id, &name, members) };
        app.store.create_group(&view, new, app.clock.now()).map_err(super::wrong)?;
        Ok::<_, Wrong>(super::read(&app.store, &view, id)?)
    });
    let (made, members) = made.await?;
    Ok(one(StatusCode::CREATED, &headers, &group(&made, Some(&members))))
}
