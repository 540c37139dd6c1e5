//! Between what the registry stores and what a snapshot carries.
//!
//! [`decode`] turns stored bytes into a typed value, [`encode`] turns a typed value into the bytes to store. Both obey the catalog entry and
//! nothing else: a value that the entry does not allow is refused in either direction. That makes [`encode`] the last gate of a restore,
//! behind which even a hostile snapshot can only cause writes that the compiled catalog foresees: the value is checked anew, whatever
//! was checked before, and the bytes are always written in one canonical form.
//!
//! Decoding is tolerant where genuine Windows varies (a text with or without its final zero, whatever follows it, `+5`, numbers that
//! [`Setting::also`] names) and strict in all else.
//! A value of another registry type, or whose bytes do not have the form of its type, is [`Reason::WrongType`]; one of the right form that
//! Windows does not offer is [`Reason::OutOfRange`].

mod packed;
mod stored;

use model::catalog::{Alphabet, ColourLayout, Kind, Literal, Place, RegType, Setting, path_like};
use model::reason::Reason;
use model::value::{Colour, LIST_ITEMS_MAX, TEXT_BYTES_MAX, Value};

pub use packed::shares_its_value;
pub use stored::text_of;

use crate::registry::RawValue;

/// The value that the stored bytes mean for this setting.
pub fn decode(setting: &Setting, raw: &RawValue) -> Result<Value, Reason> {
    let reg_type = reg_type_of(setting)?;
    if raw.reg_type != reg_type as u32 {
        return Err(Reason::WrongType);
    }
    match setting.kind {
        Kind::Switch { on, off } => {
            let number = meant(setting, stored::number(raw, reg_type)?);
            switch_from(number, i64::from(on), i64::from(off))
        }
        Kind::Number { min, max } => {
            let number = stored::number(raw, reg_type)?;
            let number = if min < 0 { stored::as_signed(number, reg_type) } else { number };
            in_range(number, min, max).map(Value::Int)
        }
        Kind::Choice(choices) => {
            let number = meant(setting, stored::number(raw, reg_type)?);
            let choice = choices.iter().find(|(_, stored)| stored::as_stored(*stored, reg_type) == Some(number));
            choice.map(|(name, _)| Value::Choice((*name).to_owned())).ok_or(Reason::OutOfRange)
        }
        Kind::Word(words) => {
            let text = stored::text(raw)?;
            let word = words.iter().find(|(_, stored)| stored.eq_ignore_ascii_case(&text));
            word.map(|(name, _)| Value::Choice((*name).to_owned())).ok_or(Reason::OutOfRange)
        }
        Kind::Bits { .. } => packed::decode(setting, raw),
        Kind::Colour(layout) => colour_from(raw, layout).map(Value::Colour),
        Kind::Text { max, alphabet } => allowed(stored::text(raw)?, max, alphabet).map(Value::Text),
        Kind::Texts { items, max, alphabet } => {
            let texts = stored::texts(raw)?;
            list_of(texts, items, |text| allowed(text, max, alphabet))
        }
        Kind::Guids(known) => guids_from(raw, known).map(Value::List),
        Kind::Picture | Kind::Dictionary => Err(Reason::WrongType),
    }
}

