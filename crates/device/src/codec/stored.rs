//! The forms in which the registry stores numbers and texts.
//!
//! Numbers are little-endian `REG_DWORD` and `REG_QWORD`, or decimal `REG_SZ`, which much of `Control Panel` uses. Texts are UTF-16LE;
//! Windows ends them with a zero, but programs may store them without one or with leftovers after it, and Windows itself reads up to the
//! first zero. Whatever is written here has exactly one zero at its end.

use model::catalog::RegType;
use model::reason::Reason;

use crate::registry::RawValue;

/// The longest stored text that is looked at, in bytes. Nothing in the catalog comes near; it bounds the work on a damaged value.
const STORED_BYTES_MAX: usize = 64 * 1024;

/// The stored number: unsigned for `REG_DWORD` and `REG_QWORD`, signed for decimal text.
pub(super) fn number(raw: &RawValue, reg_type: RegType) -> Result<i64, Reason> {
    match reg_type {
        RegType::Dword => {
            let bytes = raw.bytes.as_slice().try_into().map_err(|_| Reason::WrongType)?;
            Ok(i64::from(u32::from_le_bytes(bytes)))
        }
        // The top half of the range wraps to negative numbers, which no entry without a sign allows.
        RegType::Qword => {
            let bytes = raw.bytes.as_slice().try_into().map_err(|_| Reason::WrongType)?;
            Ok(i64::from_le_bytes(bytes))
        }
        RegType::Sz => decimal(&text(raw)?),
        RegType::Binary | RegType::MultiSz => Err(Reason::WrongType),
    }
}

/// A stored number read as two's complement, for entries whose range goes below zero.
pub(super) fn as_signed(number: i64, reg_type: RegType) -> i64 {
    match (reg_type, u32::try_from(number)) {
        (RegType::Dword, Ok(number)) => i64::from(number.cast_signed()),
        _ => number,
    }
}

/// What [`number`] gives when this number is stored; `None` if it does not fit.
pub(super) fn as_stored(number: i64, reg_type: RegType) -> Option<i64> {
    match reg_type {
        RegType::Dword => dword(number).map(i64::from),
        RegType::Qword | RegType::Sz => Some(number),
        RegType::Binary | RegType::MultiSz => None,
    }
}

/// The canonical form of a number.
pub(super) fn from_number(number: i64, reg_type: RegType) -> Result<RawValue, Reason> {
    let bytes = match reg_type {
        RegType::Dword => dword(number).ok_or(Reason::OutOfRange)?.to_le_bytes().to_vec(),
        RegType::Qword => number.to_le_bytes().to_vec(),
        RegType::Sz => return Ok(from_text(&number.to_string())),
        RegType::Binary | RegType::MultiSz => return Err(Reason::WrongType),
    };
    Ok(RawValue { reg_type: reg_type as u32, bytes })
}

/// The text of a `REG_SZ` value up to its first zero.
pub(super) fn text(raw: &RawValue) -> Result<String, Reason> {
    text_of(&raw.bytes).ok_or(Reason::WrongType)
}

/// UTF-16LE text up to its first zero or its end; `None` if it is no text: an odd number of bytes, half a character, or far too long.
pub fn text_of(bytes: &[u8]) -> Option<String> {
    let units = units(bytes)?;
    let end = units.iter().position(|&unit| unit == 0).unwrap_or(units.len());
    String::from_utf16(&units[..end]).ok()
}

/// The texts of a `REG_MULTI_SZ` value, up to the empty one that ends it.
pub(super) fn texts(raw: &RawValue) -> Result<Vec<String>, Reason> {
    let units = units(&raw.bytes).ok_or(Reason::WrongType)?;
    let items = units.split(|&unit| unit == 0).take_while(|item| !item.is_empty());
    items.map(|item| String::from_utf16(item).map_err(|_| Reason::WrongType)).collect()
}

/// The canonical form of a text.
pub(super) fn from_text(text: &str) -> RawValue {
    RawValue { reg_type: RegType::Sz as u32, bytes: with_zero(text) }
}

/// The canonical form of several texts.
pub(super) fn from_texts(texts: &[String]) -> RawValue {
    let mut bytes: Vec<u8> = texts.iter().flat_map(|text| with_zero(text)).collect();
    bytes.extend([0, 0]);
    RawValue { reg_type: RegType::MultiSz as u32, bytes }
}

/// A `REG_DWORD` may stand for a number of either sign.
fn dword(number: i64) -> Option<u32> {
    u32::try_from(number).ok().or_else(|| i32::try_from(number).ok().map(i32::cast_unsigned))
}

/// Decimal digits with an optional sign, and nothing else.
fn decimal(text: &str) -> Result<i64, Reason> {
    text.parse().map_err(|_| Reason::OutOfRange)
}

fn units(bytes: &[u8]) -> Option<Vec<u16>> {
    if bytes.len() > STORED_BYTES_MAX || !bytes.len().is_multiple_of(2) {
        return None;
    }
    Some(bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect())
}

fn with_zero(text: &str) -> Vec<u8> {
    text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect()
}
