//! `GET /api/v1/reports`: what restores on the person's PCs did, newest first.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use model::report::Reports;

use crate::App;
use crate::access::{Allowed, OwnDevice};
use crate::api::extract::apart;
use crate::problem::Refusal;

pub(crate) async fn handle(
    Allowed(scope): Allowed<OwnDevice>,
    State(app): State<Arc<App>>,
) -> Result<Json<Reports>, Refusal> {
    let reports = apart(move || app.store.reports(&scope)).await?;
    Ok(Json(Reports { reports }))
}
