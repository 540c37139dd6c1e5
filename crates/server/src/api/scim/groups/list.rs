//! `GET /scim/v2/Groups`: the groups that the provider manages and that fit a filter.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use model::permission::may;
use serde_json::Value;
use store::{AdminError, Group, Slice, Source, View};

use crate::App;
use crate::access::Allowed;
use crate::api::scim_apart;
use crate::scim::Wrong;
use crate::scim::resource::{Asked, Input, group};

pub(crate) async fn handle(
    Allowed(view): Allowed<may::ScimWrite>,
    State(app): State<Arc<App>>,
    asked: Asked,
) -> Result<Response, Wrong> {
    let all = found(&app, view, &asked).await?;
    Ok(asked.page(all))
}

/// `POST /scim/v2/Groups/.search`: the same, asked for in a body (RFC 7644, 3.4.3).
pub(crate) async fn search(
    Allowed(view): Allowed<may::ScimWrite>,
    State(app): State<Arc<App>>,
    Input(input): Input,
) -> Result<Response, Wrong> {
    let asked = Asked::of(input)?;
    let all = found(&app, view, &asked).await?;
    Ok(asked.page(all))
}

/// All that fit.
pub(in crate::api::scim) async fn found(app: &Arc<App>, view: View, asked: &Asked) -> Result<Vec<Value>, Wrong> {
    let app = Arc::clone(app);
    let filter = asked.filter()?;
    let wants_members = asked.wants("members");
    let found = scim_apart(move || {
        let all = Slice::all(|slice| app.store.groups(&view, slice)).map_err(AdminError::from)?;
        let shape = |found: Group| {
            let members = if wants_members { Some(app.store.group(&view, found.id)?.1) } else { None };
            Ok::<_, Wrong>(group(&found, members.as_deref()))
        };
        all.into_iter().filter(|found| found.source == Source::Provider).map(shape).collect::<Result<Vec<_>, _>>()
    });
    let mut all = found.await?;
    all.retain(|one| filter.as_ref().is_none_or(|filter| filter.fits(one)));
    Ok(all)
}
