//! Outline to envelope.

use model::envelope::{ENVELOPE_BYTES_MAX, Envelope, Header, HeaderError, MAGIC, PartEntry, Source};
use model::ids::{DeviceId, KeyId, PartId};
use model::reason::Reason;
use model::world::{Moment, Random};
use zeroize::Zeroizing;

use crate::content::Outline;
use crate::part::{Label, seal};
use crate::{Key, KeyRing, Owner};

/// What an envelope says about its making.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Whose it is.
    pub owner: Owner,
    /// The PC.
    pub device: DeviceId,
    /// Number of the snapshot in the profile: one more than the newest, from 1.
    pub seq: u64,
    /// When it was taken, by the device's clock.
    pub taken_at: Moment,
    /// What the readings came from.
    pub source: Source,
    /// Name of the PC as its people know it. The server and the tenant's admins see it.
    pub device_name: String,
}

/// An envelope, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packed {
    /// Its header.
    pub header: Header,
    /// The header's bytes, whose hash the receipt names ([`crate::receipt::header_hash`]).
    pub header_bytes: Vec<u8>,
    /// The whole envelope.
    pub bytes: Vec<u8>,
}

/// An envelope that cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PackError {
    /// The header's fields.
    #[error("the envelope's header cannot be written")]
    Header(#[from] HeaderError),
    /// More than a server takes.
    #[error("the envelope has {len} bytes, more than the {ENVELOPE_BYTES_MAX} that a server takes")]
    TooLarge {
        /// How many bytes.
        len: usize,
    },
}

impl PackError {
    /// The reason that a person is told.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Header(_) => Reason::Internal,
            Self::TooLarge { .. } => Reason::TooLarge,
        }
    }
}

/// Seals the parts that the receiver does not have and puts them into an envelope.
///
/// `known` gives the sealed length of a part that the receiver has already; `&|_| None` seals all of them.
pub fn pack(
    outline: &Outline,
    ring: &KeyRing,
    stamp: &Stamp,
    known: &dyn Fn(PartId) -> Option<u32>,
    random: &dyn Random,
) -> Result<Packed, PackError> {
    let key = ring.current();
    let mut entries = Vec::with_capacity(outline.parts.len());
    let mut sealed = Vec::new();
    for (id, part) in &outline.parts {
        let kind = part.kind.number();
        let sealed_len = known(*id).unwrap_or_else(|| {
            let bytes = seal(&part.bytes, Label { owner: &stamp.owner, kind, id: *id }, key, random);
            let len = u32::try_from(bytes.len()).expect("a part is limited far below");
            sealed.push((*id, bytes));
            len
        });
        entries.push(PartEntry { kind, id: *id, sealed_len, items: part.items });
    }
    let header = header(outline, key.id, stamp, entries);
    let header_bytes = header.to_bytes()?;
    let sealed: Vec<_> = sealed.iter().map(|(id, bytes)| (*id, bytes.as_slice())).collect();
    let bytes = Envelope::assemble(&header_bytes, header_tag(key, &header_bytes).as_bytes(), &sealed);
    if bytes.len() > ENVELOPE_BYTES_MAX {
        return Err(PackError::TooLarge { len: bytes.len() });
    }
    Ok(Packed { header, header_bytes, bytes })
}

fn header(outline: &Outline, key: KeyId, stamp: &Stamp, parts: Vec<PartEntry>) -> Header {
    let Owner { tenant, user, profile } = stamp.owner;
    Header {
        tenant,
        user,
        device: stamp.device,
        profile,
        seq: stamp.seq,
        snapshot: outline.snapshot,
        taken_at: stamp.taken_at,
        catalog_version: outline.catalog_version,
        key,
        source: stamp.source,
        device_name: stamp.device_name.clone(),
        settings_count: outline.settings_count,
        apps_count: outline.apps_count,
        parts,
        blobs: outline.blobs.clone(),
    }
}

/// The tag that proves a header's bytes. Comparing it takes the same time whatever differs.
pub(crate) fn header_tag(key: &Key, header_bytes: &[u8]) -> blake3::Hash {
    let mut header_key = Zeroizing::new([0; 32]);
    key.derive(&[b"rehome/header/v1"], header_key.as_mut());
    blake3::Hasher::new_keyed(&header_key).update(&MAGIC).update(header_bytes).finalize()
}
