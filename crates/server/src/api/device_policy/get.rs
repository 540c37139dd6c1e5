//! `GET /api/v1/devices/{device}/policy`: which policies apply and how each stands; each setting as defined and as it holds, with who set it, the machine's own included.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use model::admin::DeviceEffective;
use model::ids::DeviceId;
use model::permission::may;
use model::policy::what_if;

use crate::App;
use crate::access::Allowed;
use crate::api::extract::{Profile, apart};
use crate::problem::Refusal;

pub(crate) async fn handle(
    Allowed(view): Allowed<may::PolicyRead>,
    State(app): State<Arc<App>>,
    Profile(device): Profile<DeviceId>,
) -> Result<Json<DeviceEffective>, Refusal> {
    let found = apart(move || app.store.on_device(&view, device)).await?;
    Ok(Json(shape(&found)))
}

/// What holds on a device, for the answer and for the command line.
pub(crate) fn shape(found: &store::OnDevice) -> DeviceEffective {
    let facts = found.seen.as_ref().map(|seen| seen.facts.clone()).unwrap_or_default();
    DeviceEffective {
        policies: found.statuses(),
        settings: what_if::settings(&found.resolved, &what_if::effective(&found.resolved, &facts)),
        checked_in_at: found.seen.as_ref().map(|seen| seen.at),
    }
}
