//! Parts to snapshot. Everything here may come from a hostile server or another version.

use std::collections::BTreeMap;

use super::write::{is_choice, is_value_text};
use super::{APPS_MAX, FORMAT, NOT_CARRIED_MAX, PART_PLAIN_BYTES_MAX, READINGS_MAX};
use super::{again_key, app_kind, outcome, value_type};
use crate::catalog::Category;
use crate::cbor::fields::{Fields, FieldsError};
use crate::cbor::{self, CborError, Item};
use crate::envelope::BLOB_BYTES_MAX;
use crate::ids::BlobId;
use crate::reason::Reason;
use crate::snapshot::app_id::{is_store_id, is_winget_id};
use crate::snapshot::text::{APP_BYTES_MAX, NAME_BYTES_MAX, VERSION_BYTES_MAX, is_clean, is_entry_id};
use crate::snapshot::{Again, App, AppKind, AppScope, DeviceFacts, PartKind, Reading, Snapshot};
use crate::value::{Colour, FileRef, LIST_ITEMS_MAX, Value};

/// What one part holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Kind 1.
    Device {
        /// Version of the catalog that the device read with.
        catalog_version: u32,
        /// The PC.
        device: DeviceFacts,
        /// What is not carried.
        not_carried: BTreeMap<String, Reason>,
    },
    /// Kind 2.
    Apps(Vec<App>),
    /// The readings of a category.
    Readings(BTreeMap<String, Reading>),
}

/// A snapshot put together from its parts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decoded {
    /// The snapshot.
    pub snapshot: Snapshot,
    /// Numbers of part kinds that this version does not know and left out.
    pub unknown_kinds: Vec<u8>,
}

/// Bytes that are not a part.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Not one canonical item.
    #[error("the part is not canonical CBOR")]
    Cbor(#[from] CborError),
    /// Format or field of a newer version.
    #[error("the part has the field {field} of a newer version")]
    Newer {
        /// The field's key; 0 stands for the format.
        field: u64,
    },
    /// A field that is missing or has another type or range.
    #[error("the part's field `{field}` is missing or malformed")]
    Field {
        /// The field.
        field: &'static str,
    },
    /// An app that is malformed, or not above the one before it.
    #[error("app number {index} is malformed or out of order")]
    App {
        /// Its place in the list, from 0.
        index: usize,
    },
    /// An id that cannot be one, or belongs to another part.
    #[error("`{id}` cannot be an id in this part")]
    Id {
        /// The id, shortened.
        id: String,
    },
    /// A reading that breaks the table of values.
    #[error("the reading of `{id}` is malformed")]
    Reading {
        /// The setting.
        id: String,
    },
    /// More than the format allows.
    #[error("{what} are more than {limit}")]
    TooLarge {
        /// Of what.
        what: &'static str,
        /// How many there may be.
        limit: usize,
    },
}

impl DecodeError {
    /// The reason that a person is told.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Cbor(error) => error.reason(),
            Self::Newer { .. } => Reason::NewerVersion,
            Self::TooLarge { .. } => Reason::TooLarge,
            Self::Field { .. } | Self::App { .. } | Self::Id { .. } | Self::Reading { .. } => Reason::InvalidRequest,
        }
    }
}

impl From<FieldsError> for DecodeError {
    fn from(error: FieldsError) -> Self {
        match error {
            FieldsError::NotFields => Self::Field { field: "map" },
            FieldsError::Newer(field) => Self::Newer { field },
        }
    }
}

impl Content {
    /// Adds the part to a snapshot. Parts of different kinds never overlap.
    pub fn merge_into(self, snapshot: &mut Snapshot) {
        match self {
            Self::Device { catalog_version, device, not_carried } => {
                snapshot.catalog_version = catalog_version;
                snapshot.device = device;
                snapshot.not_carried = not_carried;
            }
            Self::Apps(apps) => snapshot.apps = apps,
            Self::Readings(readings) => snapshot.readings.extend(readings),
        }
    }
}

