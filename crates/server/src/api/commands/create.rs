//! `POST /api/v1/devices/{device}/commands`: asks a device to do something. It hears of it at its next check-in.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use model::admin::DeviceCommand;
use model::check_in::Order;
use model::ids::{CommandId, DeviceId};
use model::permission::may;
use serde::Deserialize;

use crate::App;
use crate::access::Allowed;
use crate::api::admin::{Input, random_id};
use crate::api::extract::{Profile, apart};
use crate::problem::Refusal;

/// What to do.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    order: Order,
}

pub(crate) async fn handle(
    Allowed(view): Allowed<may::DeviceCommand>,
    State(app): State<Arc<App>>,
    Profile(device): Profile<DeviceId>,
    Input(wanted): Input<Wanted>,
) -> Result<(StatusCode, Json<DeviceCommand>), Refusal> {
    let made = apart(move || {
        let new = (CommandId(random_id(&app)), device, wanted.order);
        app.store.order(&view, new, app.clock.now())
    })
    .await?;
    Ok((StatusCode::CREATED, Json(super::shape(made))))
}
