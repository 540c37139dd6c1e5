//! `POST /api/v1/scope-tags`: makes a scope tag. Takes somebody who sees all tags.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use model::admin::NewTag;
use model::ids::TagId;
use model::permission::may;
use store::AdminError;

use crate::App;
use crate::access::Allowed;
use crate::api::admin::{Input, new_id, same_name, tagged};
use crate::api::extract::apart;
use crate::problem::Refusal;

pub(crate) async fn handle(
    Allowed(view): Allowed<may::TagWrite>,
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Input(input): Input<NewTag>,
) -> Result<Response, Refusal> {
    let new = new_id(&app, &view, &headers, "scope-tags")?;
    let id = TagId(new.bytes);
    let wanted = input.name.clone();
    let (made, again) = apart(move || {
        if let Some(made) = new.keyed.then(|| app.store.tag(&view, id).ok()).flatten() {
            return Ok::<_, AdminError>((made, true));
        }
        app.store.create_tag(&view, (id, input.name), app.clock.now()).map(|made| (made, false))
    })
    .await?;
    if again {
        same_name(&made.name, &wanted)?;
    }
    Ok(tagged(StatusCode::CREATED, made.version, &super::shape(made)))
}
