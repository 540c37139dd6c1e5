//! The base block: the first 4096 bytes of a hive, and the first sector of its logs (specification, "Base block").

use crate::bins::u32_at;
use crate::name::Name;

/// Length of the base block of a primary file; the hive bins data start here.
pub(crate) const BASE_BLOCK: usize = 4096;
/// The part of the base block that the checksum covers, with the checksum: one sector. Logs start with a copy of it.
pub(crate) const SECTOR: usize = 512;

/// A time as Windows stores it: steps of 100 ns since 1601-01-01 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct FileTime(pub u64);

impl FileTime {
    /// Seconds from 1601-01-01 to 1970-01-01.
    const EPOCH: i64 = 11_644_473_600;

    /// The same time as whole seconds and nanoseconds since 1970-01-01 UTC; seconds are negative before.
    pub fn to_unix(self) -> (i64, u32) {
        let seconds = i64::try_from(self.0 / 10_000_000).expect("a 64-bit count over ten million fits 63 bits");
        let nanos = u32::try_from(self.0 % 10_000_000).expect("a remainder is less than its divisor") * 100;
        (seconds - Self::EPOCH, nanos)
    }
}

/// What a base block says, as it says it.
#[derive(Debug, Clone, Copy)]
pub struct Header<'h> {
    sector: &'h [u8; SECTOR],
}

/// Kinds of files that start with a base block.
pub(crate) mod file_type {
    pub(crate) const PRIMARY: u32 = 0;
    pub(crate) const LOG_OLD: [u32; 2] = [1, 2];
    pub(crate) const LOG_NEW: u32 = 6;
}

impl<'h> Header<'h> {
    pub(crate) fn new(sector: &'h [u8; SECTOR]) -> Self {
        Self { sector }
    }

    pub(crate) fn has_signature(self) -> bool {
        self.sector[..4] == *b"regf"
    }

    /// Primary and secondary sequence number. They differ while a write is under way, and after a crash.
    pub fn sequence(self) -> (u32, u32) {
        (u32_at(self.sector, 4), u32_at(self.sector, 8))
    }

    /// When the hive was last written.
    pub fn last_written(self) -> FileTime {
        FileTime(u64::from(u32_at(self.sector, 12)) | u64::from(u32_at(self.sector, 16)) << 32)
    }

    /// Major and minor version of the format, 1.3 to 1.6.
    pub fn version(self) -> (u32, u32) {
        (u32_at(self.sector, 20), u32_at(self.sector, 24))
    }

    pub(crate) fn file_type(self) -> u32 {
        u32_at(self.sector, 28)
    }

    pub(crate) fn root(self) -> u32 {
        u32_at(self.sector, 36)
    }

    /// Length of the hive bins data in bytes.
    pub fn bins_len(self) -> u32 {
        u32_at(self.sector, 40)
    }

    /// Length of a sector of the disk that the hive was written to: 512 (also where the field is nonsense) to 4096.
    pub(crate) fn sector_len(self) -> usize {
        match u32_at(self.sector, 44) {
            2 => 1024,
            4 => 2048,
            8 => 4096,
            _ => SECTOR,
        }
    }

    /// The file's name as Windows noted it, cut at its front to 31 characters; it may be empty. `NTUSER.DAT`,
    /// `UsrClass.dat` and `SYSTEM` can be told apart by its end.
    pub fn file_name(self) -> Name<'h> {
        let field = &self.sector[48..112];
        let length =
            field.as_chunks::<2>().0.iter().position(|unit| *unit == [0, 0]).map_or(field.len(), |units| units * 2);
        Name::new(&field[..length], false)
    }

    /// The checksum as stored and as computed.
    pub(crate) fn checksums(self) -> (u32, u32) {
        (u32_at(self.sector, 508), checksum(self.sector))
    }

    pub(crate) fn checksum_holds(self) -> bool {
        let (stored, computed) = self.checksums();
        stored == computed
    }

    pub(crate) fn sector(self) -> &'h [u8; SECTOR] {
        self.sector
    }
}

/// XOR over the first 127 numbers; 0 is stored as 1, and all ones as one less (specification, "Base block", note 2, and
/// what Windows writes in these two cases).
pub(crate) fn checksum(sector: &[u8; SECTOR]) -> u32 {
    let sum = sector.as_chunks::<4>().0[..127].iter().fold(0, |sum, number| sum ^ u32::from_le_bytes(*number));
    match sum {
        0 => 1,
        u32::MAX => u32::MAX - 1,
        sum => sum,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksum_is_never_zero_nor_all_ones() {
        let mut sector = [0; SECTOR];
        assert_eq!(checksum(&sector), 1);
        sector[..4].fill(0xff);
        assert_eq!(checksum(&sector), 0xffff_fffe);
        sector[4] = 0x0f;
        assert_eq!(checksum(&sector), 0xffff_fff0);
        sector[508] = 7; // its own place does not count
        assert_eq!(checksum(&sector), 0xffff_fff0);
    }

    #[test]
    fn times_before_and_after_1970_are_told() {
        assert_eq!(FileTime(0).to_unix(), (-11_644_473_600, 0));
        assert_eq!(FileTime(116_444_736_000_000_001).to_unix(), (0, 100));
        assert!(FileTime(u64::MAX).to_unix().0 > 0);
    }
}
