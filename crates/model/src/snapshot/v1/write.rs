//! Snapshot to parts.

use std::collections::BTreeMap;

use super::{APPS_MAX, CHOICE_BYTES_MAX, FORMAT, NOT_CARRIED_MAX, PART_PLAIN_BYTES_MAX, READINGS_MAX};
use super::{again_key, app_kind, outcome, value_type};
use crate::catalog::Category;
use crate::cbor::{self, ITEMS_MAX, Item};
use crate::envelope::BLOB_BYTES_MAX;
use crate::reason::Reason;
use crate::snapshot::text::{APP_BYTES_MAX, NAME_BYTES_MAX, VERSION_BYTES_MAX, clean, is_entry_id, is_plain};
use crate::snapshot::{Again, App, AppKind, PartKind, Reading, Snapshot};
use crate::value::{Colour, LIST_ITEMS_MAX, TEXT_BYTES_MAX, Value};

/// Items of an app's array, with itself.
const APP_ITEMS: usize = 6;
/// The most items of what is known of having an app again: its number, the map, four keys and their values.
const AGAIN_ITEMS: usize = 10;
/// The items of an app list besides: the map and its keys, the format, the array and the map in it.
const ITEMS_BESIDE: usize = 8;

/// One part, written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// What it holds.
    pub kind: PartKind,
    /// Apps, or readings that are set.
    pub items: u32,
    /// Its canonical bytes.
    pub bytes: Vec<u8>,
}

/// A snapshot that cannot be written. None of these comes from a snapshot that was collected with a catalog.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// Not the id of a setting: wrong alphabet or length, or it does not begin with a category's word.
    #[error("`{id}` is not the id of a setting")]
    Id {
        /// The id.
        id: String,
    },
    /// A value beyond the limits of the format.
    #[error("the value of `{id}` is not one that the format holds")]
    Value {
        /// The setting.
        id: String,
    },
    /// More than the format holds.
    #[error("{count} {what} are more than the {limit} that a part holds")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many.
        count: usize,
        /// How many it may be.
        limit: usize,
    },
    /// A part beyond [`PART_PLAIN_BYTES_MAX`].
    #[error("the part `{}` has {len} bytes, more than the {PART_PLAIN_BYTES_MAX} that it may have", kind.title())]
    TooLarge {
        /// Which part.
        kind: PartKind,
        /// How many bytes.
        len: usize,
    },
}

impl EncodeError {
    /// The reason that a person is told.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Id { .. } | Self::Value { .. } => Reason::Internal,
            Self::TooMany { .. } | Self::TooLarge { .. } => Reason::TooLarge,
        }
    }
}

/// Writes a snapshot down, its parts in the order of their kinds' numbers. The same state gives the same bytes on any machine.
///
/// Text that people read is cleaned and cut; apps are sorted, and of two with the same kind and id the first in order stays; an app without
/// an id is left out. A category without readings gives no part, and so does an empty app list.
pub fn encode(snapshot: &Snapshot) -> Result<Vec<Part>, EncodeError> {
    let mut parts = vec![device(snapshot)?];
    parts.extend(apps(&snapshot.apps)?);
    let mut categories: BTreeMap<Category, Vec<(&str, &Reading)>> = BTreeMap::new();
    for (id, reading) in &snapshot.readings {
        let category = category_of(id).ok_or_else(|| EncodeError::Id { id: id.clone() })?;
        categories.entry(category).or_default().push((id, reading));
    }
    for (category, readings) in categories {
        parts.push(self::category(category, &readings)?);
    }
    Ok(parts)
}

/// The category whose word an id begins with.
fn category_of(id: &str) -> Option<Category> {
    if !is_entry_id(id) {
        return None;
    }
    Category::from_word(id.split('.').next()?)
}

