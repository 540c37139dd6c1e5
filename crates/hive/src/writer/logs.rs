//! Transaction logs in both formats, made from the states of a hive that they lead through.

use super::{len32, push};
use crate::header::{BASE_BLOCK, SECTOR, checksum, file_type};
use crate::log::{ENTRY_HEAD, PAGE};
use crate::marvin::marvin32;

/// Writes the checksum of the base block that `file` (a hive or a log) starts with. Shorter files stay as they are.
pub fn seal_base_block(file: &mut [u8]) {
    if let Some(sector) = file.first_chunk_mut::<SECTOR>() {
        let sum = checksum(sector);
        sector[508..].copy_from_slice(&sum.to_le_bytes());
    }
}

/// Sets both sequence numbers of a hive or log and seals its base block. A hive is dirty if they differ.
pub fn set_sequence(file: &mut [u8], primary: u32, secondary: u32) {
    file[4..8].copy_from_slice(&primary.to_le_bytes());
    file[8..12].copy_from_slice(&secondary.to_le_bytes());
    seal_base_block(file);
}

/// A new-format log that leads from the first of `states` (whole hive files) to the last, an entry for each step, the
/// first of them with `sequence`.
pub fn new_log(states: &[&[u8]], sequence: u32) -> Vec<u8> {
    let mut log = log_base_block(states, file_type::LOG_NEW);
    set_sequence(&mut log, sequence, sequence);
    let numbers = std::iter::successors(Some(sequence), |number| Some(number.wrapping_add(1)));
    for (step, number) in states.windows(2).zip(numbers) {
        let after = &step[1][BASE_BLOCK..];
        let pages = changed(step[0], step[1]);
        let mut entry = b"HvLE".to_vec();
        let bare = ENTRY_HEAD + pages.len() * (8 + BASE_BLOCK);
        let len = bare.next_multiple_of(PAGE);
        push(&mut entry, &[len32(len), 0, number, len32(after.len()), len32(pages.len()), 0, 0, 0, 0]);
        for at in &pages {
            push(&mut entry, &[len32(*at), len32(BASE_BLOCK)]);
        }
        for at in &pages {
            entry.extend(&after[*at..at + BASE_BLOCK]);
        }
        entry.resize(len, 0);
        seal_entry(&mut entry);
        log.extend(entry);
    }
    log
}

/// Writes the hashes of the log entry that `bytes` start with, as far as its length allows.
pub fn seal_entry(bytes: &mut [u8]) {
    let Some(len) = bytes.get(4..8).and_then(|len| len.first_chunk()) else { return };
    let len = u32::from_le_bytes(*len) as usize;
    let Some(body) = bytes.get(ENTRY_HEAD..len).map(marvin32) else { return };
    bytes[24..32].copy_from_slice(&body.to_le_bytes());
    let head = marvin32(&bytes[..32]);
    bytes[32..40].copy_from_slice(&head.to_le_bytes());
}

/// An old-format log that leads from one hive file to another. Its time is that of `after`, its sequence number
/// `sequence`.
pub fn old_log(before: &[u8], after: &[u8], sequence: u32) -> Vec<u8> {
    let mut log = log_base_block(&[after], file_type::LOG_OLD[0]);
    set_sequence(&mut log, sequence, sequence);
    let pages = changed(before, after);
    let bins = &after[BASE_BLOCK..];
    let mut vector = vec![0_u8; bins.len() / PAGE / 8];
    for at in &pages {
        vector[at / BASE_BLOCK] = 0xff; // Windows marks blocks of 4096 bytes: eight pages, one byte
    }
    log.extend(b"DIRT");
    log.extend(vector);
    log.resize(log.len().next_multiple_of(SECTOR), 0);
    for at in &pages {
        log.extend(&bins[*at..at + BASE_BLOCK]);
    }
    log
}

fn log_base_block(states: &[&[u8]], kind: u32) -> Vec<u8> {
    let mut block = states[states.len() - 1][..SECTOR].to_vec();
    block[28..32].copy_from_slice(&kind.to_le_bytes());
    block
}

/// Where in the hive bins data the blocks start that differ or are new.
fn changed(before: &[u8], after: &[u8]) -> Vec<usize> {
    let block = |file: &[u8], at: usize| file.get(BASE_BLOCK + at..2 * BASE_BLOCK + at).map(<[u8]>::to_vec);
    (0..after.len() - BASE_BLOCK).step_by(BASE_BLOCK).filter(|at| block(before, *at) != block(after, *at)).collect()
}
