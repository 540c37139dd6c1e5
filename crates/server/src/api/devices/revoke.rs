//! `POST /api/v1/devices/{device}/revoke`: withdraws a PC's access; its backups stay. Again: the same answer.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use model::ids::DeviceId;
use model::permission::may;

use crate::App;
use crate::access::Allowed;
use crate::api::extract::{Profile, apart};
use crate::problem::Refusal;

pub(crate) async fn handle(
    Allowed(view): Allowed<may::DeviceRevoke>,
    State(app): State<Arc<App>>,
    Profile(id): Profile<DeviceId>,
) -> Result<StatusCode, Refusal> {
    apart(move || app.store.revoke_seen(&view, id, app.clock.now())).await?;
    Ok(StatusCode::NO_CONTENT)
}
