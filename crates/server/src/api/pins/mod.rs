//! Pins: snapshots that the person wants kept.

pub(crate) mod delete;
pub(crate) mod put;

use std::sync::Arc;

use axum::http::StatusCode;
use model::ids::{ProfileId, SnapshotId};
use model::reason::Reason;
use store::Scope;

use crate::App;
use crate::api::extract::apart;
use crate::problem::Refusal;

/// Pins or unpins. On any PC of the person's, since a pin destroys nothing.
async fn set(app: Arc<App>, scope: Scope, which: (ProfileId, SnapshotId), pinned: bool) -> Result<StatusCode, Refusal> {
    let found = apart(move || app.store.pin(&scope, which, pinned, app.clock.now())).await?;
    if found { Ok(StatusCode::NO_CONTENT) } else { Err(Refusal::not_found(Reason::NoSuchSnapshot)) }
}
