//! `HEAD /api/v1/profiles/{profile}/blobs/{blob}`: how far an upload is, in the headers `upload-offset` and `upload-length`.
//!
//! Devices ask before they send; one that is whole is compared with what was stored first, so that one that was damaged is sent again.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use model::api::{LENGTH_HEADER, OFFSET_HEADER};
use model::ids::{BlobId, ProfileId};
use model::reason::Reason;

use crate::App;
use crate::access::{Allowed, OwnDevice};
use crate::api::extract::{Within, apart};
use crate::problem::Refusal;

pub(crate) async fn handle(
    Allowed(scope): Allowed<OwnDevice>,
    State(app): State<Arc<App>>,
    Within(profile, blob): Within<ProfileId, BlobId>,
) -> Result<Response, Refusal> {
    let upload = apart(move || app.store.resume(&scope, profile, blob)).await?;
    let upload = upload.ok_or_else(|| Refusal::not_found(Reason::NotFound))?;
    let headers = [(OFFSET_HEADER, upload.offset.to_string()), (LENGTH_HEADER, upload.length.to_string())];
    Ok((StatusCode::OK, headers).into_response())
}
