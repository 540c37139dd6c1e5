//! Transaction logs of both formats, in every state that a crash leaves behind.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use hive::writer::{Layout, Tree, new_log, old_log, seal_base_block, set_sequence};
use hive::{FileTime, Hive, LogFormat, OpenError, Refusal, State, limits, load};

const REG_DWORD: u32 = 4;

/// The hive after `step` changes: each sets a number in a page of its own, and the last one grows the hive.
fn state(step: u32) -> Vec<u8> {
    let mut tree = Tree::new("ROOT");
    for page in 1..=4 {
        let number = if page <= step { page } else { 0 };
        tree.key(&format!("page{page}")).set("n", REG_DWORD, number.to_le_bytes()).set("room", 3, vec![0; 5000]);
    }
    if step >= 4 {
        tree.key("page5").set("n", REG_DWORD, 5_u32.to_le_bytes()).set("room", 3, vec![0; 9000]);
    }
    tree.to_bytes(&Layout { sequence: 10, ..Layout::default() })
}

/// The hive at `state(0)` as a crash leaves it: primary sequence number 11, secondary 10.
fn dirty() -> Vec<u8> {
    let mut file = state(0);
    set_sequence(&mut file, 11, 10);
    file
}

/// A log of the steps `from` to `to`; step n has sequence number 9 + n.
fn log(from: u32, to: u32) -> Vec<u8> {
    let states: Vec<Vec<u8>> = (from - 1..=to).map(state).collect();
    let states: Vec<&[u8]> = states.iter().map(Vec::as_slice).collect();
    new_log(&states, 9 + from)
}

/// The numbers of pages 1 to 5 as a reader sees them.
fn numbers(file: &[u8]) -> Vec<Option<u8>> {
    let root = Hive::open(file).unwrap().root();
    (1..=5)
        .map(|page| {
            let key = root.open(&format!("page{page}")).unwrap()?;
            Some(key.value("n").unwrap()?.data().unwrap()[0])
        })
        .collect()
}

const BEFORE: [Option<u8>; 5] = [Some(0), Some(0), Some(0), Some(0), None];
const AFTER: [Option<u8>; 5] = [Some(1), Some(2), Some(3), Some(4), Some(5)];

#[test]
fn clean_hive_is_given_back_as_it_is() {
    let file = state(0);
    let loaded = load(file.clone(), &[("LOG1", &log(1, 4))]).unwrap();
    assert_eq!((loaded.bytes, loaded.replay.state), (file, State::Clean));
    assert_eq!(loaded.replay.logs[0].refusal, Some(Refusal::NotNeeded));
}

#[test]
fn dirty_hive_without_logs_is_read_with_a_warning() {
    let loaded = load(dirty(), &[("LOG", &[])]).unwrap();
    assert_eq!(loaded.replay.state, State::Dirty);
    assert_eq!(numbers(&loaded.bytes), BEFORE);
    assert_eq!(
        loaded.replay.warnings(),
        ["hive was being written and no transaction log fits; its last changes may be missing"]
    );
}

#[test]
fn entries_of_one_log_are_applied_and_the_hive_grows() {
    let loaded = load(dirty(), &[("LOG1", &log(1, 4)), ("LOG2", &[])]).unwrap();
    assert_eq!(numbers(&loaded.bytes), AFTER);
    let replay = &loaded.replay;
    assert_eq!((replay.state, replay.logs[0].applied, replay.logs[0].last_sequence), (State::Replayed, 4, Some(13)));
    assert_eq!((replay.logs[0].format, replay.logs[1].refusal), (Some(LogFormat::New), Some(Refusal::Empty)));
    assert!(replay.warnings().is_empty());
    let hive = loaded.hive().unwrap();
    assert!(!hive.is_dirty());
    assert_eq!(hive.header().sequence(), (13, 13));
    assert_eq!(loaded.bytes.len(), state(4).len());
    // What was replayed is clean: a second replay changes nothing.
    assert_eq!(load(loaded.bytes.clone(), &[("LOG1", &log(1, 4))]).unwrap().bytes, loaded.bytes);
}

