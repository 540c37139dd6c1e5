//! `GET /scim/v2/Users`: the people who fit a filter, a page at a time.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use model::permission::may;
use store::{AdminError, Lookup, Slice, View, Window};

use crate::App;
use crate::access::Allowed;
use crate::api::scim_apart;
use crate::scim::Wrong;
use crate::scim::filter::Filter;
use crate::scim::resource::{Asked, Found, Input, user};

pub(crate) async fn handle(
    Allowed(view): Allowed<may::ScimWrite>,
    State(app): State<Arc<App>>,
    asked: Asked,
) -> Result<Response, Wrong> {
    let found = found(&app, view, (&asked, asked.window())).await?;
    Ok(asked.page(found))
}

/// `POST /scim/v2/Users/.search`: the same, asked for in a body (RFC 7644, 3.4.3).
pub(crate) async fn search(
    Allowed(view): Allowed<may::ScimWrite>,
    State(app): State<Arc<App>>,
    Input(input): Input,
) -> Result<Response, Wrong> {
    let asked = Asked::of(input)?;
    let found = found(&app, view, (&asked, asked.window())).await?;
    Ok(asked.page(found))
}

/// Those of the window who fit.
pub(in crate::api::scim) async fn found(
    app: &Arc<App>,
    view: View,
    (asked, window): (&Asked, Window),
) -> Result<Found, Wrong> {
    let filter = asked.filter()?;
    let app = Arc::clone(app);
    let found = scim_apart(move || {
        let Some(filter) = filter else {
            let (total, users) = app.store.scim_users_at(&view, window).map_err(AdminError::from)?;
            return Ok(Found { total, resources: users.iter().map(user).collect() });
        };
        let (lookup, mut found) = (lookup(&filter), Found::nothing());
        let page = |slice| app.store.scim_users(&view, &lookup, slice).map_err(|error| AdminError::from(error).into());
        Slice::default().pages(page, |users| {
            let fitting = users.iter().map(user).filter(|one| filter.fits(one));
            fitting.for_each(|one| found.take(window, one));
            Ok::<_, Wrong>(())
        })?;
        Ok(found)
    });
    found.await
}

/// What providers ask before each write is looked up; any other filter goes through all people.
fn lookup(filter: &Filter) -> Lookup {
    let known = |(name, text): (&str, &str)| match name.to_ascii_lowercase().as_str() {
        "username" => Some(Lookup::UserName(text.to_owned())),
        "externalid" => Some(Lookup::ExternalId(text.to_owned())),
        "id" => text.parse().ok().map(Lookup::Id),
        _ => None,
    };
    filter.equals().into_iter().find_map(known).unwrap_or(Lookup::All)
}
