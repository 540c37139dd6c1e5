//! `POST /api/v1/policies/import`: reads an export of Intune's settings catalog and says what it comes to. Nothing is made: whoever likes it sends it to `POST /api/v1/policies`.

use axum::Json;
use axum::extract::State;
use model::admin::Listing;
use model::permission::may;
use model::policy::intune::{self, BYTES_MAX, Imported};
use std::sync::Arc;

use crate::App;
use crate::access::Allowed;
use crate::api::extract::{Body, apart};
use crate::problem::Refusal;

pub(crate) async fn handle(
    Allowed(_): Allowed<may::PolicyWrite>,
    State(_): State<Arc<App>>,
    Body(body): Body<BYTES_MAX>,
) -> Result<Json<Listing<Imported>>, Refusal> {
    let items = apart(move || {
        intune::read(&body).map_err(|error| Refusal::invalid(format!("the file cannot be imported: {error}")))
    });
    Ok(Json(Listing { items: items.await?, next_cursor: None }))
}
