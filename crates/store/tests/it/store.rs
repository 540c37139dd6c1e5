//! What the store promises, as a server sees it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::support::{Made, NOW, ask, device, elsewhere, id32, place, print, sign, sign_erasure, signed, tenant, user};
use bytes::Bytes;
use model::envelope::Envelope;
use model::ids::{BlobId, PartId};
use model::receipt::{Proof, Receipt, Together};
use model::world::Moment;
use store::blobs::{Blobs, DiskBlobs, MemoryBlobs};
use store::{CommitError, Committed, GRACE_MILLIS, Piece, Revoked, Scope, Sign, Store, StoreError, UploadError};

struct World {
    folder: tempfile::TempDir,
    store: Store,
    pc: Scope,
}

fn open(folder: &Path, blobs: Arc<dyn Blobs>) -> Store {
    Store::open(&place(&folder.join("rehome.db")), blobs, NOW).unwrap()
}

fn world_with(blobs: Arc<dyn Blobs>) -> World {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), blobs);
    tenant(&store, "default", 1);
    let ada = user(&store, "default", "ada", 1);
    let pc = device(&store, &ada, 1);
    World { folder, store, pc }
}

fn world() -> World {
    world_with(Arc::new(MemoryBlobs::default()))
}

impl World {
    fn commit(&self, made: &Made, along: impl Fn(usize) -> bool) -> Result<Committed, CommitError> {
        let bytes = made.envelope(along);
        self.store.commit(&self.pc, &Envelope::parse(&bytes).unwrap(), NOW, sign())
    }

    fn put(&self, number: u64, bytes: &[u8]) {
        let blob = BlobId(id32("blob", number));
        let piece = Piece { blob, offset: 0, length: bytes.len() as u64, bytes };
        assert!(self.store.put_piece(&self.pc, &piece, NOW).unwrap().complete);
    }

    fn findings(&self) -> Vec<String> {
        self.store.verify(&signed).unwrap().findings
    }
}

#[test]
fn a_committed_snapshot_comes_back_to_the_byte() {
    let world = world();
    let first = Made::new(&world.pc, 1, &[(1, 100), (2, 200)], &[]);
    let receipt = world.commit(&first, |_| true).unwrap();
    assert!(receipt.new && signed(&receipt.receipt));
    let second = Made::new(&world.pc, 2, &[(1, 100), (3, 300)], &[]);
    world.commit(&second, |index| index == 1).unwrap();
    for made in [&first, &second] {
        let found = world.store.envelope(&world.pc, world.pc.profile(), made.header.snapshot, NOW).unwrap();
        assert_eq!(found.unwrap(), made.envelope(|_| true));
    }
    let listed = world.store.snapshots(&world.pc, world.pc.profile()).unwrap().unwrap();
    assert_eq!(listed.iter().map(|one| (one.seq, one.size_bytes)).collect::<Vec<_>>(), [(2, 400), (1, 300)]);
    assert_eq!(world.store.latest(&world.pc, world.pc.profile()).unwrap().unwrap().unwrap().seq, 2);
    assert_eq!(world.findings(), Vec::<String>::new());
}

#[test]
fn repeating_a_commit_gives_the_same_receipt_and_changes_nothing() {
    let world = world();
    let made = Made::new(&world.pc, 1, &[(1, 100)], &[]);
    let first = world.commit(&made, |_| true).unwrap();
    let rows = world.store.verify(&signed).unwrap().audit_rows;
    let again = world.commit(&made, |_| false).unwrap();
    assert_eq!((again.receipt, again.new), (first.receipt, false));
    assert_eq!(world.store.verify(&signed).unwrap().audit_rows, rows);
}

#[test]
fn another_snapshot_with_a_taken_number_is_told_the_newest() {
    let world = world();
    world.commit(&Made::new(&world.pc, 1, &[(1, 100)], &[]), |_| true).unwrap();
    for seq in [1, 3] {
        let other = Made::new(&world.pc, seq, &[(2, 100)], &[]);
        let error = world.commit(&other, |_| true).unwrap_err();
        assert!(matches!(error, CommitError::OutOfOrder { latest_seq: 1, .. }), "{error}");
    }
}

