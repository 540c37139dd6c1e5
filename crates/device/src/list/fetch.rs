//! From a snapshot's id to its content: fetch the envelope, get the keys, open it.
//!
//! The server could hand out another envelope than the one asked for. What comes must name the same snapshot, be sealed for this person and
//! open with a key of theirs; all else is refused.

use model::api::SealedFor;
use model::envelope::{Envelope, EnvelopeError, Header};
use model::ids::{ProfileId, SnapshotId};
use model::reason::Reason;
use seal::{KeyError, KeyRing, OpenError, Opened, Owner};

use super::{envelope, keys};
use crate::progress::{Progress, Station};
use crate::state::Enrolment;
use crate::upload::server::{Server, ServerError};

/// A snapshot that was fetched and opened.
pub struct Fetched {
    /// Its content, and what of it could not be opened.
    pub opened: Opened,
    /// Its header.
    pub header: Header,
    /// Whose it is.
    pub owner: Owner,
    /// What opened it, and opens its files.
    pub ring: KeyRing,
    /// How many bytes the envelope has.
    pub envelope_bytes: u64,
}

/// Why a snapshot could not be fetched and opened.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The server said no or nothing.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// What came is not an envelope.
    #[error("the snapshot {snapshot} came back damaged")]
    Envelope {
        /// Which.
        snapshot: SnapshotId,
        /// What is wrong with it.
        #[source]
        source: EnvelopeError,
    },
    /// Another snapshot came.
    #[error("the server gave the snapshot {given} instead of {wanted}")]
    Another {
        /// What was asked for.
        wanted: SnapshotId,
        /// What came.
        given: SnapshotId,
    },
    /// The keys are none.
    #[error("the keys of the profile are not usable")]
    Keys(#[from] KeyError),
    /// It does not open.
    #[error("the snapshot {snapshot} does not open")]
    Open {
        /// Which.
        snapshot: SnapshotId,
        /// Why.
        #[source]
        source: OpenError,
    },
}

impl FetchError {
    /// The reason that a person and a script are told.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Server(error) => error.reason(),
            Self::Envelope { source, .. } => source.reason(),
            Self::Another { .. } => Reason::IntegrityFailed,
            Self::Keys(error) => error.reason(),
            Self::Open { source, .. } => source.reason(),
        }
    }
}

/// Fetches and opens one snapshot of `profile`, which may be another PC of the same person.
pub fn fetch(
    server: &Server<'_>,
    enrolment: &Enrolment,
    (profile, snapshot): (ProfileId, SnapshotId),
    progress: &dyn Progress,
) -> Result<Fetched, FetchError> {
    progress.station(Station::List);
    let bytes = envelope(server, profile, snapshot)?;
    let envelope = Envelope::parse(&bytes).map_err(|source| FetchError::Envelope { snapshot, source })?;
    if envelope.header.snapshot != snapshot {
        return Err(FetchError::Another { wanted: snapshot, given: envelope.header.snapshot });
    }
    let (ring, moved) = ring(server, enrolment, profile, &envelope.header)?;
    progress.station(Station::Open);
    let own = SealedFor { tenant: enrolment.tenant, user: enrolment.user };
    let SealedFor { tenant, user } = moved.unwrap_or(own);
    let owner = Owner { tenant, user, profile };
    let opened = seal::open(&envelope, &owner, &ring).map_err(|source| FetchError::Open { snapshot, source })?;
    Ok(Fetched { opened, header: envelope.header, owner, ring, envelope_bytes: bytes.len() as u64 })
}

/// The keys that enrolment gave, or those that the server has now if they were changed since or the profile is another PC's; and for whom it was sealed
/// if an administrator has moved it here from another account. A server that lies about that gains nothing: the keys that it gives open what was
/// sealed for that person or nothing, and what may be written is the catalog's to say.
fn ring(
    server: &Server<'_>,
    enrolment: &Enrolment,
    profile: ProfileId,
    header: &Header,
) -> Result<(KeyRing, Option<SealedFor>), FetchError> {
    if profile == enrolment.profile {
        let ring = KeyRing::from_api(&enrolment.keys)?;
        if ring.find(header.key).is_some() {
            return Ok((ring, None));
        }
    }
    let answer = keys(server, profile)?;
    Ok((KeyRing::from_api(&answer)?, answer.sealed_for))
}
