//! `GET /api/v1/roles`: the built-in roles, on the first page, and the tenant's own that the asker sees.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use model::admin::{Listing, Role};
use model::permission::{BuiltIn, may};

use crate::App;
use crate::access::Allowed;
use crate::api::admin::{List, listing};
use crate::api::extract::apart;
use crate::problem::Refusal;

pub(crate) async fn handle(
    Allowed(view): Allowed<may::RoleRead>,
    State(app): State<Arc<App>>,
    List(query): List,
) -> Result<Json<Listing<Role>>, Refusal> {
    let slice = query.slice()?;
    let page = apart(move || app.store.roles(&view, slice)).await?;
    let Json(mut list) = listing(page, super::shape);
    if slice.after == 0 {
        list.items.splice(0..0, BuiltIn::ALL.iter().copied().map(super::built_in));
    }
    Ok(Json(list))
}
