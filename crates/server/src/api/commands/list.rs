//! `GET /api/v1/devices/{device}/commands`: what a device was asked to do and what became of it, newest first.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use model::admin::{DeviceCommand, Listing};
use model::ids::DeviceId;
use model::permission::may;

use crate::App;
use crate::access::Allowed;
use crate::api::extract::{Profile, apart};
use crate::problem::Refusal;

pub(crate) async fn handle(
    Allowed(view): Allowed<may::DeviceRead>,
    State(app): State<Arc<App>>,
    Profile(device): Profile<DeviceId>,
) -> Result<Json<Listing<DeviceCommand>>, Refusal> {
    let found = apart(move || app.store.orders(&view, device)).await?;
    Ok(Json(Listing { items: found.into_iter().map(super::shape).collect(), next_cursor: None }))
}