/// Puts a snapshot together from (kind number, bytes). Kinds that this version does not know are left out and named.
pub fn decode<'a>(parts: impl IntoIterator<Item = (u8, &'a [u8])>) -> Result<Decoded, DecodeError> {
    let mut decoded = Decoded::default();
    for (number, bytes) in parts {
        match PartKind::from_number(number) {
            Some(kind) => decode_part(kind, bytes)?.merge_into(&mut decoded.snapshot),
            None => decoded.unknown_kinds.push(number),
        }
    }
    Ok(decoded)
}

/// Reads one part.
pub fn decode_part(kind: PartKind, bytes: &[u8]) -> Result<Content, DecodeError> {
    if bytes.len() > PART_PLAIN_BYTES_MAX {
        return Err(DecodeError::TooLarge { what: "bytes", limit: PART_PLAIN_BYTES_MAX });
    }
    let mut fields = Fields::of(cbor::decode(bytes)?)?;
    match fields.take(0) {
        Some(Item::Unsigned(FORMAT)) => {}
        Some(Item::Unsigned(newer)) if newer > FORMAT => return Err(DecodeError::Newer { field: 0 }),
        _ => return Err(DecodeError::Field { field: "format" }),
    }
    let content = match kind {
        PartKind::Device => device(&mut fields)?,
        PartKind::Apps => apps(&mut fields)?,
        PartKind::Category(category) => readings(&mut fields, category)?,
    };
    fields.finish()?;
    Ok(content)
}

fn device(fields: &mut Fields<'_>) -> Result<Content, DecodeError> {
    let number = |item: Option<Item<'_>>, field| match item.map(|item| item.as_unsigned()) {
        Some(None) => Err(DecodeError::Field { field }),
        number => Ok(number.flatten()),
    };
    let text = |item: Option<Item<'_>>, field| match item {
        None => Ok(None),
        Some(Item::Text(text)) if is_clean(text, NAME_BYTES_MAX) => Ok(Some(text.to_owned())),
        Some(_) => Err(DecodeError::Field { field }),
    };
    let missing = |field| move || DecodeError::Field { field };
    Ok(Content::Device {
        catalog_version: number(fields.take(1), "catalog version")?.ok_or_else(missing("catalog version"))?,
        device: DeviceFacts {
            name: text(fields.take(2), "name")?.ok_or_else(missing("name"))?,
            model: text(fields.take(3), "model")?,
            build: number(fields.take(4), "build")?,
            revision: number(fields.take(5), "revision")?,
            edition: text(fields.take(6), "edition")?,
        },
        not_carried: fields.take(7).map(not_carried).transpose()?.unwrap_or_default(),
    })
}

fn not_carried(item: Item<'_>) -> Result<BTreeMap<String, Reason>, DecodeError> {
    const FIELD: DecodeError = DecodeError::Field { field: "not carried" };
    let Item::Map(pairs) = item else { return Err(FIELD) };
    // An empty map would be a second spelling of no map.
    if pairs.is_empty() {
        return Err(FIELD);
    }
    if pairs.len() > NOT_CARRIED_MAX {
        return Err(DecodeError::TooLarge { what: "things that are not carried", limit: NOT_CARRIED_MAX });
    }
    let mut entries = BTreeMap::new();
    for (id, reason) in pairs {
        let Item::Text(id) = id else { return Err(FIELD) };
        if !is_entry_id(id) {
            return Err(wrong_id(id));
        }
        entries.insert(id.to_owned(), self::reason(&reason).ok_or(FIELD)?);
    }
    Ok(entries)
}

/// A reason by its number. One that this version does not know was given by a newer one, and that is what a person is told.
fn reason(item: &Item<'_>) -> Option<Reason> {
    let number: u16 = item.as_unsigned()?;
    Some(Reason::from_number(number).unwrap_or(Reason::NewerVersion))
}

fn wrong_id(id: &str) -> DecodeError {
    DecodeError::Id { id: id.chars().take(64).collect() }
}