fn part(kind: PartKind, items: usize, fields: Vec<(u64, Item<'_>)>) -> Result<Part, EncodeError> {
    let fields = std::iter::once((0, Item::Unsigned(FORMAT))).chain(fields);
    let item = Item::Map(fields.map(|(key, value)| (Item::Unsigned(key), value)).collect());
    at_most(item.count(), ITEMS_MAX, "items of a part")?;
    let bytes = cbor::encode(&item);
    if bytes.len() > PART_PLAIN_BYTES_MAX {
        return Err(EncodeError::TooLarge { kind, len: bytes.len() });
    }
    Ok(Part { kind, items: u32::try_from(items).expect("counts are limited before"), bytes })
}

fn at_most(count: usize, limit: usize, what: &'static str) -> Result<(), EncodeError> {
    if count > limit { Err(EncodeError::TooMany { what, count, limit }) } else { Ok(()) }
}

fn device(snapshot: &Snapshot) -> Result<Part, EncodeError> {
    at_most(snapshot.not_carried.len(), NOT_CARRIED_MAX, "things that are not carried")?;
    let device = &snapshot.device;
    let name = clean(&device.name, NAME_BYTES_MAX);
    let model = device.model.as_ref().map(|text| clean(text, NAME_BYTES_MAX));
    let edition = device.edition.as_ref().map(|text| clean(text, NAME_BYTES_MAX));
    let mut fields = vec![(1, Item::Unsigned(snapshot.catalog_version.into())), (2, Item::Text(&name))];
    fields.extend(model.as_ref().map(|text| (3, Item::Text(text))));
    fields.extend(device.build.map(|build| (4, Item::Unsigned(build.into()))));
    fields.extend(device.revision.map(|revision| (5, Item::Unsigned(revision.into()))));
    fields.extend(edition.as_ref().map(|text| (6, Item::Text(text))));
    let mut not_carried = Vec::new();
    for (id, reason) in &snapshot.not_carried {
        if !is_entry_id(id) {
            return Err(EncodeError::Id { id: id.clone() });
        }
        not_carried.push((Item::Text(id), Item::Unsigned(reason.number().into())));
    }
    if !not_carried.is_empty() {
        fields.push((7, Item::Map(not_carried)));
    }
    part(PartKind::Device, 0, fields)
}

fn apps(apps: &[App]) -> Result<Option<Part>, EncodeError> {
    let cleaned =
        |text: &Option<String>, limit| text.as_ref().map(|text| clean(text, limit)).filter(|text| !text.is_empty());
    let mut apps: Vec<App> = apps
        .iter()
        .map(|app| App {
            kind: app.kind,
            id: clean(&app.id, APP_BYTES_MAX),
            name: cleaned(&app.name, APP_BYTES_MAX),
            version: cleaned(&app.version, VERSION_BYTES_MAX),
            publisher: cleaned(&app.publisher, APP_BYTES_MAX),
            again: app.again.shaped(),
        })
        .filter(|app| !app.id.is_empty())
        .collect();
    apps.sort_unstable();
    apps.dedup_by(|next, kept| (kept.kind, &kept.id) == (next.kind, &next.id));
    at_most(apps.len(), APPS_MAX, "apps")?;
    if apps.is_empty() {
        return Ok(None);
    }
    let mut fields = vec![(1, Item::Array(apps.iter().map(app).collect()))];
    // A list that fills the format leaves no room for help; what is there for the apps in front stays.
    let mut room = ITEMS_MAX.saturating_sub((APP_ITEMS * apps.len()) + ITEMS_BESIDE);
    let mut all_again = Vec::new();
    for (at, item) in (0..).zip(&apps).filter_map(|(at, app)| Some((at, again(&app.again)?))) {
        let Some(left) = room.checked_sub(AGAIN_ITEMS) else { break };
        room = left;
        all_again.push((Item::Unsigned(at), item));
    }
    if !all_again.is_empty() {
        fields.push((again_key::FIELD, Item::Map(all_again)));
    }
    part(PartKind::Apps, apps.len(), fields).map(Some)
}

/// How an app can be had again; `None` if nothing is known.
fn again(again: &Again) -> Option<Item<'_>> {
    let mut fields = Vec::new();
    fields.extend(again.store_id.as_ref().map(|id| (again_key::STORE, Item::Text(id))));
    fields.extend(again.winget_id.as_ref().map(|id| (again_key::WINGET, Item::Text(id))));
    fields.extend(again.scope.map(|scope| (again_key::SCOPE, Item::Unsigned(scope as u64))));
    fields.extend(again.pinned.then_some((again_key::PINNED, Item::Bool(true))));
    let items: Vec<_> = fields.into_iter().map(|(key, item)| (Item::Unsigned(key), item)).collect();
    (!items.is_empty()).then_some(Item::Map(items))
}

