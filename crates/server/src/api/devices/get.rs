//! `GET /api/v1/devices/{device}`: one PC.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use model::admin::Device;
use model::ids::DeviceId;
use model::permission::may;

use crate::App;
use crate::access::Allowed;
use crate::api::extract::{Profile, apart};
use crate::problem::Refusal;

pub(crate) async fn handle(
    Allowed(view): Allowed<may::DeviceRead>,
    State(app): State<Arc<App>>,
    Profile(id): Profile<DeviceId>,
) -> Result<Json<Device>, Refusal> {
    Ok(Json(super::shape(apart(move || app.store.seen_device(&view, id)).await?)))
}
