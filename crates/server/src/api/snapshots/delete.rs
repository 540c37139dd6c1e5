//! `DELETE /api/v1/profiles/{profile}/snapshots/{snapshot}`: in the device's own profile only. The answer is a signed receipt; deleting again gives
//! the same one.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use model::api::ERASURE_TYPE;
use model::ids::{ProfileId, SnapshotId};
use model::reason::Reason;
use store::EraseError;

use crate::App;
use crate::access::{Allowed, OwnDevice};
use crate::api::extract::{Within, apart};
use crate::keyring::erasure_signer;
use crate::problem::Refusal;

pub(crate) async fn handle(
    Allowed(scope): Allowed<OwnDevice>,
    State(app): State<Arc<App>>,
    Within(profile, snapshot): Within<ProfileId, SnapshotId>,
) -> Result<Response, Refusal> {
    if profile != scope.profile() {
        return Err(Refusal::not_found(Reason::NoSuchSnapshot));
    }
    let act = (app.clock.now(), erasure_signer(&app));
    let deleted = apart(move || app.store.delete_snapshot(&scope, snapshot, act)).await?;
    let deleted = deleted.ok_or_else(|| Refusal::not_found(Reason::NoSuchSnapshot))?;
    Ok(([(header::CONTENT_TYPE, ERASURE_TYPE)], deleted.receipt).into_response())
}

impl From<EraseError> for Refusal {
    fn from(error: EraseError) -> Self {
        let detail = error.to_string();
        match error {
            EraseError::OnHold { .. } => Self::new(StatusCode::FORBIDDEN, Reason::OnHold, detail),
            EraseError::Store(error) => error.into(),
        }
    }
}