#[test]
fn order_of_two_logs_is_that_of_their_numbers() {
    let (first, second) = (log(1, 2), log(3, 4));
    for logs in [[("LOG1", &*first), ("LOG2", &*second)], [("LOG1", &*second), ("LOG2", &*first)]] {
        let loaded = load(dirty(), &logs).unwrap();
        assert_eq!(numbers(&loaded.bytes), AFTER);
        assert!(loaded.replay.logs.iter().all(|log| log.applied == 2 && log.refusal.is_none()));
    }
}

#[test]
fn order_holds_where_sequence_numbers_wrap_around() {
    let mut file = state(0);
    set_sequence(&mut file, u32::MAX, u32::MAX - 1);
    let states: Vec<Vec<u8>> = (0..=4).map(state).collect();
    let first = new_log(&[&states[0], &states[1], &states[2]], u32::MAX - 1);
    let second = new_log(&[&states[2], &states[3], &states[4]], 0);
    for logs in [[("LOG1", &*first), ("LOG2", &*second)], [("LOG1", &*second), ("LOG2", &*first)]] {
        assert_eq!(numbers(&load(file.clone(), &logs).unwrap().bytes), AFTER);
    }
}

#[test]
fn stale_log_is_ignored_without_a_warning() {
    let mut file = state(2);
    set_sequence(&mut file, 13, 12);
    let stale = new_log(&[&state(2), &state(0)], 8); // would undo two changes
    let mut torn = stale.clone();
    torn[600] ^= 1; // damage of what is not needed is no damage
    for stale in [&stale, &torn, &stale[..512]] {
        let loaded = load(file.clone(), &[("LOG1", stale), ("LOG2", &log(3, 4))]).unwrap();
        assert_eq!(numbers(&loaded.bytes), AFTER);
        assert_eq!(loaded.replay.logs[0].refusal, Some(Refusal::Stale { expected: 12, actual: 8 }));
        assert!(loaded.replay.warnings().is_empty());
    }
}

#[test]
fn stale_log_is_known_across_the_wrap_around() {
    let mut file = state(2);
    set_sequence(&mut file, 2, 1);
    let stale = new_log(&[&state(2), &state(0)], u32::MAX);
    let loaded = load(file, &[("LOG1", &stale)]).unwrap();
    assert_eq!(loaded.replay.logs[0].refusal, Some(Refusal::Stale { expected: 1, actual: u32::MAX }));
    assert_eq!(numbers(&loaded.bytes)[..2], AFTER[..2]);
}

#[test]
fn entries_that_the_hive_already_has_are_skipped() {
    let mut file = state(2);
    set_sequence(&mut file, 13, 12);
    let loaded = load(file, &[("LOG1", &log(1, 4))]).unwrap();
    assert_eq!((numbers(&loaded.bytes), loaded.replay.logs[0].applied), (AFTER.to_vec(), 2));
}

#[test]
fn remnants_of_an_earlier_round_are_not_applied() {
    // Whole or torn, of a smaller number or of one that does not follow: what is behind the end is no damage.
    for sequence in [5, 20] {
        let mut old = new_log(&[&state(2), &state(0)], sequence);
        for torn in [0, 1] {
            old[600] ^= torn;
            let log = [&*log(1, 2), &old[512..]].concat();
            let loaded = load(dirty(), &[("LOG1", &log)]).unwrap();
            assert_eq!(numbers(&loaded.bytes)[..2], AFTER[..2]);
            assert_eq!((loaded.replay.logs[0].applied, loaded.replay.logs[0].refusal), (2, None));
        }
    }
}

#[test]
fn missing_log_between_leaves_the_later_one_out() {
    let loaded = load(dirty(), &[("LOG1", &log(1, 1)), ("LOG2", &log(3, 4))]).unwrap();
    assert_eq!(numbers(&loaded.bytes), [Some(1), Some(0), Some(0), Some(0), None]);
    assert_eq!(loaded.replay.logs[1].refusal, Some(Refusal::Gap { expected: 11, actual: 12 }));
    assert_eq!(
        loaded.replay.warnings(),
        ["transaction log LOG2 was not used to its end: entries before it are missing (expected 11, found 12)"]
    );
}

