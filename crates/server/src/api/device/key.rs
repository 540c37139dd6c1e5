//! `POST /api/v1/device/key`: another key for the device that asks. The present key has signed the request, the new one its own text. 204.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use model::api::{ChangeKey, change_key_text};
use model::ids::from_hex;
use model::reason::Reason;
use seal::device_key::{self, PUBLIC_KEY_LEN, SIGNATURE_LEN};
use store::NewDeviceKey;

use crate::App;
use crate::access::{Allowed, OwnDevice};
use crate::api::enroll::create::strong_enough;
use crate::api::extract::{Body, apart};
use crate::problem::Refusal;

/// The largest request: two lines of digits, generously.
const BODY_BYTES_MAX: usize = 4 * 1024;

pub(crate) async fn handle(
    Allowed(scope): Allowed<OwnDevice>,
    State(app): State<Arc<App>>,
    Body(body): Body<BODY_BYTES_MAX>,
) -> Result<StatusCode, Refusal> {
    let request: ChangeKey = serde_json::from_slice(&body).map_err(|error| Refusal::not_the_form(&error))?;
    let public = from_hex::<PUBLIC_KEY_LEN>(&request.public_key);
    let signature = from_hex::<SIGNATURE_LEN>(&request.signature);
    let (Some(public), Some(signature)) = (public, signature) else {
        return Err(Refusal::invalid("the key or its signature is not hexadecimal digits of the right number"));
    };
    let text = change_key_text(scope.device(), &public);
    if device_key::verify_bytes(&text, &signature, &public).is_err() {
        let detail = "the new key has not signed";
        return Err(Refusal::new(StatusCode::BAD_REQUEST, Reason::ProofInvalid, detail));
    }
    let key = NewDeviceKey { print: device_key::print(&public), public, level: request.key_level };
    let device = scope.device();
    let changed = apart(move || {
        strong_enough(&app, scope.tenant_scope(), key.level)?;
        Ok::<_, Refusal>(app.store.change_key(&scope, key, app.clock.now())?)
    });
    if !changed.await? {
        let detail = "the device's access was withdrawn, or the key is in use";
        return Err(Refusal::new(StatusCode::CONFLICT, Reason::InvalidRequest, detail));
    }
    tracing::info!(%device, level = %request.key_level, "device changed its key");
    Ok(StatusCode::NO_CONTENT)
}
