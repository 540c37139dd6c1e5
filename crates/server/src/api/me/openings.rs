//! `GET /api/v1/me/openings`: the same as `/api/v1/openings` for a person who has signed in.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use model::api::Openings;

use crate::App;
use crate::access::{Allowed, SignedIn};
use crate::api::extract::apart;
use crate::cases::openings;
use crate::problem::Refusal;

pub(crate) async fn handle(
    Allowed((person, _)): Allowed<SignedIn>,
    State(app): State<Arc<App>>,
) -> Result<Json<Openings>, Refusal> {
    let found = apart(move || {
        let opened = app.store.openings_of(&person, app.clock.now())?;
        Ok::<_, store::StoreError>((opened, app.store.moves_of(&person)?))
    });
    Ok(Json(openings(found.await?)))
}
