//! Ten thousand power cuts: no confirmed snapshot may ever be lost.
//!
//! A small program is run under `strace`; from what it did to its files, the disk is rebuilt as a power cut after any operation could leave it
//! (`crash/disk.rs`), the store is opened on it, and everything that was confirmed until then must be there, readable and whole. Killing a
//! process cannot show this: the page cache survives it, so a forgotten sync is never noticed (`security.md` 1.2).
//!
//! A harness that never fails proves nothing. So three bugs are planted, by editing the trace, and each must be found.

mod journal;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::crash::disk::{Dice, Disk, Loss};
use crate::crash::trace::{self, Op};
use crate::faults::figures;
use crate::not_tried::not_tried;
use crate::support::{Made, NOW, device, id32, print, sign, signed, tenant, user};
use model::envelope::Envelope;
use model::ids::BlobId;
use store::blobs::DiskBlobs;
use store::{Piece, Scope, Store};

/// States that must be looked at, at least.
fn states_min() -> usize {
    figures::of([10_000, 10_000, 50_000, 1_000_000])
}

/// Where the traced program writes; set for the child only.
pub const FOLDER: &str = "REHOME_CRASH_FOLDER";

const SNAPSHOTS: u64 = 16;
pub const BLOB_BYTES: usize = 1_500;

pub fn open(folder: &Path) -> Result<Store, store::StoreError> {
    let blobs = Arc::new(DiskBlobs::open(folder.join("blobs"))?);
    Store::open(&folder.join("rehome.db"), blobs, NOW)
}

pub fn blob(seq: u64) -> (BlobId, Vec<u8>) {
    let id = id32("blob", seq);
    let mut bytes = vec![0; BLOB_BYTES];
    blake3::Hasher::new_keyed(&id).finalize_xof().fill(&mut bytes);
    (BlobId(id), bytes)
}

/// Each snapshot shares one part with the one before; every second brings a blob, in two pieces.
pub fn made(pc: &Scope, seq: u64) -> Made {
    let blobs = [(seq, BLOB_BYTES as u64)];
    Made::new(pc, seq, &[(seq, 500), (seq + 1, 500)], if seq.is_multiple_of(2) { &blobs } else { &[] })
}

/// One backup, files first.
fn back_up(store: &Store, pc: &Scope, seq: u64) {
    let made = made(pc, seq);
    if seq.is_multiple_of(2) {
        let (blob, bytes) = blob(seq);
        for (offset, piece) in [(0, &bytes[..1_000]), (1_000, &bytes[1_000..])] {
            let piece = Piece { blob, offset, length: BLOB_BYTES as u64, bytes: piece };
            store.put_piece(pc, &piece, NOW).unwrap();
        }
    }
    let bytes = made.envelope(|index| seq == 1 || index == 1);
    store.commit(pc, &Envelope::parse(&bytes).unwrap(), NOW, sign()).unwrap();
}

/// What is traced: backups, each acknowledged after its commit, with checkpoints among them.
fn write_backups(folder: &Path) {
    let mut acks = fs::File::create(folder.join(trace::ACKS)).unwrap();
    let store = open(folder).unwrap();
    acks.write_all(b"0\n").unwrap();
    tenant(&store, "default", 1);
    let pc = device(&store, &user(&store, "default", "ada", 1), 1);
    for seq in 1..=SNAPSHOTS {
        back_up(&store, &pc, seq);
        acks.write_all(format!("{seq}\n").as_bytes()).unwrap();
        if seq % 5 == 0 {
            store.checkpoint().unwrap();
        }
    }
}

/// The program that is traced is this test program itself, called for this test with a folder.
#[test]
fn the_traced_program_writes_where_it_is_told() {
    if let Some(folder) = told() {
        write_backups(&folder);
    }
}

/// Where to write, for a program that is traced.
pub fn told() -> Option<PathBuf> {
    std::env::var_os(FOLDER).map(PathBuf::from)
}

/// In memory if there is such a place: the states are thousands of small files.
pub fn scratch() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory).unwrap() } else { tempfile::tempdir().unwrap() }
}

