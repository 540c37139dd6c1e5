//! What is promised, in tests.

use std::io::Write as _;
use std::sync::atomic::{AtomicI64, Ordering};

use model::catalog::{FileRole, Root};
use model::ids::BlobId;
use model::plan::{About, SettingAction, SettingStep};
use model::snapshot::{Reading, Snapshot};
use model::value::{Colour, Value};
use model::world::Moment;

use super::journal::{Content, FolderJournals, Picture, Record, StepPlace, Summary};
use super::*;
use crate::codec;
use crate::not_tried::not_tried;
use crate::plan::{Here, plan_in};
use crate::registry::{MemoryRegistry, RawValue, Registry};
use crate::sample::{self, KEY};
use crate::target::Unseen;

const DAY: i64 = 24 * 60 * 60 * 1000;
const JPEG: &[u8] = b"\xff\xd8\xff\xe0 the old background";
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n the background of this PC";

/// A PC to restore onto: a registry in memory, files and journals in a scratch folder.
struct Pc {
    registry: Guarded,
    files: FolderFiles,
    journals: FolderJournals,
    clock: Turned,
    folder: tempfile::TempDir,
}

/// A registry that can be told to fail.
#[derive(Default)]
struct Guarded {
    beneath: MemoryRegistry,
    denied: Option<&'static str>,
    flush_fails: bool,
}

/// A clock that is turned by hand.
#[derive(Default)]
struct Turned(AtomicI64);

impl Clock for Turned {
    fn now(&self) -> Moment {
        Moment(self.0.load(Ordering::Relaxed))
    }
}

impl Registry for Guarded {
    fn read(&self, root: Root, key: &str, names: &[&str]) -> Result<Vec<Option<RawValue>>, RegistryError> {
        self.beneath.read(root, key, names)
    }

    fn values(&self, root: Root, key: &str) -> Result<Vec<(String, RawValue)>, RegistryError> {
        self.beneath.values(root, key)
    }

    fn subkeys(&self, root: Root, key: &str) -> Result<Vec<String>, RegistryError> {
        self.beneath.subkeys(root, key)
    }
}

impl RegistryWrite for Guarded {
    fn set(&mut self, root: Root, key: &str, name: &str, value: &RawValue) -> Result<(), RegistryError> {
        if self.denied == Some(name) {
            return Err(RegistryError::Denied { key: key.to_owned() });
        }
        self.beneath.set(root, key, name, value)
    }

    fn remove(&mut self, root: Root, key: &str, name: &str) -> Result<(), RegistryError> {
        self.beneath.remove(root, key, name)
    }

    fn flush(&mut self) -> Result<(), RegistryError> {
        if self.flush_fails {
            return Err(RegistryError::Denied { key: KEY.to_owned() });
        }
        self.beneath.flush()
    }
}

