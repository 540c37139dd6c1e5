//! Small things that the device tells its server besides backups: what a restore did, what a rehearsal found, what is to be kept.
//!
//! All of them are idempotent, so a lost answer is no harm.

use model::ids::{ProfileId, SnapshotId};
use model::rehearsal::Rehearsal;
use model::report::Report;

use super::server::{Repeat, Server, ServerError};
use super::wire::{Method, Request};

const JSON: &str = "application/json";

/// Tells what a restore did.
pub fn report(server: &Server<'_>, report: &Report) -> Result<(), ServerError> {
    let body = serde_json::to_vec(report).expect("a report is plain data");
    let path = format!("/api/v1/reports/{}", report.report);
    server.call(Request::new(Method::Put, &path).body(JSON, &body), &[200, 201], Repeat::Harmless)?;
    Ok(())
}

/// Tells what a rehearsal of a snapshot of the device's own profile found.
pub fn rehearsal(
    server: &Server<'_>,
    (profile, snapshot): (ProfileId, SnapshotId),
    found: &Rehearsal,
) -> Result<(), ServerError> {
    let body = serde_json::to_vec(found).expect("a rehearsal is plain data");
    let path = format!("/api/v1/profiles/{profile}/snapshots/{snapshot}/rehearsal");
    server.call(Request::new(Method::Put, &path).body(JSON, &body), &[200, 204], Repeat::Harmless)?;
    Ok(())
}

/// Has a snapshot kept whatever the rules say, or leaves it to the rules again.
pub fn pin(server: &Server<'_>, (profile, snapshot): (ProfileId, SnapshotId), pinned: bool) -> Result<(), ServerError> {
    let path = format!("/api/v1/profiles/{profile}/snapshots/{snapshot}/pin");
    let method = if pinned { Method::Put } else { Method::Delete };
    server.call(Request::new(method, &path).body(JSON, b"{}"), &[200, 204], Repeat::Harmless)?;
    Ok(())
}
