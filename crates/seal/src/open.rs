//! Envelope to snapshot. Whatever a hostile server sends ends in an error or a report, never in a setting that its owner did not seal.

use model::envelope::{Envelope, Header, PartEntry};
use model::ids::{KeyId, ProfileId};
use model::reason::Reason;
use model::snapshot::v1::{Content, decode_part};
use model::snapshot::{PartKind, Snapshot};

use crate::content::listed_snapshot_id;
use crate::pack::header_tag;
use crate::part::{self, Label, names_key};
use crate::{KeyRing, Owner};

/// What an envelope held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// All that could be opened.
    pub snapshot: Snapshot,
    /// The parts that could not, each with the reason. Their readings or apps are missing in the snapshot.
    pub damaged: Vec<(PartKind, Reason)>,
    /// Numbers of part kinds of a newer version. Their content is missing too.
    pub unknown_kinds: Vec<u8>,
}

/// An envelope that does not open at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// It belongs to another organisation or person.
    #[error("the envelope belongs to another account")]
    OtherAccount,
    /// It belongs to another profile than the one that was asked for.
    #[error("the envelope belongs to the profile {profile}, which was not asked for")]
    OtherProfile {
        /// The profile that it says.
        profile: ProfileId,
    },
    /// None of the keys is the one that sealed it.
    #[error("none of the keys opens the envelope, which names the key {key}")]
    WrongKey {
        /// The key that it names.
        key: KeyId,
    },
    /// The tag does not belong to the header.
    #[error("the envelope's header was changed")]
    HeaderChanged,
    /// The snapshot id does not follow from the lists.
    #[error("the envelope's snapshot id is not that of its parts")]
    OtherContent,
}

impl OpenError {
    /// The reason that a person is told.
    pub fn reason(self) -> Reason {
        match self {
            Self::OtherAccount => Reason::WrongAccount,
            Self::WrongKey { .. } => Reason::WrongKey,
            Self::OtherProfile { .. } | Self::HeaderChanged | Self::OtherContent => Reason::IntegrityFailed,
        }
    }
}

/// Checks and opens an envelope that is expected to be `owner`'s.
///
/// One part that is damaged or did not come along costs its own category only, and is reported. Whether the settings in the snapshot may be
/// written is not decided here but by the plan, against the catalog.
pub fn open(envelope: &Envelope<'_>, owner: &Owner, ring: &KeyRing) -> Result<Opened, OpenError> {
    let header = &envelope.header;
    if (header.tenant, header.user) != (owner.tenant, owner.user) {
        return Err(OpenError::OtherAccount);
    }
    if header.profile != owner.profile {
        return Err(OpenError::OtherProfile { profile: header.profile });
    }
    check_tag(envelope, ring)?;
    if listed_snapshot_id(ring.id_key(), header.catalog_version, &header.parts, &header.blobs) != header.snapshot {
        return Err(OpenError::OtherContent);
    }
    let snapshot = Snapshot { catalog_version: header.catalog_version, ..Snapshot::default() };
    let mut opened = Opened { snapshot, damaged: Vec::new(), unknown_kinds: Vec::new() };
    // The name is in the header too, so that a damaged part does not leave the PC without one.
    opened.snapshot.device.name.clone_from(&header.device_name);
    for entry in &header.parts {
        let Some(kind) = entry.known_kind() else {
            opened.unknown_kinds.push(entry.kind);
            continue;
        };
        match content(envelope, entry, kind, (owner, ring)) {
            Ok(content) => content.merge_into(&mut opened.snapshot),
            Err(reason) => opened.damaged.push((kind, reason)),
        }
    }
    Ok(opened)
}

fn check_tag(envelope: &Envelope<'_>, ring: &KeyRing) -> Result<(), OpenError> {
    let named = envelope.header.key;
    let key = ring.find(named).ok_or(OpenError::WrongKey { key: named })?;
    if header_tag(key, envelope.header_bytes) == envelope.header_tag {
        return Ok(());
    }
    // A tag alone cannot tell a wrong key from a changed header; the parts' key checks can.
    let wrong_key = !envelope.parts.is_empty() && !envelope.parts.iter().any(|(_, sealed)| names_key(sealed, key));
    Err(if wrong_key { OpenError::WrongKey { key: named } } else { OpenError::HeaderChanged })
}

fn content(
    envelope: &Envelope<'_>,
    entry: &PartEntry,
    kind: PartKind,
    (owner, ring): (&Owner, &KeyRing),
) -> Result<Content, Reason> {
    let sealed = envelope.parts.iter().find(|(id, _)| *id == entry.id).ok_or(Reason::PartsMissing)?.1;
    let plain = part::open(sealed, Label { owner, kind: entry.kind, id: entry.id }, ring)?;
    let content = decode_part(kind, &plain).map_err(|error| error.reason())?;
    match content {
        Content::Device { catalog_version, .. } if catalog_version != envelope.header.catalog_version => {
            Err(Reason::IntegrityFailed)
        }
        content => Ok(content),
    }
}

/// The owner that a header names. Nothing is proven until [`open`] has checked the tag.
impl From<&Header> for Owner {
    fn from(header: &Header) -> Self {
        Self { tenant: header.tenant, user: header.user, profile: header.profile }
    }
}
