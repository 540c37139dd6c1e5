//! The hive bins data and its cells: the only place where an offset of the file becomes a slice.
//!
//! Offsets count from the start of the hive bins data; a cell is a signed length (negative: in use) and its payload
//! (specification, "Cell"). Bins themselves are not scanned: a reader of two hundred keys need not touch the rest.

use crate::damage::{Damage, Record, What};

/// "No offset" (specification calls it `CELL_OFFSET_NIL`).
pub(crate) const NIL: u32 = 0xffff_ffff;

/// The hive bins data of an open hive.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bins<'h>(&'h [u8]);

impl<'h> Bins<'h> {
    pub(crate) const fn new(bytes: &'h [u8]) -> Self {
        Self(bytes)
    }

    /// Length in bytes.
    pub(crate) const fn len(self) -> usize {
        self.0.len()
    }

    /// More keys and lists of keys than fit: a list takes at least 16 bytes, a key 80. No sound key has as many
    /// subkeys.
    pub(crate) const fn subkeys_max(self) -> usize {
        self.0.len() / 16
    }

    /// The payload of the used cell at `offset`, if there is one.
    ///
    /// This is the path that every read takes, so it says only whether; [`Bins::cell`] says why not. An `Option` of a
    /// slice fits two registers, which a `Result` with a [`Damage`] does not: it costs a third of a walk's
    /// instructions.
    #[inline]
    pub(crate) fn try_cell(self, offset: u32) -> Option<&'h [u8]> {
        let (size, rest) = self.0.get(offset as usize..)?.split_first_chunk()?;
        let size = i32::from_le_bytes(*size);
        if !offset.is_multiple_of(8) || size > -4 {
            return None;
        }
        rest.get(..size.unsigned_abs() as usize - 4)
    }

    /// The payload of the used cell at `offset`, or what stands there instead.
    #[inline]
    pub(crate) fn cell(self, offset: u32) -> Result<&'h [u8], Damage> {
        self.try_cell(offset).ok_or_else(|| self.why_no_cell(offset))
    }

    /// The payload of the used cell at `offset`, split into a record's fixed part and the rest.
    #[inline]
    pub(crate) fn try_record<const N: usize>(self, offset: u32) -> Option<(&'h [u8; N], &'h [u8])> {
        self.try_cell(offset)?.split_first_chunk()
    }

    /// Like [`Bins::try_record`], with the reason.
    #[inline]
    pub(crate) fn record<const N: usize>(self, offset: u32) -> Result<(&'h [u8; N], &'h [u8]), Damage> {
        let cell = self.cell(offset)?;
        cell.split_first_chunk().ok_or_else(|| short(offset, N, cell.len()))
    }

    #[cold]
    fn why_no_cell(self, offset: u32) -> Damage {
        let start = self.0.get(offset as usize..).and_then(<[u8]>::first_chunk);
        let what = match start.map(|size| i32::from_le_bytes(*size)) {
            Some(size) if offset.is_multiple_of(8) && size > -4 => What::CellFree { size },
            Some(size) if offset.is_multiple_of(8) => What::CellBounds { size },
            _ => What::Offset,
        };
        Damage::new(offset, what)
    }

    /// What is wrong with the record of a key or a value at `offset`: its cell, its signature, or its name, whose
    /// length stands at `name` and may be `name_max`.
    #[cold]
    pub(crate) fn why_no_record<const N: usize>(
        self,
        offset: u32,
        record: Record,
        name: usize,
        name_max: usize,
    ) -> Damage {
        let (head, rest) = match self.record::<N>(offset) {
            Ok(split) => split,
            Err(damage) => return damage,
        };
        let length = u16_at(head, name);
        if head[..2] != record.signature() {
            unlike(offset, record, [head[0], head[1]])
        } else if usize::from(length) > name_max {
            Damage::new(offset, What::NameLength { length })
        } else {
            short(offset, N + usize::from(length), N + rest.len())
        }
    }
}

/// The damage "record does not fit its cell".
#[cold]
pub(crate) fn short(offset: u32, expected: usize, actual: usize) -> Damage {
    Damage::new(offset, What::CellShort { expected: clamp(expected), actual: clamp(actual) })
}

/// The damage "another record stands here".
#[cold]
pub(crate) fn unlike(offset: u32, expected: Record, actual: [u8; 2]) -> Damage {
    Damage::new(offset, What::Signature { expected, actual })
}

/// A length as the 32-bit number that reports carry.
pub(crate) fn clamp(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

/// Little-endian number at a constant place of a record; the place is checked at compile time by inlining.
#[inline]
pub(crate) fn u16_at<const N: usize>(record: &[u8; N], at: usize) -> u16 {
    u16::from_le_bytes([record[at], record[at + 1]])
}

/// Like [`u16_at`], 32 bits.
#[inline]
pub(crate) fn u32_at<const N: usize>(record: &[u8; N], at: usize) -> u32 {
    u32::from_le_bytes([record[at], record[at + 1], record[at + 2], record[at + 3]])
}

/// Like [`u16_at`], 64 bits.
#[inline]
pub(crate) fn u64_at<const N: usize>(record: &[u8; N], at: usize) -> u64 {
    u64::from(u32_at(record, at)) | u64::from(u32_at(record, at + 4)) << 32
}
