//! `POST /scim/v2/Users`: takes a person in.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use model::permission::may;

use crate::App;
use crate::access::Allowed;
use crate::api::scim_apart;
use crate::scim::Wrong;
use crate::scim::resource::{Input, one, to_write, user};

pub(crate) async fn handle(
    Allowed(view): Allowed<may::ScimWrite>,
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Input(input): Input,
) -> Result<Response, Wrong> {
    let (write, active) = to_write(&input)?;
    let made = scim_apart(move || {
        let named = (write.user_name.as_str(), String::new());
        let new = app.keyring.new_user(&app.store, view.tenant_scope(), named, &*app.random);
        let new = new.map_err(|error| Wrong::from(crate::problem::Refusal::from(error)))?;
        Ok::<_, Wrong>(app.store.scim_create(&view, (new, write, active.unwrap_or(true)), app.clock.now())?)
    });
    Ok(one(StatusCode::CREATED, &headers, &user(&made.await?)))
}