/// The trace, or `None` where `strace` is not installed or not allowed.
fn record() -> Option<Vec<Op>> {
    let ops = record_of("crash_states::the_traced_program_writes_where_it_is_told")?;
    assert_eq!(ops.iter().filter(|op| matches!(op, Op::Acknowledge(_))).count() as u64, 1 + SNAPSHOTS);
    Some(ops)
}

/// Whether `strace` is installed and allowed. Says so if not.
pub fn traceable() -> bool {
    let tried = Command::new("strace").args(["-o", "/dev/null", "true"]).status();
    let traced = tried.as_ref().is_ok_and(std::process::ExitStatus::success);
    match tried {
        Err(_) => not_tried("no order of writes was watched: there is no strace here", Some("package strace")),
        Ok(_) if !traced => not_tried("no order of writes was watched: strace may not trace here", None),
        Ok(_) => {}
    }
    traced
}

/// The trace of this test of this program.
pub fn record_of(test: &str) -> Option<Vec<Op>> {
    if !traceable() {
        return None;
    }
    let scratch = scratch();
    let (folder, output) = (scratch.path().join("data"), scratch.path().join("trace"));
    fs::create_dir(&folder).unwrap();
    let traced = Command::new("strace")
        .args(["-f", "-xx", "-s", "4194304", "-e", &format!("trace={}", trace::CALLS), "-o"])
        .arg(&output)
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test])
        .env(FOLDER, &folder)
        .output()
        .unwrap();
    assert!(traced.status.success(), "{}", String::from_utf8_lossy(&traced.stdout));
    Some(trace::parse(&fs::read_to_string(output).unwrap(), folder.to_str().unwrap()))
}

/// What is wrong with the store in `folder`, given what was confirmed.
fn judge(folder: &Path, confirmed: u64) -> Result<(), String> {
    let store = open(folder).map_err(|error| format!("does not open: {error}"))?;
    let report = store.verify(&signed).map_err(|error| format!("cannot be checked: {error}"))?;
    if let Some(finding) = report.findings.first() {
        return Err(finding.clone());
    }
    let pc = match store.authenticate(print(1)).map_err(|error| error.to_string())? {
        Some(holder) => holder.scope,
        None if confirmed == 0 => return Ok(()),
        None => return Err("the device is lost".to_owned()),
    };
    for seq in 1..=confirmed {
        let made = made(&pc, seq);
        let found = store.envelope(&pc, pc.profile(), made.header.snapshot, NOW).map_err(|error| error.to_string())?;
        if found != Some(made.envelope(|_| true)) {
            return Err(format!("snapshot {seq} is lost"));
        }
        for entry in &made.header.blobs {
            let found =
                store.read_blob(&pc, (pc.profile(), entry.id), 0, BLOB_BYTES).map_err(|error| error.to_string())?;
            if found != Some(blob(seq).1) {
                return Err(format!("the blob of snapshot {seq} is lost"));
            }
        }
    }
    Ok(())
}

/// A state to be looked at: after how many operations, and what is lost.
pub type State = (usize, Loss);

/// Where the new database stands, and says so: before that are the steps of the schema, of which there are more with every version of it.
fn first_opened(ops: &[Op]) -> usize {
    ops.iter().position(|op| matches!(op, Op::Acknowledge(_))).unwrap()
}

/// All states of a trace, `random` of them made by dice at each operation on a database that stands.
fn states(ops: &[Op], random: u64) -> Vec<State> {
    let mut dice = Dice(0x9E37_79B9_7F4A_7C15);
    let mut states = Vec::new();
    for after in 0..=ops.len() {
        states.extend([Loss::Nothing, Loss::Everything, Loss::Data, Loss::Names].map(|loss| (after, loss)));
        if after > first_opened(ops) {
            states.extend((0..random).map(|_| (after, Loss::Random(dice.roll()))));
        }
    }
    states
}

/// What is wrong with a folder, given what was confirmed.
type Judge = fn(&Path, u64) -> Result<(), String>;

