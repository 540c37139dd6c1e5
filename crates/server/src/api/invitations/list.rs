//! `GET /api/v1/invitations`: the invitations for people whom the asker reaches, newest first.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use model::admin::{Invitation, Listing};
use model::permission::may;

use crate::App;
use crate::access::Allowed;
use crate::api::extract::apart;
use crate::problem::Refusal;

pub(crate) async fn handle(
    Allowed(view): Allowed<may::ProfileReceive>,
    State(app): State<Arc<App>>,
) -> Result<Json<Listing<Invitation>>, Refusal> {
    let now = app.clock.now();
    let all = apart(move || app.store.invitations(&view)).await?;
    Ok(Json(Listing { items: all.into_iter().map(|found| super::shape(found, now)).collect(), next_cursor: None }))
}
