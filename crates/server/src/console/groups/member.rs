//! `POST /console/groups/{group}/member`: puts somebody into an assigned group, or takes them out. Again: it is so.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use model::admin::GroupOf;
use model::ids::GroupId;
use model::permission::may;
use store::{AdminError, GroupChange};

use crate::App;
use crate::access::{Allowed, Form};
use crate::api::extract::{Profile, apart};
use crate::login::posted::Posted;
use crate::pages::to;
use crate::problem::Refusal;

pub(in crate::console) async fn done(
    Allowed(shut): Allowed<Form<may::GroupWrite>>,
    State(app): State<Arc<App>>,
    Profile(id): Profile<GroupId>,
    posted: Posted,
) -> Result<Response, Refusal> {
    let view = shut.open(&posted)?;
    let (member, add) = (posted.field("member").to_owned(), posted.field("go") == "add");
    apart(move || {
        let (group, _) = app.store.group(&view, id)?;
        let wrong = || AdminError::Invalid("the form names nobody".to_owned());
        let mut change = GroupChange::default();
        if group.of == GroupOf::People {
            let one = member.parse().map_err(|_| wrong())?;
            if add { change.add.push(one) } else { change.remove.push(one) }
        } else {
            let one = member.parse().map_err(|_| wrong())?;
            if add { change.add_devices.push(one) } else { change.remove_devices.push(one) }
        }
        app.store.change_group(&view, (id, None, false), change, app.clock.now())
    })
    .await?;
    Ok(to(&format!("/console/groups/{id}?done=members")))
}