fn apps(fields: &mut Fields<'_>) -> Result<Content, DecodeError> {
    let Some(Item::Array(items)) = fields.take(1) else { return Err(DecodeError::Field { field: "apps" }) };
    if items.is_empty() {
        return Err(DecodeError::Field { field: "apps" });
    }
    if items.len() > APPS_MAX {
        return Err(DecodeError::TooLarge { what: "apps", limit: APPS_MAX });
    }
    let mut again =
        fields.take(again_key::FIELD).map(|item| all_again(&item, items.len())).transpose()?.unwrap_or_default();
    let mut apps: Vec<App> = Vec::with_capacity(items.len());
    let mut before = (0, "");
    for (index, item) in items.iter().enumerate() {
        let (number, id, app) = app(item).ok_or(DecodeError::App { index })?;
        if (number, id) <= before {
            return Err(DecodeError::App { index });
        }
        before = (number, id);
        apps.extend(app.map(|app| App { again: again.remove(&index).unwrap_or_default(), ..app }));
    }
    Ok(Content::Apps(apps))
}

/// How apps can be had again, by their places in the list.
fn all_again(item: &Item<'_>, apps: usize) -> Result<BTreeMap<usize, Again>, DecodeError> {
    const FIELD: DecodeError = DecodeError::Field { field: "again" };
    let Item::Map(pairs) = item else { return Err(FIELD) };
    // An empty map would be a second spelling of no map.
    if pairs.is_empty() {
        return Err(FIELD);
    }
    let mut all = BTreeMap::new();
    for (index, item) in pairs {
        let index: u32 = index.as_unsigned().ok_or(FIELD)?;
        let index = usize::try_from(index).ok().filter(|index| *index < apps).ok_or(FIELD)?;
        all.insert(index, again(item).ok_or(DecodeError::App { index })?);
    }
    Ok(all)
}

/// How one app can be had again. Fields that this version does not know are left out: each is a help, and none changes another.
fn again(item: &Item<'_>) -> Option<Again> {
    let Item::Map(pairs) = item else { return None };
    if pairs.is_empty() {
        return None;
    }
    let mut again = Again::default();
    for (key, item) in pairs {
        match (key.as_unsigned::<u64>()?, item) {
            (again_key::STORE, Item::Text(id)) if is_store_id(id) => again.store_id = Some((*id).to_owned()),
            (again_key::WINGET, Item::Text(id)) if is_winget_id(id) => again.winget_id = Some((*id).to_owned()),
            (again_key::SCOPE, Item::Unsigned(1)) => again.scope = Some(AppScope::User),
            (again_key::SCOPE, Item::Unsigned(2)) => again.scope = Some(AppScope::Machine),
            (again_key::PINNED, Item::Bool(true)) => again.pinned = true,
            (again_key::STORE..=again_key::PINNED, _) => return None,
            _ => {}
        }
    }
    Some(again)
}

/// An app's kind number, id, and itself if the kind is known.
fn app<'a>(item: &Item<'a>) -> Option<(u64, &'a str, Option<App>)> {
    let Item::Array(items) = item else { return None };
    let [Item::Unsigned(number), Item::Text(id), name, version, publisher] = items.as_slice() else { return None };
    let text = |item: &Item<'_>, limit| match item {
        Item::Null => Some(None),
        Item::Text(text) if !text.is_empty() && is_clean(text, limit) => Some(Some((*text).to_owned())),
        _ => None,
    };
    if id.is_empty() || !is_clean(id, APP_BYTES_MAX) {
        return None;
    }
    let kind = match *number {
        app_kind::STORE => Some(AppKind::Store),
        app_kind::SYSTEM => Some(AppKind::System),
        app_kind::DESKTOP => Some(AppKind::Desktop),
        _ => None,
    };
    let name = text(name, APP_BYTES_MAX)?;
    let version = text(version, VERSION_BYTES_MAX)?;
    let publisher = text(publisher, APP_BYTES_MAX)?;
    Some((
        *number,
        id,
        kind.map(|kind| App { kind, id: (*id).to_owned(), name, version, publisher, again: Again::default() }),
    ))
}

