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

    /// The most keys that fit: a key node with its cell header takes at least 80 bytes. No sound list is longer.
    pub(crate) const fn keys_max(self) -> usize {
        self.0.len() / 80
    }

    /// The payload of the used cell at `offset`.
    #[inline]
    pub(crate) fn cell(self, offset: u32) -> Result<&'h [u8], Damage> {
        if offset.is_multiple_of(8)
            && let Some((size, rest)) = self.0.get(offset as usize..).and_then(<[u8]>::split_first_chunk)
        {
            let size = i32::from_le_bytes(*size);
            if size <= -4
                && let Some(payload) = rest.get(..size.unsigned_abs() as usize - 4)
            {
                return Ok(payload);
            }
        }
        Err(self.why_no_cell(offset))
    }

    /// The payload of the used cell at `offset`, split into a record's fixed part and the rest.
    #[inline]
    pub(crate) fn record<const N: usize>(self, offset: u32) -> Result<(&'h [u8; N], &'h [u8]), Damage> {
        let cell = self.cell(offset)?;
        match cell.split_first_chunk() {
            Some(split) => Ok(split),
            None => Err(short(offset, N, cell.len())),
        }
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
