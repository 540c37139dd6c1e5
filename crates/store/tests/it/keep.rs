//! What the store keeps and lets go: retention, pins and holds, rehearsals, reports, deletions with receipts.

use std::path::Path;
use std::sync::Arc;

use crate::support::{
    Made, NOW, device, elsewhere, id16, id32, place, print, sign, sign_erasure, signed, tenant, user,
};
use model::envelope::Envelope;
use model::erasure::{Erased, Erasure};
use model::ids::{BlobId, ReportId, RetentionPolicyId, SnapshotId};
use model::rehearsal::Rehearsal;
use model::report::{Outcome, Report, SettingResult};
use model::retention::Rules;
use model::world::Moment;
use store::blobs::{DiskBlobs, MemoryBlobs};
use store::{
    CommitError, EraseError, Filed, GRACE_MILLIS, Mark, Piece, REPORTS_KEPT_MAX, RetentionTerms, Scope, Store,
    TenantScope, View,
};

const DAY: i64 = 24 * 60 * 60 * 1000;

struct World {
    folder: tempfile::TempDir,
    store: Store,
    pc: Scope,
    operator: TenantScope,
}

fn world() -> World {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&place(&folder.path().join("rehome.db")), Arc::new(MemoryBlobs::default()), NOW).unwrap();
    tenant(&store, "default", 1);
    let ada = user(&store, "default", "ada", 1);
    let pc = device(&store, &ada, 1);
    let operator = store.operator("default").unwrap().unwrap();
    World { folder, store, pc, operator }
}

impl World {
    /// Commits snapshot `seq`, whose part is its own and whose other part all share.
    fn commit_at(&self, seq: u64, at: Moment) -> SnapshotId {
        let made = Made::new(&self.pc, seq, &[(1, 100), (100 + seq, 50)], &[]);
        let bytes = made.envelope(|_| true);
        assert!(self.store.commit(&self.pc, &Envelope::parse(&bytes).unwrap(), at, sign()).unwrap().new);
        made.header.snapshot
    }

    /// One snapshot a day, numbers from 1.
    fn daily(&self, days: u64) {
        for seq in 1..=days {
            self.commit_at(seq, day(seq));
        }
    }

    fn left(&self) -> Vec<u64> {
        let all = self.store.snapshots(&self.pc, self.pc.profile()).unwrap().unwrap();
        all.iter().map(|one| one.seq).rev().collect()
    }

    fn kept(&self, seq: u64) -> Vec<String> {
        let all = self.store.snapshots(&self.pc, self.pc.profile()).unwrap().unwrap();
        all.into_iter().find(|one| one.seq == seq).unwrap().kept
    }

    fn rules(&self, rules: Rules) {
        self.store.set_rules(&self.operator, &rules, NOW).unwrap();
    }

    fn rehearse(&self, seq: u64, reason: Option<&str>) -> bool {
        let rehearsal = Rehearsal { seq, restorable: reason.is_none(), reason: reason.map(str::to_owned) };
        self.store.note_rehearsal(&self.pc, SnapshotId(id32("snapshot", seq)), &rehearsal, NOW).unwrap()
    }

    fn sound(&self) {
        assert_eq!(self.store.verify(&signed).unwrap().findings, Vec::<String>::new());
    }
}

fn day(number: u64) -> Moment {
    NOW.plus_millis(i64::try_from(number).unwrap() * DAY)
}

fn last(count: u32) -> Rules {
    Rules { last: count, ..Rules::default() }
}

#[test]
fn retention_lets_go_of_what_the_rules_do_not_keep_and_of_nothing_else() {
    let world = world();
    world.daily(10);
    world.rules(last(3));
    assert_eq!(world.kept(10), ["latest"]);
    assert_eq!(world.kept(7), Vec::<String>::new(), "it goes with the next run");
    let removed = world.store.retain(&world.operator, day(11)).unwrap();
    assert_eq!((removed.snapshots, removed.parts), (7, 7), "the shared part stays");
    assert_eq!(world.left(), [8, 9, 10]);
    assert_eq!(world.store.retain(&world.operator, day(11)).unwrap().snapshots, 0, "once is enough");
    world.sound();
}

