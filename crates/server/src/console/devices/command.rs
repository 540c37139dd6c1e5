//! `POST /console/devices/{device}/command`: asks a PC to do something at its next check-in. Asked again while it waits, it is asked once.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use model::check_in::Order;
use model::ids::{CommandId, DeviceId};
use model::permission::may;
use store::AdminError;

use crate::App;
use crate::access::{Allowed, Form};
use crate::api::admin::random_id;
use crate::api::extract::{Profile, apart};
use crate::login::posted::Posted;
use crate::pages::to;
use crate::problem::Refusal;

pub(in crate::console) async fn give(
    Allowed(shut): Allowed<Form<may::DeviceCommand>>,
    State(app): State<Arc<App>>,
    Profile(id): Profile<DeviceId>,
    posted: Posted,
) -> Result<Response, Refusal> {
    let view = shut.open(&posted)?;
    let order = Order::from_word(posted.field("order"))
        .ok_or_else(|| Refusal::invalid("the form names no command: back_up, check_in or offer_restore"))?;
    let now = app.clock.now();
    apart(move || {
        let waits = |one: &store::Ordered| one.order == order.word() && one.given_at.is_none() && one.expires_at > now;
        // Who may command sees what was commanded.
        let there = match view.beside(model::permission::Permission::DeviceRead) {
            Some(by) => app.store.orders(&by, id)?.iter().any(waits),
            None => false,
        };
        if !there {
            app.store.order(&view, (CommandId(random_id(&app)), id, order), now)?;
        }
        Ok::<_, AdminError>(())
    })
    .await?;
    Ok(to(&format!("/console/devices/{id}?done=ordered#commands")))
}
