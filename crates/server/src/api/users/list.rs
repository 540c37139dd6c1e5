//! `GET /api/v1/users`: people that the asker sees.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use model::admin::{Listing, User};
use model::permission::may;

use crate::App;
use crate::access::Allowed;
use crate::api::admin::{List, listing};
use crate::api::extract::apart;
use crate::problem::Refusal;

pub(crate) async fn handle(
    Allowed(view): Allowed<may::UserRead>,
    State(app): State<Arc<App>>,
    List(query): List,
) -> Result<Json<Listing<User>>, Refusal> {
    let slice = query.slice()?;
    let page = apart(move || app.store.people(&view, query.name.as_deref(), slice)).await?;
    Ok(listing(page, super::shape))
}
