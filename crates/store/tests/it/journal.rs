//! A destroyed database comes back from the journal: row for row, whatever was done, and up to where it is whole.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};

use model::envelope::Envelope;
use model::retention::Rules;
use proptest::prelude::*;
use store::blobs::{Blobs, DiskBlobs, Logs, MemoryBlobs};
use store::{JournalKeys, JournalState, Mark, Scope, Store, StoreError, Tended};

use crate::support::journal::{Keys, copy, keep, rebuild, rows, tend};
use crate::support::moody::Moody;
use crate::support::{Made, NOW, device, place, sign, tenant, user};
use crate::tenants::{fill, populate, population};

const HOUR: i64 = 60 * 60 * 1000;

/// A server with a journal beside its blobs.
struct World {
    folder: tempfile::TempDir,
    blobs: Arc<MemoryBlobs>,
    logs: Arc<dyn Logs>,
    keys: Arc<Keys>,
    store: Store,
}

impl World {
    fn new() -> Self {
        Self::with(Arc::new(MemoryBlobs::default()))
    }

    fn with(logs: Arc<dyn Logs>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (blobs, keys) = (Arc::new(MemoryBlobs::default()), Arc::new(Keys::new(1)));
        let store = open(folder.path(), &blobs);
        let world = Self { folder, blobs, logs, keys, store };
        keep(&world.store, &world.logs, &world.keys, world.folder.path());
        world
    }

    fn tend(&self) -> Tended {
        tend(&self.store, self.folder.path()).unwrap()
    }

    fn state(&self) -> JournalState {
        self.store.journal().0
    }

    /// A file's name that nobody has had.
    fn fresh(&self, name: &str) -> PathBuf {
        let name = |number: u32| self.folder.path().join(format!("{name}-{number}"));
        (0..1_000).map(name).find(|path| !path.exists()).unwrap()
    }

    /// The rows that there are, and those that the journal gives.
    fn both(&self) -> (Vec<String>, Vec<String>) {
        let there = copy(&place(&self.folder.path().join("rehome.db")), &*self.blobs, &self.fresh("copy"));
        let to = self.fresh("rebuilt.db");
        let rebuilt = rebuild(&self.logs, &self.keys, &to).unwrap();
        assert_eq!(rebuilt.missing, None);
        (rows(&there), rows(&to))
    }

    fn same(&self) {
        let (there, rebuilt) = self.both();
        assert!(!there.is_empty());
        assert_eq!(rebuilt, there);
    }

    /// A tenant with somebody who has one PC.
    fn somebody(&self) -> Scope {
        tenant(&self.store, "default", 1);
        let ada = user(&self.store, "default", "ada", 1);
        device(&self.store, &ada, 1)
    }
}

fn open(folder: &Path, blobs: &Arc<MemoryBlobs>) -> Store {
    Store::open(&place(&folder.join("rehome.db")), Arc::clone(blobs) as Arc<dyn Blobs>, NOW).unwrap()
}

/// Makes a base although none is due: as if somebody else had written.
fn tend_anew(world: &World) -> bool {
    // Servers that share a database look through the journal now and then only.
    world.keys.now.fetch_add(HOUR, Ordering::SeqCst);
    let other = open(world.folder.path(), &world.blobs);
    let well = other.set_meta_once(vec![("other", vec![1])]).unwrap();
    drop(other);
    world.store.set_meta_once(vec![("own", vec![1])]).unwrap();
    well && matches!(world.tend(), Tended::Made(_))
}

fn back_up(store: &Store, pc: &Scope, seq: u64) {
    let made = Made::new(pc, seq, &[(1, 100), (100 + seq, 50)], &[]);
    let bytes = made.envelope(|_| true);
    assert!(store.commit(pc, &Envelope::parse(&bytes).unwrap(), NOW, sign()).unwrap().new);
}

