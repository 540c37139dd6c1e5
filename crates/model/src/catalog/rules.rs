//! The rules that every entry of the catalog keeps (R1 to R10 of the threat model, as far as they concern the catalog).
//!
//! `build.rs` compiles this file and stops the build at the first entry that breaks a rule; [`super::check()`] asks the same questions
//! again of the compiled table. So the two cannot differ, and `rehome catalog check` tells what is in the program that runs it.

use std::collections::BTreeMap;

use super::blocked::blocked;
use super::text::path_like;
use super::types::{
    Alphabet, ColourLayout, Effect, FileRole, Kind, LeftOut, Literal, Packed, Place, RegType, Setting, WindowsPolicy,
    names,
};

/// The oldest Windows that is supported: version 2004. Entries name later builds only.
pub const BUILD_OLDEST: u32 = 19041;
/// The longest title, because plans and lists show it in one column.
pub const TITLE_MAX: usize = 60;
/// The longest sentence of an entry (`worst`, `source`, `because`).
pub const SENTENCE_MAX: usize = 240;
/// The longest key path. Windows allows 255 characters for one component; no entry needs more for all of them.
pub const KEY_MAX: usize = 255;
/// The longest text a setting may hold, in characters: at four bytes each it fits [`crate::value::TEXT_BYTES_MAX`].
pub const TEXT_MAX: u32 = 64;
/// The most items a list may hold; [`crate::value::LIST_ITEMS_MAX`].
pub const ITEMS_MAX: u32 = 64;
/// The longest packed value, in bytes.
pub const PACKED_MAX: u32 = 64;

/// A broken rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The entry's id.
    pub entry: String,
    /// Which rule, and what to do.
    pub what: String,
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "`{}`: {}", self.entry, self.what)
    }
}

/// Everything that rules are about.
#[derive(Clone, Copy, Debug)]
pub struct Entries<'e> {
    /// The settings.
    pub settings: &'e [Setting],
    /// What is known and not carried.
    pub left_out: &'e [LeftOut],
    /// What packed values hold when nothing is stored.
    pub packed: &'e [Packed],
    /// The policies of Windows.
    pub policies: &'e [WindowsPolicy],
}

/// Every rule that the entries break, in their order.
pub fn violations(entries: &Entries<'_>) -> Vec<Violation> {
    let Entries { settings, left_out, packed, policies } = *entries;
    let mut found = Vec::new();
    for setting in settings {
        let rules = setting_rules(setting)
            .and_then(|()| managed_rules(setting, policies))
            .and_then(|()| transform_rules(setting, settings));
        note(&mut found, setting.id, rules);
    }
    for (number, policy) in policies.iter().enumerate() {
        let again = policies[..number].iter().any(|other| other.id == policy.id);
        note(&mut found, &policy_entry(policy), policy_rules(policy, again, settings));
    }
    for entry in left_out {
        note(&mut found, entry.id, left_out_rules(entry, settings));
    }
    let ids = settings.iter().map(|setting| setting.id).chain(left_out.iter().map(|entry| entry.id));
    note_repeated_ids(&mut found, ids);
    note_shared_places(&mut found, settings);
    for (number, row) in packed.iter().enumerate() {
        let again = packed[..number].iter().any(|other| other.key == row.key && other.name == row.name);
        note(&mut found, &packed_entry(row), packed_rules(row, again, settings));
    }
    found
}

fn note(found: &mut Vec<Violation>, entry: &str, what: Result<(), String>) {
    if let Err(what) = what {
        found.push(Violation { entry: entry.to_owned(), what });
    }
}

fn need(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise()) }
}

/// The rules of one setting by itself.
fn setting_rules(setting: &Setting) -> Result<(), String> {
    id_rules(setting.id, setting.category.word())?;
    sentence_rules("title", setting.title, TITLE_MAX)?;
    sentence_rules("worst", setting.worst, SENTENCE_MAX)?;
    sentence_rules("source", setting.source, SENTENCE_MAX)?;
    place_rules(&setting.place)?;
    match setting.place {
        Place::Value { reg_type, .. } => kind_rules(&setting.kind, reg_type)?,
        Place::File(FileRole::Dictionary) => {
            need(setting.kind == Kind::Dictionary, || "this file is no picture: write `dictionary = true`".to_owned())?;
        }
        Place::File(FileRole::Wallpaper | FileRole::LockScreen | FileRole::AccountPicture) => {
            need(setting.kind == Kind::Picture, || "a file is a picture: write `picture = true`".to_owned())?;
        }
    }
    also_rules(setting)?;
    if let Some(default) = setting.default {
        need(within(&setting.kind, default), || {
            format!("the default {default:?} is not a value of this kind; correct `default` or leave it away")
        })?;
    }
    build_rules(setting.build_first, setting.build_last)?;
    for &(first, last) in setting.gaps {
        build_rules(first, last)?;
        need(setting.build_first < first && last < setting.build_last, || {
            format!("the gap {first} to {last} is not between the first and the last build; correct those instead")
        })?;
    }
    effect_rules(setting.effect)
}

