//! `PATCH /scim/v2/Groups/{id}`: changes a group.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use model::ids::GroupId;
use model::permission::may;
use model::world::Moment;
use serde_json::Value;
use store::{GroupChange, Store, View};

use crate::App;
use crate::access::Allowed;
use crate::api::scim::anew;
use crate::api::scim_apart;
use crate::scim::resource::{Input, group, one, to_group, version};
use crate::scim::{Kind, Wrong, patch};

/// Members of a group that is still told whole when some came or went. A provider fills a group of everybody some at a time, and would be told
/// all of them each time; RFC 7644, 3.5.2 has an answer without a body for that.
const MEMBERS_TOLD_MAX: u64 = 1_000;

pub(crate) async fn handle(
    Allowed(view): Allowed<may::ScimWrite>,
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    Input(input): Input,
) -> Result<Response, Wrong> {
    let (id, version) = (super::id(&id)?, version(&headers));
    let moved = patch::moved(&input)?;
    let changed = scim_apart(move || {
        let Some(moved) = moved else { return whole(&app.store, &view, (id, version), (&input, app.clock.now())) };
        super::head(&app.store, &view, id)?;
        let (add, remove) = (moved.add.into_iter().collect(), moved.remove.into_iter().collect());
        let change = GroupChange { add, remove, ..GroupChange::default() };
        let after = app.store.change_group(&view, (id, version, true), change, app.clock.now());
        let after = after.map_err(super::wrong)?;
        if after.members > MEMBERS_TOLD_MAX {
            return Ok(None);
        }
        Ok::<_, Wrong>(Some(super::read(&app.store, &view, id)?))
    });
    Ok(match changed.await? {
        Some((changed, members)) => one(StatusCode::OK, &headers, &group(&changed, Some(&members))),
        None => StatusCode::NO_CONTENT.into_response(),
    })
}

/// Whatever else a request does: it is done to the whole group as it is, and written if nobody else has meanwhile.
fn whole(
    store: &Store,
    view: &View,
    (id, version): (GroupId, Option<u64>),
    (input, at): (&Value, Moment),
) -> Result<Option<super::Read>, Wrong> {
    anew(version, || {
        let (before, members) = super::read(store, view, id)?;
        let wanted = patch::apply(Kind::Group, &group(&before, Some(&members)), input)?;
        let change = super::change(to_group(&wanted)?);
        let of = version.or(Some(before.version));
        store.change_group(view, (id, of, true), change, at).map_err(super::wrong)?;
        Ok(Some(super::read(store, view, id)?))
    })
}