/// Changes rows behind the store's back.
fn meddle(world: &World, sql: &str) {
    let path = world.folder.path().join("rehome.db");
    if elsewhere() {
        ask(&place(&path), sql);
    } else {
        rusqlite::Connection::open(path).unwrap().execute_batch(sql).unwrap();
    }
}

#[test]
fn a_backup_whose_rows_the_database_refuses_is_refused_and_leaves_nothing() {
    let world = world();
    world.commit(&Made::new(&world.pc, 1, &[(1, 100)], &[]), |_| true).unwrap();
    meddle(&world, "UPDATE snapshots SET seq = 2");
    let made = Made::new(&world.pc, 2, &[(2, 100)], &[]);
    // PostgreSQL says so only when something else is asked, at the latest by the commit.
    let error = world.commit(&made, |_| true).unwrap_err();
    assert!(matches!(error, CommitError::Store(_)), "{error}");
    meddle(&world, "UPDATE snapshots SET seq = 1");
    let missing = world.commit(&made, |_| false).unwrap_err();
    assert!(matches!(missing, CommitError::PartsMissing(_)), "its part was not kept either: {missing}");
    assert!(world.commit(&made, |_| true).unwrap().new, "the number is still free");
}

#[test]
fn missing_parts_and_blobs_are_named_and_nothing_is_kept() {
    let world = world();
    let made = Made::new(&world.pc, 1, &[(1, 100), (2, 200), (3, 10)], &[]);
    let missing = match world.commit(&made, |index| index == 1) {
        Err(CommitError::PartsMissing(missing)) => missing,
        other => panic!("{other:?}"),
    };
    assert_eq!(missing, [PartId(id32("part", 1)), PartId(id32("part", 3))]);
    assert!(world.commit(&made, |_| true).unwrap().new, "the number is still free");
    let made = Made::new(&world.pc, 2, &[(1, 100)], &[(5, 7)]);
    assert!(
        matches!(world.commit(&made, |_| false), Err(CommitError::BlobsMissing(ids)) if ids == [BlobId(id32("blob", 5))])
    );
    world.put(5, b"picture");
    assert!(world.commit(&made, |_| false).unwrap().new);
}

#[test]
fn an_envelope_of_somebody_else_is_refused() {
    let world = world();
    let ada = world.store.account("default", "ada").unwrap().unwrap();
    let other = device(&world.store, &ada, 2);
    let made = Made::new(&other, 1, &[(1, 100)], &[]);
    assert!(matches!(world.commit(&made, |_| true), Err(CommitError::NotTheSenders("profile"))));
}

#[test]
fn a_withdrawn_device_commits_nothing() {
    let world = world();
    let operator = world.store.operator("default").unwrap().unwrap();
    assert_eq!(world.store.revoke(&operator, Revoked::Device(world.pc.device()), NOW).unwrap(), 1);
    assert_eq!(world.store.revoke(&operator, Revoked::Device(world.pc.device()), NOW).unwrap(), 0);
    let made = Made::new(&world.pc, 1, &[(1, 100)], &[]);
    assert!(matches!(world.commit(&made, |_| true), Err(CommitError::Revoked)));
    assert!(world.store.authenticate(print(1)).unwrap().is_none());
}

