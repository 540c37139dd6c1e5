//! `POST /scim/v2/.search`: people and groups that fit a filter, in one list (RFC 7644, 3.4.3).

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use model::permission::may;

use super::{groups, users};
use crate::App;
use crate::access::Allowed;
use crate::scim::Wrong;
use crate::scim::resource::{Asked, Input};

pub(crate) async fn handle(
    Allowed(view): Allowed<may::ScimWrite>,
    State(app): State<Arc<App>>,
    Input(input): Input,
) -> Result<Response, Wrong> {
    let asked = Asked::of(input)?;
    let window = asked.window();
    let mut found = users::list::found(&app, view.clone(), (&asked, window)).await?;
    found.extend(groups::list::found(&app, view, (&asked, found.rest(window))).await?);
    Ok(asked.page(found))
}