/// One profile with more snapshots than are looked at together, between two others: each is decided by all that it has.
#[test]
fn a_profile_with_very_many_snapshots_keeps_nobody_from_their_turn() {
    if elsewhere() {
        return;
    }
    let world = world();
    let ada = world.store.account("default", "ada").unwrap().unwrap();
    let [many, last_one] = [2, 3].map(|number| device(&world.store, &ada, number));
    let commit = |pc: &Scope, seq: u64, at: Moment| {
        let bytes = Made::new(pc, seq, &[(1, 100)], &[]).envelope(|_| true);
        assert!(world.store.commit(pc, &Envelope::parse(&bytes).unwrap(), at, sign()).unwrap().new);
    };
    for seq in 1..=10 {
        commit(&world.pc, seq, day(seq));
        commit(&last_one, seq, day(seq));
    }
    commit(&many, 1, day(1));
    let database = rusqlite::Connection::open(world.folder.path().join("rehome.db")).unwrap();
    let copies = "WITH RECURSIVE n (i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 100002) \
        INSERT INTO snapshots (tenant, profile_no, seq, id, header, header_tag, checksum, signature, epoch, taken_at, \
        committed_at, settings, apps, size_bytes) SELECT tenant, profile_no, i, id, header, header_tag, checksum, \
        signature, epoch, taken_at, $1, settings, apps, size_bytes FROM snapshots, n \
        WHERE profile_no = (SELECT p.no FROM profiles p WHERE p.id = $2)";
    database.execute(copies, (day(10).0, many.profile().as_bytes())).unwrap();
    world.rules(Rules { within: Some("2d".parse().unwrap()), ..Rules::default() });
    let removed = world.store.retain(&world.operator, day(11)).unwrap();
    assert_eq!(removed.snapshots, 8 + 1 + 8, "of each what is older than two days before its newest");
    assert_eq!(world.left(), [9, 10]);
    let left = world.store.snapshots(&last_one, last_one.profile()).unwrap().unwrap();
    assert_eq!(left.iter().map(|one| one.seq).collect::<Vec<_>>(), [10, 9]);
    assert_eq!(world.store.retain(&world.operator, day(11)).unwrap().snapshots, 0);
}

#[test]
fn without_rules_of_its_own_a_tenant_keeps_by_the_standard() {
    let world = world();
    world.daily(30);
    assert_eq!(world.store.rules(&world.operator).unwrap(), Rules::STANDARD);
    world.store.retain(&world.operator, day(31)).unwrap();
    let left = world.left();
    assert!(left.len() >= 14 && left.len() < 30 && left.ends_with(&[29, 30]), "{left:?}");
    assert!(world.kept(30).contains(&"monthly".to_owned()));
}

#[test]
fn pins_and_holds_keep_until_they_are_released() {
    let world = world();
    world.daily(6);
    world.rules(last(1));
    let profile = world.pc.profile();
    assert!(world.store.pin(&world.pc, (profile, SnapshotId(id32("snapshot", 2))), true, NOW).unwrap());
    assert!(world.store.mark(&world.operator, (profile, 3), Mark::Hold, NOW).unwrap());
    assert!(
        world.store.mark(&world.operator, (profile, 3), Mark::Hold, NOW).unwrap(),
        "doing it again is doing it once"
    );
    assert!(!world.store.mark(&world.operator, (profile, 99), Mark::Pin, NOW).unwrap());
    world.store.retain(&world.operator, NOW).unwrap();
    assert_eq!(
        (world.left(), world.kept(2), world.kept(3)),
        (vec![2, 3, 6], vec!["pinned".into()], vec!["held".into()])
    );
    assert_eq!(world.store.release(&world.operator, (profile, 3), NOW).unwrap(), Some(vec![Mark::Hold]));
    assert_eq!(world.store.release(&world.operator, (profile, 3), NOW).unwrap(), Some(vec![]));
    assert_eq!(world.store.release(&world.operator, (profile, 99), NOW).unwrap(), None);
    assert!(world.store.pin(&world.pc, (profile, SnapshotId(id32("snapshot", 2))), false, NOW).unwrap());
    world.store.retain(&world.operator, NOW).unwrap();
    assert_eq!(world.left(), [6]);
    world.sound();
}

#[test]
fn taking_a_pin_away_frees_a_content_under_all_its_numbers() {
    let world = world();
    world.commit_at(1, day(1));
    let snapshot = SnapshotId(id32("snapshot", 1));
    world.store.pin(&world.pc, (world.pc.profile(), snapshot), true, NOW).unwrap();
    world.commit_at(2, day(2));
    let mut same = Made::new(&world.pc, 3, &[(1, 100)], &[]);
    same.header.snapshot = snapshot;
    same.header_bytes = same.header.to_bytes().unwrap();
    let bytes = same.envelope(|_| true);
    world.store.commit(&world.pc, &Envelope::parse(&bytes).unwrap(), day(3), sign()).unwrap();
    world.rules(last(1));
    world.store.pin(&world.pc, (world.pc.profile(), snapshot), false, NOW).unwrap();
    world.store.retain(&world.operator, NOW).unwrap();
    assert_eq!(world.left(), [3]);
}

