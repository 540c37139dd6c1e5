//! Writes entries out as the Rust text of static tables.

use std::fmt::Write as _;

use crate::read::Entries;
use crate::types::{Effect, Kind, LeftOut, Literal, Packed, Place, Setting, Transform, WindowsPolicy};

/// The text of the generated file. The lists are sorted by id here, because lookups search them.
pub fn tables(version: u32, entries: Entries, mut policies: Vec<WindowsPolicy>) -> String {
    let Entries { mut settings, mut left_out, packed } = entries;
    policies.sort_by_key(|policy| policy.id);
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
        writeln!(text, "];\n/// The policies of Windows that settings name, sorted by id.")?;
        writeln!(text, "pub static WINDOWS_POLICIES: &[WindowsPolicy] = &[")?;
        for entry in &policies {
            policy(text, entry)?;
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
        also,
        default,
        build_first,
        build_last,
        gaps,
        managed_by,
        transforms,
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
    write!(text, ", also: &{also:?}")?;
    match default {
        Some(literal) => write!(text, ", default: Some(Literal::{literal:?})")?,
        None => write!(text, ", default: None")?,
    }
    write!(text, ", build_first: {build_first}, build_last: ")?;
    match *build_last {
        u32::MAX => write!(text, "u32::MAX")?,
        last => write!(text, "{last}")?,
    }
    write!(text, ", gaps: &{gaps:?}, managed_by: &{managed_by:?}, transforms: &[")?;
    for one in *transforms {
        transform(text, one)?;
    }
    write!(text, "], effect: ")?;
    match effect {
        Effect::Spi(code) => write!(text, "Effect::Spi({code:#06x})")?,
        other => write!(text, "Effect::{other:?}")?,
    }
    writeln!(
        text,
        ", stage: Stage::{stage:?}, sensitivity: Sensitivity::{sensitivity:?}, worst: {worst:?}, source: {source:?} }},"
    )
}

fn transform(text: &mut String, entry: &Transform) -> std::fmt::Result {
    let Transform { from, build_first, build_last, map, source } = entry;
    let literal = |one: &Literal| format!("Literal::{one:?}");
    let pairs: Vec<_> = map.iter().map(|(from, to)| format!("({}, {})", literal(from), literal(to))).collect();
    write!(
        text,
        "Transform {{ from: {from:?}, build_first: {build_first}, build_last: {build_last}, map: &[{}], source: {source:?} }}, ",
        pairs.join(", ")
    )
}

/// The debug form of places is Rust, but for the lists of numbers, which are lent.
fn policy(text: &mut String, entry: &WindowsPolicy) -> std::fmt::Result {
    let WindowsPolicy { id, title, group, mdm, source } = entry;
    let lent = |debug: String| debug.replace("owns: [", "owns: &[");
    writeln!(
        text,
        "    WindowsPolicy {{ id: {id:?}, title: {title:?}, group: {}, mdm: {}, source: {source:?} }},",
        lent(format!("{group:?}")),
        lent(format!("{mdm:?}"))
    )
}

/// Only the kinds whose debug form is not Rust need a text of their own.
fn kind_of(text: &mut String, kind: &Kind) -> std::fmt::Result {
    match kind {
        Kind::Choice(choices) => write!(text, "Kind::Choice(&{choices:?})"),
        Kind::Word(words) => write!(text, "Kind::Word(&{words:?})"),
        Kind::Guids(guids) => write!(text, "Kind::Guids(&{guids:?})"),
        Kind::Bits { first, count, names, inverted, bytes } => write!(
            text,
            "Kind::Bits {{ first: {first}, count: {count}, names: &{names:?}, inverted: {inverted}, bytes: {bytes} }}"
        ),
        Kind::Colour(layout) => write!(text, "Kind::Colour(ColourLayout::{layout:?})"),
        Kind::Text { max, alphabet } => write!(text, "Kind::Text {{ max: {max}, alphabet: Alphabet::{alphabet:?} }}"),
        Kind::Texts { items, max, alphabet } => {
            write!(text, "Kind::Texts {{ items: {items}, max: {max}, alphabet: Alphabet::{alphabet:?} }}")
        }
        Kind::Switch { .. } | Kind::Number { .. } | Kind::Picture | Kind::Dictionary => write!(text, "Kind::{kind:?}"),
    }
}

fn left(text: &mut String, entry: &LeftOut) -> std::fmt::Result {
    let LeftOut { id, title, category, reason, because, key, value, named_by, bit, unless, holds_back, source } = entry;
    writeln!(
        text,
        "    LeftOut {{ id: {id:?}, title: {title:?}, category: Category::{category:?}, reason: crate::reason::Reason::{reason:?}, \
         because: {because:?}, key: {key:?}, value: {value:?}, named_by: {named_by:?}, bit: {bit:?}, unless: &{unless:?}, \
         holds_back: &{holds_back:?}, source: {source:?} }},"
    )
}