/// The rules of one left-out thing by itself. The block list does not matter here: its place is only looked at.
fn left_out_rules(entry: &LeftOut, settings: &[Setting]) -> Result<(), String> {
    id_rules(entry.id, entry.category.word())?;
    sentence_rules("title", entry.title, TITLE_MAX)?;
    sentence_rules("because", entry.because, SENTENCE_MAX)?;
    sentence_rules("source", entry.source, SENTENCE_MAX)?;
    key_rules(entry.key)?;
    need(entry.bit.is_none_or(|bit| bit < 32), || "`bit` is 0 to 31; these numbers have 32 bits".to_owned())?;
    for pattern in entry.named_by.iter().chain(entry.holds_back) {
        need(settings.iter().any(|setting| names(pattern, setting.id)), || {
            format!("`{pattern}` names no setting; write an id, or its beginning with a `*`")
        })?;
    }
    let Some(pattern) = entry.named_by else { return Ok(()) };
    let mut named = settings.iter().filter(|setting| names(pattern, setting.id));
    need(named.all(|setting| matches!(setting.kind, Kind::Text { .. })), || {
        format!("`{pattern}` names a setting that is no text; only a text can be the name of a value")
    })
}

/// The rules of other stored numbers: each is none of the kind's own and stands for one of them.
fn also_rules(setting: &Setting) -> Result<(), String> {
    let own = |number: u32| match setting.kind {
        Kind::Switch { on, off } => number == on || number == off,
        Kind::Choice(choices) => choices.iter().any(|&(_, known)| known == i64::from(number)),
        _ => false,
    };
    for (place, &(stored, meant)) in setting.also.iter().enumerate() {
        let again = setting.also[..place].iter().any(|&(other, _)| other == stored);
        need(setting.reg_type() == Some(RegType::Dword) && own(meant), || {
            format!("`also` reads {stored} as {meant}; that is no number of a REG_DWORD switch or choice")
        })?;
        need(!own(stored) && !again, || format!("`also` gives {stored} a second meaning; keep one"))?;
    }
    Ok(())
}

fn id_rules(id: &str, category: &str) -> Result<(), String> {
    let rest = id.strip_prefix(category).and_then(|rest| rest.strip_prefix('.'));
    need(rest.is_some(), || {
        format!("an id in the folder `{category}` begins with `{category}.`; rename it or move it")
    })?;
    let word = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_lowercase())
            && !part.ends_with('_')
            && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    };
    need(id.len() <= 64 && id.split('.').all(word), || {
        "an id is words of lower-case letters, digits and `_`, joined by `.`, 64 characters at most".to_owned()
    })
}

fn sentence_rules(field: &str, text: &str, max: usize) -> Result<(), String> {
    need(!text.trim().is_empty(), || format!("`{field}` is empty; every entry says it"))?;
    need(text.trim() == text && !text.chars().any(char::is_control), || {
        format!("`{field}` has spaces at its ends or control characters; write one plain line")
    })?;
    need(text.chars().count() <= max, || format!("`{field}` is longer than {max} characters; say it shorter"))
}

fn place_rules(place: &Place) -> Result<(), String> {
    let Place::Value { key, name, .. } = place else { return Ok(()) };
    key_rules(key)?;
    need(name.len() <= 64 && name.chars().all(|c| (' '..='~').contains(&c) && !"\\/".contains(c)), || {
        "a value name is printable ASCII without slashes, 64 characters at most".to_owned()
    })?;
    match blocked(key, name) {
        Some(row) if row.key.is_empty() => Err(format!("values named `{name}` are blocked everywhere: {}", row.why)),
        Some(row) => Err(format!("`{key}` is blocked by `{}`: {}; there is no waiver, leave it out", row.key, row.why)),
        None => Ok(()),
    }
}

fn key_rules(key: &str) -> Result<(), String> {
    let component = |part: &str| {
        !part.is_empty()
            && part.trim() == part
            && part != "."
            && part != ".."
            && part.chars().all(|c| (' '..='~').contains(&c) && c != '/')
    };
    need(key.len() <= KEY_MAX && key.split('\\').all(component), || {
        format!(
            "the key `{key}` is not a plain path below HKEY_CURRENT_USER; write it with single backslashes, no root, {KEY_MAX} characters at most"
        )
    })
}

