//! `POST /api/v1/backups`: an envelope in, a receipt out. 201 the first time, 200 with the same receipt each further time.
//!
//! An envelope may come as a delta to a header that is stored ([`model::envelope::delta`]); what that gives is treated as if it had come whole.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use model::api::{ENVELOPE_DELTA_TYPE, LAST_HEADER, RECEIPT_TYPE};
use model::envelope::delta::Delta;
use model::envelope::{ENVELOPE_BYTES_MAX, Envelope};
use model::reason::Reason;
use store::{CommitError, Scope, Sign};

use crate::App;
use crate::access::{Allowed, OwnDevice};
use crate::api::extract::{Body, apart, number};
use crate::problem::Refusal;

pub(crate) async fn handle(
    Allowed(scope): Allowed<OwnDevice>,
    State(app): State<Arc<App>>,
    said: Said,
    Body(body): Body<ENVELOPE_BYTES_MAX>,
) -> Result<Response, Refusal> {
    app.allowed.backup(&app, &scope).await?;
    let (body, base) = if said.is_delta {
        let (body, base) = whole(&app, &scope, body).await?;
        (body, Some(base))
    } else {
        (body, said.last)
    };
    let (answer, committed) = tokio::sync::oneshot::channel();
    let len = body.len() as u64;
    app.room.for_backup(&app, &scope, len).await?;
    let seq;
    {
        let envelope = Envelope::parse(&body)
            .map_err(|error| Refusal::new(StatusCode::BAD_REQUEST, error.reason(), error.to_string()))?;
        seq = envelope.header.seq;
        may_be_new(&app, &scope, seq)?;
        let sign: Sign = {
            let app = Arc::clone(&app);
            Arc::new(move |receipts: &_| app.keyring.sign(receipts))
        };
        // Whoever has hung up gets no answer; the snapshot is kept all the same, and the repetition gives its receipt.
        let done = move |result| drop(answer.send(result));
        app.store.commit_then(&scope, (&body, &envelope, base), (app.clock.now(), sign), done);
    }
    drop(body);
    let committed = committed.await.map_err(|_| Refusal::stopping())?;
    if matches!(committed, Err(CommitError::Forked)) {
        tracing::warn!(device = %scope.device(), "two PCs back up as one device; it reads only from now on");
        let (app, scope, at) = (Arc::clone(&app), scope.clone(), app.clock.now());
        apart(move || app.store.mark_forked(&scope, at)).await?;
    }
    let committed = committed?;
    if committed.new {
        app.gates.backed_up(scope.device(), seq);
        app.room.took(scope.tenant(), len);
    }
    let status = if committed.new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, [(header::CONTENT_TYPE, RECEIPT_TYPE)], committed.receipt).into_response())
}

/// What the request's fields say of its body. To be handed all of them would copy each.
pub(crate) struct Said {
    is_delta: bool,
    /// The number of the newest backup that the sender knows of.
    last: Option<u64>,
}

impl FromRequestParts<Arc<App>> for Said {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<App>) -> Result<Self, Refusal> {
        let kind = parts.headers.get(header::CONTENT_TYPE);
        let is_delta = kind.is_some_and(|kind| kind == ENVELOPE_DELTA_TYPE);
        Ok(Self { is_delta, last: number(&parts.headers, LAST_HEADER) })
    }
}

/// Lets a snapshot through that is within the device's number of a day. One that was confirmed and comes again, because its answer got lost, is let
/// through too.
fn may_be_new(app: &App, scope: &Scope, seq: u64) -> Result<(), Refusal> {
    let Err(seconds) = app.gates.backup(scope.device()) else { return Ok(()) };
    let newest = app.store.latest(scope, scope.profile())?.flatten().map(|latest| latest.seq);
    if newest.is_some_and(|newest| seq <= newest) {
        return Ok(());
    }
    Err(Refusal::limited(format!("more than {} backups a day", app.bounds.backups_per_day), seconds))
}

/// The envelope that a delta stands for, and the number of its base. Whatever is wrong with it, the sender may send the envelope whole.
async fn whole(app: &Arc<App>, scope: &Scope, body: Bytes) -> Result<(Bytes, u64), Refusal> {
    let (app, scope) = (Arc::clone(app), scope.clone());
    apart(move || {
        let wrong = |error: model::envelope::delta::DeltaError| Refusal::invalid(error.to_string());
        let delta = Delta::parse(&body).map_err(wrong)?;
        let base = app.store.header(&scope, delta.base)?;
        let base =
            base.ok_or_else(|| Refusal::invalid(format!("snapshot {}, the delta's base, is not here", delta.base)))?;
        Ok::<_, Refusal>((delta.apply(&base).map_err(wrong)?.into(), delta.base))
    })
    .await
}

impl From<CommitError> for Refusal {
    fn from(error: CommitError) -> Self {
        let detail = error.to_string();
        match error {
            CommitError::NotTheSenders(_) => Self::not_found(Reason::NotFound),
            CommitError::Malformed(_) => Self::invalid(detail),
            CommitError::Revoked => Self::new(StatusCode::UNAUTHORIZED, Reason::Revoked, detail),
            CommitError::Forked => Self::new(StatusCode::FORBIDDEN, Reason::DeviceForked, detail),
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
