//! `GET /api/v1/reports`: what restores on the person's PCs did, newest first.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use model::report::Reports;

use crate::App;
use crate::api::extract::{Caller, apart};
use crate::problem::Refusal;

pub(crate) async fn handle(State(app): State<Arc<App>>, Caller(scope): Caller) -> Result<Json<Reports>, Refusal> {
    let reports = apart(move || app.store.reports(&scope)).await?;
    Ok(Json(Reports { reports }))
}
