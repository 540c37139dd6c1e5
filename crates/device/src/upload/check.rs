//! The check-in: does the server still have what it confirmed? One small request, and its answer is usually "unchanged".

use model::api::SnapshotSummary;
use model::ids::{ProfileId, SnapshotId};
use model::reason::Reason;

use super::server::{Repeat, Server, ServerError};
use super::wire::{Method, Request};

/// What the server has as a profile's newest snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Latest {
    /// The very one that was named.
    AsKnown,
    /// Another one.
    Other(SnapshotSummary),
    /// None at all.
    Nothing,
}

/// Asks whether `snapshot`, confirmed under the number `seq`, is still the profile's newest.
pub fn check(server: &Server<'_>, profile: ProfileId, seq: u64, snapshot: SnapshotId) -> Result<Latest, ServerError> {
    let path = format!("/api/v1/profiles/{profile}/latest");
    let request = Request::new(Method::Get, &path).header("if-none-match", format!("\"{seq}.{snapshot}\""));
    let answer = match server.call(request, &[200, 304], Repeat::Harmless) {
        Ok(answer) => answer,
        Err(error) if matches!(error.reason(), Reason::NoProfile | Reason::NotFound | Reason::NoSuchSnapshot) => {
            return Ok(Latest::Nothing);
        }
        Err(error) => return Err(error),
    };
    if answer.status == 304 {
        return Ok(Latest::AsKnown);
    }
    let summary: SnapshotSummary = serde_json::from_slice(&answer.body)
        .map_err(|error| server.not_rehome(format!("its JSON is not the one agreed ({error})")))?;
    let as_known = summary.seq == seq && summary.snapshot == snapshot;
    Ok(if as_known { Latest::AsKnown } else { Latest::Other(summary) })
}
