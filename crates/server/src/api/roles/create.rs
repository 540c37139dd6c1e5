//! `POST /api/v1/roles`: makes a role of permissions that the asker holds.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use model::admin::NewRole;
use model::ids::RoleId;
use model::permission::may;
use store::AdminError;

use crate::App;
use crate::access::Allowed;
use crate::api::admin::{Input, new_id, same_name, tagged};
use crate::api::extract::apart;
use crate::problem::Refusal;

pub(crate) async fn handle(
    Allowed(view): Allowed<may::RoleWrite>,
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Input(input): Input<NewRole>,
) -> Result<Response, Refusal> {
    let new = new_id(&app, &view, &headers, "roles")?;
    let id = RoleId(new.bytes);
    let wanted = input.name.clone();
    let permissions = input.permissions.into_iter().collect();
    let role = store::NewRole { id, name: input.name, permissions, tags: input.scope_tags };
    let (made, again) = apart(move || {
        if let Some(made) = new.keyed.then(|| app.store.role(&view, id).ok()).flatten() {
            return Ok::<_, AdminError>((made, true));
        }
        app.store.create_role(&view, role, app.clock.now()).map(|made| (made, false))
    })
    .await?;
    if again {
        same_name(&made.name, &wanted)?;
    }
    Ok(tagged(StatusCode::CREATED, made.version, &super::shape(made)))
}