/// A place where somebody writes whenever the records are looked through.
#[derive(Default)]
struct Overtaken {
    memory: MemoryBlobs,
    meanwhile: Mutex<Option<(SyncSender<()>, Receiver<()>)>>,
}

impl Logs for Overtaken {
    fn extend_log(&self, name: &str, offset: u64, piece: &[u8]) -> Result<(), StoreError> {
        self.memory.extend_log(name, offset, piece)
    }

    fn read_log(&self, name: &str, offset: u64) -> Result<Option<Vec<u8>>, StoreError> {
        self.memory.read_log(name, offset)
    }

    fn logs(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        if prefix.contains("records")
            && let Some((looking, written)) = self.meanwhile.lock().unwrap().take()
        {
            looking.send(()).unwrap();
            written.recv().unwrap();
        }
        self.memory.logs(prefix)
    }

    fn remove_log(&self, name: &str) -> Result<(), StoreError> {
        self.memory.remove_log(name)
    }
}

#[test]
fn what_is_written_while_the_journal_is_looked_through_is_not_missing_in_it() {
    let logs = Arc::new(Overtaken::default());
    let mut world = World::with(Arc::clone(&logs) as Arc<dyn Logs>);
    let pc = world.somebody();
    back_up(&world.store, &pc, 1);
    // A start: nobody knows what others have written meanwhile.
    world.store = open(world.folder.path(), &world.blobs);
    world.store.keep_journal(Arc::clone(&world.logs), Arc::clone(&world.keys) as Arc<dyn JournalKeys>);
    let ((looking, is_looking), (written, is_written)) = (sync_channel(1), sync_channel(1));
    *logs.meanwhile.lock().unwrap() = Some((looking, is_written));
    let (store, pc) = (&world.store, &pc);
    let tended = std::thread::scope(|scope| {
        scope.spawn(move || {
            is_looking.recv().unwrap();
            back_up(store, pc, 2);
            written.send(()).unwrap();
        });
        world.tend()
    });
    assert!(matches!(tended, Tended::Whole), "no base was needed, and one reads the whole database: {tended:?}");
    assert_eq!(world.state().behind_since, None);
    let (there, rebuilt) = world.both();
    assert_eq!(but_servers(rebuilt), but_servers(there));
}

/// Servers that share a database count themselves before they keep a journal.
fn but_servers(rows: Vec<String>) -> Vec<String> {
    rows.into_iter().filter(|row| !row.contains("servers")).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, ..ProptestConfig::default() })]

    #[test]
    fn a_database_comes_back_row_for_row_whatever_was_done(
        populations in proptest::collection::vec(population(), 3),
        based in 0_usize..3,
        gone in 0_usize..3,
    ) {
        let world = World::new();
        let names = ["first", "second", "third"];
        for (number, (name, population)) in names.iter().zip(&populations).enumerate() {
            populate(&world.store, name, number as u64 + 1, population);
            if number == based {
                world.keys.now.fetch_add(3 * HOUR, Ordering::SeqCst);
                prop_assert!(tend_anew(&world));
            }
        }
        let scope = world.store.operator(names[gone]).unwrap().unwrap();
        let erased = world.store.delete_tenant(&scope, (NOW, Box::new(crate::tenants::sign)));
        prop_assert!(erased.is_ok());
        let (there, rebuilt) = world.both();
        prop_assert_eq!(rebuilt, there);
    }
}

#[test]
fn what_was_refused_half_way_is_not_repeated_and_what_was_let_go_stays_away() {
    let world = World::new();
    let pc = world.somebody();
    let operator = world.store.operator("default").unwrap().unwrap();
    world.store.set_rules(&operator, &Rules { last: 2, ..Rules::default() }, NOW).unwrap();
    fill(&world.store, &pc, 4);
    assert!(world.store.mark(&operator, (pc.profile(), 1), Mark::Pin, NOW).unwrap());
    // Refused: the name is taken.
    let again = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| user(&world.store, "default", "ada", 7)));
    assert!(again.is_err());
    // The same snapshot again changes nothing, and another one with a taken number is refused.
    let made = Made::new(&pc, 4, &[(4, 300)], &[(4, 4)]).envelope(|_| true);
    assert!(!world.store.commit(&pc, &Envelope::parse(&made).unwrap(), NOW, sign()).unwrap().new);
    assert!(world.store.retain(&operator, NOW).unwrap().snapshots > 0);
    back_up(&world.store, &pc, 5);
    world.same();
}

