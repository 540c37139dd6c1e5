//! `GET /scim/v2/Users`: the people who fit a filter, a page at a time.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use model::permission::may;
use store::Lookup;

use crate::App;
use crate::access::Allowed;
use crate::api::scim_apart;
use crate::scim::Wrong;
use crate::scim::filter::Filter;
use crate::scim::resource::{Asked, user};

pub(crate) async fn handle(
    Allowed(view): Allowed<may::ScimWrite>,
    State(app): State<Arc<App>>,
    asked: Asked,
) -> Result<Response, Wrong> {
    let filter = asked.filter()?;
    let lookup = filter.as_ref().map_or(Lookup::All, lookup);
    let found = scim_apart(move || {
        app.store.scim_users(&view, &lookup).map_err(|error| Wrong::from(store::AdminError::from(error)))
    });
    let found = found.await?;
    let fits = found.iter().map(user).filter(|one| filter.as_ref().is_none_or(|filter| filter.fits(one))).collect();
    Ok(asked.page(fits))
}

/// What providers ask before each write is looked up; any other filter goes through all people.
fn lookup(filter: &Filter) -> Lookup {
    match filter.as_equals() {
        Some((path, text)) if path.name.eq_ignore_ascii_case("userName") => Lookup::UserName(text.to_owned()),
        Some((path, text)) if path.name.eq_ignore_ascii_case("externalId") => Lookup::ExternalId(text.to_owned()),
        _ => Lookup::All,
    }
}
