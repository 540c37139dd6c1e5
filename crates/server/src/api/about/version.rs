//! `GET /version`: which program this is.

use axum::Json;
use model::api::Version;
use model::envelope::FORMAT;

use crate::access::{Allowed, Anyone};

pub(crate) async fn handle(_: Allowed<Anyone>) -> Json<Version> {
    Json(Version {
        name: "rehome-server".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        api: vec![1],
        formats: vec![FORMAT],
    })
}