#[test]
fn the_newest_snapshot_that_opens_stays_whatever_the_rules_say() {
    let world = world();
    world.daily(6);
    world.rules(last(1));
    assert!(world.rehearse(2, None) && world.rehearse(1, None));
    for seq in 3..=6 {
        assert!(world.rehearse(seq, Some("integrity_failed")));
    }
    world.store.retain(&world.operator, NOW).unwrap();
    assert_eq!(world.left(), [2, 3, 4, 5, 6], "none after 2 opens, so they are kept as evidence");
    assert_eq!(
        (world.kept(2), world.kept(6)),
        (vec!["newest_good".into(), "latest".into()], vec!["none_good_since".into()])
    );
    assert!(world.rehearse(6, None), "a later rehearsal takes the place of an earlier one");
    world.store.retain(&world.operator, NOW).unwrap();
    assert_eq!(world.left(), [6]);
}

#[test]
fn a_rehearsal_is_shown_with_its_snapshot_and_only_there() {
    let world = world();
    world.daily(2);
    assert!(world.rehearse(2, Some("wrong_key")));
    assert!(!world.rehearse(3, None), "there is no such snapshot");
    let mixed = Rehearsal { seq: 1, restorable: true, reason: None };
    let other = SnapshotId(id32("snapshot", 2));
    assert!(!world.store.note_rehearsal(&world.pc, other, &mixed, NOW).unwrap(), "number and content belong together");
    let all = world.store.snapshots(&world.pc, world.pc.profile()).unwrap().unwrap();
    assert_eq!(all[0].rehearsed.as_ref().unwrap().reason.as_deref(), Some("wrong_key"));
    assert_eq!(all[1].rehearsed, None);
    let latest = world.store.profiles(&world.pc).unwrap().remove(0).latest.unwrap();
    assert!(!latest.rehearsed.unwrap().restorable);
    let deleted = world.store.delete_snapshot(&world.pc, other, (NOW, sign_erasure())).unwrap().unwrap();
    assert_eq!(deleted.removed.snapshots, 1, "it goes with its snapshot");
}

#[test]
fn a_backup_that_relies_on_a_part_that_went_is_asked_for_it() {
    let world = world();
    world.commit_at(1, day(1));
    let second = Made::new(&world.pc, 2, &[(7, 10)], &[]);
    let bytes = second.envelope(|_| true);
    world.store.commit(&world.pc, &Envelope::parse(&bytes).unwrap(), day(2), sign()).unwrap();
    // The device has seen part 1 on the server and leaves it out of its third backup; retention comes first.
    world.rules(last(1));
    world.store.retain(&world.operator, day(3)).unwrap();
    let third = Made::new(&world.pc, 3, &[(1, 100), (7, 10)], &[]);
    let bare = third.envelope(|_| false);
    let refused = world.store.commit(&world.pc, &Envelope::parse(&bare).unwrap(), day(3), sign()).unwrap_err();
    assert!(matches!(refused, CommitError::PartsMissing(ref parts) if parts.len() == 1), "{refused}");
    let whole = third.envelope(|_| true);
    assert!(world.store.commit(&world.pc, &Envelope::parse(&whole).unwrap(), day(3), sign()).unwrap().new);
    world.sound();
}

#[test]
fn a_file_that_retention_condemned_lives_on_if_the_next_backup_names_it() {
    let world = world();
    let blob = BlobId(id32("blob", 5));
    let piece = Piece { blob, offset: 0, length: 7, bytes: b"picture" };
    world.store.put_piece(&world.pc, &piece, NOW).unwrap();
    let commit = |seq, blobs: &[(u64, u64)]| {
        let bytes = Made::new(&world.pc, seq, &[(seq, 10)], blobs).envelope(|_| true);
        world.store.commit(&world.pc, &Envelope::parse(&bytes).unwrap(), day(seq), sign()).unwrap()
    };
    commit(1, &[(5, 7)]);
    commit(2, &[]);
    world.rules(last(1));
    assert_eq!(world.store.retain(&world.operator, day(2)).unwrap().blobs, 1);
    commit(3, &[(5, 7)]);
    assert_eq!(world.store.sweep(day(3).plus_millis(GRACE_MILLIS * 2)).unwrap(), 0);
    assert!(world.store.read_blob(&world.pc, (world.pc.profile(), blob), 0, 99).unwrap().is_some());
    world.sound();
}

