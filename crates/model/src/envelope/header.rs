//! The header as canonical CBOR. `docs/format.md` section 7 is the contract.

use super::{BLOBS_MAX, BlobEntry, HEADER_BYTES_MAX, Header, PART_BYTES_MAX, PARTS_MAX, PartEntry};
use super::{SEALED_BLOB_BYTES_MAX, Source};
use crate::cbor::fields::{Fields, FieldsError};
use crate::cbor::{self, CborError, Item};
use crate::ids::{BlobId, DeviceId, KeyId, PartId, ProfileId, SnapshotId, TenantId, UserId};
use crate::reason::Reason;
use crate::snapshot::text::{NAME_BYTES_MAX, clean, is_clean};
use crate::world::Moment;

/// Bytes that are not a header, or a header that cannot be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// Longer than [`HEADER_BYTES_MAX`].
    #[error("the header has {len} bytes, more than the {HEADER_BYTES_MAX} that it may have")]
    TooLong {
        /// How many bytes.
        len: usize,
    },
    /// Not one canonical item.
    #[error("the header is not canonical CBOR")]
    Cbor(#[from] CborError),
    /// A field or number of a newer version.
    #[error("the header has the field {field} of a newer version")]
    Newer {
        /// The field's key.
        field: u64,
    },
    /// A field that is missing or has another type or range.
    #[error("the header's field `{field}` is missing or malformed")]
    Field {
        /// The field.
        field: &'static str,
    },
    /// Parts or blobs that are not in order, or repeated.
    #[error("the header's {list} are repeated or out of order at number {index}")]
    Order {
        /// Which list.
        list: &'static str,
        /// Place in the list, from 0.
        index: usize,
    },
}

impl HeaderError {
    /// The reason that a person is told.
    pub fn reason(&self) -> Reason {
        match self {
            Self::TooLong { .. } => Reason::TooLarge,
            Self::Cbor(error) => error.reason(),
            Self::Newer { .. } => Reason::NewerVersion,
            Self::Field { .. } | Self::Order { .. } => Reason::InvalidRequest,
        }
    }
}

impl From<FieldsError> for HeaderError {
    fn from(error: FieldsError) -> Self {
        match error {
            FieldsError::NotFields => Self::Field { field: "map" },
            FieldsError::Newer(field) => Self::Newer { field },
        }
    }
}

impl Source {
    /// The source's stable number.
    pub fn number(self) -> u8 {
        match self {
            Self::Live => 1,
            Self::Hive => 2,
            Self::RegFile => 3,
        }
    }

    /// The source with that number, if this version knows it.
    pub fn from_number(number: u8) -> Option<Self> {
        [Self::Live, Self::Hive, Self::RegFile].into_iter().find(|source| source.number() == number)
    }
}

impl Header {
    /// Writes the header down. The device name is cleaned and cut as all text that people read.
    ///
    /// An error is one of the writer: lists out of order, repeated or beyond their limits.
    pub fn to_bytes(&self) -> Result<Vec<u8>, HeaderError> {
        check_lists(&self.parts, &self.blobs)?;
        let name = clean(&self.device_name, NAME_BYTES_MAX);
        let parts = self.parts.iter().map(|part| {
            let numbers = [u64::from(part.sealed_len), u64::from(part.items)].map(Item::Unsigned);
            let [sealed_len, items] = numbers;
            Item::Array(vec![Item::Unsigned(part.kind.into()), Item::Bytes(part.id.as_bytes()), sealed_len, items])
        });
        let blobs = self.blobs.iter().map(|blob| {
            let role = Item::Unsigned(blob.role.into());
            Item::Array(vec![role, Item::Bytes(blob.id.as_bytes()), Item::Unsigned(blob.sealed_len)])
        });
        let fields = [
            Item::Bytes(self.tenant.as_bytes()),
            Item::Bytes(self.user.as_bytes()),
            Item::Bytes(self.device.as_bytes()),
            Item::Bytes(self.profile.as_bytes()),
            Item::Unsigned(self.seq),
            Item::Bytes(self.snapshot.as_bytes()),
            Item::int(self.taken_at.0),
            Item::Unsigned(self.catalog_version.into()),
            Item::Bytes(self.key.as_bytes()),
            Item::Unsigned(self.source.number().into()),
            Item::Text(&name),
            Item::Unsigned(self.settings_count.into()),
            Item::Unsigned(self.apps_count.into()),
            Item::Array(parts.collect()),
            Item::Array(blobs.collect()),
        ];
        let numbered = (0..).map(Item::Unsigned).zip(fields).collect();
        Ok(cbor::encode(&Item::Map(numbered)))
    }

