//! Any bytes as a hive with two logs: replay neither panics nor hangs nor grows the hive without bound, and what it
//! gives can be read.
//!
//! The input is one byte of flags, the lengths of hive and first log (three bytes each, little-endian), hive, first
//! log, second log. Flag 1 seals the base blocks and flag 2 the log entries, because a fuzzer does not find the right
//! checksums and hashes by itself.

#![no_main]

#[path = "../reading.rs"]
mod reading;

use hive::writer::{seal_base_block, seal_entry};
use hive::{limits, load};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let Some(([flags, a, b, c, d, e, f], rest)) = input.split_first_chunk::<7>() else { return };
    let hive_len = u32::from_le_bytes([*a, *b, *c, 0]) as usize;
    let log_len = u32::from_le_bytes([*d, *e, *f, 0]) as usize;
    let (hive, logs) = rest.split_at(hive_len.min(rest.len()));
    let (first, second) = logs.split_at(log_len.min(logs.len()));
    let (mut hive, mut first, mut second) = (hive.to_vec(), first.to_vec(), second.to_vec());
    if flags & 1 != 0 {
        for file in [&mut hive, &mut first, &mut second] {
            seal_base_block(file);
        }
    }
    if flags & 2 != 0 {
        for log in [&mut first, &mut second] {
            seal_entries(log);
        }
    }
    let before = hive.len() + first.len() + second.len();
    if let Ok(loaded) = load(hive, &[("LOG1", &first), ("LOG2", &second)]) {
        assert!(loaded.bytes.len() <= before + limits::GROWTH_SLACK, "growth is bounded by the logs");
        assert!(loaded.replay.warnings().len() <= 4);
        reading::read(&loaded.bytes);
    }
});

fn seal_entries(log: &mut [u8]) {
    let mut at = 512;
    while let Some(entry) = log.get_mut(at..).filter(|entry| entry.starts_with(b"HvLE")) {
        seal_entry(entry);
        let len = entry.get(4..8).and_then(|len| len.first_chunk()).map_or(0, |len| u32::from_le_bytes(*len) as usize);
        at = at.saturating_add(len.max(512));
    }
}