#[test]
fn commits_and_retention_at_once_leave_everything_whole() {
    let world = world();
    world.rules(last(2));
    std::thread::scope(|scope| {
        scope.spawn(|| world.daily(60));
        scope.spawn(|| {
            for _ in 0..60 {
                world.store.retain(&world.operator, NOW).unwrap();
            }
        });
    });
    world.store.retain(&world.operator, NOW).unwrap();
    assert_eq!(world.left(), [59, 60]);
    world.sound();
}

fn report(number: u64, id: &str) -> Report {
    Report {
        report: ReportId(id16("report", number)),
        made_at: NOW,
        profile: model::ids::ProfileId(id16("profile", 1)),
        snapshot: SnapshotId(id32("snapshot", 1)),
        agent: "0.1.0".to_owned(),
        settings: vec![SettingResult { id: id.to_owned(), outcome: Outcome::Restored, reason: None }],
        apps: Vec::new(),
    }
}

#[test]
fn a_report_is_kept_once_and_shown_to_its_person_only() {
    let world = world();
    let first = report(1, "mouse.speed");
    assert_eq!(world.store.file_report(&world.pc, &first, NOW).unwrap(), Filed::New);
    assert_eq!(world.store.file_report(&world.pc, &first, day(1)).unwrap(), Filed::Again);
    assert_eq!(world.store.file_report(&world.pc, &report(1, "mouse.trails"), NOW).unwrap(), Filed::Another);
    let found = world.store.report(&world.pc, first.report).unwrap().unwrap();
    assert_eq!((found.device, found.received_at, found.report.clone()), (world.pc.device(), NOW, first.clone()));
    assert_eq!(world.store.reports(&world.pc).unwrap(), std::slice::from_ref(&found));
    assert_eq!(world.store.all_reports(&world.operator).unwrap(), [("ada".to_owned(), found)]);
    let bob = user(&world.store, "default", "bob", 2);
    let bobs = device(&world.store, &bob, 2);
    assert_eq!(world.store.report(&bobs, first.report).unwrap(), None);
    assert_eq!(world.store.reports(&bobs).unwrap(), []);
    world.sound();
}

#[test]
fn a_device_that_reports_without_end_keeps_only_its_newest_reports() {
    let world = world();
    for number in 0..u64::from(REPORTS_KEPT_MAX) + 5 {
        world.store.file_report(&world.pc, &report(number, "x"), day(number)).unwrap();
    }
    let kept = world.store.reports(&world.pc).unwrap();
    assert_eq!(kept.len(), REPORTS_KEPT_MAX as usize);
    assert_eq!(kept[0].received_at, day(u64::from(REPORTS_KEPT_MAX) + 4));
}

#[test]
fn deleting_a_snapshot_gives_a_receipt_and_again_the_same() {
    let world = world();
    let snapshot = world.commit_at(1, NOW);
    let delete = |at| world.store.delete_snapshot(&world.pc, snapshot, (at, sign_erasure())).unwrap().unwrap();
    let first = delete(NOW);
    let (erasure, _) = Erasure::from_bytes(&first.receipt).unwrap();
    assert_eq!((erasure.erased, erasure.snapshots), (Erased::Snapshot(world.pc.profile(), snapshot), 1));
    let again = delete(day(1));
    assert_eq!((again.receipt, again.removed.snapshots), (first.receipt, 0));
    let unknown = SnapshotId([9; 32]);
    assert_eq!(world.store.delete_snapshot(&world.pc, unknown, (NOW, sign_erasure())).unwrap(), None);
}

#[test]
fn what_is_on_hold_is_not_deleted_and_neither_is_what_it_is_part_of() {
    let world = world();
    world.daily(2);
    let profile = world.pc.profile();
    world.store.mark(&world.operator, (profile, 1), Mark::Hold, NOW).unwrap();
    let act = || (NOW, sign_erasure());
    let held = |error| matches!(error, EraseError::OnHold { held: 1 });
    let snapshot = SnapshotId(id32("snapshot", 1));
    assert!(held(world.store.delete_snapshot(&world.pc, snapshot, act()).unwrap_err()));
    assert!(held(world.store.delete_profile(&world.operator, profile, act()).unwrap_err()));
    assert!(held(world.store.erase_user(&world.operator, world.pc.user(), act()).unwrap_err()));
    assert_eq!(world.left(), [1, 2]);
    assert_eq!(
        world.store.chain_of(&world.pc, world.pc.profile()).unwrap().unwrap().user.len(),
        1,
        "no key was touched"
    );
    world.store.release(&world.operator, (profile, 1), NOW).unwrap();
    assert!(world.store.delete_profile(&world.operator, profile, act()).unwrap().is_some());
}