fn readings(fields: &mut Fields<'_>, category: Category) -> Result<Content, DecodeError> {
    let missing = DecodeError::Field { field: "readings" };
    let stored = match fields.take(1) {
        None => Vec::new(),
        Some(Item::Map(pairs)) if !pairs.is_empty() => pairs,
        Some(_) => return Err(missing),
    };
    let absent = match fields.take(2) {
        None => Vec::new(),
        Some(Item::Array(names)) if !names.is_empty() => names,
        Some(_) => return Err(DecodeError::Field { field: "absent" }),
    };
    if stored.is_empty() && absent.is_empty() {
        return Err(missing);
    }
    if stored.len() + absent.len() > READINGS_MAX {
        return Err(DecodeError::TooLarge { what: "readings", limit: READINGS_MAX });
    }
    let mut readings = BTreeMap::new();
    for (name, item) in stored {
        let id = setting_id(category, &name)?;
        let Some(reading) = reading(&item) else { return Err(DecodeError::Reading { id }) };
        readings.insert(id, reading);
    }
    let mut before = "";
    for name in &absent {
        let id = setting_id(category, name)?;
        // In order and in one of the two lists only: one state, one spelling.
        let Item::Text(name) = *name else { return Err(wrong_id(&id)) };
        if name <= before || readings.insert(id, Reading::Absent).is_some() {
            return Err(wrong_id(name));
        }
        before = name;
    }
    Ok(Content::Readings(readings))
}

/// The id that a name stands for in a category's part.
fn setting_id(category: Category, name: &Item<'_>) -> Result<String, DecodeError> {
    let Item::Text(name) = name else { return Err(DecodeError::Field { field: "readings" }) };
    let id = format!("{}.{name}", category.word());
    if is_entry_id(&id) { Ok(id) } else { Err(wrong_id(name)) }
}

/// A reading. `None` if it is malformed; an outcome or type that this version does not know is told as such.
fn reading(item: &Item<'_>) -> Option<Reading> {
    const NEWER: Reading = Reading::Refused { reason: Reason::NewerVersion };
    let Item::Array(items) = item else { return None };
    match items.as_slice() {
        [Item::Unsigned(outcome::SET | outcome::DEFAULT), Item::Unsigned(number), _] if *number > value_type::FILE => {
            Some(NEWER)
        }
        [Item::Unsigned(outcome::SET), Item::Unsigned(number), item] => {
            Some(Reading::Set { value: value(*number, item)? })
        }
        [Item::Unsigned(outcome::DEFAULT), Item::Unsigned(number), item] => {
            Some(Reading::Default { value: value(*number, item)? })
        }
        [Item::Unsigned(outcome::REFUSED), number] => Some(Reading::Refused { reason: reason(number)? }),
        [Item::Unsigned(number), ..] if *number > outcome::REFUSED => Some(NEWER),
        _ => None,
    }
}

fn value(number: u64, item: &Item<'_>) -> Option<Value> {
    match (number, item) {
        (value_type::BOOL, Item::Bool(value)) => Some(Value::Bool(*value)),
        (value_type::INT, item) => item.as_int().map(Value::Int),
        (value_type::CHOICE, Item::Text(name)) if is_choice(name) => Some(Value::Choice((*name).to_owned())),
        (value_type::COLOUR, item) => {
            let [red, green, blue, alpha] = item.as_unsigned::<u32>()?.to_be_bytes();
            Some(Value::Colour(Colour { red, green, blue, alpha }))
        }
        (value_type::TEXT, item) => value_text(item).map(Value::Text),
        (value_type::LIST, Item::Array(items)) if items.len() <= LIST_ITEMS_MAX => {
            items.iter().map(value_text).collect::<Option<_>>().map(Value::List)
        }
        (value_type::FILE, Item::Array(items)) => {
            let [Item::Bytes(blob), Item::Unsigned(size)] = items.as_slice() else { return None };
            let blob = BlobId((*blob).try_into().ok()?);
            (*size <= BLOB_BYTES_MAX).then_some(Value::File(FileRef { blob, size: *size }))
        }
        _ => None,
    }
}

fn value_text(item: &Item<'_>) -> Option<String> {
    match item {
        Item::Text(text) if is_value_text(text) => Some((*text).to_owned()),
        _ => None,
    }
}
