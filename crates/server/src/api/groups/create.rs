//! `POST /api/v1/groups`: makes a group.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use model::admin::NewGroup;
use model::ids::GroupId;
use model::permission::may;
use store::{AdminError, Source};

use crate::App;
use crate::access::Allowed;
use crate::api::admin::{Input, new_id, same_name, tagged};
use crate::api::extract::apart;
use crate::problem::Refusal;

pub(crate) async fn handle(
    Allowed(view): Allowed<may::GroupWrite>,
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Input(input): Input<NewGroup>,
) -> Result<Response, Refusal> {
    let new = new_id(&app, &view, &headers, "groups")?;
    let id = GroupId(new.bytes);
    let wanted = input.name.clone();
    let group = store::NewGroup {
        id,
        name: input.name,
        description: input.description,
        of: input.of,
        source: Source::Admins,
        external_id: None,
        rule: input.rule,
        members: input.members,
        devices: input.devices,
        tags: input.scope_tags,
    };
    let (made, again) = apart(move || {
        if let Some(made) = new.keyed.then(|| app.store.group(&view, id).ok().map(|(group, _)| group)).flatten() {
            return Ok::<_, AdminError>((made, true));
        }
        app.store.create_group(&view, group, app.clock.now()).map(|made| (made, false))
    })
    .await?;
    if again {
        same_name(&made.name, &wanted)?;
    }
    Ok(tagged(StatusCode::CREATED, made.version, &super::shape(made)))
}
