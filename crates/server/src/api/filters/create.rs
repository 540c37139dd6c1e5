//! `POST /api/v1/filters`: makes a filter.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use model::admin::NewFilter;
use model::ids::FilterId;
use model::permission::may;
use store::AdminError;

use crate::App;
use crate::access::Allowed;
use crate::api::admin::{Input, new_id, same_name, tagged};
use crate::api::extract::apart;
use crate::problem::Refusal;

pub(crate) async fn handle(
    Allowed(view): Allowed<may::PolicyWrite>,
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Input(input): Input<NewFilter>,
) -> Result<Response, Refusal> {
    let new = new_id(&app, &view, &headers, "filters")?;
    let id = FilterId(new.bytes);
    let wanted = input.name.clone();
    let (made, again) = apart(move || {
        if let Some(made) = new.keyed.then(|| app.store.filter(&view, id).ok()).flatten() {
            return Ok::<_, AdminError>((made, true));
        }
        app.store.create_filter(&view, (id, input), app.clock.now()).map(|made| (made, false))
    })
    .await?;
    if again {
        same_name(&made.terms.name, &wanted)?;
    }
    Ok(tagged(StatusCode::CREATED, made.version, &made))
}