/// The places in a log where its entries start.
fn entries(log: &[u8]) -> Vec<usize> {
    (512..log.len()).step_by(512).filter(|at| log[*at..].starts_with(b"HvLE")).collect()
}

#[test]
fn torn_entry_ends_the_replay_before_it_whichever_byte_is_wrong() {
    let whole = log(1, 3);
    let second = entries(&whole)[1];
    for offset in [4, 8, 16, 20, 24, 32, 40, 44, 600, 4000] {
        let mut torn = whole.clone();
        torn[second + offset] ^= 0x10;
        let loaded = load(dirty(), &[("LOG1", &torn)]).unwrap();
        assert_eq!(numbers(&loaded.bytes), [Some(1), Some(0), Some(0), Some(0), None], "byte {offset}");
        let refusal = Refusal::Entry { offset: u32::try_from(second).unwrap() };
        assert_eq!(loaded.replay.logs[0].refusal, Some(refusal), "byte {offset}");
        assert_eq!(loaded.replay.warnings().len(), 1);
    }
}

#[test]
fn log_cut_short_gives_its_whole_entries() {
    let whole = log(1, 4);
    let places = entries(&whole);
    for length in (0..whole.len()).step_by(256) {
        let loaded = load(dirty(), &[("LOG1", &whole[..length])]).unwrap();
        let ends = places[1..].iter().filter(|end| **end <= length).count();
        assert_eq!(loaded.replay.logs[0].applied as usize, ends, "{length}");
    }
}

#[test]
fn log_with_damaged_base_block_is_refused() {
    let mut log = log(1, 4);
    log[60] ^= 1;
    let loaded = load(dirty(), &[("LOG1", &log)]).unwrap();
    assert_eq!((loaded.replay.state, loaded.replay.logs[0].refusal), (State::Dirty, Some(Refusal::BaseBlock)));
    assert_eq!(loaded.replay.warnings().len(), 2);
}

#[test]
fn log_that_was_being_written_is_refused() {
    let mut log = log(1, 4);
    set_sequence(&mut log, 11, 10);
    let loaded = load(dirty(), &[("LOG1", &log)]).unwrap();
    assert_eq!(loaded.replay.logs[0].refusal, Some(Refusal::Unfinished { primary: 11, secondary: 10 }));
}

#[test]
fn other_files_in_the_place_of_logs_are_refused() {
    let hive = state(0);
    let loaded = load(dirty(), &[("LOG1", &hive), ("LOG2", b"short")]).unwrap();
    assert!(loaded.replay.logs.iter().all(|log| log.refusal == Some(Refusal::NotALog)));
}

#[test]
fn damaged_base_block_is_taken_from_the_newest_log() {
    for damage in [5, 0] {
        let mut file = dirty();
        file[damage] ^= 0x40; // a sequence number, or the signature itself
        let loaded = load(file, &[("LOG1", &log(3, 4)), ("LOG2", &log(1, 2))]).unwrap();
        assert!(loaded.replay.base_block_recovered);
        // As in Windows, only the newest log is applied: what the older one holds is not there.
        assert_eq!(numbers(&loaded.bytes)[1..], [Some(0), Some(3), Some(4), Some(5)]);
        assert!(matches!(loaded.replay.logs[1].refusal, Some(Refusal::Stale { expected: 12, actual: 10 })));
        assert_eq!(loaded.replay.warnings(), ["base block was damaged; it was recovered from a transaction log"]);
    }
}

#[test]
fn file_without_signature_and_without_fitting_log_is_not_a_hive() {
    let mut file = dirty();
    file[..4].fill(0);
    assert_eq!(load(file, &[("LOG1", &[])]).unwrap_err(), OpenError::NotAHive { actual: vec![0; 4] });
    assert!(matches!(load(b"text".to_vec(), &[]), Err(OpenError::NotAHive { .. })));
    assert_eq!(load(log(1, 2), &[]).unwrap().hive().unwrap_err(), OpenError::FileType { actual: 6 });
}

