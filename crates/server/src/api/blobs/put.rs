//! `PUT /api/v1/profiles/{profile}/blobs/{blob}`: a piece of a file, into the device's own profile. Durable when answered.
//!
//! 204: more is wanted, from `upload-offset` on. 201: all is there, and a snapshot may name it.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use model::api::{LENGTH_HEADER, OFFSET_HEADER};
use model::ids::{BlobId, ProfileId};
use model::reason::Reason;
use store::{Piece, UploadError};

use crate::App;
use crate::access::{Allowed, OwnDevice};
use crate::api::extract::{Body, Within, apart, number};
use crate::problem::Refusal;

/// The largest piece. A lost connection costs at most this much.
pub(crate) const PIECE_BYTES_MAX: usize = 4 * 1024 * 1024;

pub(crate) async fn handle(
    Allowed(scope): Allowed<OwnDevice>,
    State(app): State<Arc<App>>,
    Within(profile, blob): Within<ProfileId, BlobId>,
    headers: HeaderMap,
    Body(body): Body<PIECE_BYTES_MAX>,
) -> Result<Response, Refusal> {
    if profile != scope.profile() {
        return Err(Refusal::not_found(Reason::NotFound));
    }
    let header =
        |name| number(&headers, name).ok_or_else(|| Refusal::invalid(format!("the header {name} must be a number")));
    let (offset, length) = (header(OFFSET_HEADER)?, header(LENGTH_HEADER)?);
    app.allowed.backup(&app, &scope).await?;
    if offset == 0 && length <= store::SEALED_BYTES_MAX {
        app.room.for_file(&app, &scope, length).await?;
    }
    let upload = apart(move || {
        let piece = Piece { blob, offset, length, bytes: &body };
        app.store.put_piece(&scope, &piece, app.clock.now())
    });
    let upload = upload.await?;
    let status = if upload.complete { StatusCode::CREATED } else { StatusCode::NO_CONTENT };
    Ok((status, [(OFFSET_HEADER, upload.offset.to_string())]).into_response())
}

impl From<UploadError> for Refusal {
    fn from(error: UploadError) -> Self {
        let detail = error.to_string();
        match error {
            UploadError::WrongOffset { offset } => {
                let mut refusal = Self::new(StatusCode::CONFLICT, Reason::OffsetMismatch, detail);
                refusal.offset = Some(offset);
                refusal
            }
            UploadError::WrongLength { length } if length > store::SEALED_BYTES_MAX => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, Reason::TooLarge, detail)
            }
            UploadError::WrongLength { .. } => Self::invalid(detail),
            UploadError::Store(error) => error.into(),
        }
    }
}
