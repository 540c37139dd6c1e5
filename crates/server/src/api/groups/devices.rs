//! `GET /api/v1/groups/{group}/devices`: the PCs of a group, as far as the asker sees them.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use model::admin::{Listing, MemberDevice};
use model::ids::GroupId;
use model::permission::may;

use crate::App;
use crate::access::Allowed;
use crate::api::admin::{List, listing};
use crate::api::extract::{Profile, apart};
use crate::problem::Refusal;

pub(crate) async fn handle(
    Allowed(view): Allowed<may::GroupRead>,
    State(app): State<Arc<App>>,
    Profile(id): Profile<GroupId>,
    List(query): List,
) -> Result<Json<Listing<MemberDevice>>, Refusal> {
    let slice = query.slice()?;
    let page = apart(move || app.store.group_devices(&view, id, slice)).await?;
    Ok(listing(page, |(id, name)| MemberDevice { id, name }))
}