/// What stands for the id in messages about a policy.
pub fn policy_entry(policy: &WindowsPolicy) -> String {
    format!("policy {}", policy.id)
}

fn managed_rules(setting: &Setting, policies: &[WindowsPolicy]) -> Result<(), String> {
    for (number, id) in setting.managed_by.iter().enumerate() {
        need(policies.iter().any(|policy| policy.id == *id), || {
            format!("`managed_by` names `{id}`, which no [[policy]] of catalog/policies.toml is")
        })?;
        need(!setting.managed_by[..number].contains(id), || format!("`managed_by` names `{id}` twice"))?;
    }
    Ok(())
}

/// Places of policies are only looked at, so the block list does not matter here.
fn policy_rules(policy: &WindowsPolicy, again: bool, settings: &[Setting]) -> Result<(), String> {
    sentence_rules("title", policy.title, SENTENCE_MAX)?;
    sentence_rules("source", policy.source, SENTENCE_MAX)?;
    need(!again, || "two policies have this id; keep one".to_owned())?;
    need(policy.group.is_some() || policy.mdm.is_some(), || "a policy has a place: `group`, `mdm` or both".to_owned())?;
    if let Some(group) = policy.group {
        key_rules(group.key)?;
        let place = |setting: &Setting| {
            group.user
                && setting.key().is_some_and(|key| key.eq_ignore_ascii_case(group.key))
                && setting.name() == Some(group.name)
        };
        need(!settings.iter().any(place), || "it stands where a setting stands; it would own itself".to_owned())?;
    }
    need(settings.iter().any(|setting| setting.managed_by.contains(&policy.id)), || {
        "no setting names it in `managed_by`; name it there or remove it".to_owned()
    })
}

fn transform_rules(setting: &Setting, settings: &[Setting]) -> Result<(), String> {
    for transform in setting.transforms {
        sentence_rules("source", transform.source, SENTENCE_MAX)?;
        build_rules(transform.build_first, transform.build_last)?;
        let from = settings
            .iter()
            .find(|other| other.id == transform.from)
            .ok_or_else(|| format!("`transform` comes from `{}`, which is no setting", transform.from))?;
        need(!transform.map.is_empty(), || "a transform without a `map` changes nothing; remove it".to_owned())?;
        for &(old, new) in transform.map {
            need(within(&from.kind, old) && within(&setting.kind, new), || {
                format!("the transform {old:?} to {new:?} leaves the kinds of `{}` and `{}`", from.id, setting.id)
            })?;
        }
    }
    Ok(())
}

/// What stands for the id in messages about a packed row.
pub fn packed_entry(row: &Packed) -> String {
    format!("packed {}", row.name)
}

fn packed_rules(row: &Packed, again: bool, settings: &[Setting]) -> Result<(), String> {
    sentence_rules("source", row.source, SENTENCE_MAX)?;
    need(!again, || format!("two rows say what `{}` holds; keep one", row.key))?;
    let owner = settings.iter().find(|setting| setting.key() == Some(row.key) && setting.name() == Some(row.name));
    let Some(&Setting { kind: Kind::Bits { bytes, .. }, .. }) = owner else {
        return Err(format!(
            "no setting owns bits of `{}`; write key and name as its settings do, or remove the row",
            row.key
        ));
    };
    let bits = if bytes == 0 { 32 } else { bytes * 8 };
    need(bits <= 64 && (bits == 64 || row.base < 1 << bits), || {
        format!("the base does not fit the {bits} bits of the value")
    })
}