#[test]
fn people_and_tenants_see_nothing_of_each_other() {
    let world = world();
    world.commit(&Made::new(&world.pc, 1, &[(1, 100)], &[]), |_| true).unwrap();
    tenant(&world.store, "other", 2);
    let bob = user(&world.store, "default", "bob", 2);
    let eve = user(&world.store, "other", "eve", 3);
    let snapshot = Made::new(&world.pc, 1, &[(1, 100)], &[]).header.snapshot;
    for scope in [device(&world.store, &bob, 2), device(&world.store, &eve, 3)] {
        let (store, profile) = (&world.store, world.pc.profile());
        assert_eq!(store.latest(&scope, profile).unwrap(), None);
        assert_eq!(store.snapshots(&scope, profile).unwrap(), None);
        assert_eq!(store.envelope(&scope, profile, snapshot, NOW).unwrap(), None);
        assert_eq!(store.chain_of(&scope, profile).unwrap(), None);
        assert_eq!(store.upload(&scope, profile, BlobId([1; 32])).unwrap(), None);
        assert_eq!(store.delete_snapshot(&scope, snapshot, (NOW, sign_erasure())).unwrap(), None);
        assert!(store.profiles(&scope).unwrap().iter().all(|one| one.profile == scope.profile()));
    }
}

#[test]
fn a_person_sees_their_other_pc_and_the_newest_backup_first() {
    let world = world();
    let ada = world.store.account("default", "ada").unwrap().unwrap();
    let new_pc = device(&world.store, &ada, 2);
    world.commit(&Made::new(&world.pc, 1, &[(1, 100)], &[]), |_| true).unwrap();
    let profiles = world.store.profiles(&new_pc).unwrap();
    let seen: Vec<_> = profiles.iter().map(|one| (one.profile, one.this_device, one.snapshots)).collect();
    assert_eq!(seen, [(world.pc.profile(), false, 1), (new_pc.profile(), true, 0)]);
    assert_eq!(world.store.chain_of(&new_pc, world.pc.profile()).unwrap().unwrap().profile.len(), 1);
}

#[test]
fn removing_a_snapshot_removes_what_only_it_named() {
    let world = world();
    world.put(5, b"picture");
    world.commit(&Made::new(&world.pc, 1, &[(1, 100), (2, 200)], &[(5, 7)]), |_| true).unwrap();
    let second = Made::new(&world.pc, 2, &[(1, 100), (3, 300)], &[]);
    world.commit(&second, |_| true).unwrap();
    let first = Made::new(&world.pc, 1, &[], &[]).header.snapshot;
    let removed = world.store.delete_snapshot(&world.pc, first, (NOW, sign_erasure())).unwrap().unwrap().removed;
    assert_eq!((removed.snapshots, removed.parts, removed.blobs), (1, 1, 1));
    let removed =
        world.store.delete_snapshot(&world.pc, second.header.snapshot, (NOW, sign_erasure())).unwrap().unwrap().removed;
    assert_eq!((removed.parts, removed.blobs), (2, 0));
    assert_eq!(world.store.latest(&world.pc, world.pc.profile()).unwrap(), Some(None));
    let again = world.commit(&Made::new(&world.pc, 1, &[(1, 100)], &[]), |_| true).unwrap_err();
    assert!(matches!(again, CommitError::OutOfOrder { latest_seq: 2, .. }), "numbers are not used twice");
    assert_eq!(world.findings(), Vec::<String>::new());
}

#[test]
fn a_condemned_blob_goes_after_the_grace_unless_a_snapshot_names_it_again() {
    let world = world();
    world.put(5, b"picture");
    world.put(6, b"kept");
    world.commit(&Made::new(&world.pc, 1, &[(1, 100)], &[(6, 4)]), |_| true).unwrap();
    assert_eq!(world.store.sweep(NOW.plus_millis(GRACE_MILLIS)).unwrap(), 0, "not before its time");
    assert_eq!(world.store.sweep(NOW.plus_millis(GRACE_MILLIS + 1)).unwrap(), 1);
    let read = |number| {
        let blob = (world.pc.profile(), BlobId(id32("blob", number)));
        world.store.read_blob(&world.pc, blob, 0, 99).unwrap()
    };
    assert_eq!((read(5), read(6).as_deref()), (None, Some(b"kept".as_slice())));
    world.put(5, b"picture");
    assert_eq!(read(5).as_deref(), Some(b"picture".as_slice()));
    assert_eq!(world.findings(), Vec::<String>::new());
}

