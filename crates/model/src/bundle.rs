//! The clear part of a bundle: one snapshot in one file, for a PC without network.
//!
//! It says whose the bundle is and what unlocks it, and nothing of what is in it. `docs/format.md` section 11 is the contract; the crate `seal`
//! writes and opens bundles.

use crate::cbor::fields::{Fields, FieldsError};
use crate::cbor::{self, CborError, Item};
use crate::envelope::{BLOBS_MAX, ENVELOPE_BYTES_MAX, SEALED_BLOB_BYTES_MAX};
use crate::ids::{ProfileId, SnapshotId, TenantId, UserId};
use crate::reason::Reason;
use crate::world::Moment;

/// First bytes of every bundle: "RHB" and the format.
pub const MAGIC: [u8; 4] = *b"RHB1";

/// The largest header of a bundle; today's have 300 bytes.
pub const HEADER_BYTES_MAX: usize = 1024;

/// The largest list of keys: 64 keys of 52 bytes each, and the fixed fields.
pub const KEYS_BYTES_MAX: usize = 8 * 1024;

/// The largest payload: every blob that an envelope may name, the envelope and the keys, each with its length.
pub const PAYLOAD_BYTES_MAX: u64 =
    (SEALED_BLOB_BYTES_MAX + 4) * BLOBS_MAX as u64 + (ENVELOPE_BYTES_MAX + KEYS_BYTES_MAX + 8) as u64;

/// The clear part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundleHeader {
    /// The bundle's own id.
    pub bundle: [u8; 16],
    /// Whose snapshot it holds.
    pub tenant: TenantId,
    /// Whose snapshot it holds.
    pub user: UserId,
    /// The profile that the snapshot belongs to.
    pub profile: ProfileId,
    /// The snapshot.
    pub snapshot: SnapshotId,
    /// When the bundle was made, by the clock of the PC that made it.
    pub made_at: Moment,
    /// What unlocks it.
    pub unlock: Unlock,
    /// How many bytes the payload has before encryption.
    pub payload_len: u64,
    /// Tells the right key from a wrong one.
    pub key_check: [u8; 16],
}

/// What unlocks a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unlock {
    /// A key file.
    KeyFile,
    /// A passphrase.
    Passphrase {
        /// For the stretching of the passphrase.
        salt: [u8; 16],
        /// The bundle key, encrypted under the stretched passphrase.
        wrapped: [u8; 48],
    },
}

/// Bytes that are not a bundle's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BundleHeaderError {
    /// Longer than [`HEADER_BYTES_MAX`].
    #[error("the bundle's header has {len} bytes, more than the {HEADER_BYTES_MAX} that it may have")]
    TooLong {
        /// How many bytes.
        len: usize,
    },
    /// Not one canonical item.
    #[error("the bundle's header is not canonical CBOR")]
    Cbor(#[from] CborError),
    /// A field, or a way to unlock, of a newer version.
    #[error("the bundle's header has the field {field} of a newer version")]
    Newer {
        /// The field's key.
        field: u64,
    },
    /// A field that is missing or has another type or range.
    #[error("the field {field} of the bundle's header is missing or malformed")]
    Field {
        /// The field's key; -1 as a whole.
        field: i64,
    },
}

impl BundleHeaderError {
    /// The reason that a person is told.
    pub fn reason(self) -> Reason {
        match self {
            Self::Newer { .. } => Reason::NewerVersion,
            Self::TooLong { .. } | Self::Cbor(_) | Self::Field { .. } => Reason::IntegrityFailed,
        }
    }
}

impl From<FieldsError> for BundleHeaderError {
    fn from(error: FieldsError) -> Self {
        match error {
            FieldsError::NotFields => Self::Field { field: -1 },
            FieldsError::Newer(field) => Self::Newer { field },
        }
    }
}

