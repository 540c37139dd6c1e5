//! `POST /api/v1/role-assignments`: gives a role, within what the asker holds.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use model::admin::NewAssignment;
use model::ids::AssignmentId;
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
    Input(input): Input<NewAssignment>,
) -> Result<Response, Refusal> {
    let new = new_id(&app, &view, &headers, "role-assignments")?;
    let id = AssignmentId(new.bytes);
    let wanted = input.name.clone();
    let (terms, tags) = super::terms(input)?;
    let (made, again) = apart(move || {
        if let Some(made) = new.keyed.then(|| app.store.assignment(&view, id).ok()).flatten() {
            return Ok::<_, AdminError>((made, true));
        }
        app.store.assign(&view, (id, terms, tags), app.clock.now()).map(|made| (made, false))
    })
    .await?;
    if again {
        same_name(&made.terms.name, &wanted)?;
    }
    Ok(tagged(StatusCode::CREATED, made.version, &super::shape(made)))
}