fn app(app: &App) -> Item<'_> {
    let kind = match app.kind {
        AppKind::Store => app_kind::STORE,
        AppKind::System => app_kind::SYSTEM,
        AppKind::Desktop => app_kind::DESKTOP,
    };
    let texts = [&app.name, &app.version, &app.publisher];
    let [name, version, publisher] = texts.map(|text| text.as_deref().map_or(Item::Null, Item::Text));
    Item::Array(vec![Item::Unsigned(kind), Item::Text(&app.id), name, version, publisher])
}

fn category(category: Category, readings: &[(&str, &Reading)]) -> Result<Part, EncodeError> {
    at_most(readings.len(), READINGS_MAX, "readings of a category")?;
    let set = readings.iter().filter(|(_, reading)| matches!(reading, Reading::Set { .. })).count();
    let mut stored = Vec::new();
    let mut absent = Vec::new();
    for (id, reading) in readings {
        // The part's kind says the category, so only the rest of the id is written.
        let name = Item::Text(&id[category.word().len() + 1..]);
        match self::reading(id, reading)? {
            Some(reading) => stored.push((name, reading)),
            None => absent.push(name),
        }
    }
    let mut fields = Vec::new();
    if !stored.is_empty() {
        fields.push((1, Item::Map(stored)));
    }
    if !absent.is_empty() {
        fields.push((2, Item::Array(absent)));
    }
    part(PartKind::Category(category), set, fields)
}

/// A reading's array; `None` if nothing is stored.
fn reading<'a>(id: &str, reading: &'a Reading) -> Result<Option<Item<'a>>, EncodeError> {
    let with_value = |outcome, value| {
        let (number, item) = self::value(value).ok_or_else(|| EncodeError::Value { id: id.to_owned() })?;
        Ok(vec![Item::Unsigned(outcome), Item::Unsigned(number), item])
    };
    let items = match reading {
        Reading::Set { value } => with_value(outcome::SET, value)?,
        Reading::Default { value } => with_value(outcome::DEFAULT, value)?,
        Reading::Absent => return Ok(None),
        Reading::Refused { reason } => {
            vec![Item::Unsigned(outcome::REFUSED), Item::Unsigned(reason.number().into())]
        }
    };
    Ok(Some(Item::Array(items)))
}

/// A value's type number and item; `None` if it is beyond the limits.
fn value(value: &Value) -> Option<(u64, Item<'_>)> {
    match value {
        Value::Bool(value) => Some((value_type::BOOL, Item::Bool(*value))),
        Value::Int(number) => Some((value_type::INT, Item::int(*number))),
        Value::Choice(name) => is_choice(name).then_some((value_type::CHOICE, Item::Text(name))),
        Value::Colour(Colour { red, green, blue, alpha }) => {
            let rgba = u32::from_be_bytes([*red, *green, *blue, *alpha]);
            Some((value_type::COLOUR, Item::Unsigned(rgba.into())))
        }
        Value::Text(text) => is_value_text(text).then_some((value_type::TEXT, Item::Text(text))),
        Value::List(texts) => {
            let fits = texts.len() <= LIST_ITEMS_MAX && texts.iter().all(|text| is_value_text(text));
            let items = || Item::Array(texts.iter().map(|text| Item::Text(text)).collect());
            fits.then(|| (value_type::LIST, items()))
        }
        Value::File(file) => {
            let items = || Item::Array(vec![Item::Bytes(file.blob.as_bytes()), Item::Unsigned(file.size)]);
            (file.size <= BLOB_BYTES_MAX).then(|| (value_type::FILE, items()))
        }
    }
}

/// Whether text may be the name of a choice.
pub(super) fn is_choice(name: &str) -> bool {
    (1..=CHOICE_BYTES_MAX).contains(&name.len()) && name.chars().all(is_plain)
}

/// Whether text may be a value or an item of a list. Blanks at the ends stay: a separator may be one.
pub(super) fn is_value_text(text: &str) -> bool {
    text.len() <= TEXT_BYTES_MAX && text.chars().all(is_plain)
}
