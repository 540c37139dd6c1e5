//! Values that pack several settings into one, such as `UserPreferencesMask` and the flags of Sticky Keys.
//!
//! A setting owns one or more neighbouring bits. Restoring it changes these and keeps all others as they are on this PC, because they
//! belong to other settings, or to nobody we know of.

use model::catalog::{Kind, Place, RegType, Setting, packed_base};
use model::reason::Reason;
use model::value::Value;

use super::stored;
use crate::registry::RawValue;

/// The bits of a packed value, least significant first, in whichever form it is stored.
struct Packed {
    bytes: Vec<u8>,
    reg_type: RegType,
}

/// Whether other settings live in the same stored value, so that removing it would take them along. Plans put such a setting back
/// to its default instead of removing it.
pub fn shares_its_value(setting: &Setting) -> bool {
    matches!(setting.kind, Kind::Bits { .. })
}

/// The value of the setting's bits.
pub(super) fn decode(setting: &Setting, raw: &RawValue) -> Result<Value, Reason> {
    let (&Kind::Bits { first, count, names, inverted, .. }, packed) = (&setting.kind, Packed::read(setting, raw)?)
    else {
        return Err(Reason::WrongType);
    };
    let number = packed.get(first, count).ok_or(Reason::OutOfRange)?;
    if names.is_empty() {
        return if count == 1 { Ok(Value::Bool((number == 1) != inverted)) } else { Err(Reason::OutOfRange) };
    }
    let name = names.iter().find(|(_, known)| u64::try_from(*known) == Ok(number)).ok_or(Reason::OutOfRange)?.0;
    Ok(Value::Choice(name.to_owned()))
}

/// The packed value with the setting's bits changed.
pub(super) fn encode(setting: &Setting, value: &Value, current: Option<&RawValue>) -> Result<RawValue, Reason> {
    let Kind::Bits { first, count, names, inverted, .. } = setting.kind else { return Err(Reason::WrongType) };
    let number = match value {
        Value::Bool(is_on) if names.is_empty() && count == 1 => u64::from(*is_on != inverted),
        Value::Choice(name) if !names.is_empty() => {
            let (_, number) = names.iter().find(|(known, _)| known == name).ok_or(Reason::OutOfRange)?;
            u64::try_from(*number).map_err(|_| Reason::OutOfRange)?
        }
        _ => return Err(Reason::WrongType),
    };
    let mut packed = match current {
        Some(raw) => Packed::read(setting, raw)?,
        None => Packed::read(setting, &base(setting).ok_or(Reason::NotOnThisBuild)?)?,
    };
    packed.set(first, count, number).ok_or(Reason::OutOfRange)?;
    packed.write()
}

/// What this value holds on a Windows where nothing is stored.
fn base(setting: &Setting) -> Option<RawValue> {
    let (Place::Value { key, name, reg_type }, Kind::Bits { bytes: width, .. }) = (setting.place, setting.kind) else {
        return None;
    };
    let base = packed_base(key, name)?;
    match reg_type {
        RegType::Binary => {
            let bytes = base.to_le_bytes().get(..usize::try_from(width).ok()?)?.to_vec();
            Some(RawValue { reg_type: RegType::Binary as u32, bytes })
        }
        _ => stored::from_number(i64::try_from(base).ok()?, reg_type).ok(),
    }
}

impl Packed {
    fn read(setting: &Setting, raw: &RawValue) -> Result<Self, Reason> {
        let (Place::Value { reg_type, .. }, Kind::Bits { bytes: width, .. }) = (setting.place, setting.kind) else {
            return Err(Reason::WrongType);
        };
        if raw.reg_type != reg_type as u32 {
            return Err(Reason::WrongType);
        }
        let bytes = match reg_type {
            RegType::Binary if usize::try_from(width) == Ok(raw.bytes.len()) => raw.bytes.clone(),
            RegType::Dword | RegType::Sz => {
                let number = stored::number(raw, reg_type)?;
                u32::try_from(number).map_err(|_| Reason::OutOfRange)?.to_le_bytes().to_vec()
            }
            _ => return Err(Reason::WrongType),
        };
        Ok(Self { bytes, reg_type })
    }

    fn write(self) -> Result<RawValue, Reason> {
        let number = match (self.reg_type, self.bytes.as_slice().try_into()) {
            (RegType::Sz, Ok(bytes)) => u32::from_le_bytes(bytes),
            (reg_type, _) => return Ok(RawValue { reg_type: reg_type as u32, bytes: self.bytes }),
        };
        stored::from_number(i64::from(number), RegType::Sz)
    }

    fn get(&self, first: u32, count: u32) -> Option<u64> {
        let positions = self.positions(first, count)?;
        let bits = positions.map(|at| u64::from(self.bytes[at / 8] >> (at % 8) & 1));
        Some(bits.rev().fold(0, |number, bit| number << 1 | bit))
    }

    fn set(&mut self, first: u32, count: u32, number: u64) -> Option<()> {
        let positions = self.positions(first, count)?;
        if number.checked_shr(count).unwrap_or(0) != 0 {
            return None;
        }
        for (index, at) in positions.enumerate() {
            let mask = 1 << (at % 8);
            if number >> index & 1 == 1 {
                self.bytes[at / 8] |= mask;
            } else {
                self.bytes[at / 8] &= !mask;
            }
        }
        Some(())
    }

    /// Where the bits are; `None` if they are not all inside the value or too many for a number.
    fn positions(&self, first: u32, count: u32) -> Option<std::ops::Range<usize>> {
        let (first, count) = (usize::try_from(first).ok()?, usize::try_from(count).ok()?);
        let end = first.checked_add(count)?;
        (count <= 64 && end <= self.bytes.len() * 8).then_some(first..end)
    }
}
