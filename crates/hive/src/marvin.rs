//! The Marvin32 checksum of log entries (specification, "Log entries", notes 1 to 3).
//!
//! Microsoft's keyed hash for hash tables, used by Windows 8.1 and later with a fixed key to tell a whole log entry
//! from a torn one. It protects against accidents, not against a hostile writer.

/// The fixed key 82EF4D887A4E55C5, low half first. The specification gives it as bytes and calls it little-endian;
/// logs that Windows wrote agree only with this reading of it as one number.
const KEY: (u32, u32) = (0x7a4e_55c5, 0x82ef_4d88);

/// The hash of `bytes` as Windows stores it in a log entry.
pub(crate) fn marvin32(bytes: &[u8]) -> u64 {
    let (blocks, rest) = bytes.as_chunks::<4>();
    let state = blocks.iter().fold(KEY, |state, block| mix(state, u32::from_le_bytes(*block)));
    let mut last = [0; 4];
    last[..rest.len()].copy_from_slice(rest);
    last[rest.len()] = 0x80;
    let (low, high) = mix(mix(state, u32::from_le_bytes(last)), 0);
    u64::from(high) << 32 | u64::from(low)
}

#[inline]
fn mix((mut low, mut high): (u32, u32), block: u32) -> (u32, u32) {
    low = low.wrapping_add(block);
    high ^= low;
    low = low.rotate_left(20).wrapping_add(high);
    high = high.rotate_left(9) ^ low;
    low = low.rotate_left(27).wrapping_add(high);
    (low, high.rotate_left(19))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hash_is_that_of_a_log_entry_head_written_by_windows() {
        // Facts of one entry: HvLE, 24064 bytes, sequence number 2, 20480 bytes of bins, one page, and its first hash.
        let mut head = b"HvLE".to_vec();
        for number in [24_064_u32, 0, 2, 20_480, 1, 0x1807_e431, 0x6786_6c66] {
            head.extend_from_slice(&number.to_le_bytes());
        }
        assert_eq!(marvin32(&head), 0xcd44_f3cf_a765_7f02);
    }

    #[test]
    fn every_length_of_the_last_block_gives_another_hash() {
        let hashes: std::collections::HashSet<u64> = (0..9).map(|length| marvin32(&[0; 9][..length])).collect();
        assert_eq!(hashes.len(), 9);
    }
}