/// The bytes to store so that the setting has this value.
///
/// `current` is what is stored now; only packed values ([`Kind::Bits`]) need it, for the bits that belong to other settings. Where nothing is
/// stored, a packed value starts from what the catalog says Windows has then; without that it is refused rather than guessed, because this
/// Windows may not have the value at all ([`Reason::NotOnThisBuild`]).
pub fn encode(setting: &Setting, value: &Value, current: Option<&RawValue>) -> Result<RawValue, Reason> {
    let reg_type = reg_type_of(setting)?;
    let raw = match (setting.kind, value) {
        (Kind::Switch { on, off }, Value::Bool(is_on)) => {
            stored::from_number(i64::from(if *is_on { on } else { off }), reg_type)?
        }
        (Kind::Number { min, max }, Value::Int(number)) => stored::from_number(in_range(*number, min, max)?, reg_type)?,
        (Kind::Choice(choices), Value::Choice(name)) => {
            let (_, number) = choices.iter().find(|(known, _)| known == name).ok_or(Reason::OutOfRange)?;
            stored::from_number(*number, reg_type)?
        }
        (Kind::Word(words), Value::Choice(name)) => {
            let (_, text) = words.iter().find(|(known, _)| known == name).ok_or(Reason::OutOfRange)?;
            stored::from_text(text)
        }
        (Kind::Bits { .. }, _) => packed::encode(setting, value, current)?,
        (Kind::Colour(layout), Value::Colour(colour)) => raw_colour(*colour, layout)?,
        (Kind::Text { max, alphabet }, Value::Text(text)) => stored::from_text(&allowed(text.clone(), max, alphabet)?),
        (Kind::Texts { items, max, alphabet }, Value::List(texts)) => {
            list_of(texts.clone(), items, |text| allowed(text, max, alphabet))?;
            stored::from_texts(texts)
        }
        (Kind::Guids(known), Value::List(names)) => raw_guids(names, known)?,
        _ => return Err(Reason::WrongType),
    };
    // What is about to be written is read back first, so that no entry and no value can slip past what `decode` allows.
    match decode(setting, &raw) {
        Ok(written) if written == *value => Ok(raw),
        Ok(_) => Err(Reason::OutOfRange),
        Err(reason) => Err(reason),
    }
}

/// What Windows does when nothing is stored, as a value of the setting; `None` if the entry does not know.
pub fn default_value(setting: &Setting) -> Option<Value> {
    value_of(setting, setting.default?)
}

/// What the catalog writes down as a literal, as a value of the setting.
pub fn value_of(setting: &Setting, literal: Literal) -> Option<Value> {
    match (literal, setting.kind) {
        (Literal::Bool(is_on), _) => Some(Value::Bool(is_on)),
        (Literal::Int(number), _) => Some(Value::Int(number)),
        (Literal::Text(text), Kind::Text { .. }) => Some(Value::Text(text.to_owned())),
        (Literal::Text(text), Kind::Texts { .. }) => Some(Value::List(
            text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect(),
        )),
        (Literal::Text(text), Kind::Colour(_)) => colour_literal(text).map(Value::Colour),
        (Literal::Text(name), _) => Some(Value::Choice(name.to_owned())),
    }
}

/// The registry type of the setting's place; a setting that is a file has none.
fn reg_type_of(setting: &Setting) -> Result<RegType, Reason> {
    match setting.place {
        Place::Value { reg_type, .. } => Ok(reg_type),
        Place::File(_) => Err(Reason::WrongType),
    }
}

/// The number of the kind that the stored one stands for.
fn meant(setting: &Setting, stored: i64) -> i64 {
    let also = setting.also.iter().find(|&&(other, _)| i64::from(other) == stored);
    also.map_or(stored, |&(_, meant)| i64::from(meant))
}

fn switch_from(number: i64, on: i64, off: i64) -> Result<Value, Reason> {
    if number == on {
        Ok(Value::Bool(true))
    } else if number == off {
        Ok(Value::Bool(false))
    } else {
        Err(Reason::OutOfRange)
    }
}

fn in_range(number: i64, min: i64, max: i64) -> Result<i64, Reason> {
    if (min..=max).contains(&number) { Ok(number) } else { Err(Reason::OutOfRange) }
}

/// The text, if it is short enough, not like a path, and of the alphabet.
fn allowed(text: String, max: u32, alphabet: Alphabet) -> Result<String, Reason> {
    let max = usize::try_from(max).unwrap_or(usize::MAX);
    if path_like(&text) {
        Err(Reason::CouldCarryCode)
    } else if text.len() > TEXT_BYTES_MAX || text.chars().count() > max || !alphabet.allows(&text) {
        Err(Reason::OutOfRange)
    } else {
        Ok(text)
    }
}

