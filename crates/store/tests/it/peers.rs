//! What servers side by side tell each other, as a server sees it. On SQLite one store stands for all of them.

use std::sync::Arc;

use model::ids::DeviceId;
use model::signature::KeyPrint;
use store::blobs::MemoryBlobs;
use store::{NonceTaken, Rate, Store};

use crate::support::{NOW, elsewhere, id16, place};

const RATE: Rate = Rate { name: "requests", step: 1_000_000, most: 3 };

/// Two servers on one database; on SQLite, which one server has for itself, the same twice.
fn servers(folder: &tempfile::TempDir) -> [Arc<Store>; 2] {
    let open = || {
        let path = place(&folder.path().join("rehome.db"));
        Arc::new(Store::open(&path, Arc::new(MemoryBlobs::default()), NOW).unwrap())
    };
    let first = open();
    let second = if elsewhere() { open() } else { Arc::clone(&first) };
    [first, second]
}

#[test]
fn a_nonce_is_taken_once_by_all_of_them_together_and_forgotten_when_it_is_old() {
    let folder = tempfile::tempdir().unwrap();
    let [here, there] = servers(&folder);
    let key = KeyPrint(id16("print", 1));
    let taken = |new| NonceTaken { new, connection: 1 };
    assert_eq!(here.take_nonce(key, &[7; 12], 1_000).unwrap(), taken(true));
    assert_eq!(there.take_nonce(key, &[7; 12], 1_001).unwrap(), taken(false));
    assert!(there.take_nonce(key, &[8; 12], 1_001).unwrap().new);
    assert!(here.take_nonce(KeyPrint(id16("print", 2)), &[7; 12], 1_001).unwrap().new, "another's");
    let won: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|number| {
                let store = if number % 2 == 0 { &here } else { &there };
                scope.spawn(move || usize::from(store.take_nonce(key, &[9; 12], 1_002).unwrap().new))
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(won, 1);
    here.sweep_peers(1_001, NOW).unwrap();
    assert!(there.take_nonce(key, &[7; 12], 1_003).unwrap().new, "forgotten");
    assert!(!there.take_nonce(key, &[8; 12], 1_003).unwrap().new, "not yet");
}

#[test]
fn a_gate_lets_a_number_through_at_once_and_then_one_each_step() {
    let folder = tempfile::tempdir().unwrap();
    let [here, there] = servers(&folder);
    let now = NOW.0 * 1_000;
    let pass = |store: &Store, at| store.pass_gate(RATE, b"ada", at).unwrap();
    for (turn, store) in [&here, &there, &here].into_iter().enumerate() {
        assert_eq!(pass(store, now), Ok(()), "{turn}");
    }
    assert_eq!(pass(&there, now), Err(1_000_000));
    assert_eq!(pass(&here, now + 400_000), Err(600_000));
    assert_eq!(here.pass_gate(RATE, b"bob", now).unwrap(), Ok(()), "somebody else");
    assert_eq!(pass(&there, now + 1_000_000), Ok(()));
    assert_eq!(pass(&here, now + 1_000_000), Err(1_000_000));
    assert_eq!(pass(&here, now - 86_400_000_000), Ok(()), "a clock that was set back by a day shuts nobody out");
}

#[test]
fn a_devices_backups_of_a_day_and_somebodys_wrong_tries_are_counted_together() {
    let folder = tempfile::tempdir().unwrap();
    let [here, there] = servers(&folder);
    let device = DeviceId(id16("device", 1));
    for (number, store) in [(1, &here), (2, &there), (2, &here)] {
        store.note_pass(device, number, NOW.plus_millis(number)).unwrap();
    }
    let (count, oldest) = there.passes(device, NOW.plus_millis(5)).unwrap();
    assert_eq!((count, oldest), (2, Some(NOW.plus_millis(1))), "noting one twice counts once");
    assert_eq!(here.passes(device, NOW.plus_millis(24 * 60 * 60 * 1000 + 1)).unwrap().0, 1);

    let ada = [1; 32];
    assert_eq!(here.note_wrong(&ada, NOW, 1_000).unwrap(), 1);
    assert_eq!(there.note_wrong(&ada, NOW.plus_millis(1_000), 1_000).unwrap(), 2);
    there.wait_until(&ada, NOW.plus_millis(9_000)).unwrap();
    assert_eq!(here.tried_until(&ada).unwrap(), Some(NOW.plus_millis(9_000)));
    assert_eq!(here.note_wrong(&ada, NOW.plus_millis(2_001), 1_000).unwrap(), 1, "what was before is forgotten");
    there.forget_tries(&ada).unwrap();
    assert_eq!(here.tried_until(&ada).unwrap(), None);
}

#[test]
fn a_job_that_takes_longer_than_its_lease_stays_with_the_server_that_renews_it() {
    let folder = tempfile::tempdir().unwrap();
    let [here, there] = servers(&folder);
    let take = |store: &Store, after: i64| store.take_job("journal", (0, 100), NOW.plus_millis(after)).unwrap();
    let turn = take(&here, 0).unwrap();
    for round in 1..10 {
        assert!(here.renew_job(&turn, 100, NOW.plus_millis(round * 90)).unwrap());
        assert!(take(&there, round * 90 + 99).is_none(), "round {round}");
    }
    let theirs = take(&there, 910).expect("it was renewed last at 810");
    if elsewhere() {
        assert!(!here.renew_job(&turn, 100, NOW.plus_millis(911)).unwrap(), "it is another server's by now");
    }
    there.job_done(&theirs, NOW.plus_millis(920)).unwrap();
    assert!(!there.renew_job(&theirs, 100, NOW.plus_millis(921)).unwrap(), "what is done is nobody's");
}

#[test]
fn a_clock_that_was_wrong_holds_no_job_up_and_one_that_is_a_little_late_does_none_twice() {
    let folder = tempfile::tempdir().unwrap();
    let [here, there] = servers(&folder);
    let year = 365 * 24 * 60 * 60 * 1_000;
    let take = |store: &Store, after: i64| store.take_job("heads", (1_000, 100), NOW.plus_millis(after)).unwrap();
    let turn = take(&here, year).expect("never done");
    let again = take(&there, 0).expect("whoever took it for next year has a wrong clock");
    there.job_done(&again, NOW).unwrap();
    assert!(take(&here, -5).is_none(), "five milliseconds behind is no clock that was set back");
    here.job_done(&turn, NOW).unwrap();
    let done_next_year = take(&here, 1_000).expect("due");
    here.job_done(&done_next_year, NOW.plus_millis(year)).unwrap();
    assert!(take(&there, 2_000).is_some(), "and that was a wrong clock as well");
}

#[test]
fn a_job_is_one_servers_until_it_is_done_or_that_server_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let [here, there] = servers(&folder);
    let take = |store: &Store, after: i64| store.take_job("retention", (1_000, 100), NOW.plus_millis(after)).unwrap();
    let turn = take(&here, 0).expect("never done");
    assert!(take(&there, 99).is_none(), "the other one is at it");
    let again = take(&there, 100).expect("the other one is gone");
    if elsewhere() {
        here.job_done(&turn, NOW.plus_millis(101)).unwrap();
        assert!(take(&here, 150).is_none(), "whoever comes too late ends nothing");
    }
    there.job_done(&again, NOW.plus_millis(160)).unwrap();
    assert!(take(&here, 1_159).is_none(), "not due");
    assert!(take(&here, 1_160).is_some());
    assert!(here.take_job("sweep", (0, 100), NOW).unwrap().is_some(), "another job");
}
