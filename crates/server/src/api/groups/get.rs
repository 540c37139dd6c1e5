//! `GET /api/v1/groups/{group}`: a group with its members, as far as the asker sees them.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use model::admin::{GroupOf, Member};
use model::ids::GroupId;
use model::permission::may;

use crate::App;
use crate::access::Allowed;
use crate::api::admin::tagged;
use crate::api::extract::{Profile, apart};
use crate::problem::Refusal;

pub(crate) async fn handle(
    Allowed(view): Allowed<may::GroupRead>,
    State(app): State<Arc<App>>,
    Profile(id): Profile<GroupId>,
) -> Result<Response, Refusal> {
    let (group, members) = apart(move || app.store.group(&view, id)).await?;
    let version = group.version;
    let mut shape = super::shape(group);
    let people = shape.of == GroupOf::People;
    shape.members = people.then(|| members.into_iter().map(|(id, name)| Member { id, name }).collect());
    Ok(tagged(StatusCode::OK, version, &shape))
}