/// A list of at most `most` items, each of which `check` allows.
fn list_of(texts: Vec<String>, most: u32, check: impl Fn(String) -> Result<String, Reason>) -> Result<Value, Reason> {
    let most = usize::try_from(most).unwrap_or(usize::MAX).min(LIST_ITEMS_MAX);
    if texts.len() > most || texts.iter().any(String::is_empty) {
        return Err(Reason::OutOfRange);
    }
    texts.into_iter().map(check).collect::<Result<_, _>>().map(Value::List)
}

/// The names of the stored GUIDs. All of them are known, and none comes twice, so there are never more than known ones.
fn guids_from(raw: &RawValue, known: &[(&str, [u8; 16])]) -> Result<Vec<String>, Reason> {
    let (guids, rest) = raw.bytes.as_chunks::<16>();
    if !rest.is_empty() {
        return Err(Reason::WrongType);
    }
    let mut names: Vec<String> = Vec::new();
    for guid in guids {
        let (name, _) = known.iter().find(|(_, one)| one == guid).ok_or(Reason::OutOfRange)?;
        if names.iter().any(|there| there == name) {
            return Err(Reason::OutOfRange);
        }
        names.push((*name).to_owned());
    }
    Ok(names)
}

fn raw_guids(names: &[String], known: &[(&str, [u8; 16])]) -> Result<RawValue, Reason> {
    let of = |name: &String| known.iter().find(|(one, _)| one == name).map(|(_, guid)| *guid);
    let guids: Option<Vec<[u8; 16]>> = names.iter().map(of).collect();
    Ok(RawValue { reg_type: RegType::Binary as u32, bytes: guids.ok_or(Reason::OutOfRange)?.concat() })
}

fn colour_from(raw: &RawValue, layout: ColourLayout) -> Result<Colour, Reason> {
    if layout == ColourLayout::Decimal {
        let text = stored::text(raw)?;
        let parts: Vec<u8> =
            text.split_ascii_whitespace().map(str::parse).collect::<Result<_, _>>().map_err(|_| Reason::OutOfRange)?;
        let [red, green, blue] = parts[..] else { return Err(Reason::OutOfRange) };
        return Ok(Colour { red, green, blue, alpha: u8::MAX });
    }
    // Little-endian, so the least significant byte comes first.
    let [a, b, c, d]: [u8; 4] = raw.bytes.as_slice().try_into().map_err(|_| Reason::WrongType)?;
    match layout {
        ColourLayout::Abgr => Ok(Colour { red: a, green: b, blue: c, alpha: d }),
        ColourLayout::Argb => Ok(Colour { red: c, green: b, blue: a, alpha: d }),
        ColourLayout::ColorRef if d == 0 => Ok(Colour { red: a, green: b, blue: c, alpha: u8::MAX }),
        ColourLayout::ColorRef | ColourLayout::Decimal => Err(Reason::OutOfRange),
    }
}

fn raw_colour(colour: Colour, layout: ColourLayout) -> Result<RawValue, Reason> {
    let Colour { red, green, blue, alpha } = colour;
    let bytes = match layout {
        ColourLayout::Abgr => [red, green, blue, alpha],
        ColourLayout::Argb => [blue, green, red, alpha],
        _ if alpha != u8::MAX => return Err(Reason::OutOfRange),
        ColourLayout::ColorRef => [red, green, blue, 0],
        ColourLayout::Decimal => return Ok(stored::from_text(&format!("{red} {green} {blue}"))),
    };
    Ok(RawValue { reg_type: RegType::Dword as u32, bytes: bytes.to_vec() })
}

/// `#rrggbb` or `#rrggbbaa`, as defaults of the catalog are written.
fn colour_literal(text: &str) -> Option<Colour> {
    let digits = text.strip_prefix('#')?;
    if let Some([red, green, blue]) = model::ids::from_hex(digits) {
        return Some(Colour { red, green, blue, alpha: u8::MAX });
    }
    let [red, green, blue, alpha] = model::ids::from_hex(digits)?;
    Some(Colour { red, green, blue, alpha })
}

#[cfg(test)]
mod tests;