#[test]
fn an_upload_goes_on_where_it_stopped_even_in_another_process() {
    let folder = tempfile::tempdir().unwrap();
    let blob = BlobId(id32("blob", 5));
    let blobs = || Arc::new(DiskBlobs::open(folder.path().join("blobs")).unwrap());
    let pc = {
        let store = open(folder.path(), blobs());
        tenant(&store, "default", 1);
        let pc = device(&store, &user(&store, "default", "ada", 1), 1);
        let piece = Piece { blob, offset: 0, length: 10, bytes: b"01234" };
        assert_eq!(store.put_piece(&pc, &piece, NOW).unwrap().offset, 5);
        pc
    };
    let store = open(folder.path(), blobs());
    assert_eq!(store.upload(&pc, pc.profile(), blob).unwrap().unwrap().offset, 5);
    let wrong = store.put_piece(&pc, &Piece { blob, offset: 4, length: 10, bytes: b"4" }, NOW).unwrap_err();
    assert!(matches!(wrong, UploadError::WrongOffset { offset: 5 }), "{wrong}");
    let wrong = store.put_piece(&pc, &Piece { blob, offset: 5, length: 11, bytes: b"5" }, NOW).unwrap_err();
    assert!(matches!(wrong, UploadError::WrongLength { length: 11 }), "{wrong}");
    let done = store.put_piece(&pc, &Piece { blob, offset: 5, length: 10, bytes: b"56789" }, NOW).unwrap();
    assert!(done.complete);
    let again = store.put_piece(&pc, &Piece { blob, offset: 0, length: 10, bytes: b"01234" }, NOW).unwrap();
    assert!(again.complete, "what is there need not be sent again");
    assert_eq!(store.read_blob(&pc, (pc.profile(), blob), 3, 4).unwrap().as_deref(), Some(b"3456".as_slice()));
}

#[test]
fn waiting_commits_share_syncs() {
    let world = Arc::new(world());
    let ada = world.store.account("default", "ada").unwrap().unwrap();
    let pcs: Vec<Scope> = (2..34).map(|number| device(&world.store, &ada, number)).collect();
    let (commits, _) = world.store.write_counts();
    let (answer, answers) = std::sync::mpsc::channel();
    let (sign, signatures) = sign_together();
    for seq in 1..=8 {
        for pc in &pcs {
            let bytes = Bytes::from(Made::new(pc, seq, &[(1, 1000)], &[]).envelope(|_| true));
            let (envelope, answer) = (Envelope::parse(&bytes).unwrap(), answer.clone());
            let sent = bytes.clone();
            let done = move |result: Result<Committed, _>| answer.send((sent, result.unwrap().receipt)).unwrap();
            world.store.commit_then(pc, (&bytes, &envelope, None), (NOW, Arc::clone(&sign)), done);
        }
    }
    let receipts: Vec<(Bytes, Vec<u8>)> = (0..8 * 32).map(|_| answers.recv().unwrap()).collect();
    let (after, jobs) = world.store.write_counts();
    assert!(jobs >= 8 * 32 && after - commits < 8 * 32, "{} transactions for 256 commits", after - commits);
    let signatures = signatures.load(Ordering::Relaxed);
    assert!(signatures <= after - commits, "{signatures} signatures for {} transactions", after - commits);
    for (sent, receipt) in receipts {
        let envelope = Envelope::parse(&sent).unwrap();
        let pc = pcs.iter().find(|pc| pc.profile() == envelope.header.profile).unwrap();
        let again = world.store.commit(pc, &envelope, NOW.plus_millis(99), crate::support::sign()).unwrap();
        assert_eq!((again.receipt, again.new), (receipt, false), "the stored receipt is the one that was given");
    }
}