/// The rules of a kind by itself, and whether it fits the registry type.
fn kind_rules(kind: &Kind, reg_type: RegType) -> Result<(), String> {
    let fits: &[RegType] = match kind {
        Kind::Switch { .. } | Kind::Number { .. } => &[RegType::Dword, RegType::Qword, RegType::Sz],
        Kind::Choice(_) => &[RegType::Dword, RegType::Sz],
        Kind::Bits { .. } => &[RegType::Binary, RegType::Dword, RegType::Sz],
        Kind::Colour(ColourLayout::Decimal) | Kind::Word(_) | Kind::Text { .. } => &[RegType::Sz],
        Kind::Colour(_) => &[RegType::Dword],
        Kind::Texts { .. } => &[RegType::MultiSz],
        Kind::Guids(_) => &[RegType::Binary],
        Kind::Picture | Kind::Dictionary => &[],
    };
    need(fits.contains(&reg_type), || {
        let types: Vec<_> = fits.iter().map(|fit| fit.word()).collect();
        format!(
            "this kind is not stored as {}; it needs {}",
            reg_type.word(),
            if types.is_empty() { "file".to_owned() } else { types.join(" or ") }
        )
    })?;
    match *kind {
        Kind::Switch { on, off } => {
            need(on != off, || "`on` and `off` are the same; a switch has two states".to_owned())
        }
        Kind::Number { min, max } => number_rules(min, max, reg_type),
        Kind::Choice(choices) => names_rules(choices, 2).and_then(|()| {
            let numbers = choices.iter().all(|&(_, number)| u32::try_from(number).is_ok() || reg_type == RegType::Sz);
            need(numbers, || "a choice is not a number that REG_DWORD can hold".to_owned())
        }),
        Kind::Word(words) => word_rules(words),
        Kind::Bits { first, count, names, inverted, bytes } => {
            bits_rules((first, count, bytes), names, inverted, reg_type)
        }
        Kind::Text { max, alphabet } => text_rules(1, max, alphabet),
        Kind::Texts { items, max, alphabet } => text_rules(items, max, alphabet),
        Kind::Guids(guids) => guid_rules(guids),
        Kind::Colour(_) | Kind::Picture | Kind::Dictionary => Ok(()),
    }
}

fn number_rules(min: i64, max: i64, reg_type: RegType) -> Result<(), String> {
    need(min < max, || "`min` is not less than `max`; a number has a range".to_owned())?;
    need(reg_type == RegType::Sz || min >= 0, || "only decimal text (REG_SZ) may be negative; raise `min`".to_owned())?;
    need(reg_type != RegType::Dword || u32::try_from(max).is_ok(), || {
        "REG_DWORD holds at most 4294967295; lower `max`".to_owned()
    })
}

fn names_rules(choices: &[(&str, i64)], least: usize) -> Result<(), String> {
    need(choices.len() >= least, || format!("{least} choices at least; use `switch` for on and off"))?;
    let names: BTreeMap<_, _> = choices.iter().copied().collect();
    let numbers: BTreeMap<_, _> = choices.iter().map(|&(name, number)| (number, name)).collect();
    need(names.len() == choices.len() && numbers.len() == choices.len(), || {
        "two choices share a name or a stored value; each must lead to the other".to_owned()
    })?;
    choice_names(choices.iter().map(|&(name, _)| name))
}

fn choice_names<'a>(mut names: impl Iterator<Item = &'a str>) -> Result<(), String> {
    let plain =
        |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    need(names.all(plain), || "a choice's name is lower-case letters, digits and `_`".to_owned())
}

fn word_rules(words: &[(&str, &str)]) -> Result<(), String> {
    need(words.len() >= 2, || "2 words at least".to_owned())?;
    choice_names(words.iter().map(|&(name, _)| name))?;
    let names: BTreeMap<_, _> = words.iter().copied().collect();
    let stored: BTreeMap<_, _> = words.iter().map(|(name, stored)| (stored.to_ascii_lowercase(), name)).collect();
    need(names.len() == words.len() && stored.len() == words.len(), || {
        "two words share a name or a stored text (compared without case); each must lead to the other".to_owned()
    })?;
    need(
        words.iter().all(|(_, stored)| stored.is_ascii() && stored.len() <= TEXT_MAX as usize && !path_like(stored)),
        || format!("a stored text is longer than {TEXT_MAX} ASCII characters or could be read as a path (rule R4)"),
    )
}

fn guid_rules(guids: &[(&str, [u8; 16])]) -> Result<(), String> {
    need((2..=ITEMS_MAX as usize).contains(&guids.len()), || format!("2 to {ITEMS_MAX} GUIDs"))?;
    choice_names(guids.iter().map(|&(name, _)| name))?;
    let names: BTreeMap<_, _> = guids.iter().copied().collect();
    let stored: BTreeMap<_, _> = guids.iter().map(|&(name, guid)| (guid, name)).collect();
    need(names.len() == guids.len() && stored.len() == guids.len(), || {
        "two GUIDs are the same or share a name; each must lead to the other".to_owned()
    })
}

