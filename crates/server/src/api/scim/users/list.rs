//! `GET /scim/v2/Users`: the people who fit a filter, a page at a time.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use model::permission::may;
use serde_json::Value;
use store::{Lookup, View};

use crate::App;
use crate::access::Allowed;
use crate::api::scim_apart;
use crate::scim::Wrong;
use crate::scim::filter::Filter;
use crate::scim::resource::{Asked, Input, user};

pub(crate) async fn handle(
    Allowed(view): Allowed<may::ScimWrite>,
    State(app): State<Arc<App>>,
    asked: Asked,
) -> Result<Response, Wrong> {
    let all = found(&app, view, &asked).await?;
    Ok(asked.page(all))
}

/// `POST /scim/v2/Users/.search`: the same, asked for in a body (RFC 7644, 3.4.3).
pub(crate) async fn search(
    Allowed(view): Allowed<may::ScimWrite>,
    State(app): State<Arc<App>>,
    Input(input): Input,
) -> Result<Response, Wrong> {
    let asked = Asked::of(input)?;
    let all = found(&app, view, &asked).await?;
    Ok(asked.page(all))
}

/// All who fit.
pub(in crate::api::scim) async fn found(app: &Arc<App>, view: View, asked: &Asked) -> Result<Vec<Value>, Wrong> {
    let filter = asked.filter()?;
    let lookup = filter.as_ref().map_or(Lookup::All, lookup);
    let app = Arc::clone(app);
    let found = scim_apart(move || {
        app.store.scim_users(&view, &lookup).map_err(|error| Wrong::from(store::AdminError::from(error)))
    });
    let found = found.await?;
    Ok(found.iter().map(user).filter(|one| filter.as_ref().is_none_or(|filter| filter.fits(one))).collect())
}

/// What providers ask before each write is looked up; any other filter goes through all people.
fn lookup(filter: &Filter) -> Lookup {
    match filter.as_equals() {
        Some((path, text)) if path.name.eq_ignore_ascii_case("userName") => Lookup::UserName(text.to_owned()),
        Some((path, text)) if path.name.eq_ignore_ascii_case("externalId") => Lookup::ExternalId(text.to_owned()),
        _ => Lookup::All,
    }
}