#[test]
fn backups_of_many_at_once_come_back() {
    let world = World::new();
    tenant(&world.store, "default", 1);
    let ada = user(&world.store, "default", "ada", 1);
    let pcs: Vec<Scope> = (1..9).map(|number| device(&world.store, &ada, number)).collect();
    std::thread::scope(|scope| {
        for pc in &pcs {
            scope.spawn(|| (1..12).for_each(|seq| back_up(&world.store, pc, seq)));
        }
    });
    world.same();
}

#[test]
fn two_that_look_after_it_at_once_make_one_base() {
    let folder = tempfile::tempdir().unwrap();
    let (blobs, keys) = (Arc::new(MemoryBlobs::default()), Arc::new(Keys::new(1)));
    let logs: Arc<dyn Logs> = Arc::new(MemoryBlobs::default());
    let store = open(folder.path(), &blobs);
    store.keep_journal(Arc::clone(&logs), Arc::clone(&keys) as Arc<dyn JournalKeys>);
    let made: Vec<Tended> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| tend(&store, folder.path()).unwrap())).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(made.iter().filter(|tended| matches!(tended, Tended::Made(_))).count(), 1, "{made:?}");
    tenant(&store, "default", 1);
    assert_eq!(rebuild(&logs, &keys, &folder.path().join("rebuilt.db")).unwrap().missing, None);
}

/// Logs of which another server, which takes this one for dead, removes the base that is being made.
struct Tidied {
    logs: MemoryBlobs,
    removes: AtomicBool,
}

impl Logs for Tidied {
    fn extend_log(&self, name: &str, offset: u64, piece: &[u8]) -> Result<(), StoreError> {
        self.logs.extend_log(name, offset, piece)?;
        let removed = name.ends_with("/data") && self.removes.swap(false, Ordering::SeqCst);
        if removed { self.logs.remove_log(name) } else { Ok(()) }
    }

    fn read_log(&self, name: &str, offset: u64) -> Result<Option<Vec<u8>>, StoreError> {
        self.logs.read_log(name, offset)
    }

    fn logs(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        self.logs.logs(prefix)
    }

    fn remove_log(&self, name: &str) -> Result<(), StoreError> {
        self.logs.remove_log(name)
    }
}

/// The new base counted as whole, and the old one, which was, went.
#[test]
fn a_base_counts_once_it_was_read_back_and_the_one_before_stays_until_then() {
    let logs = Arc::new(Tidied { logs: MemoryBlobs::default(), removes: AtomicBool::new(false) });
    let world = World::with(Arc::clone(&logs) as Arc<dyn Logs>);
    let pc = world.somebody();
    back_up(&world.store, &pc, 1);
    world.same();
    let before = world.logs.logs("journal/bases/").unwrap();
    // What makes a new base due: somebody has written without the journal.
    let other = open(world.folder.path(), &world.blobs);
    back_up(&other, &pc, 2);
    drop(other);
    back_up(&world.store, &pc, 3);
    logs.removes.store(true, Ordering::SeqCst);
    assert!(matches!(tend(&world.store, world.folder.path()), Err(StoreError::Damaged(_))));
    assert_eq!(world.logs.logs("journal/bases/").unwrap(), before, "nothing was taken for it");
    assert!(matches!(world.tend(), Tended::Made(_)), "the next run makes it");
    world.same();
}

