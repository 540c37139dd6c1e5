//! `GET /api/v1/policies`: the policies that the asker sees, in the order in which they were made.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use model::admin::{Listing, Policy};
use model::permission::may;

use crate::App;
use crate::access::Allowed;
use crate::api::admin::{List, listing};
use crate::api::extract::apart;
use crate::problem::Refusal;

pub(crate) async fn handle(
    Allowed(view): Allowed<may::PolicyRead>,
    State(app): State<Arc<App>>,
    List(query): List,
) -> Result<Json<Listing<Policy>>, Refusal> {
    let slice = query.slice()?;
    let page = apart(move || app.store.policies(&view, slice)).await?;
    Ok(listing(page, |policy| policy))
}
