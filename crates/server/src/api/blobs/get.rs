//! `GET /api/v1/profiles/{profile}/blobs/{blob}`: a complete file, or the rest of it from `Range: bytes=N-` on.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
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
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let upload = app.store.upload(&scope, profile, blob)?.filter(|upload| upload.complete);
    let length = upload.ok_or_else(|| Refusal::not_found(Reason::NotFound))?.length;
    // A range that we do not understand is ignored, as RFC 9110 14.2 has it.
    let from = rest_from(&headers).filter(|from| *from < length).unwrap_or(0);
    let len = usize::try_from(length - from).unwrap_or(usize::MAX);
    let bytes = apart(move || app.store.read_blob(&scope, (profile, blob), from, len)).await?;
    let bytes = bytes.ok_or_else(|| Refusal::not_found(Reason::NotFound))?;
    let mut response = Body::from(bytes).into_response();
    if from > 0 {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        let range = format!("bytes {from}-{}/{length}", length - 1);
        response.headers_mut().insert(header::CONTENT_RANGE, range.parse().expect("digits fit a header"));
    }
    Ok(response)
}

fn rest_from(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::RANGE)?.to_str().ok()?.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()
}
