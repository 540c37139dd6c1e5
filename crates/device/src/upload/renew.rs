//! Another key for this PC, before the present one is old: asked for by the present key, shown to be held by the new one.
//!
//! The new key is on the disk before the server hears of it. If the answer gets lost, the next run finds both, and whichever the server knows is
//! this PC's from then on; so no moment at which the power may fail leaves the PC without a key.

use model::api::{ChangeKey, change_key_text};
use model::ids::to_hex;
use model::reason::Reason;
use model::world::Moment;

use super::server::{Repeat, Server, ServerError};
use super::wire::{Method, Request};
use crate::key::{DeviceKey, KeyError, KeyRecord};
use crate::state::{Enrolment, State, StateError};

/// After how long a key is renewed, in milliseconds: half of the year after which a server takes it for nothing else any more.
pub const RENEW_MILLIS: i64 = 365 * 24 * 60 * 60 * 1000 / 2;

/// Why the key is still the old one. The old one goes on working.
#[derive(Debug, thiserror::Error)]
pub enum RenewError {
    /// The server.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// This PC's record.
    #[error(transparent)]
    State(#[from] StateError),
}

/// How far in the future a key may have been made. Beyond it the clock was ahead then, and nobody knows how old the key is.
const AHEAD_MILLIS: i64 = 24 * 60 * 60 * 1000;

/// Whether the key of an enrolment is to be renewed.
pub fn is_due(enrolment: &Enrolment, now: Moment) -> bool {
    !(-AHEAD_MILLIS..RENEW_MILLIS).contains(&now.0.saturating_sub(enrolment.key_made_at.0))
}

/// Whether the server knows the key that signs for `server`.
pub fn is_known(server: &Server<'_>) -> Result<bool, ServerError> {
    match server.call(Request::new(Method::Get, "/api/v1/profiles"), &[200], Repeat::Harmless) {
        Err(error) if error.reason() == Reason::Revoked => Ok(false),
        Err(error) if error.reason() == Reason::KeyExpired => Ok(true),
        Err(error) => Err(error),
        Ok(_) => Ok(true),
    }
}

/// Brings the new key to the server, signed by the present one, and makes it this PC's.
pub fn change(
    server: &Server<'_>,
    state: &State,
    enrolment: &mut Enrolment,
    (key, record, now): (&dyn DeviceKey, &KeyRecord, Moment),
) -> Result<(), RenewError> {
    state.set_next_key(Some(record))?;
    let public = key.public_key();
    let signature = key.sign(&change_key_text(enrolment.device, &public))?;
    let request = ChangeKey { public_key: to_hex(&public), key_level: record.level, signature: to_hex(&signature) };
    let body = serde_json::to_vec(&request).expect("texts can always be written as JSON");
    let call = Request::new(Method::Post, "/api/v1/device/key").body("application/json", &body);
    server.call(call, &[204], Repeat::Never)?;
    adopt(state, enrolment, (record, now))
}

/// Makes a key that the server knows already this PC's.
pub fn adopt(state: &State, enrolment: &mut Enrolment, (record, now): (&KeyRecord, Moment)) -> Result<(), RenewError> {
    enrolment.key = record.clone();
    enrolment.key_made_at = now;
    state.update_enrolment(enrolment)?;
    Ok(state.set_next_key(None)?)
}