impl Pc {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            registry: Guarded::default(),
            files: FolderFiles::new(&folder.path().join("files")),
            journals: FolderJournals::new(folder.path().join("journals")),
            clock: Turned::default(),
            folder,
        }
    }

    fn put(&mut self, name: &str, reg_type: u32, bytes: &[u8]) {
        let raw = RawValue { reg_type, bytes: bytes.to_vec() };
        self.registry.beneath.set(Root::User, KEY, name, &raw).unwrap();
    }

    fn stored(&self, name: &str) -> Option<(u32, Vec<u8>)> {
        let raw = self.registry.read(Root::User, KEY, &[name]).unwrap().pop().flatten()?;
        Some((raw.reg_type, raw.bytes))
    }

    /// What this PC has, as collect would read it.
    fn here(&self) -> Snapshot {
        let mut here = Snapshot::default();
        for setting in sample::table().settings() {
            let reading = match setting.name() {
                Some(name) => match self.registry.read(Root::User, KEY, &[name]).unwrap().pop().flatten() {
                    Some(raw) => match codec::decode(setting, &raw) {
                        Ok(value) if codec::default_value(setting).as_ref() == Some(&value) => {
                            Reading::Default { value }
                        }
                        Ok(value) => Reading::Set { value },
                        Err(reason) => Reading::Refused { reason },
                    },
                    None => Reading::Absent,
                },
                None => match self.files.read(FileRole::Wallpaper).unwrap() {
                    Some(bytes) => Reading::Set { value: picture(&bytes) },
                    None => Reading::Absent,
                },
            };
            here.readings.insert(setting.id.to_owned(), reading);
        }
        here
    }

    fn plan(&self, wanted: &[(&str, Value)]) -> Plan {
        let readings = wanted.iter().map(|(id, value)| ((*id).to_owned(), Reading::Set { value: value.clone() }));
        let old = Snapshot { readings: readings.collect(), ..Snapshot::default() };
        plan_in(sample::table(), &old, &Here::bare(&self.here()), &Choice::all())
    }

    fn run<T>(&mut self, act: impl FnOnce(&mut Target, &mut Work) -> T) -> T {
        let mut target =
            Target { name: "a.reg", registry: &mut self.registry, files: &mut self.files, effects: &mut Unseen };
        let mut work = Work { journals: &mut self.journals, clock: &self.clock, progress: &mut |_, _| {} };
        act(&mut target, &mut work)
    }

    fn try_apply(&mut self, plan: &Plan) -> Result<Outcome, ApplyError> {
        let fetch = |_: FileRole, file: &FileRef| {
            [JPEG, PNG]
                .into_iter()
                .find(|bytes| picture(bytes) == Value::File(*file))
                .map(<[u8]>::to_vec)
                .ok_or(Reason::FileMissing)
        };
        self.run(|target, work| apply_in(sample::table(), plan, &fetch, (target, work)))
    }

    fn apply(&mut self, plan: &Plan) -> Outcome {
        self.try_apply(plan).unwrap()
    }

    fn restore(&mut self, wanted: &[(&str, Value)]) -> Outcome {
        self.apply(&self.plan(wanted))
    }

    fn try_undo(&mut self, which: Option<u32>, only: &[&str]) -> Result<Outcome, ApplyError> {
        let only: Vec<_> = only.iter().map(|&word| word.to_owned()).collect();
        let choice = Choice::in_table(sample::table(), &only, &[]).unwrap();
        self.run(|target, work| undo_in(sample::table(), which, &choice, (target, work)))
    }

    fn undo(&mut self, only: &[&str]) -> Outcome {
        self.try_undo(None, only).unwrap()
    }

    /// What an undo of these would do: of which journal, and the settings it would put back.
    fn would_undo(&mut self, only: &[&str]) -> (u32, Vec<String>) {
        let only: Vec<_> = only.iter().map(|&word| word.to_owned()).collect();
        let choice = Choice::in_table(sample::table(), &only, &[]).unwrap();
        let preview = self.run(|target, work| preview_undo_in(sample::table(), None, &choice, (target, work))).unwrap();
        (preview.restore.number, preview.settings.into_iter().map(|one| one.id).collect())
    }

    fn recover(&mut self) -> Vec<Recovered> {
        self.run(|target, work| recover_in(sample::table(), (target, work))).unwrap()
    }

    fn journals(&self) -> Vec<Summary> {
        journal::list(&self.journals).unwrap()
    }
}

/// A picture by its content; good enough an id for tests.
fn picture(bytes: &[u8]) -> Value {
    Value::File(FileRef { blob: BlobId([bytes[1]; 32]), size: bytes.len() as u64 })
}

fn choice(name: &str) -> Value {
    Value::Choice(name.to_owned())
}

fn applied(outcome: &Outcome) -> Vec<&str> {
    outcome.applied.iter().map(|applied| applied.id.as_str()).collect()
}

fn failed(outcome: &Outcome) -> Vec<(&str, Reason)> {
    outcome.failed.iter().map(|failed| (failed.id.as_str(), failed.reason)).collect()
}

const ACCENT: Colour = Colour { red: 1, green: 2, blue: 3, alpha: 255 };

