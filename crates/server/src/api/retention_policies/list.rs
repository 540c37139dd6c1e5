//! `GET /api/v1/retention-policies`: the retention policies that the asker sees.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use model::admin::{Listing, RetentionPolicy};
use model::permission::may;

use crate::App;
use crate::access::Allowed;
use crate::api::admin::{List, listing};
use crate::api::extract::apart;
use crate::problem::Refusal;

pub(crate) async fn handle(
    Allowed(view): Allowed<may::RetentionRead>,
    State(app): State<Arc<App>>,
    List(query): List,
) -> Result<Json<Listing<RetentionPolicy>>, Refusal> {
    let slice = query.slice()?;
    let page = apart(move || app.store.retention_policies(&view, slice)).await?;
    Ok(listing(page, super::shape))
}
