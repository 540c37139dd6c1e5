//! `GET /api/v1/limits`: what the server takes.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use model::api::Limits;
use model::envelope::ENVELOPE_BYTES_MAX;

use crate::App;
use crate::access::{Allowed, Anyone};
use crate::api::blobs::put::PIECE_BYTES_MAX;

pub(crate) async fn handle(_: Allowed<Anyone>, State(app): State<Arc<App>>) -> Json<Limits> {
    Json(Limits {
        envelope_bytes_max: ENVELOPE_BYTES_MAX as u64,
        blob_bytes_max: store::SEALED_BYTES_MAX,
        blob_piece_bytes_max: PIECE_BYTES_MAX as u64,
        requests_per_minute: app.requests_per_minute,
    })
}
