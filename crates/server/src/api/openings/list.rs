//! `GET /api/v1/openings`: who has opened the content of this PC's person, when, why, and what of it; and which profiles were moved to or from them.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use model::api::Openings;

use crate::App;
use crate::access::{Allowed, OwnDevice};
use crate::api::extract::apart;
use crate::cases::openings;
use crate::problem::Refusal;

pub(crate) async fn handle(
    Allowed(scope): Allowed<OwnDevice>,
    State(app): State<Arc<App>>,
) -> Result<Json<Openings>, Refusal> {
    let found = apart(move || {
        let opened = app.store.openings(&scope, app.clock.now())?;
        Ok::<_, store::StoreError>((opened, app.store.moves(&scope)?))
    });
    Ok(Json(openings(found.await?)))
}
