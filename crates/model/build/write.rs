//! Writes entries out as the Rust text of static tables.

use std::fmt::Write as _;

use crate::read::Entries;
use crate::types::{Effect, Kind, LeftOut, Packed, Place, Setting};

/// The text of the generated file. The lists are sorted by id here, because lookups search them.
pub fn tables(version: u32, entries: Entries) -> String {
    let Entries { mut settings, mut left_out, packed } = entries;
    settings.sort_by_key(|setting| setting.id);
    left_out.sort_by_key(|entry| entry.id);
    let mut text = String::new();
    let write = |text: &mut String| -> std::fmt::Result {
        writeln!(text, "/// The catalog's version: raised with every release that changes an entry.")?;
        writeln!(text, "pub const VERSION: u32 = {version};")?;
        writeln!(text, "/// Every setting, sorted by id.")?;
        writeln!(text, "pub static SETTINGS: &[Setting] = &[")?;
        for entry in &settings {
            setting(text, entry)?;
        }
        writeln!(text, "];\n/// What is known and not carried, sorted by id.")?;
        writeln!(text, "pub static LEFT_OUT: &[LeftOut] = &[")?;
        for entry in &left_out {
            left(text, entry)?;
        }
        writeln!(text, "];\n/// What packed values hold when nothing is stored.")?;
        writeln!(text, "pub static PACKED: &[Packed] = &[")?;
        for Packed { key, name, base, source } in &packed {
            writeln!(text, "    Packed {{ key: {key:?}, name: {name:?}, base: {base}, source: {source:?} }},")?;
        }
        writeln!(text, "];")
    };
    write(&mut text).expect("writing to a string does not fail");
    text
}

fn setting(text: &mut String, entry: &Setting) -> std::fmt::Result {
    let Setting {
        id,
        title,
        category,
        place,
        kind,
        default,
        build_first,
        build_last,
        effect,
        stage,
        sensitivity,
        worst,
        source,
    } = entry;
    write!(text, "    Setting {{ id: {id:?}, title: {title:?}, category: Category::{category:?}, place: ")?;
    match place {
        Place::Value { key, name, reg_type } => {
            write!(text, "Place::Value {{ key: {key:?}, name: {name:?}, reg_type: RegType::{reg_type:?} }}")?;
        }
        Place::File(role) => write!(text, "Place::File(FileRole::{role:?})")?,
    }
    write!(text, ", kind: ")?;
    kind_of(text, kind)?;
    match default {
        Some(literal) => write!(text, ", default: Some(Literal::{literal:?})")?,
        None => write!(text, ", default: None")?,
    }
    write!(text, ", build_first: {build_first}, build_last: ")?;
    match *build_last {
        u32::MAX => write!(text, "u32::MAX, effect: ")?,
        last => write!(text, "{last}, effect: ")?,
    }
    match effect {
        Effect::Spi(code) => write!(text, "Effect::Spi({code:#06x})")?,
        other => write!(text, "Effect::{other:?}")?,
    }
    writeln!(
        text,
        ", stage: Stage::{stage:?}, sensitivity: Sensitivity::{sensitivity:?}, worst: {worst:?}, source: {source:?} }},"
    )
}

/// Only the kinds whose debug form is not Rust need a text of their own.
fn kind_of(text: &mut String, kind: &Kind) -> std::fmt::Result {
    match kind {
        Kind::Choice(choices) => write!(text, "Kind::Choice(&{choices:?})"),
        Kind::Word(words) => write!(text, "Kind::Word(&{words:?})"),
        Kind::Bits { first, count, names, inverted, bytes } => write!(
            text,
            "Kind::Bits {{ first: {first}, count: {count}, names: &{names:?}, inverted: {inverted}, bytes: {bytes} }}"
        ),
        Kind::Colour(layout) => write!(text, "Kind::Colour(ColourLayout::{layout:?})"),
        Kind::Text { max, alphabet } => write!(text, "Kind::Text {{ max: {max}, alphabet: Alphabet::{alphabet:?} }}"),
        Kind::Texts { items, max, alphabet } => {
            write!(text, "Kind::Texts {{ items: {items}, max: {max}, alphabet: Alphabet::{alphabet:?} }}")
        }
        Kind::Switch { .. } | Kind::Number { .. } | Kind::Picture => write!(text, "Kind::{kind:?}"),
    }
}

fn left(text: &mut String, entry: &LeftOut) -> std::fmt::Result {
    let LeftOut { id, title, category, reason, because, key, value, unless, source } = entry;
    writeln!(
        text,
        "    LeftOut {{ id: {id:?}, title: {title:?}, category: Category::{category:?}, reason: crate::reason::Reason::{reason:?}, \
         because: {because:?}, key: {key:?}, value: {value:?}, unless: &{unless:?}, source: {source:?} }},"
    )
}
