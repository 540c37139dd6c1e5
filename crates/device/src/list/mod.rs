//! Station "list": what the server keeps for this person, and fetching it.
//!
//! Everything here only reads, except [`forget`], which a person asks for in so many words.

mod fetch;

use model::api::{Openings, ProfileKeys, ProfileSummary, Profiles, SnapshotSummary, Snapshots};
use model::envelope::{BLOB_BYTES_MAX, ENVELOPE_BYTES_MAX};
use model::ids::{BlobId, ProfileId, SnapshotId};
use model::report::{KeptReport, Reports};

use crate::upload::server::{Repeat, Server, ServerError};
use crate::upload::wire::{Method, Request};

pub use fetch::{FetchError, Fetched, fetch};

/// The most bytes of a list of snapshots: 10,000 of about 300 bytes.
const LIST_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// A sealed blob is a little longer than its content; an eighth more than the largest content is far above any sealing.
const SEALED_BLOB_BYTES_MAX: u64 = BLOB_BYTES_MAX + BLOB_BYTES_MAX / 8;

/// What this person could restore from, newest backup first.
pub fn profiles(server: &Server<'_>) -> Result<Vec<ProfileSummary>, ServerError> {
    let request = Request::new(Method::Get, "/api/v1/profiles").answer_bytes_max(LIST_BYTES_MAX);
    Ok(server.call_json::<Profiles>(request, &[200], Repeat::Harmless)?.profiles)
}

/// The snapshots of one profile, newest first.
pub fn snapshots(server: &Server<'_>, profile: ProfileId) -> Result<Vec<SnapshotSummary>, ServerError> {
    let path = format!("/api/v1/profiles/{profile}/snapshots");
    let request = Request::new(Method::Get, &path).answer_bytes_max(LIST_BYTES_MAX);
    Ok(server.call_json::<Snapshots>(request, &[200], Repeat::Harmless)?.snapshots)
}

/// The bytes of a whole envelope.
pub fn envelope(server: &Server<'_>, profile: ProfileId, snapshot: SnapshotId) -> Result<Vec<u8>, ServerError> {
    let path = format!("/api/v1/profiles/{profile}/snapshots/{snapshot}");
    let request = Request::new(Method::Get, &path).answer_bytes_max(ENVELOPE_BYTES_MAX as u64);
    Ok(server.call(request, &[200], Repeat::Harmless)?.body)
}

/// The sealed bytes of a file.
pub fn blob(server: &Server<'_>, profile: ProfileId, blob: BlobId) -> Result<Vec<u8>, ServerError> {
    let path = format!("/api/v1/profiles/{profile}/blobs/{blob}");
    let request = Request::new(Method::Get, &path).answer_bytes_max(SEALED_BLOB_BYTES_MAX);
    Ok(server.call(request, &[200], Repeat::Harmless)?.body)
}

/// The keys that open a profile's snapshots.
pub fn keys(server: &Server<'_>, profile: ProfileId) -> Result<ProfileKeys, ServerError> {
    let path = format!("/api/v1/profiles/{profile}/keys");
    server.call_json(Request::new(Method::Get, &path), &[200], Repeat::Harmless)
}

/// What restores on this person's PCs did, newest first.
pub fn reports(server: &Server<'_>) -> Result<Vec<KeptReport>, ServerError> {
    let request = Request::new(Method::Get, "/api/v1/reports").answer_bytes_max(LIST_BYTES_MAX);
    Ok(server.call_json::<Reports>(request, &[200], Repeat::Harmless)?.reports)
}

/// Who has opened this person's content on the server, newest case first, and which of their profiles were moved.
pub fn openings(server: &Server<'_>) -> Result<Openings, ServerError> {
    let request = Request::new(Method::Get, "/api/v1/openings").answer_bytes_max(LIST_BYTES_MAX);
    server.call_json(request, &[200], Repeat::Harmless)
}

/// Deletes a snapshot for good.
pub fn forget(server: &Server<'_>, profile: ProfileId, snapshot: SnapshotId) -> Result<(), ServerError> {
    let path = format!("/api/v1/profiles/{profile}/snapshots/{snapshot}");
    server.call(Request::new(Method::Delete, &path), &[200, 204], Repeat::Harmless)?;
    Ok(())
}