/// Looks at states on two threads, each with every second one, and gives the bad ones. `enough`: stop after so many.
pub fn explore(ops: &[Op], states: &[State], (enough, judge): (usize, Judge)) -> Vec<String> {
    let found = AtomicUsize::new(0);
    let half = |half: usize| {
        let scratch = scratch();
        let (mut disk, mut played, mut confirmed) = (Disk::default(), 0, 0);
        let mut bad = Vec::new();
        for (index, (after, loss)) in states.iter().enumerate().filter(|(index, _)| index % 2 == half) {
            if found.load(Ordering::Relaxed) >= enough {
                break;
            }
            for op in &ops[played..*after] {
                disk.play(op);
                if let Op::Acknowledge(seq) = op {
                    confirmed = *seq;
                }
            }
            played = *after;
            let folder: PathBuf = scratch.path().join(index.to_string());
            fs::create_dir(&folder).unwrap();
            disk.cut(*loss, &folder);
            if let Err(what) = judge(&folder, confirmed) {
                found.fetch_add(1, Ordering::Relaxed);
                bad.push(format!("after operation {after} of {} ({loss:?}, {confirmed} confirmed): {what}", ops.len()));
            }
            fs::remove_dir_all(&folder).unwrap();
        }
        bad
    };
    std::thread::scope(|scope| {
        let other = scope.spawn(|| half(1));
        let mut bad = half(0);
        bad.extend(other.join().unwrap());
        bad
    })
}

#[test]
fn no_power_cut_loses_a_confirmed_snapshot() {
    let Some(ops) = record() else { return };
    let states_min = states_min();
    let random = (states_min.saturating_sub(4 * ops.len()) / (ops.len() - first_opened(&ops)) + 1) as u64;
    let states = states(&ops, random);
    assert!(states.len() >= states_min, "{} states of {} operations", states.len(), ops.len());
    let bad = explore(&ops, &states, (5, judge));
    let kinds = [("power-cuts", states.len())];
    figures::say_of(&format!("states of {} operations", ops.len()), &kinds, (states.len(), bad.len()));
    assert_eq!(bad, Vec::<String>::new());
}

/// Finds the bug within the states of loss that are not random, or fails. Nothing can be lost before the new database stands, and to open what is half a database takes longest.
fn must_find(ops: &[Op], what: &str) {
    must_find_by(ops, what, judge);
}

fn must_find_by(ops: &[Op], what: &str, judge: Judge) {
    let mut states = states(ops, 0);
    states.retain(|(after, _)| *after >= first_opened(ops));
    let bad = explore(ops, &states, (1, judge));
    assert!(!bad.is_empty(), "{what} was not found");
    eprintln!("{what}: {}", bad[0]);
}

fn is_blob(op: &Op) -> bool {
    op.path().is_some_and(|path| path.starts_with("blobs"))
}

/// Whether the path is that of a file, and not of a folder, among the blobs: only uploads are synced.
fn is_upload(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|extension| extension == "part")
}

#[test]
fn a_missing_sync_of_blobs_is_found() {
    let Some(mut ops) = record() else { return };
    ops.retain(|op| !matches!(op, Op::Sync(path) if is_upload(path)));
    must_find(&ops, "a missing sync of blobs");
}

#[test]
fn a_missing_sync_of_folders_is_found() {
    let Some(mut ops) = record() else { return };
    ops.retain(|op| !(matches!(op, Op::Sync(path) if !is_upload(path)) && is_blob(op)));
    must_find(&ops, "a missing sync of folders");
}

#[test]
fn a_database_before_its_blobs_is_found() {
    let Some(ops) = record() else { return };
    let windows = ops.split_inclusive(|op| matches!(op, Op::Acknowledge(_)));
    let reordered = windows.flat_map(|window| {
        let (blobs, database): (Vec<Op>, Vec<Op>) = window.iter().cloned().partition(is_blob);
        database.into_iter().chain(blobs)
    });
    must_find(&reordered.collect::<Vec<_>>(), "a database before its blobs");
}
