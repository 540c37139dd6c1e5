//! `GET /api/v1/reports/{report}`: what one restore did.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use model::ids::ReportId;
use model::reason::Reason;
use model::report::KeptReport;

use crate::App;
use crate::access::{Allowed, OwnDevice};
use crate::api::extract::{Profile, apart};
use crate::problem::Refusal;

pub(crate) async fn handle(
    Allowed(scope): Allowed<OwnDevice>,
    State(app): State<Arc<App>>,
    Profile(id): Profile<ReportId>,
) -> Result<Json<KeptReport>, Refusal> {
    let report = apart(move || app.store.report(&scope, id)).await?;
    report.map(Json).ok_or_else(|| Refusal::not_found(Reason::NotFound))
}