fn bits_rules(
    (first, count, bytes): (u32, u32, u32),
    names: &[(&str, i64)],
    inverted: bool,
    reg_type: RegType,
) -> Result<(), String> {
    let size = if reg_type == RegType::Binary {
        need((1..=PACKED_MAX).contains(&bytes), || format!("packed bytes need `bytes`, 1 to {PACKED_MAX}"))?;
        bytes * 8
    } else {
        need(bytes == 0, || "`bytes` belongs to REG_BINARY only".to_owned())?;
        32
    };
    let end = first.checked_add(count).filter(|&end| end <= size && (1..=16).contains(&count));
    need(end.is_some(), || format!("the bits do not lie within the {size} bits of the value, or are more than 16"))?;
    if names.is_empty() {
        return need(count == 1, || "several bits together need `names` for their numbers".to_owned());
    }
    need(!inverted, || "`inverted` belongs to single bits only".to_owned())?;
    names_rules(names, 2)?;
    need(names.iter().all(|&(_, number)| (0..1 << count).contains(&number)), || {
        format!("a name's number does not fit {count} bits")
    })
}

fn text_rules(items: u32, max: u32, alphabet: Alphabet) -> Result<(), String> {
    need((1..=ITEMS_MAX).contains(&items), || format!("`items` is 1 to {ITEMS_MAX}"))?;
    need((1..=TEXT_MAX).contains(&max), || format!("`max` is 1 to {TEXT_MAX} characters"))?;
    need(alphabet != Alphabet::LayoutId || max == 8, || "a layout id has 8 characters: write `max = 8`".to_owned())
}

/// Whether a default is a value of the kind.
fn within(kind: &Kind, default: Literal) -> bool {
    match (kind, default) {
        (Kind::Switch { .. }, Literal::Bool(_)) => true,
        (Kind::Bits { names, .. }, Literal::Bool(_)) => names.is_empty(),
        (Kind::Number { min, max }, Literal::Int(number)) => (*min..=*max).contains(&number),
        (Kind::Choice(names) | Kind::Bits { names, .. }, Literal::Text(name)) => {
            names.iter().any(|&(known, _)| known == name)
        }
        (Kind::Word(words), Literal::Text(name)) => words.iter().any(|&(known, _)| known == name),
        (Kind::Text { max, alphabet }, Literal::Text(text)) => {
            text.chars().count() <= *max as usize && alphabet.allows(text)
        }
        (Kind::Colour(_), Literal::Text(text)) => text.strip_prefix('#').is_some_and(|digits| {
            matches!(digits.len(), 6 | 8) && digits.chars().all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c))
        }),
        _ => false,
    }
}

fn build_rules(first: u32, last: u32) -> Result<(), String> {
    need(first == 0 || first > BUILD_OLDEST, || {
        format!("every supported Windows has build {BUILD_OLDEST} or later; leave the first build away")
    })?;
    need(first <= last && last >= BUILD_OLDEST, || {
        "the last build lies before the first, or before any supported Windows".to_owned()
    })?;
    need(first < 100_000 && (last == u32::MAX || last < 100_000), || "that is not a build of Windows".to_owned())
}

fn effect_rules(effect: Effect) -> Result<(), String> {
    let Effect::Broadcast(text) = effect else { return Ok(()) };
    need(!text.is_empty() && text.len() <= 32 && text.chars().all(|c| c.is_ascii_alphanumeric()), || {
        "a broadcast carries one word of letters and digits, such as `intl`".to_owned()
    })
}

fn note_repeated_ids<'a>(found: &mut Vec<Violation>, ids: impl Iterator<Item = &'a str>) {
    let mut seen = BTreeMap::new();
    for id in ids {
        *seen.entry(id).or_insert(0) += 1;
    }
    for (id, _) in seen.iter().filter(|&(_, &times)| times > 1) {
        note(found, id, Err("two entries have this id; ids are unique and are never used again".to_owned()));
    }
}

/// Two entries may share a value only if each owns bits of it that the other does not.
fn note_shared_places(found: &mut Vec<Violation>, settings: &[Setting]) {
    let mut owners: BTreeMap<(String, String), Vec<&Setting>> = BTreeMap::new();
    for setting in settings {
        let place = match setting.place {
            Place::Value { key, name, .. } => (key.to_ascii_lowercase(), name.to_ascii_lowercase()),
            Place::File(role) => (format!("{role:?}"), "file".to_owned()),
        };
        let others = owners.entry(place).or_default();
        if let Some(other) = others.iter().find(|other| collide(other, setting)) {
            let what = format!("its place belongs to `{}` already; only separate bits may share a value", other.id);
            note(found, setting.id, Err(what));
        }
        others.push(setting);
    }
}

fn collide(one: &Setting, other: &Setting) -> bool {
    match (&one.kind, &other.kind) {
        (
            &Kind::Bits { first, count, bytes, .. },
            &Kind::Bits { first: other_first, count: other_count, bytes: other_bytes, .. },
        ) => {
            let apart = first + count <= other_first || other_first + other_count <= first;
            !apart || bytes != other_bytes || one.reg_type() != other.reg_type()
        }
        _ => true,
    }
}