#[test]
fn an_erased_person_has_no_key_no_row_and_no_file_left() {
    if elsewhere() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let blobs = folder.path().join("blobs");
    let store =
        Store::open(&place(&folder.path().join("rehome.db")), Arc::new(DiskBlobs::open(&blobs).unwrap()), NOW).unwrap();
    tenant(&store, "default", 1);
    let ada = user(&store, "default", "ada lovelace", 1);
    let pc = device(&store, &ada, 1);
    let bob = user(&store, "default", "bob", 2);
    let bobs = device(&store, &bob, 2);
    let operator = store.operator("default").unwrap().unwrap();
    for scope in [&pc, &bobs] {
        let piece = Piece { blob: BlobId(id32("blob", 5)), offset: 0, length: 7, bytes: b"picture" };
        store.put_piece(scope, &piece, NOW).unwrap();
        let bytes = Made::new(scope, 1, &[(1, 100)], &[(5, 7)]).envelope(|_| true);
        store.commit(scope, &Envelope::parse(&bytes).unwrap(), NOW, sign()).unwrap();
        store.file_report(scope, &report(1, "x"), NOW).unwrap();
    }
    assert_eq!(files(&blobs), 2);
    let wrapped = store.chain_of(&pc, pc.profile()).unwrap().unwrap().user.remove(0);

    let first = store.erase_user(&operator, pc.user(), (NOW, sign_erasure())).unwrap().unwrap();
    assert_eq!((first.removed.snapshots, files(&blobs)), (1, 1), "its file goes at once, the other's stays");
    let left = store.chain_of(&pc, pc.profile()).unwrap().unwrap();
    assert_eq!((left.user.len(), left.profile.len(), left.ids), (0, 0, None));
    assert!(store.authenticate(print(1)).unwrap().is_none());
    assert!(store.account("default", "ada lovelace").unwrap().is_none());
    assert_eq!(store.user_named(&operator, "ada lovelace").unwrap(), None);
    assert_eq!(store.reports(&pc).unwrap(), []);
    let database = std::fs::read(folder.path().join("rehome.db")).unwrap();
    for text in [b"ada lovelace".as_slice(), wrapped.id.as_bytes()] {
        let left = database.windows(text.len()).any(|window| window == text);
        assert!(!left, "{} is still in the file", String::from_utf8_lossy(text));
    }

    let again = store.erase_user(&operator, pc.user(), (day(1), sign_erasure())).unwrap().unwrap();
    assert_eq!((again.receipt, again.removed.snapshots), (first.receipt, 0));
    assert!(store.erase_user(&operator, model::ids::UserId([9; 16]), (NOW, sign_erasure())).unwrap().is_none());
    assert_eq!(store.snapshots(&bobs, bobs.profile()).unwrap().unwrap().len(), 1, "nobody else lost anything");
    user(&store, "default", "ada lovelace", 3);
    let report = store.verify(&signed).unwrap();
    assert_eq!(report.findings, Vec::<String>::new(), "the audit chain is whole");
}

/// Names that lay in many pages, because rows grew, shrank and moved, before their people were erased.
#[test]
fn no_erased_name_is_left_between_the_rows_and_every_other_one_stays() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = DiskBlobs::open(folder.path().join("blobs")).unwrap();
    let path = folder.path().join("rehome.db");
    let store = Store::open(&path, Arc::new(blobs), NOW).unwrap();
    tenant(&store, "default", 1);
    let operator = store.operator("default").unwrap().unwrap();
    assert!(!store.rewrite_if_erased().unwrap(), "nobody was erased");
    let name =
        |number: u64| format!("marker-of-person-{number:03}-{}", "x".repeat(usize::try_from(number % 40).unwrap()));
    let people: Vec<_> = (0..120).map(|number| user(&store, "default", &name(number), number + 1)).collect();
    for (number, person) in people.iter().enumerate() {
        device(&store, person, 1_000 + number as u64);
    }
    for person in people.iter().step_by(2) {
        store.erase_user(&operator, person.user, (NOW, sign_erasure())).unwrap().unwrap();
    }
    assert!(store.rewrite_if_erased().unwrap());
    assert!(!store.rewrite_if_erased().unwrap(), "once is enough");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes.extend(std::fs::read(folder.path().join("rehome.db-wal")).unwrap_or_default());
    let left = |number: u64| {
        let text = format!("marker-of-person-{number:03}-");
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    };
    for number in 0..120 {
        assert_eq!(left(number), number % 2 == 1, "{number}");
    }
}

