//! `GET /api/v1/capabilities`: what this server can do, by stable words, so that newer agents can do without.

use axum::Json;
use serde::Serialize;

use crate::access::{Allowed, Anyone};

/// The answer.
#[derive(Serialize)]
pub(crate) struct Capabilities {
    capabilities: &'static [&'static str],
}

pub(crate) async fn handle(_: Allowed<Anyone>) -> Json<Capabilities> {
    Json(Capabilities {
        capabilities: &["accounts", "blobs.resume", "pins", "receipts.ed25519", "rehearsals", "reports"],
    })
}
