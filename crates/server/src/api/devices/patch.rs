//! `PATCH /api/v1/devices/{device}`: puts scope tags on a PC.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use model::admin::{Device, DevicePatch};
use model::ids::DeviceId;
use model::permission::may;

use crate::App;
use crate::access::Allowed;
use crate::api::admin::Input;
use crate::api::extract::{Profile, apart};
use crate::problem::Refusal;

pub(crate) async fn handle(
    Allowed(view): Allowed<may::DeviceWrite>,
    State(app): State<Arc<App>>,
    Profile(id): Profile<DeviceId>,
    Input(input): Input<DevicePatch>,
) -> Result<Json<Device>, Refusal> {
    let tagged = apart(move || app.store.tag_device(&view, id, input.scope_tags, app.clock.now())).await?;
    Ok(Json(super::shape(tagged)))
}