#[test]
fn a_rebuilt_server_goes_on_and_is_rebuilt_again() {
    let mut world = World::new();
    let pc = world.somebody();
    back_up(&world.store, &pc, 1);
    world.same();
    if crate::support::elsewhere() {
        return;
    }
    // The database is destroyed, and made anew where it was.
    let to = world.folder.path().join("second.db");
    rebuild(&world.logs, &world.keys, &to).unwrap();
    world.store = Store::open(&to, Arc::clone(&world.blobs) as Arc<dyn Blobs>, NOW).unwrap();
    keep(&world.store, &world.logs, &world.keys, world.folder.path());
    assert_eq!(world.tend(), Tended::Whole, "the journal leads to where the new database is");
    back_up(&world.store, &pc, 2);
    let third = world.folder.path().join("third.db");
    let rebuilt = rebuild(&world.logs, &world.keys, &third).unwrap();
    assert_eq!((rebuilt.missing, rebuilt.records > 2), (None, true));
    drop(world.store);
    assert_eq!(rows(&third), rows(&to));
}

#[test]
fn a_program_that_writes_without_it_leaves_a_hole_that_a_new_base_closes() {
    let world = World::new();
    let pc = world.somebody();
    back_up(&world.store, &pc, 1);
    // Another process, such as a command of the command line that knows nothing of the journal.
    let other = open(world.folder.path(), &world.blobs);
    back_up(&other, &pc, 2);
    drop(other);
    back_up(&world.store, &pc, 3);
    let cut = rebuild(&world.logs, &world.keys, &world.fresh("cut.db")).unwrap();
    assert!(cut.missing.is_some(), "what comes behind the hole is not used, and that is said");
    assert!(matches!(world.tend(), Tended::Made(_)));
    assert_eq!(world.state().behind_since, None);
    world.same();
    assert_eq!(world.tend(), Tended::Whole);
    back_up(&world.store, &pc, 4);
    world.same();
}

#[test]
fn a_database_that_was_set_back_begins_a_new_branch() {
    if crate::support::elsewhere() {
        return;
    }
    let mut world = World::new();
    let pc = world.somebody();
    back_up(&world.store, &pc, 1);
    world.store.checkpoint().unwrap();
    let yesterday = std::fs::read(world.folder.path().join("rehome.db")).unwrap();
    for seq in 2..5 {
        back_up(&world.store, &pc, seq);
    }
    // The server is stopped, and somebody puts the database of yesterday in its place.
    let set_back = world.folder.path().join("set-back.db");
    std::fs::write(&set_back, yesterday).unwrap();
    world.store = Store::open(&set_back, Arc::clone(&world.blobs) as Arc<dyn Blobs>, NOW).unwrap();
    world.keys.now.fetch_add(HOUR / 2, Ordering::SeqCst);
    keep(&world.store, &world.logs, &world.keys, world.folder.path());
    let made = Made::new(&pc, 2, &[(77, 100)], &[]);
    world.store.commit(&pc, &Envelope::parse(&made.envelope(|_| true)).unwrap(), NOW, sign()).unwrap();
    let to = world.fresh("rebuilt.db");
    let rebuilt = rebuild(&world.logs, &world.keys, &to).unwrap();
    assert_eq!(rebuilt.missing, None, "the other branch is none");
    drop(world.store);
    assert_eq!(rows(&to), rows(&set_back));
}

#[test]
fn another_root_key_opens_nothing_and_a_changed_one_makes_a_new_base() {
    let world = World::new();
    let pc = world.somebody();
    back_up(&world.store, &pc, 1);
    let other = Arc::new(Keys::new(2));
    let refused = rebuild(&world.logs, &other, &world.fresh("refused.db"));
    assert!(matches!(&refused, Err(StoreError::Damaged(why)) if why.contains("another root key")), "{refused:?}");
    drop(world.store);
    // The server starts again after its root key was changed.
    let store = open(world.folder.path(), &world.blobs);
    keep(&store, &world.logs, &other, world.folder.path());
    back_up(&store, &pc, 2);
    let to = world.folder.path().join("rebuilt.db");
    rebuild(&world.logs, &other, &to).unwrap();
    drop(store);
    if !crate::support::elsewhere() {
        assert_eq!(rows(&to), rows(&world.folder.path().join("rehome.db")));
    }
}

