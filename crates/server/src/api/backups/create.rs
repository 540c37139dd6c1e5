//! `POST /api/v1/backups`: an envelope in, a receipt out. 201 the first time, 200 with the same receipt each further time.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use model::api::RECEIPT_TYPE;
use model::envelope::{ENVELOPE_BYTES_MAX, Envelope};
use model::reason::Reason;
use store::CommitError;

use crate::App;
use crate::api::extract::{Body, Caller};
use crate::problem::Refusal;

pub(crate) async fn handle(
    State(app): State<Arc<App>>,
    Caller(scope): Caller,
    Body(body): Body<ENVELOPE_BYTES_MAX>,
) -> Result<Response, Refusal> {
    let (answer, committed) = tokio::sync::oneshot::channel();
    {
        let envelope = Envelope::parse(&body)
            .map_err(|error| Refusal::new(StatusCode::BAD_REQUEST, error.reason(), error.to_string()))?;
        let sign = |receipt: &_| app.keyring.sign(receipt);
        // Whoever has hung up gets no answer; the snapshot is kept all the same, and the repetition gives its receipt.
        let done = move |result| drop(answer.send(result));
        app.store.commit_then(&scope, &envelope, (app.clock.now(), &sign), done);
    }
    drop(body);
    let committed = committed.await.map_err(|_| Refusal::stopping())??;
    let status = if committed.new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, [(header::CONTENT_TYPE, RECEIPT_TYPE)], committed.receipt).into_response())
}

impl From<CommitError> for Refusal {
    fn from(error: CommitError) -> Self {
        let detail = error.to_string();
        match error {
            CommitError::NotTheSenders(_) => Self::not_found(Reason::NotFound),
            CommitError::Malformed(_) => Self::invalid(detail),
            CommitError::Revoked => Self::new(StatusCode::UNAUTHORIZED, Reason::Revoked, detail),
            CommitError::OutOfOrder { latest_seq, .. } => {
                let mut refusal = Self::new(StatusCode::CONFLICT, Reason::OutOfOrder, detail);
                refusal.problem.latest_seq = Some(latest_seq);
                refusal
            }
            CommitError::PartsMissing(parts) => {
                let mut refusal = Self::new(StatusCode::CONFLICT, Reason::PartsMissing, detail);
                refusal.problem.missing_parts = parts;
                refusal
            }
            CommitError::BlobsMissing(blobs) => {
                let mut refusal = Self::new(StatusCode::CONFLICT, Reason::BlobsMissing, detail);
                refusal.problem.missing_blobs = blobs;
                refusal
            }
            CommitError::Store(error) => error.into(),
        }
    }
}
