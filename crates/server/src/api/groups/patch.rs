//! `PATCH /api/v1/groups/{group}`: changes a group, not one that an identity provider manages.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use model::admin::GroupPatch;
use model::ids::GroupId;
use model::permission::may;
use store::GroupChange;

use crate::App;
use crate::access::Allowed;
use crate::api::admin::{IfMatch, Input, tagged};
use crate::api::extract::{Profile, apart};
use crate::problem::Refusal;

pub(crate) async fn handle(
    Allowed(view): Allowed<may::GroupWrite>,
    State(app): State<Arc<App>>,
    Profile(id): Profile<GroupId>,
    IfMatch(version): IfMatch,
    Input(input): Input<GroupPatch>,
) -> Result<Response, Refusal> {
    let change = GroupChange {
        name: input.name,
        description: input.description,
        rule: input.rule,
        add_devices: input.add_devices,
        remove_devices: input.remove_devices,
        external_id: None,
        members: input.members,
        add: input.add_members,
        remove: input.remove_members,
        tags: input.scope_tags,
    };
    let changed = apart(move || app.store.change_group(&view, (id, version, false), change, app.clock.now())).await?;
    Ok(tagged(StatusCode::OK, changed.version, &super::shape(changed)))
}