/// A disk that anybody can change.
fn on_disk() -> (tempfile::TempDir, World) {
    let folder = tempfile::tempdir().unwrap();
    let world = World::with(Arc::new(DiskBlobs::open(folder.path().join("blobs")).unwrap()));
    (folder, world)
}

#[test]
fn every_changed_bit_of_a_record_is_found_and_none_brings_back_something_else() {
    let (folder, world) = on_disk();
    let pc = world.somebody();
    back_up(&world.store, &pc, 1);
    let (there, _) = world.both();
    let records = folder.path().join("blobs/journal/records");
    let log = std::fs::read_dir(records).unwrap().map(|entry| entry.unwrap().path()).max().unwrap();
    let whole = std::fs::read(&log).unwrap();
    for at in (0..whole.len()).step_by(whole.len() / 60) {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        std::fs::write(&log, &bytes).unwrap();
        let to = world.fresh("bit.db");
        match rebuild(&world.logs, &world.keys, &to) {
            // It stops before the record, as if it were not there; or it names it.
            Ok(_) => assert!(rows(&to).len() < there.len(), "byte {at}"),
            Err(StoreError::Damaged(_) | StoreError::NewerSchema { .. }) => {}
            Err(other) => panic!("byte {at}: {other}"),
        }
    }
    // Cut short anywhere: what is whole comes back.
    for cut in (0..whole.len()).step_by(whole.len() / 40) {
        std::fs::write(&log, &whole[..cut]).unwrap();
        let rebuilt = rebuild(&world.logs, &world.keys, &world.fresh("cut.db")).unwrap();
        assert_eq!(rebuilt.missing, None, "its end is where it ends");
    }
    std::fs::write(&log, &whole).unwrap();
    world.same();
}

/// Where the frames of a log begin, and where it ends.
fn frames(log: &[u8]) -> Vec<usize> {
    let mut at = 14 + usize::from(u16::from_le_bytes([log[12], log[13]]));
    let mut found = vec![at];
    while at < log.len() {
        at += 33 + u32::from_le_bytes(log[at..at + 4].try_into().unwrap()) as usize;
        found.push(at);
    }
    found
}

/// Found by cutting the power at every write: zeros in place of the last record, and nothing came back.
#[test]
fn what_a_power_cut_leaves_of_the_last_record_ends_a_log_and_damage_before_it_is_said() {
    let (folder, world) = on_disk();
    let pc = world.somebody();
    (1..4).for_each(|seq| back_up(&world.store, &pc, seq));
    let (there, _) = world.both();
    let records = folder.path().join("blobs/journal/records");
    let log = std::fs::read_dir(records).unwrap().map(|entry| entry.unwrap().path()).max().unwrap();
    let whole = std::fs::read(&log).unwrap();
    let frames = frames(&whole);
    let [.., last, end] = frames[..] else { panic!("{frames:?}") };
    let of = |bytes: &[u8], name: &str| {
        std::fs::write(&log, bytes).unwrap();
        let to = world.fresh(name);
        rebuild(&world.logs, &world.keys, &to).map(|rebuilt| (rebuilt, rows(&to)))
    };
    let (_, without) = of(&whole[..last], "without.db").unwrap();
    assert!(without.len() < there.len());
    for from in [last, last + 2, last + 20, last + 33, end - 40, end - 1] {
        let mut bytes = whole.clone();
        bytes[from..].fill(0);
        let (rebuilt, rows) = of(&bytes, "zeros.db").unwrap();
        assert_eq!((rebuilt.missing, rebuilt.unfinished.is_some()), (None, true), "zeros from {}", from - last);
        assert_eq!(rows, without, "zeros from {}", from - last);
    }
    // Bits of a head and some behind it, in each record but the last.
    for frame in &frames[..frames.len() - 2] {
        for bit in (0..8 * 40).step_by(7) {
            let mut bytes = whole.clone();
            bytes[frame + bit / 8] ^= 1 << (bit % 8);
            let found = of(&bytes, "damaged.db");
            let is_said = match &found {
                Ok((rebuilt, _)) => rebuilt.missing.is_some(),
                Err(error) => matches!(error, StoreError::Damaged(_)),
            };
            assert!(is_said, "bit {bit} of the frame at {frame}: {:?}", found.map(|(rebuilt, _)| rebuilt));
        }
    }
}

