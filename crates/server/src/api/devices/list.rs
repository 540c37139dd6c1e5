//! `GET /api/v1/devices`: PCs that the asker sees.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use model::admin::{Device, Listing};
use model::permission::may;

use crate::App;
use crate::access::Allowed;
use crate::api::admin::{List, listing};
use crate::api::extract::apart;
use crate::problem::Refusal;

pub(crate) async fn handle(
    Allowed(view): Allowed<may::DeviceRead>,
    State(app): State<Arc<App>>,
    List(query): List,
) -> Result<Json<Listing<Device>>, Refusal> {
    let slice = query.slice()?;
    let page = apart(move || app.store.seen_devices(&view, slice)).await?;
    Ok(listing(page, super::shape))
}
