//! `GET /api/v1/policies/{policy}/devices`: how a policy stands on each device that it applies to, as far as the asker sees them.
//!
//! A page looks at as many devices as `limit` says and lists those among them that the policy applies to, so it may hold fewer; `next_cursor` says whether there are more.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use model::admin::{Listing, StatusOfDevice};
use model::ids::PolicyId;
use model::permission::may;
use store::{AdminError, OnDevice};

use crate::App;
use crate::access::Allowed;
use crate::api::admin::{List, listing};
use crate::api::extract::{Profile, apart};
use crate::problem::Refusal;

pub(crate) async fn handle(
    Allowed(view): Allowed<may::PolicyRead>,
    State(app): State<Arc<App>>,
    Profile(id): Profile<PolicyId>,
    List(query): List,
) -> Result<Json<Listing<StatusOfDevice>>, Refusal> {
    let slice = query.slice()?;
    let page = apart(move || {
        app.store.policy(&view, id)?;
        Ok::<_, AdminError>(app.store.on_devices(&view, slice)?)
    })
    .await?;
    let Json(all) = listing(page, |device| status(&device, id));
    Ok(Json(Listing { items: all.items.into_iter().flatten().collect(), next_cursor: all.next_cursor }))
}

/// How a policy stands on a device; `None`: it does not apply there.
pub(crate) fn status(device: &OnDevice, policy: PolicyId) -> Option<StatusOfDevice> {
    let status = device.statuses().into_iter().find(|status| status.policy == policy)?;
    Some(StatusOfDevice {
        device: device.device,
        device_name: device.device_name.clone(),
        user_name: device.user_name.clone(),
        checked_in_at: device.seen.as_ref().map(|seen| seen.at),
        status,
    })
}