/// The record of a transaction that was never committed is half there, and the server that starts next goes on in another log.
#[test]
fn a_server_goes_on_after_a_power_cut_in_the_middle_of_a_record() {
    let (folder, mut world) = on_disk();
    let pc = world.somebody();
    back_up(&world.store, &pc, 1);
    let records = folder.path().join("blobs/journal/records");
    for (seq, half) in (2..).zip([vec![0; 300], vec![7; 20], vec![255; 100]]) {
        world.keys.now.fetch_add(1, Ordering::SeqCst);
        let log = std::fs::read_dir(&records).unwrap().map(|entry| entry.unwrap().path());
        let log = log.max_by_key(|log| std::fs::read(log).unwrap().get(14 + 33 + 16..14 + 33 + 24).map(<[u8]>::to_vec));
        let log = log.unwrap();
        let whole = std::fs::read(&log).unwrap();
        std::fs::write(&log, [whole, half].concat()).unwrap();
        world.store = open(world.folder.path(), &world.blobs);
        keep(&world.store, &world.logs, &world.keys, world.folder.path());
        assert_eq!(world.state().behind_since, None, "nothing is missing");
        back_up(&world.store, &pc, seq);
        let (there, rebuilt) = world.both();
        assert_eq!(but_servers(rebuilt), but_servers(there));
    }
}

#[test]
fn while_its_place_is_away_backups_go_on_and_afterwards_all_of_them_come_back() {
    let moody = Arc::new(Moody::default());
    let world = World::with(Arc::clone(&moody) as Arc<dyn Logs>);
    let pc = world.somebody();
    back_up(&world.store, &pc, 1);
    assert_eq!(world.state().behind_since, None);
    moody.is_away.store(true, Ordering::SeqCst);
    back_up(&world.store, &pc, 2);
    back_up(&world.store, &pc, 3);
    assert_eq!(world.state().behind_since, Some(NOW));
    assert!(world.store.journal().1.unwrap().contains("no answer"));
    assert!(tend(&world.store, world.folder.path()).is_err());
    moody.is_away.store(false, Ordering::SeqCst);
    assert!(matches!(world.tend(), Tended::Made(_)));
    assert_eq!(world.state().behind_since, None);
    back_up(&world.store, &pc, 4);
    world.same();
}

#[test]
fn a_destroyed_key_does_not_live_on_in_it_for_longer_than_a_day() {
    let (folder, world) = on_disk();
    let pc = world.somebody();
    back_up(&world.store, &pc, 1);
    assert_eq!(world.tend(), Tended::Whole);
    let logs = || world.logs.logs("journal/").unwrap();
    let before = logs();
    assert!(before.iter().all(|name| folder.path().join("blobs").join(name).is_file()));
    let operator = world.store.operator("default").unwrap().unwrap();
    world.store.erase_user(&operator, pc.user(), (NOW, crate::support::sign_erasure())).unwrap();
    assert_eq!(world.tend(), Tended::Whole, "not each time that somebody goes");
    world.keys.now.fetch_add(25 * HOUR, Ordering::SeqCst);
    assert!(matches!(world.tend(), Tended::Made(_)));
    let after = logs();
    assert!(!after.is_empty() && !after.iter().any(|name| before.contains(name)), "nothing from before is left");
    world.same();
}