/// A stand-in for signing several receipts by one signature, and how often it signed.
fn sign_together() -> (Sign, Arc<AtomicU64>) {
    let count = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&count);
    let sign: Sign = Arc::new(move |receipts| {
        counted.fetch_add(1, Ordering::Relaxed);
        let last = u8::try_from(receipts.len() - 1).unwrap();
        let prove = |(place, receipt): (u8, &Receipt)| {
            let (path, signature) = ([[place; 32]; 8], [last; 64]);
            let with = |steps| Together { place, last, path: &path[..steps], signature: &signature };
            let made = (0..=8).map(|steps| receipt.to_bytes(&Proof::Together(with(steps))));
            made.into_iter().find(|bytes| Receipt::from_bytes(bytes).is_some()).unwrap()
        };
        (0..=last).zip(receipts).map(prove).collect()
    });
    (sign, count)
}

#[test]
fn one_refused_job_does_not_spoil_its_group() {
    let world = world();
    let (answer, answers) = std::sync::mpsc::channel();
    for seq in [1, 7, 2, 9, 3] {
        let bytes = Bytes::from(Made::new(&world.pc, seq, &[(seq, 100)], &[]).envelope(|_| true));
        let answer = answer.clone();
        let done = move |result: Result<Committed, _>| answer.send(result.is_ok()).unwrap();
        world.store.commit_then(&world.pc, (&bytes, &Envelope::parse(&bytes).unwrap(), None), (NOW, sign()), done);
    }
    assert_eq!((0..5).map(|_| answers.recv().unwrap()).collect::<Vec<_>>(), [true, false, true, false, true]);
    assert_eq!(world.findings(), Vec::<String>::new());
}

#[test]
fn backups_of_one_transaction_see_what_those_before_them_did() {
    let world = world();
    let ada = world.store.account("default", "ada").unwrap().unwrap();
    let (one, two) = (&world.pc, &device(&world.store, &ada, 2));
    let (answer, answers) = std::sync::mpsc::channel();
    let queue = |pc: &Scope, made: &Made, with_parts: bool, sign: Sign| {
        let bytes = Bytes::from(made.envelope(|_| with_parts));
        let answer = answer.clone();
        let done = move |result: Result<Committed, CommitError>| {
            let told = result.map(|committed| committed.new).map_err(|error| error.to_string());
            answer.send(told).unwrap();
        };
        world.store.commit_then(pc, (&bytes, &Envelope::parse(&bytes).unwrap(), None), (NOW, sign), done);
    };
    // The writer waits over the first backup's signature until all others are there.
    let (all_are_there, wait) = std::sync::mpsc::channel::<()>();
    let (wait, signs) = (std::sync::Mutex::new(wait), sign());
    let waits: Sign = Arc::new(move |receipts| {
        wait.lock().unwrap().recv().unwrap_err();
        signs(receipts)
    });
    queue(one, &Made::new(one, 1, &[(1, 100)], &[]), true, waits);
    let (before, _) = world.store.write_counts();
    for (pc, seq, parts, with_parts) in [
        (one, 2, &[(1, 100), (2, 100)][..], true),
        (two, 1, &[(5, 100)], true),
        // Its part came with the one before it.
        (one, 3, &[(2, 100)], false),
        (two, 1, &[(5, 100)], true),
        (one, 7, &[(7, 100)], true),
        (two, 2, &[(5, 100)], false),
    ] {
        queue(pc, &Made::new(pc, seq, parts, &[]), with_parts, sign());
    }
    drop(all_are_there);
    let told: Vec<Result<bool, String>> = (0..7).map(|_| answers.recv().unwrap()).collect();
    let gap = Err("number 7 does not follow 3".to_owned());
    assert_eq!(told, [Ok(true), Ok(true), Ok(true), Ok(true), Ok(false), gap, Ok(true)]);
    let (after, _) = world.store.write_counts();
    assert!(after - before <= 2, "the first backup, and the others together: {before} {after}");
    assert_eq!(world.findings(), Vec::<String>::new());
    let count = |pc: &Scope| world.store.snapshots(pc, pc.profile()).unwrap().unwrap().len();
    assert_eq!((count(one), count(two)), (3, 2));
}

