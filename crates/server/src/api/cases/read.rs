//! `GET /api/v1/cases/{case}/profiles/{profile}/snapshots/{seq}`: opens a snapshot in an open case, for who asked for it.
//!
//! Each time is a row of the audit, and the person sees it (`/api/v1/openings`). The answer has settings and apps; no key, and no file, leaves.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use model::admin::CaseContent;
use model::ids::{ApprovalId, ProfileId};
use model::permission::may;

use crate::App;
use crate::access::Allowed;
use crate::api::extract::{Inside, apart};
use crate::cases::read;
use crate::problem::Refusal;

pub(crate) async fn handle(
    Allowed(view): Allowed<may::CaseOpen>,
    State(app): State<Arc<App>>,
    Inside(case, profile, seq): Inside<ApprovalId, ProfileId, u64>,
) -> Result<Json<CaseContent>, Refusal> {
    Ok(Json(apart(move || read(&app, &view, (case, profile, seq))).await?))
}