fn files(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| if path.is_dir() { files(&path) } else { 1 }).sum()
}

#[test]
fn a_deleted_profile_takes_its_key_and_its_devices_access_along() {
    let world = world();
    world.daily(3);
    let profile = world.pc.profile();
    let first = world.store.delete_profile(&world.operator, profile, (NOW, sign_erasure())).unwrap().unwrap();
    assert_eq!(Erasure::from_bytes(&first.receipt).unwrap().0.snapshots, 3);
    assert!(world.store.authenticate(print(1)).unwrap().is_none());
    let left = world.store.chain_of(&world.pc, profile).unwrap().unwrap();
    assert_eq!((left.profile.len(), left.user.len()), (0, 1), "the person's own key stays");
    let late = Made::new(&world.pc, 4, &[(1, 100)], &[]).envelope(|_| true);
    let late = world.store.commit(&world.pc, &Envelope::parse(&late).unwrap(), NOW, sign());
    assert!(matches!(late, Err(CommitError::Revoked)), "a backup that was on its way brings nothing back");
    let again = world.store.delete_profile(&world.operator, profile, (day(1), sign_erasure())).unwrap().unwrap();
    assert_eq!(again.receipt, first.receipt);
    world.sound();
}

#[test]
fn a_policy_goes_with_the_person_it_is_for_and_rules_that_cannot_be_read_delete_nothing() {
    if elsewhere() {
        return;
    }
    let world = world();
    world.daily(4);
    let view = View::operator(&world.operator);
    let terms = RetentionTerms {
        name: "one".to_owned(),
        rules: last(1),
        users: vec![world.pc.user()],
        groups: Vec::new(),
        devices: Vec::new(),
        scope_tags: Vec::new(),
    };
    let id = RetentionPolicyId(id16("policy", 1));
    world.store.create_retention_policy(&view, (id, terms, None), NOW).unwrap();
    assert_eq!(world.kept(3), Vec::<String>::new());
    let database = rusqlite::Connection::open(world.folder.path().join("rehome.db")).unwrap();
    database.execute("UPDATE retention_policies SET rules = '{\"lust\":1}'", ()).unwrap();
    let error = world.store.retain(&world.operator, day(5)).unwrap_err();
    assert!(error.to_string().contains("the retention policy `one`"), "{error}");
    database.execute("UPDATE retention_policies SET rules = '{\"last\":1}'", ()).unwrap();
    assert_eq!(world.left(), [1, 2, 3, 4]);
    assert_eq!(world.store.retain(&world.operator, day(5)).unwrap().snapshots, 3);
    world.store.erase_user(&world.operator, world.pc.user(), (day(6), sign_erasure())).unwrap().unwrap();
    assert_eq!(world.store.retention_policy(&view, id).unwrap().terms.users, [], "nobody is named any more");
}

/// A row of rules that no program of ours wrote, or one of a version to come.
#[test]
fn rules_that_cannot_be_read_let_nothing_go_and_hide_nothing() {
    if elsewhere() {
        return;
    }
    let world = world();
    world.daily(7);
    world.store.set_rules(&world.operator, &Rules { last: 2, ..Rules::default() }, NOW).unwrap();
    let database = rusqlite::Connection::open(world.folder.path().join("rehome.db")).unwrap();
    database.execute("UPDATE retention SET rules = '{\"last\": \"two\"}'", []).unwrap();
    let listed = world.store.snapshots(&world.pc, world.pc.profile()).unwrap().unwrap();
    assert_eq!(listed.len(), 7, "whoever looks for their backups finds them");
    assert!(listed.iter().all(|one| one.kept == ["rules_unread"]), "{:?}", listed[0].kept);
    assert!(!world.store.kept(&world.operator, None).unwrap().is_empty(), "the operator sees them as well");
    assert!(world.store.retain(&world.operator, day(30)).is_err(), "and nothing is let go");
    assert_eq!(world.left().len(), 7);
    database.execute("UPDATE retention SET rules = '{\"last\": 2}'", []).unwrap();
    assert_eq!(world.store.retain(&world.operator, day(30)).unwrap().snapshots, 5);
}