#[test]
fn log_cannot_ask_for_boundless_growth() {
    let mut log = log(1, 4);
    let (last, bins_len) =
        (entries(&log)[0], u32::try_from(state(4).len() + limits::GROWTH_SLACK + log.len()).unwrap());
    log[last + 16..last + 20].copy_from_slice(&bins_len.next_multiple_of(4096).to_le_bytes());
    hive::writer::seal_entry(&mut log[last..]);
    let length = dirty().len();
    let loaded = load(dirty(), &[("LOG1", &log)]).unwrap();
    assert_eq!((loaded.bytes.len(), loaded.replay.logs[0].applied), (length, 0));
    assert!(matches!(loaded.replay.logs[0].refusal, Some(Refusal::TooLarge { .. })));
}

/// A dirty hive and an old-format log that leads to `state(4)`, written at `time`.
fn old(time: u64) -> (Vec<u8>, Vec<u8>) {
    let mut after = state(4);
    after[12..20].copy_from_slice(&time.to_le_bytes());
    seal_base_block(&mut after);
    let mut before = dirty();
    before[12..20].copy_from_slice(&100_u64.to_le_bytes());
    before[4096 + 20..4096 + 28].copy_from_slice(&100_u64.to_le_bytes());
    seal_base_block(&mut before);
    (before, old_log(&state(0), &after, 11))
}

#[test]
fn old_log_is_applied() {
    let (hive, log) = old(100);
    let loaded = load(hive, &[("LOG", &log)]).unwrap();
    assert_eq!((numbers(&loaded.bytes), loaded.replay.state), (AFTER.to_vec(), State::Replayed));
    assert_eq!((loaded.replay.logs[0].format, loaded.replay.logs[0].applied), (Some(LogFormat::Old), 1));
    assert!(!loaded.hive().unwrap().is_dirty());
    assert_eq!(loaded.hive().unwrap().header().last_written(), FileTime(100));
}

#[test]
fn old_log_written_before_the_hive_is_stale() {
    let (hive, log) = old(99);
    let loaded = load(hive, &[("LOG", &log)]).unwrap();
    assert_eq!((loaded.replay.state, loaded.replay.logs[0].refusal), (State::Dirty, Some(Refusal::StaleTime)));
    assert_eq!(numbers(&loaded.bytes), BEFORE);
}

#[test]
fn newest_of_two_old_logs_is_used() {
    let (hive, newest) = old(102);
    let (_, older) = old(101);
    for logs in [[("LOG1", &*newest), ("LOG2", &*older)], [("LOG1", &*older), ("LOG2", &*newest)]] {
        let loaded = load(hive.clone(), &logs).unwrap();
        assert_eq!(loaded.hive().unwrap().header().last_written(), FileTime(102));
        assert!(loaded.replay.logs.iter().any(|log| log.refusal == Some(Refusal::Superseded)));
    }
}

#[test]
fn old_log_recovers_a_damaged_base_block() {
    let (mut hive, log) = old(100);
    hive[4] ^= 0xff;
    let loaded = load(hive, &[("LOG", &log)]).unwrap();
    assert_eq!((numbers(&loaded.bytes), loaded.replay.base_block_recovered), (AFTER.to_vec(), true));
}

#[test]
fn damaged_old_log_is_refused_as_a_whole() {
    let (hive, log) = old(100);
    let pages = log.windows(4).position(|four| four == b"hbin").unwrap();
    let mut wrong_place = log.clone();
    wrong_place[pages + 5] ^= 0x10;
    let mut no_vector = log.clone();
    no_vector[512] = b'X';
    for bad in [&wrong_place, &no_vector, &log[..log.len() - 512], &log[..515]] {
        let loaded = load(hive.clone(), &[("LOG", bad)]).unwrap();
        assert_eq!(loaded.bytes, hive);
        assert!(matches!(loaded.replay.logs[0].refusal, Some(Refusal::DirtyVector { .. })), "{:?}", loaded.replay);
        assert_eq!(loaded.replay.warnings().len(), 2);
    }
}
