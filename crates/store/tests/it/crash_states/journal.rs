//! The same for a server that keeps a journal: after any power cut the database is thrown away, made anew of the journal, and everything that was confirmed must be in it.
//!
//! What is traced are two bases and the records behind each, since the second base takes away the first: a power cut then must not find the one gone and the other not there.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use store::blobs::{DiskBlobs, Logs};
use store::{Store, Tended};

use super::{back_up, explore, first_opened, must_find_by, open, record_of, states, told};
use crate::crash::trace::{self, Op};
use crate::faults::figures;
use crate::support::journal::{Keys, keep, rebuild, tend};
use crate::support::{device, tenant, user};

const SNAPSHOTS: u64 = 5;

/// After this one there is another base.
const BASED: u64 = 2;

/// States that must be looked at, at least: each is a whole rebuild.
fn states_min() -> usize {
    figures::of([1_500, 2_500, 20_000, 200_000])
}

fn logs(folder: &Path) -> Arc<dyn Logs> {
    Arc::new(DiskBlobs::open(folder.join("blobs")).unwrap())
}

/// What is traced. Number 1 says that there is a base, and each further one that a snapshot more is confirmed.
fn write_backups(folder: &Path) {
    let (mut acks, keys) = (fs::File::create(folder.join(trace::ACKS)).unwrap(), Arc::new(Keys::new(1)));
    let mut acknowledge = |number: u64| acks.write_all(format!("{number}\n").as_bytes()).unwrap();
    // Beside the folder: what goes again is none of what is to be safe.
    let scratch = folder.parent().unwrap();
    let store = open(folder).unwrap();
    keep(&store, &logs(folder), &keys, scratch);
    acknowledge(1);
    tenant(&store, "default", 1);
    let pc = device(&store, &user(&store, "default", "ada", 1), 1);
    for seq in 1..=SNAPSHOTS {
        back_up(&store, &pc, seq);
        assert_eq!(store.journal().0.behind_since, None);
        acknowledge(seq + 1);
        if seq == BASED {
            base_anew(folder, &store, scratch);
        }
    }
}

/// Somebody writes without the journal, so that another base is due.
fn base_anew(folder: &Path, store: &Store, scratch: &Path) {
    assert!(open(folder).unwrap().set_meta_once(vec![("other", vec![1])]).unwrap());
    store.set_meta_once(vec![("own", vec![1])]).unwrap();
    assert!(matches!(tend(store, scratch).unwrap(), Tended::Made(_)));
}

#[test]
fn the_traced_program_keeps_a_journal_where_it_is_told() {
    if let Some(folder) = told() {
        write_backups(&folder);
    }
}

fn record() -> Option<Vec<Op>> {
    let ops = record_of("crash_states::journal::the_traced_program_keeps_a_journal_where_it_is_told")?;
    assert_eq!(ops.iter().filter(|op| matches!(op, Op::Acknowledge(_))).count() as u64, 1 + SNAPSHOTS);
    Some(ops)
}

/// What is wrong with what files and keys alone give.
fn judge(folder: &Path, confirmed: u64) -> Result<(), String> {
    if confirmed == 0 {
        return Ok(());
    }
    for name in ["rehome.db", "rehome.db-wal", "rehome.db-journal"] {
        drop(fs::remove_file(folder.join(name)));
    }
    rebuild(&logs(folder), &Arc::new(Keys::new(1)), &folder.join("rehome.db"))
        .map_err(|error| format!("no database: {error}"))?;
    super::judge(folder, confirmed - 1)
}

#[test]
fn no_power_cut_takes_a_confirmed_snapshot_from_the_journal() {
    let Some(ops) = record() else { return };
    let behind = ops.len() - first_opened(&ops);
    let random = (states_min().saturating_sub(4 * behind) / behind + 1) as u64;
    let mut states = states(&ops, random);
    states.retain(|(after, _)| *after > first_opened(&ops));
    assert!(states.len() >= states_min(), "{} states of {behind} operations", states.len());
    let bad = explore(&ops, &states, (5, judge));
    let kinds = [("power-cuts", states.len())];
    figures::say_of(&format!("rebuilds after {behind} operations"), &kinds, (states.len(), bad.len()));
    assert_eq!(bad, Vec::<String>::new());
}

/// Whether the path is that of a file of the journal.
fn is_of(path: &str, what: &str) -> bool {
    path.starts_with(&format!("blobs/journal/{what}/"))
}

/// Leaves out the syncs of some paths, of which there has to be one, and has to find that.
#[track_caller]
fn is_found_without(what: &str, synced: impl Fn(&str) -> bool) {
    let Some(mut ops) = record() else { return };
    let before = ops.len();
    ops.retain(|op| !matches!(op, Op::Sync(path) if synced(path)));
    assert!(ops.len() < before, "{what}: there is no such sync");
    must_find_by(&ops, what, judge);
}

#[test]
fn a_missing_sync_of_records_is_found() {
    is_found_without("a missing sync of records", |path| is_of(path, "records"));
}

#[test]
fn a_missing_sync_of_the_folder_of_records_is_found() {
    is_found_without("a missing sync of the folder of records", |path| path == "blobs/journal/records");
}

#[test]
fn a_base_that_is_not_synced_before_the_one_before_it_goes_is_found() {
    is_found_without("a base that is not synced", |path| is_of(path, "bases") && path.ends_with("/data"));
}
