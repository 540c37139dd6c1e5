//! `GET /api/v1/cases/{case}/snapshots`: what can be read in an open case, by who asked for it.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use model::admin::{CaseSnapshot, CaseSnapshots};
use model::ids::ApprovalId;
use model::permission::may;

use crate::App;
use crate::access::Allowed;
use crate::api::extract::{Profile, apart};
use crate::problem::Refusal;

pub(crate) async fn handle(
    Allowed(view): Allowed<may::CaseOpen>,
    State(app): State<Arc<App>>,
    Profile(id): Profile<ApprovalId>,
) -> Result<Json<CaseSnapshots>, Refusal> {
    let all = apart(move || app.store.case_snapshots(&view, id, app.clock.now())).await?;
    let snapshots = all.into_iter().map(|(device_name, snapshot)| CaseSnapshot { device_name, snapshot }).collect();
    Ok(Json(CaseSnapshots { snapshots }))
}
