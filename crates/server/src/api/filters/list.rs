//! `GET /api/v1/filters`: the filters that the asker sees.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use model::admin::{Filter, Listing};
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
) -> Result<Json<Listing<Filter>>, Refusal> {
    let slice = query.slice()?;
    let page = apart(move || app.store.filters(&view, slice)).await?;
    Ok(listing(page, |filter| filter))
}