impl BundleHeader {
    /// Writes the header down.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut fields = vec![
            (0, Item::Bytes(&self.bundle)),
            (1, Item::Bytes(self.tenant.as_bytes())),
            (2, Item::Bytes(self.user.as_bytes())),
            (3, Item::Bytes(self.profile.as_bytes())),
            (4, Item::Bytes(self.snapshot.as_bytes())),
            (5, Item::int(self.made_at.0)),
            (6, Item::Unsigned(self.unlock.number())),
            (7, Item::Unsigned(self.payload_len)),
            (10, Item::Bytes(&self.key_check)),
        ];
        if let Unlock::Passphrase { salt, wrapped } = &self.unlock {
            fields.extend([(8, Item::Bytes(salt)), (9, Item::Bytes(wrapped))]);
        }
        cbor::encode(&Item::Map(fields.into_iter().map(|(key, value)| (Item::Unsigned(key), value)).collect()))
    }

    /// Reads a header. Whose word it is, only its tag can tell.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BundleHeaderError> {
        if bytes.len() > HEADER_BYTES_MAX {
            return Err(BundleHeaderError::TooLong { len: bytes.len() });
        }
        let mut fields = Fields::of(cbor::decode(bytes)?)?;
        let made_at = fields.take(5).and_then(|item| item.as_int()).ok_or(BundleHeaderError::Field { field: 5 })?;
        let payload_len = number(&mut fields, 7)?;
        if !(1..=PAYLOAD_BYTES_MAX).contains(&payload_len) {
            return Err(BundleHeaderError::Field { field: 7 });
        }
        let unlock = match number(&mut fields, 6)? {
            0 => return Err(BundleHeaderError::Field { field: 6 }),
            1 => Unlock::KeyFile,
            2 => Unlock::Passphrase { salt: array(&mut fields, 8)?, wrapped: array(&mut fields, 9)? },
            _ => return Err(BundleHeaderError::Newer { field: 6 }),
        };
        let header = Self {
            bundle: array(&mut fields, 0)?,
            tenant: TenantId(array(&mut fields, 1)?),
            user: UserId(array(&mut fields, 2)?),
            profile: ProfileId(array(&mut fields, 3)?),
            snapshot: SnapshotId(array(&mut fields, 4)?),
            made_at: Moment(made_at),
            unlock,
            payload_len,
            key_check: array(&mut fields, 10)?,
        };
        fields.finish()?;
        Ok(header)
    }
}

impl Unlock {
    fn number(&self) -> u64 {
        match self {
            Self::KeyFile => 1,
            Self::Passphrase { .. } => 2,
        }
    }
}

fn array<const N: usize>(fields: &mut Fields<'_>, key: u8) -> Result<[u8; N], BundleHeaderError> {
    match fields.take(key.into()) {
        Some(Item::Bytes(bytes)) => bytes.try_into().ok(),
        _ => None,
    }
    .ok_or(BundleHeaderError::Field { field: key.into() })
}

fn number(fields: &mut Fields<'_>, key: u8) -> Result<u64, BundleHeaderError> {
    let item = fields.take(key.into()).and_then(|item| item.as_unsigned());
    item.ok_or(BundleHeaderError::Field { field: key.into() })
}

/// The keys that a bundle's payload begins with. The secrets are borrowed: whoever decodes them owns and wipes the bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct BundleKeys<'a> {
    /// The key that the envelope's header names.
    pub current: [u8; 16],
    /// Every profile key that some part or blob is sealed with, ascending by id.
    pub keys: Vec<([u8; 16], &'a [u8; 32])>,
    /// The user's key for content ids.
    pub id_key: &'a [u8; 32],
}

impl<'a> BundleKeys<'a> {
    /// Writes the keys down.
    pub fn to_bytes(&self) -> Vec<u8> {
        let pair = |(id, secret): &'_ ([u8; 16], &'a [u8; 32])| (*id, *secret);
        let pairs: Vec<_> = self.keys.iter().map(pair).collect();
        let list = pairs.iter().map(|(id, secret)| Item::Array(vec![Item::Bytes(id), Item::Bytes(*secret)])).collect();
        let fields = [Item::Bytes(&self.current), Item::Array(list), Item::Bytes(self.id_key)];
        cbor::encode(&Item::Map((0..).map(Item::Unsigned).zip(fields).collect()))
    }

    /// Reads them.
    pub fn from_bytes(bytes: &'a [u8]) -> Result<Self, BundleHeaderError> {
        let malformed = |field: i64| BundleHeaderError::Field { field };
        let mut fields = Fields::of(cbor::decode(bytes)?)?;
        let current = array(&mut fields, 0)?;
        let Some(Item::Array(items)) = fields.take(1) else { return Err(malformed(1)) };
        let pair = |item: &Item<'a>| {
            let Item::Array(pair) = item else { return None };
            let [Item::Bytes(id), Item::Bytes(secret)] = pair.as_slice() else { return None };
            Some(((*id).try_into().ok()?, (*secret).try_into().ok()?))
        };
        let keys: Vec<([u8; 16], &[u8; 32])> = items.iter().map(pair).collect::<Option<_>>().ok_or(malformed(1))?;
        if keys.is_empty() || !keys.is_sorted_by(|a, b| a.0 < b.0) {
            return Err(malformed(1));
        }
        let Some(Item::Bytes(id_key)) = fields.take(2) else { return Err(malformed(2)) };
        let id_key = id_key.try_into().map_err(|_| malformed(2))?;
        fields.finish()?;
        Ok(Self { current, keys, id_key })
    }
}
