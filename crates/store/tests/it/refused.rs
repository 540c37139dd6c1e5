//! A database that takes back what it was told, as it may because of another transaction or because it is stopped: it is told again, a bounded number of times, and whoever
//! asked hears nothing of it. The refusals are made up, by triggers of the database itself. On PostgreSQL; SQLite, which one server has for itself, has none to give.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use store::blobs::MemoryBlobs;
use store::{CommitError, Scope, Store, StoreError};

use crate::support::{Made, NOW, ask, device, elsewhere, place, sign, signed, tenant, user};

/// Devices that back up at once.
const DEVICES: u64 = 4;

/// Backups of each.
const BACKUPS: u64 = 25;

/// A database with a few devices.
fn made(folder: &Path) -> (PathBuf, Arc<Store>, Vec<Scope>) {
    let place = place(&folder.join("rehome.db"));
    let store = Store::open(&place, Arc::new(MemoryBlobs::default()), NOW).unwrap();
    tenant(&store, "default", 1);
    let account = user(&store, "default", "ada", 1);
    let devices = (1..=DEVICES).map(|number| device(&store, &account, number)).collect();
    (place, Arc::new(store), devices)
}

/// Has the database answer every `nth` new snapshot with `answer`: at once, or at the commit.
fn refuse(place: &Path, nth: u32, answer: &str, at_once: bool) {
    let kind = if at_once { "TRIGGER refuse BEFORE" } else { "CONSTRAINT TRIGGER refuse AFTER" };
    let when = if at_once { "" } else { "DEFERRABLE INITIALLY DEFERRED" };
    ask(
        place,
        &format!(
            "DROP TRIGGER IF EXISTS refuse ON snapshots; CREATE SEQUENCE IF NOT EXISTS refusals; \
             CREATE OR REPLACE FUNCTION refuse() RETURNS TRIGGER AS $$ BEGIN \
             IF nextval('refusals') % {nth} = 0 THEN {answer}; END IF; RETURN NEW; END $$ LANGUAGE plpgsql; \
             CREATE {kind} INSERT ON snapshots {when} FOR EACH ROW EXECUTE FUNCTION refuse()"
        ),
    );
}

/// Has all devices back up at once, `BACKUPS` times from number `first`, and looks that each has got its receipt and is there once.
fn all_back_up(place: &Path, store: &Store, devices: &[Scope], first: u64) {
    std::thread::scope(|scope| {
        for device in devices {
            scope.spawn(move || {
                for seq in first..first + BACKUPS {
                    let made = Made::new(device, seq, &[(seq, 100)], &[]);
                    let bytes = made.envelope(|_| true);
                    let envelope = model::envelope::Envelope::parse(&bytes).unwrap();
                    let committed = store.commit(device, &envelope, NOW, sign()).unwrap();
                    assert!(committed.new, "{seq}");
                    assert!(signed(&committed.receipt));
                }
            });
        }
    });
    let there = ask(place, "SELECT COUNT(*), COUNT(DISTINCT (profile_no, seq)) FROM snapshots");
    let all = DEVICES * (first + BACKUPS - 1);
    assert_eq!(there, format!("{all}|{all}"));
    let tried: u64 = ask(place, "SELECT last_value FROM refusals").parse().unwrap();
    assert!(tried > DEVICES * BACKUPS, "some were refused");
    let report = store.verify(&signed).unwrap();
    assert_eq!((report.snapshots, report.findings), (all, Vec::new()));
}

#[test]
fn a_fifth_of_all_backups_is_taken_back_and_all_are_there() {
    if !elsewhere() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (place, store, devices) = made(folder.path());
    // Could not be serialised; undone to end a deadlock.
    let answers =
        ["RAISE EXCEPTION 'made up' USING ERRCODE = '40001'", "RAISE EXCEPTION 'made up' USING ERRCODE = '40P01'"];
    let mut first = 1;
    for answer in answers {
        for at_once in [true, false] {
            refuse(&place, 5, answer, at_once);
            all_back_up(&place, &store, &devices, first);
            first += BACKUPS;
        }
    }
}

#[test]
fn a_connection_that_ends_in_the_middle_of_a_backup_costs_nobody_anything() {
    if !elsewhere() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (place, store, devices) = made(folder.path());
    refuse(&place, 5, "PERFORM pg_terminate_backend(pg_backend_pid())", true);
    all_back_up(&place, &store, &devices, 1);
    // Ended while nobody used them: the one that writes, and those that read.
    ask(
        &place,
        "SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
    );
    assert!(store.meta("nothing").unwrap().is_none());
    all_back_up(&place, &store, &devices, 1 + BACKUPS);
}

#[test]
fn what_is_taken_back_every_time_is_an_error_after_a_while_and_nothing_of_it_is_kept() {
    if !elsewhere() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (place, store, devices) = made(folder.path());
    let made = Made::new(&devices[0], 1, &[(1, 100)], &[]);
    let bytes = made.envelope(|_| true);
    let envelope = model::envelope::Envelope::parse(&bytes).unwrap();
    for at_once in [true, false] {
        refuse(&place, 1, "RAISE EXCEPTION 'made up' USING ERRCODE = '40001'", at_once);
        let refused = store.commit(&devices[0], &envelope, NOW, sign());
        assert!(matches!(refused, Err(CommitError::Store(StoreError::Storage { .. }))), "{refused:?}");
        assert_eq!(ask(&place, "SELECT COUNT(*) FROM snapshots"), "0");
    }
    let tried: u64 = ask(&place, "SELECT last_value FROM refusals").parse().unwrap();
    assert!((4..=20).contains(&tried), "{tried} tries");
    ask(&place, "DROP TRIGGER refuse ON snapshots");
    assert!(store.commit(&devices[0], &envelope, NOW, sign()).unwrap().new);
}
