//! A value of a key: its name, its type number as stored, and its bytes (specification, "Key value" and "Big data").
//!
//! Type and length are kept as they are: Windows itself stores values whose length does not fit their type, and private
//! type numbers; what they mean is for the caller to judge.

use std::borrow::Cow;
use std::iter::FusedIterator;

use crate::bins::{Bins, clamp, u16_at, u32_at};
use crate::damage::{Damage, Record, What};
use crate::limits::{VALUE_NAME_MAX, VALUE_SIZE_MAX};
use crate::name::Name;

/// Length of a value record before its name.
const RECORD: usize = 20;
/// Longest data segment of a big data record.
const SEGMENT: usize = 16_344;
/// Bit of the size field that says: the data stands in the offset field itself.
const INLINE: u32 = 0x8000_0000;

/// One value.
#[derive(Debug, Clone, Copy)]
pub struct Value<'h> {
    bins: Bins<'h>,
    offset: u32,
    record: &'h [u8; RECORD],
    name: &'h [u8],
}

impl<'h> Value<'h> {
    /// The value whose record is at `offset`, if a sound one is there; [`Value::at`] says why not.
    #[inline]
    pub(crate) fn read(bins: Bins<'h>, offset: u32) -> Option<Self> {
        let (record, rest) = bins.try_record::<RECORD>(offset)?;
        let length = usize::from(u16_at(record, 2));
        if record[..2] != *b"vk" || length > VALUE_NAME_MAX {
            return None;
        }
        Some(Self { bins, offset, record, name: rest.get(..length)? })
    }

    #[inline]
    pub(crate) fn at(bins: Bins<'h>, offset: u32) -> Result<Self, Damage> {
        Self::read(bins, offset).ok_or_else(|| bins.why_no_record::<RECORD>(offset, Record::Value, 2, VALUE_NAME_MAX))
    }

    /// Its name; empty for the default value of a key.
    #[inline]
    pub fn name(&self) -> Name<'h> {
        Name::new(self.name, u16_at(self.record, 16) & 1 != 0)
    }

    /// Its type number as stored: 1 is `REG_SZ`, 4 is `REG_DWORD`, and so on; any number may occur.
    #[inline]
    pub fn kind(&self) -> u32 {
        u32_at(self.record, 12)
    }

    /// Length of its data in bytes, as stored.
    #[inline]
    pub fn stored_len(&self) -> u32 {
        u32_at(self.record, 4) & !INLINE
    }

    /// Its place in the hive bins data.
    pub fn offset(&self) -> u32 {
        self.offset
    }

    /// Its bytes. They are borrowed from the hive, except for a value above 16,344 bytes, which may be stored in
    /// segments and is then put together in memory.
    #[inline]
    pub fn data(&self) -> Result<Cow<'h, [u8]>, Damage> {
        let size = u32_at(self.record, 4);
        let length = (size & !INLINE) as usize;
        if size & INLINE != 0 {
            return match self.record[8..12].get(..length) {
                Some(data) => Ok(Cow::Borrowed(data)),
                None => Err(self.bad_length()),
            };
        }
        if length == 0 {
            return Ok(Cow::Borrowed(&[]));
        }
        let cell = self.bins.cell(u32_at(self.record, 8))?;
        match cell.get(..length) {
            Some(data) if size <= VALUE_SIZE_MAX => Ok(Cow::Borrowed(data)),
            _ => self.big_data(cell, length).map(Cow::Owned),
        }
    }

    /// Data of a value whose cell is too short for it: in segments, or damaged.
    #[cold]
    fn big_data(&self, cell: &'h [u8], length: usize) -> Result<Vec<u8>, Damage> {
        if self.stored_len() > VALUE_SIZE_MAX {
            return Err(self.bad_length());
        }
        let place = u32_at(self.record, 8);
        let Some((head, _)) = cell.split_first_chunk::<8>() else { return Err(self.lacking(place, cell.len())) };
        if length <= SEGMENT || head[..2] != *b"db" {
            return Err(self.lacking(place, cell.len()));
        }
        let list = self.bins.cell(u32_at(head, 4))?;
        let (segments, _) = list.as_chunks::<4>();
        let needed = length.div_ceil(SEGMENT);
        let segments = &segments[..segments.len().min(usize::from(u16_at(head, 2))).min(needed)];
        if segments.len() < needed {
            return Err(self.lacking(place, segments.len() * SEGMENT));
        }
        let parts = segments.iter().enumerate().map(|(nth, segment)| {
            let segment = u32::from_le_bytes(*segment);
            let wanted = (length - nth * SEGMENT).min(SEGMENT);
            let cell = self.bins.cell(segment)?;
            cell.get(..wanted).ok_or_else(|| self.lacking(segment, nth * SEGMENT + cell.len()))
        });
        // All segments are checked before the first is copied, so that a damaged value costs no memory.
        parts.clone().try_for_each(|part| part.map(drop))?;
        let mut data = Vec::with_capacity(length);
        parts.flatten().for_each(|part| data.extend_from_slice(part));
        Ok(data)
    }

    /// Segments that reading its data may have to look at; none for data in one cell.
    #[inline]
    pub(crate) fn segments(&self) -> u32 {
        let length = self.stored_len() as usize;
        if length <= SEGMENT { 0 } else { self.stored_len().min(VALUE_SIZE_MAX) / 16_344 }
    }

    #[cold]
    fn bad_length(&self) -> Damage {
        Damage::new(self.offset, What::ValueLength { length: self.stored_len() })
    }

    #[cold]
    fn lacking(&self, offset: u32, actual: usize) -> Damage {
        Damage::new(offset, What::ValueShort { expected: self.stored_len(), actual: clamp(actual) })
    }
}

/// The values of a key in the order of its list. A value that cannot be read is a [`Damage`] in its place.
#[derive(Debug, Clone)]
pub struct Values<'h> {
    bins: Bins<'h>,
    left: std::slice::Iter<'h, [u8; 4]>,
    /// What is wrong with the list itself, told once after its elements.
    damage: Option<Damage>,
}

impl<'h> Values<'h> {
    /// The list of `count` values at `offset` (specification, "Key values list").
    #[inline]
    pub(crate) fn new(bins: Bins<'h>, count: u32, offset: u32) -> Self {
        if count == 0 {
            return Self { bins, left: [].iter(), damage: None };
        }
        let elements = match bins.cell(offset) {
            Ok(cell) => cell.as_chunks().0,
            Err(damage) => return Self { bins, left: [].iter(), damage: Some(damage) },
        };
        let actual = clamp(elements.len());
        let damage = (actual < count).then(|| Damage::new(offset, What::ListCount { expected: count, actual }));
        Self { bins, left: elements[..actual.min(count) as usize].iter(), damage }
    }
}

impl Values<'_> {
    /// The next element of the list.
    #[inline]
    pub(crate) fn next_offset(&mut self) -> Option<u32> {
        self.left.next().map(|element| u32::from_le_bytes(*element))
    }

    /// What is wrong with the list itself, told once.
    #[inline]
    pub(crate) fn take_damage(&mut self) -> Option<Damage> {
        self.damage.take()
    }

    /// Elements left in the list.
    #[inline]
    pub(crate) fn left(&self) -> u32 {
        clamp(self.left.len())
    }
}

impl<'h> Iterator for Values<'h> {
    type Item = Result<Value<'h>, Damage>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        match self.next_offset() {
            Some(offset) => Some(Value::at(self.bins, offset)),
            None => self.take_damage().map(Err),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.left.len() + usize::from(self.damage.is_some());
        (left, Some(left))
    }
}

impl FusedIterator for Values<'_> {}