    /// Reads a header.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, HeaderError> {
        if bytes.len() > HEADER_BYTES_MAX {
            return Err(HeaderError::TooLong { len: bytes.len() });
        }
        let mut fields = Fields::of(cbor::decode(bytes)?)?;
        let header = Self {
            tenant: TenantId(id(&mut fields, 0, "tenant")?),
            user: UserId(id(&mut fields, 1, "user")?),
            device: DeviceId(id(&mut fields, 2, "device")?),
            profile: ProfileId(id(&mut fields, 3, "profile")?),
            seq: number(&mut fields, 4, "number")?,
            snapshot: SnapshotId(id(&mut fields, 5, "snapshot")?),
            taken_at: moment(&mut fields, 6)?,
            catalog_version: number(&mut fields, 7, "catalog version")?,
            key: KeyId(id(&mut fields, 8, "key")?),
            source: source(&mut fields, 9)?,
            device_name: name(&mut fields, 10)?,
            settings_count: number(&mut fields, 11, "settings")?,
            apps_count: number(&mut fields, 12, "apps")?,
            parts: list(fields.take(13), PARTS_MAX, part).ok_or(HeaderError::Field { field: "parts" })?,
            blobs: list(fields.take(14), BLOBS_MAX, blob).ok_or(HeaderError::Field { field: "blobs" })?,
        };
        fields.finish()?;
        if header.seq == 0 {
            return Err(HeaderError::Field { field: "number" });
        }
        check_lists(&header.parts, &header.blobs)?;
        Ok(header)
    }
}

/// Lists within their limits, strictly ascending by kind or role, no id twice.
fn check_lists(parts: &[PartEntry], blobs: &[BlobEntry]) -> Result<(), HeaderError> {
    for (count, limit, field) in [(parts.len(), PARTS_MAX, "parts"), (blobs.len(), BLOBS_MAX, "blobs")] {
        if count > limit {
            return Err(HeaderError::Field { field });
        }
    }
    for (index, part) in parts.iter().enumerate() {
        if parts[..index].iter().any(|before| before.kind >= part.kind || before.id == part.id) {
            return Err(HeaderError::Order { list: "parts", index });
        }
    }
    for (index, blob) in blobs.iter().enumerate() {
        if blobs[..index].iter().any(|before| before.role >= blob.role) {
            return Err(HeaderError::Order { list: "blobs", index });
        }
    }
    Ok(())
}

fn id<const N: usize>(fields: &mut Fields<'_>, key: u64, field: &'static str) -> Result<[u8; N], HeaderError> {
    match fields.take(key) {
        Some(Item::Bytes(bytes)) => bytes.try_into().map_err(|_| HeaderError::Field { field }),
        _ => Err(HeaderError::Field { field }),
    }
}

fn number<N: TryFrom<u64>>(fields: &mut Fields<'_>, key: u64, field: &'static str) -> Result<N, HeaderError> {
    fields.take(key).and_then(|item| item.as_unsigned()).ok_or(HeaderError::Field { field })
}

fn moment(fields: &mut Fields<'_>, key: u64) -> Result<Moment, HeaderError> {
    let item = fields.take(key).and_then(|item| item.as_int());
    item.map(Moment).ok_or(HeaderError::Field { field: "taken at" })
}

fn source(fields: &mut Fields<'_>, key: u64) -> Result<Source, HeaderError> {
    match number(fields, key, "source")? {
        0 => Err(HeaderError::Field { field: "source" }),
        number => Source::from_number(number).ok_or(HeaderError::Newer { field: key }),
    }
}

fn name(fields: &mut Fields<'_>, key: u64) -> Result<String, HeaderError> {
    match fields.take(key) {
        Some(Item::Text(text)) if is_clean(text, NAME_BYTES_MAX) => Ok(text.to_owned()),
        _ => Err(HeaderError::Field { field: "device name" }),
    }
}

/// The entries of a list that has at most `limit` of them.
fn list<T>(item: Option<Item<'_>>, limit: usize, entry: fn(&[Item<'_>]) -> Option<T>) -> Option<Vec<T>> {
    let Some(Item::Array(items)) = item else { return None };
    let read = |item: &Item<'_>| match item {
        Item::Array(items) => entry(items),
        _ => None,
    };
    (items.len() <= limit).then(|| items.iter().map(read).collect())?
}

fn part(items: &[Item<'_>]) -> Option<PartEntry> {
    let [kind, Item::Bytes(id), sealed_len, items] = items else { return None };
    let sealed_len: u32 = sealed_len.as_unsigned()?;
    let fits = usize::try_from(sealed_len).is_ok_and(|len| (1..=PART_BYTES_MAX).contains(&len));
    let id = PartId((*id).try_into().ok()?);
    fits.then_some(PartEntry { kind: kind.as_unsigned()?, id, sealed_len, items: items.as_unsigned()? })
}

fn blob(items: &[Item<'_>]) -> Option<BlobEntry> {
    let [role, Item::Bytes(id), sealed_len] = items else { return None };
    let sealed_len: u64 = sealed_len.as_unsigned()?;
    let id = BlobId((*id).try_into().ok()?);
    (1..=SEALED_BLOB_BYTES_MAX).contains(&sealed_len).then_some(BlobEntry { role: role.as_unsigned()?, id, sealed_len })
}
