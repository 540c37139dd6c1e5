//! `GET /api/v1/limits`: what the server takes. Everything here is read from where it is enforced.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use model::api::Limits;
use model::envelope::ENVELOPE_BYTES_MAX;
use model::report::REPORT_BYTES_MAX;

use crate::App;
use crate::access::{Allowed, Anyone};
use crate::api::admin::BODY_BYTES_MAX;
use crate::api::blobs::put::PIECE_BYTES_MAX;
use crate::gates::{burst, restores_burst};

pub(crate) async fn handle(_: Allowed<Anyone>, State(app): State<Arc<App>>) -> Json<Limits> {
    let bounds = &app.bounds;
    Json(Limits {
        envelope_bytes_max: ENVELOPE_BYTES_MAX as u64,
        blob_bytes_max: store::SEALED_BYTES_MAX,
        blob_piece_bytes_max: PIECE_BYTES_MAX as u64,
        report_bytes_max: REPORT_BYTES_MAX as u64,
        json_bytes_max: BODY_BYTES_MAX as u64,
        page_items_max: store::PAGE_MAX as u64,
        requests_per_minute: bounds.requests_per_minute,
        requests_burst: burst(bounds.requests_per_minute),
        admin_requests_per_minute: bounds.admin_requests_per_minute,
        enrolments_per_minute: bounds.enrolments_per_minute,
        tenant_enrolments_per_minute: bounds.tenant_enrolments_per_minute,
        backups_per_day: bounds.backups_per_day,
        restores_per_hour: bounds.restores_per_hour,
        restores_burst: restores_burst(bounds.restores_per_hour),
        profile_bytes_max: bounds.profile_bytes_max,
        tenant_bytes_max: bounds.tenant_bytes_max,
    })
}