/// The disk that the picture goes to is full: what was there is there, nothing half written beside it, and everything else is restored.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_costs_the_picture_and_nothing_else() {
    let small = tempfile::tempdir().unwrap();
    let mount = |words: &[&str]| {
        let mut command = std::process::Command::new(words[0]);
        command.args(&words[1..]).arg(small.path()).stderr(std::process::Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    if !mount(&["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs"]) {
        not_tried("a small disk needs root to be mounted, and not even a container's may", None);
        return;
    }
    let mut pc = Pc::new();
    pc.files = FolderFiles::new(&small.path().join("files"));
    pc.files.write(FileRole::Wallpaper, PNG).unwrap();
    let large = [JPEG, &vec![0; 200_000]].concat();
    let plan = pc.plan(&[("taskbar.clock", Value::Bool(false)), ("personalization.wallpaper", picture(&large))]);
    let fetch = |_: FileRole, _: &FileRef| Ok(large.clone());
    let outcome = pc.run(|target, work| apply_in(sample::table(), &plan, &fetch, (target, work))).unwrap();
    let there: Vec<_> =
        std::fs::read_dir(small.path().join("files")).unwrap().map(|one| one.unwrap().file_name()).collect();
    let now = pc.files.read(FileRole::Wallpaper).unwrap();
    assert!(mount(&["umount", "-l"]));
    assert_eq!(failed(&outcome), [("personalization.wallpaper", Reason::DiskFull)]);
    assert_eq!((there, now.as_deref()), (vec!["wallpaper.png".into()], Some(PNG)));
    assert_eq!(pc.stored("Clock"), Some((4, vec![0, 0, 0, 0])));
}

#[test]
fn a_restore_writes_what_was_planned_and_says_what_must_follow() {
    let mut pc = Pc::new();
    let outcome = pc.restore(&[
        ("taskbar.alignment", choice("left")),
        ("taskbar.clock", Value::Bool(false)),
        ("personalization.accent", Value::Colour(ACCENT)),
        ("accessibility.contrast", Value::Int(70)),
        ("region.short_date", Value::Text("dd.MM.yyyy".to_owned())),
        ("personalization.wallpaper", picture(JPEG)),
    ]);
    assert_eq!(outcome.failed, []);
    assert_eq!(pc.stored("Align"), Some((4, vec![0, 0, 0, 0])));
    assert_eq!(pc.stored("Accent"), Some((4, vec![1, 2, 3, 255])));
    assert_eq!(pc.stored("Contrast"), Some((1, b"7\x000\0\0\0".to_vec())));
    assert_eq!(pc.files.read(FileRole::Wallpaper).unwrap().as_deref(), Some(JPEG));
    let effects = [
        Effect::Spi(0x14),
        Effect::Spi(0x43),
        Effect::Broadcast("ImmersiveColorSet"),
        Effect::Broadcast("intl"),
        Effect::Explorer,
    ];
    assert_eq!(outcome.effects, effects, "each once, in order");
    assert_eq!(pc.journals()[0].state, State::Done);
}

#[test]
fn a_second_restore_changes_nothing() {
    let mut pc = Pc::new();
    let wanted = [("taskbar.alignment", choice("left"))];
    let plan = pc.plan(&wanted);
    pc.apply(&plan);
    let again = pc.apply(&plan);
    assert_eq!((again.journal, applied(&again)), (None, vec!["taskbar.alignment"]), "the same plan again");
    assert!(again.effects.is_empty());
    assert_eq!(pc.plan(&wanted).changes(), 0);
    assert_eq!(pc.journals().len(), 1);
}

#[test]
fn settings_that_share_a_value_leave_the_bits_of_others_alone() {
    let mut pc = Pc::new();
    pc.put("Mask", 3, &[0xff, 0, 0, 0x80, 0x12, 0, 0, 0x55]);
    let outcome = pc.restore(&[("desktop.animate", Value::Bool(false)), ("desktop.shadow", Value::Bool(true))]);
    assert_eq!(applied(&outcome), ["desktop.animate", "desktop.shadow"]);
    assert_eq!(pc.stored("Mask"), Some((3, vec![0xfd, 0, 4, 0x80, 0x12, 0, 0, 0x55])));
    pc.undo(&["desktop.animate"]);
    assert_eq!(pc.stored("Mask"), Some((3, vec![0xff, 0, 4, 0x80, 0x12, 0, 0, 0x55])), "the other bit stays restored");
}

#[test]
fn a_value_that_may_not_be_written_does_not_stop_the_others() {
    let mut pc = Pc::new();
    pc.registry.denied = Some("Align");
    let outcome = pc.restore(&[("taskbar.alignment", choice("left")), ("taskbar.clock", Value::Bool(false))]);
    assert_eq!(applied(&outcome), ["taskbar.clock"]);
    assert_eq!(failed(&outcome), [("taskbar.alignment", Reason::AccessDenied)]);
    assert_eq!(pc.stored("Align"), None);
    assert_eq!(pc.journals()[0].state, State::Done);
    assert_eq!(applied(&pc.undo(&[])), ["taskbar.clock"], "only what was done is undone");
}

#[test]
fn undo_puts_back_type_bytes_and_absence() {
    let mut pc = Pc::new();
    // A text without its final zero, as some programs store it.
    pc.put("Contrast", 1, b"5\0");
    let wanted = [("accessibility.contrast", Value::Int(70)), ("taskbar.clock", Value::Bool(false))];
    pc.restore(&wanted);
    let outcome = pc.undo(&[]);
    assert_eq!(outcome.failed, []);
    assert_eq!(pc.stored("Contrast"), Some((1, b"5\0".to_vec())));
    assert_eq!(pc.stored("Clock"), None);
    assert_eq!(outcome.effects, [Effect::Spi(0x43), Effect::Explorer]);
}

#[test]
fn a_removed_value_comes_back_with_undo() {
    let mut pc = Pc::new();
    pc.put("Clock", 4, &[0, 0, 0, 0]);
    let old = Snapshot { readings: [("taskbar.clock".to_owned(), Reading::Absent)].into(), ..Snapshot::default() };
    let plan = plan_in(sample::table(), &old, &Here::bare(&pc.here()), &Choice::all());
    pc.apply(&plan);
    assert_eq!(pc.stored("Clock"), None);
    pc.undo(&[]);
    assert_eq!(pc.stored("Clock"), Some((4, vec![0, 0, 0, 0])));
}

#[test]
fn undo_takes_only_what_was_chosen() {
    let mut pc = Pc::new();
    pc.restore(&[("taskbar.clock", Value::Bool(false)), ("accessibility.contrast", Value::Int(70))]);
    assert_eq!(applied(&pc.undo(&["taskbar"])), ["taskbar.clock"]);
    assert_eq!(pc.stored("Clock"), None);
    assert!(pc.stored("Contrast").is_some());
}

/// Once, an undo after a partial undo took back the partial undo: the person who had wanted to be rid of a restore step by step got it again.
#[test]
fn an_undo_after_a_partial_one_takes_back_the_rest() {
    let mut pc = Pc::new();
    let mask = vec![0xff, 0, 0, 0, 0, 0, 0, 0];
    pc.put("Mask", 3, &mask);
    pc.restore(&[
        ("taskbar.clock", Value::Bool(false)),
        ("accessibility.contrast", Value::Int(70)),
        ("desktop.animate", Value::Bool(false)),
    ]);
    pc.undo(&["taskbar"]);
    assert_eq!(pc.would_undo(&["accessibility"]), (1, vec!["accessibility.contrast".to_owned()]));
    pc.undo(&["accessibility"]);
    assert_eq!((pc.stored("Clock"), pc.stored("Contrast")), (None, None));
    assert_eq!(pc.would_undo(&[]), (1, vec!["desktop.animate".to_owned()]));
    pc.undo(&[]);
    assert_eq!(pc.stored("Mask"), Some((3, mask.clone())));
    let undone: Vec<_> = pc.journals().iter().map(|journal| journal.undo_of).collect();
    assert_eq!(undone, [Some(1), Some(1), Some(1), None]);
    // All of it is taken back: the next undo is of the last undo.
    assert_eq!(pc.would_undo(&[]), (4, vec!["desktop.animate".to_owned()]));
    pc.undo(&[]);
    assert_ne!(pc.stored("Mask"), Some((3, mask)));
}

#[test]
fn a_value_that_cannot_be_put_back_does_not_stand_in_the_way_of_having_the_restore_again() {
    let mut pc = Pc::new();
    pc.restore(&[("taskbar.clock", Value::Bool(false)), ("accessibility.contrast", Value::Int(70))]);
    pc.put("Contrast", 1, b"1\0\0\0");
    assert_eq!(failed(&pc.undo(&[])), [("accessibility.contrast", Reason::ChangedHere)]);
    assert_eq!(applied(&pc.undo(&[])), ["taskbar.clock"]);
    assert!(pc.stored("Clock").is_some());
}

#[test]
fn a_preview_of_an_undo_changes_nothing_and_expires_with_it() {
    let mut pc = Pc::new();
    pc.restore(&[("taskbar.clock", Value::Bool(false)), ("accessibility.contrast", Value::Int(70))]);
    assert_eq!(pc.would_undo(&["taskbar"]), (1, vec!["taskbar.clock".to_owned()]));
    assert!(pc.stored("Clock").is_some());
    assert_eq!(pc.journals().len(), 1);
    pc.clock.0.store(30 * DAY, Ordering::Relaxed);
    let choice = Choice::all();
    let expired = pc.run(|target, work| preview_undo_in(sample::table(), None, &choice, (target, work)));
    assert_eq!(expired.unwrap_err().reason(), Reason::UndoExpired);
}

#[test]
fn an_undo_can_be_undone_and_each_run_has_its_own_journal() {
    let mut pc = Pc::new();
    pc.restore(&[("accessibility.contrast", Value::Int(60))]);
    pc.restore(&[("accessibility.contrast", Value::Int(70))]);
    let seventy = pc.stored("Contrast");
    pc.undo(&[]);
    let sixty = pc.stored("Contrast");
    assert_eq!(sixty, Some((1, b"6\x000\0\0\0".to_vec())));
    pc.undo(&[]);
    assert_eq!(pc.stored("Contrast"), seventy);
    let journals: Vec<_> = pc.journals().iter().map(|journal| (journal.number, journal.undo_of)).collect();
    assert_eq!(journals, [(4, Some(3)), (3, Some(2)), (2, None), (1, None)]);
    // The first restore is not the last word on the value any more.
    let outcome = pc.try_undo(Some(1), &[]).unwrap();
    assert_eq!(failed(&outcome), [("accessibility.contrast", Reason::ChangedHere)]);
    assert_eq!(pc.stored("Contrast"), seventy);
}

#[test]
fn what_the_person_changed_since_the_plan_stays() {
    let mut pc = Pc::new();
    let plan = pc.plan(&[("accessibility.contrast", Value::Int(70)), ("taskbar.clock", Value::Bool(false))]);
    pc.put("Contrast", 1, b"1\0\0\0");
    let outcome = pc.apply(&plan);
    assert_eq!(failed(&outcome), [("accessibility.contrast", Reason::ChangedHere)]);
    assert_eq!(applied(&outcome), ["taskbar.clock"]);
    assert_eq!(pc.stored("Contrast"), Some((1, b"1\0\0\0".to_vec())));
}

#[test]
fn what_the_person_changed_since_the_restore_stays() {
    let mut pc = Pc::new();
    pc.put("Mask", 3, &[0xff, 0, 0, 0, 0, 0, 0, 0]);
    pc.restore(&[
        ("accessibility.contrast", Value::Int(70)),
        ("desktop.animate", Value::Bool(false)),
        ("desktop.shadow", Value::Bool(true)),
    ]);
    pc.put("Contrast", 1, b"1\0\0\0");
    // The person set a bit that nobody knows, and the shadow back.
    pc.put("Mask", 3, &[0xfd, 1, 0, 0, 0, 0, 0, 0]);
    let outcome = pc.undo(&[]);
    assert_eq!(failed(&outcome), [("accessibility.contrast", Reason::ChangedHere)]);
    assert_eq!(applied(&outcome), ["desktop.animate", "desktop.shadow"]);
    assert_eq!(pc.stored("Mask"), Some((3, vec![0xff, 1, 0, 0, 0, 0, 0, 0])));
}

#[test]
fn a_restore_can_be_undone_for_thirty_days() {
    let mut pc = Pc::new();
    assert_eq!(pc.try_undo(None, &[]).unwrap_err().reason(), Reason::NothingToUndo);
    pc.restore(&[("taskbar.clock", Value::Bool(false))]);
    pc.clock.0.store(30 * DAY, Ordering::Relaxed);
    assert_eq!(pc.try_undo(None, &[]).unwrap_err().reason(), Reason::UndoExpired);
    pc.clock.0.store(30 * DAY - 1, Ordering::Relaxed);
    assert_eq!(applied(&pc.undo(&[])), ["taskbar.clock"]);
    pc.clock.0.store(61 * DAY, Ordering::Relaxed);
    pc.restore(&[("taskbar.clock", Value::Bool(false))]);
    let numbers: Vec<_> = pc.journals().iter().map(|journal| journal.number).collect();
    assert_eq!(numbers, [3, 2, 1], "a clock that is ahead costs nothing: the newest stay");
    pc.clock.0.store(122 * DAY, Ordering::Relaxed);
    for _ in 0..2 {
        pc.restore(&[("taskbar.clock", Value::Bool(true))]);
        pc.restore(&[("taskbar.clock", Value::Bool(false))]);
    }
    let numbers: Vec<_> = pc.journals().iter().map(|journal| journal.number).collect();
    assert_eq!(numbers, [7, 6, 5, 4], "older ones go when there are newer ones");
}

#[test]
fn the_background_is_replaced_and_put_back() {
    let mut pc = Pc::new();
    pc.files.write(FileRole::Wallpaper, PNG).unwrap();
    pc.restore(&[("personalization.wallpaper", picture(JPEG))]);
    assert_eq!(pc.files.read(FileRole::Wallpaper).unwrap().as_deref(), Some(JPEG));
    pc.undo(&[]);
    assert_eq!(pc.files.read(FileRole::Wallpaper).unwrap().as_deref(), Some(PNG));
    pc.undo(&[]);
    assert_eq!(pc.files.read(FileRole::Wallpaper).unwrap().as_deref(), Some(JPEG));
}

#[test]
fn a_picture_that_is_none_or_not_the_one_is_not_written() {
    let mut pc = Pc::new();
    let plan = pc.plan(&[("personalization.wallpaper", picture(JPEG))]);
    let size = JPEG.len();
    let cases = [(Err(Reason::FileMissing), Reason::FileMissing), (Ok(vec![b'M'; size]), Reason::NotAPicture)];
    for (fetched, reason) in cases {
        let fetch = |_: FileRole, _: &FileRef| fetched.clone();
        let outcome = pc.run(|target, work| apply_in(sample::table(), &plan, &fetch, (target, work))).unwrap();
        assert_eq!(failed(&outcome), [("personalization.wallpaper", reason)]);
    }
    assert_eq!(pc.files.read(FileRole::Wallpaper), Ok(None));
}

#[test]
fn without_a_journal_nothing_is_written() {
    let mut pc = Pc::new();
    // A file where the folder of the journals should be.
    std::fs::File::create(pc.folder.path().join("journals")).unwrap();
    let plan = pc.plan(&[("taskbar.clock", Value::Bool(false))]);
    assert!(matches!(pc.try_apply(&plan), Err(ApplyError::Journal(_))));
    assert_eq!(pc.stored("Clock"), None);
}

#[test]
fn a_target_that_cannot_be_made_durable_is_rolled_back() {
    let mut pc = Pc::new();
    let plan = pc.plan(&[("taskbar.clock", Value::Bool(false)), ("personalization.wallpaper", picture(JPEG))]);
    pc.registry.flush_fails = true;
    let error = pc.try_apply(&plan).unwrap_err();
    assert_eq!(error.reason(), Reason::ReadOnlyTarget);
    assert_eq!((pc.stored("Clock"), pc.files.read(FileRole::Wallpaper)), (None, Ok(None)));
    assert_eq!(pc.journals()[0].state, State::RollingBack, "that was not made durable either");
    assert!(matches!(pc.try_apply(&plan), Err(ApplyError::Unfinished { number: 1 })));
    pc.registry.flush_fails = false;
    assert_eq!(pc.recover(), [Recovered::RolledBack { number: 1, failed: vec![] }]);
    assert_eq!(applied(&pc.apply(&plan)).len(), 2);
}

/// A journal whose run stopped right after it was written down.
fn stopped(pc: &mut Pc, step: Step, target: &str) -> u32 {
    let begin = Begin { at: Moment(0), target: target.to_owned(), undo_of: None };
    Journal::prepare(&mut pc.journals, begin, &[step], &[]).unwrap().number
}

fn clock_off() -> Step {
    let off = RawValue { reg_type: 4, bytes: vec![0; 4] };
    let place = StepPlace::Value { key: KEY.to_owned(), name: "clock".to_owned() };
    Step { place, settings: vec!["taskbar.clock".to_owned()], prior: None, target: Some(Content::of_value(off)) }
}

#[test]
fn the_next_start_finishes_what_was_prepared() {
    let mut pc = Pc::new();
    stopped(&mut pc, clock_off(), "a.reg");
    let [Recovered::Finished { outcome }] = &pc.recover()[..] else { panic!("one run had stopped") };
    assert_eq!(applied(outcome), ["taskbar.clock"]);
    assert_eq!(pc.stored("Clock"), Some((4, vec![0; 4])));
    assert_eq!(pc.recover(), [], "and only once");
    pc.undo(&[]);
    assert_eq!(pc.stored("Clock"), None);
}

#[test]
fn after_three_starts_that_did_not_finish_everything_is_put_back() {
    let mut pc = Pc::new();
    let number = stopped(&mut pc, clock_off(), "a.reg");
    let written = Written::read(&pc.journals, number).unwrap();
    let mut journal = Journal::reopen(&mut pc.journals, &written).unwrap();
    journal.write(&Record::Applying).unwrap();
    for _ in 0..3 {
        journal.write(&Record::Resumed).unwrap();
    }
    pc.put("Clock", 4, &[0, 0, 0, 0]);
    assert_eq!(pc.recover(), [Recovered::RolledBack { number, failed: vec![] }]);
    assert_eq!(pc.stored("Clock"), None);
}

#[test]
fn a_run_on_another_target_is_left_to_that_target() {
    let mut pc = Pc::new();
    stopped(&mut pc, clock_off(), "b.reg");
    assert_eq!(pc.recover(), []);
    assert_eq!(applied(&pc.restore(&[("accessibility.contrast", Value::Int(70))])), ["accessibility.contrast"]);
    assert_eq!(pc.stored("Clock"), None);
    assert_eq!(pc.try_undo(Some(1), &[]).unwrap_err().reason(), Reason::NothingToUndo);
}

#[test]
fn a_journal_that_names_a_place_outside_the_catalog_is_not_believed() {
    let mut pc = Pc::new();
    let run = RawValue { reg_type: 1, bytes: b"c\0a\0l\0c\0\0\0".to_vec() };
    let key = r"Software\Microsoft\Windows\CurrentVersion\Run".to_owned();
    let place = StepPlace::Value { key: key.clone(), name: "a".to_owned() };
    stopped(&mut pc, Step { place, target: Some(Content::of_value(run)), ..clock_off() }, "a.reg");
    let [Recovered::Finished { outcome }] = &pc.recover()[..] else { panic!("one run had stopped") };
    assert_eq!(failed(outcome), [("taskbar.clock", Reason::NotInCatalog)]);
    assert!(pc.registry.values(Root::User, &key).unwrap().is_empty());
}

#[test]
fn a_damaged_journal_is_kept_but_not_undone() {
    let mut pc = Pc::new();
    pc.restore(&[("taskbar.clock", Value::Bool(false))]);
    let path = pc.folder.path().join("journals/000001.journal");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[60] ^= 1;
    std::fs::File::create(&path).unwrap().write_all(&bytes).unwrap();
    assert_eq!(pc.journals()[0].state, State::Damaged);
    assert_eq!(pc.recover(), []);
    assert_eq!(pc.try_undo(Some(1), &[]).unwrap_err().reason(), Reason::Damaged);
    assert_eq!(pc.try_undo(None, &[]).unwrap_err().reason(), Reason::NothingToUndo);
    assert!(path.exists());
}

#[test]
fn a_picture_that_changed_beside_its_journal_is_not_written() {
    let mut pc = Pc::new();
    pc.files.write(FileRole::Wallpaper, PNG).unwrap();
    pc.restore(&[("personalization.wallpaper", picture(JPEG))]);
    let prior = Picture { role: FileRole::Wallpaper, side: journal::Side::Prior };
    pc.journals.put_picture(1, prior, b"\x89PNG\r\n\x1a\n another").unwrap();
    assert_eq!(failed(&pc.undo(&[])), [("personalization.wallpaper", Reason::Damaged)]);
    assert_eq!(pc.files.read(FileRole::Wallpaper).unwrap().as_deref(), Some(JPEG));
}

#[test]
fn a_plan_cannot_bring_a_setting_of_its_own() {
    let mut pc = Pc::new();
    let step = |id: &str, new| SettingStep {
        id: id.to_owned(),
        title: String::new(),
        category: Category::System,
        stage: Stage::Rest,
        action: SettingAction::Set { old: None, new },
        about: About::default(),
    };
    let settings = vec![
        step("system.run", Value::Text("calc".to_owned())),
        step("taskbar.clock", Value::Text("calc".to_owned())),
        step("region.short_date", Value::Text(r"\\host\share".to_owned())),
    ];
    let outcome = pc.apply(&Plan { settings, ..Plan::default() });
    let expected = [
        ("system.run", Reason::NotInCatalog),
        ("taskbar.clock", Reason::WrongType),
        ("region.short_date", Reason::CouldCarryCode),
    ];
    assert_eq!(failed(&outcome), expected);
    assert!(pc.registry.values(Root::User, KEY).unwrap().is_empty());
}
