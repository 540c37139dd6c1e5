//! `GET /scim/v2/Groups`: the groups that the provider manages and that fit a filter.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use model::permission::may;
use serde_json::Value;
use store::{AdminError, Group, GroupLookup, PAGE_MAX, Slice, View, Window};

use crate::App;
use crate::access::Allowed;
use crate::api::scim_apart;
use crate::scim::Wrong;
use crate::scim::filter::Filter;
use crate::scim::resource::{Asked, Found, Input, group};

pub(crate) async fn handle(
    Allowed(view): Allowed<may::ScimWrite>,
    State(app): State<Arc<App>>,
    asked: Asked,
) -> Result<Response, Wrong> {
    let found = found(&app, view, (&asked, asked.window())).await?;
    Ok(asked.page(found))
}

/// `POST /scim/v2/Groups/.search`: the same, asked for in a body (RFC 7644, 3.4.3).
pub(crate) async fn search(
    Allowed(view): Allowed<may::ScimWrite>,
    State(app): State<Arc<App>>,
    Input(input): Input,
) -> Result<Response, Wrong> {
    let asked = Asked::of(input)?;
    let found = found(&app, view, (&asked, asked.window())).await?;
    Ok(asked.page(found))
}

/// How many groups are held at once against a filter that asks for members: each brings all of its own.
const WITH_MEMBERS_AT_ONCE: usize = 10;

/// Those of the window that fit.
pub(in crate::api::scim) async fn found(
    app: &Arc<App>,
    view: View,
    (asked, window): (&Asked, Window),
) -> Result<Found, Wrong> {
    let app = Arc::clone(app);
    let (filter, wants_members) = (asked.filter()?, asked.wants("members"));
    let found = scim_apart(move || {
        let shaped = |groups: &[Group], with_members: bool| {
            let ids: Vec<_> = groups.iter().map(|one| one.id).filter(|_| with_members).collect();
            let mut members = app.store.scim_members(&view, &ids).map_err(AdminError::from)?;
            let mut of = |one: &Group| with_members.then(|| members.remove(&one.id).unwrap_or_default());
            Ok::<Vec<Value>, Wrong>(groups.iter().map(|one| group(one, of(one).as_deref())).collect())
        };
        let found = match filter {
            None => {
                let (total, resources) = app.store.scim_groups_at(&view, window).map_err(AdminError::from)?;
                Found { total, resources }
            }
            Some(filter) => {
                let (lookup, mut found) = (lookup(&filter), Found::nothing());
                let of_members = filter.names("members");
                let limit = if of_members { WITH_MEMBERS_AT_ONCE } else { PAGE_MAX };
                let page = |slice| {
                    app.store.scim_groups(&view, &lookup, slice).map_err(|error| AdminError::from(error).into())
                };
                Slice { limit, ..Slice::default() }.pages(page, |groups| {
                    let shapes = shaped(&groups, of_members)?;
                    let fitting = groups.into_iter().zip(shapes).filter(|(_, shape)| filter.fits(shape));
                    fitting.for_each(|(one, _)| found.take(window, one));
                    Ok::<_, Wrong>(())
                })?;
                found
            }
        };
        Ok(Found { total: found.total, resources: shaped(&found.resources, wants_members)? })
    });
    found.await
}

/// What providers ask before each write is looked up; any other filter goes through all groups.
fn lookup(filter: &Filter) -> GroupLookup {
    let known = |(name, text): (&str, &str)| match name.to_ascii_lowercase().as_str() {
        "displayname" if text.is_ascii() => Some(GroupLookup::Name(text.to_owned())),
        "externalid" => Some(GroupLookup::ExternalId(text.to_owned())),
        "id" => text.parse().ok().map(GroupLookup::Id),
        _ => None,
    };
    filter.equals().into_iter().find_map(known).unwrap_or(GroupLookup::All)
}