#[test]
fn receipts_and_snapshots_survive_a_restart() {
    let world = world();
    let made = Made::new(&world.pc, 1, &[(1, 100)], &[]);
    let first = world.commit(&made, |_| true).unwrap();
    let World { folder, store, pc } = world;
    drop(store);
    let store = open(folder.path(), Arc::new(MemoryBlobs::default()));
    let bytes = made.envelope(|_| true);
    let again = store.commit(&pc, &Envelope::parse(&bytes).unwrap(), NOW.plus_millis(99), sign()).unwrap();
    assert_eq!((again.receipt, again.new), (first.receipt, false));
}

#[test]
fn a_newer_schema_is_refused_and_left_alone() {
    let world = world();
    let path = world.folder.path().join("rehome.db");
    drop(world.store);
    let raw = rusqlite::Connection::open(&path).unwrap();
    raw.pragma_update(None, "user_version", 99).unwrap();
    raw.pragma_update(None, "application_id", 99).unwrap();
    let error = Store::open(&path, Arc::new(MemoryBlobs::default()), NOW).err().unwrap();
    assert!(matches!(error, StoreError::NewerSchema { found: 99, .. }), "{error}");
}

#[test]
fn rot_and_changed_audit_rows_are_found() {
    if elsewhere() {
        return;
    }
    let world = world_with(Arc::new(MemoryBlobs::default()));
    world.put(5, b"picture");
    world.commit(&Made::new(&world.pc, 1, &[(1, 100)], &[(5, 7)]), |_| true).unwrap();
    let raw = rusqlite::Connection::open(world.folder.path().join("rehome.db")).unwrap();
    for (damage, repair) in [
        ("UPDATE parts SET sealed = zeroblob(100)", "UPDATE parts SET sealed = x''"),
        ("UPDATE snapshots SET header_tag = header_tag, signature = zeroblob(64)", "UPDATE snapshots SET seq = seq"),
        ("UPDATE blobs SET generation = 2", "UPDATE blobs SET generation = 1"),
        ("DROP TRIGGER audit_is_never_changed; UPDATE audit SET event = x'00' WHERE n = 2", "SELECT 1"),
    ] {
        let before = world.findings().len();
        raw.execute_batch(damage).unwrap();
        assert!(world.findings().len() > before, "{damage}");
        drop(raw.execute_batch(repair));
    }
    assert!(raw.execute_batch("DELETE FROM audit").is_err(), "audit rows cannot be deleted");
}

#[test]
fn a_backup_with_one_changed_value_grows_the_database_little() {
    const COMMITS: u64 = 400;
    if elsewhere() {
        return;
    }
    let world = world();
    let path = world.folder.path().join("rehome.db");
    let parts: Vec<(u64, usize)> = (0..12).map(|number| (number, 600)).collect();
    let mut commit = |seq: u64| {
        let mut parts = parts.clone();
        parts[3] = (1000 + seq, 256);
        world.commit(&Made::new(&world.pc, seq, &parts, &[]), |index| seq == 1 || index == 3).unwrap();
    };
    commit(1);
    world.store.checkpoint().unwrap();
    let before = std::fs::metadata(&path).unwrap().len();
    (2..COMMITS + 2).for_each(&mut commit);
    world.store.checkpoint().unwrap();
    let grown = (std::fs::metadata(&path).unwrap().len() - before) / COMMITS;
    eprintln!("{grown} bytes a backup, of which 256 are the sealed part");
    assert!(grown <= 1_200, "{grown} bytes");
}

#[test]
fn last_seen_times_are_written_in_one_go() {
    let world = world();
    world.store.note_seen(vec![(world.pc.clone(), Moment(5))]).unwrap();
    let operator = world.store.operator("default").unwrap().unwrap();
    assert_eq!(world.store.devices(&operator).unwrap()[0].seen_at, Moment(5));
}
