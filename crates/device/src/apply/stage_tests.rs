//! The order of a restore: stage by stage, each durable and visible before the next, and none stopped by what failed in another.

use std::cell::RefCell;
use std::rc::Rc;

use model::catalog::{FileRole, Root, Setting};
use model::ids::BlobId;
use model::plan::{About, SettingAction, SettingStep};
use model::value::Value;
use model::world::Moment;

use super::crash_tests::Noon;
use super::journal::{Content, FolderJournals, StepPlace};
use super::*;
use crate::registry::{MemoryRegistry, RawValue, Registry};
use crate::sample::{self, KEY};

const JPEG: &[u8] = b"\xff\xd8\xff\xe0 a picture";

/// What was done to the PC, in order.
type Seen = Rc<RefCell<Vec<String>>>;

/// A PC that notes what is done to it.
struct Pc {
    registry: Noted,
    files: NotedFiles,
    effects: NotedEffects,
    journals: FolderJournals,
    seen: Seen,
    _folder: tempfile::TempDir,
}

struct Noted {
    beneath: MemoryRegistry,
    denied: &'static [&'static str],
    /// Flushes that fail before one succeeds.
    flushes_fail: usize,
    seen: Seen,
}

struct NotedFiles(FolderFiles, Seen);

struct NotedEffects(Seen);

impl Registry for Noted {
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

impl RegistryWrite for Noted {
    fn set(&mut self, root: Root, key: &str, name: &str, value: &RawValue) -> Result<(), RegistryError> {
        if self.denied.contains(&name) {
            return Err(RegistryError::Denied { key: key.to_owned() });
        }
        self.seen.borrow_mut().push(name.to_ascii_lowercase());
        self.beneath.set(root, key, name, value)
    }

    fn remove(&mut self, root: Root, key: &str, name: &str) -> Result<(), RegistryError> {
        self.seen.borrow_mut().push(format!("-{}", name.to_ascii_lowercase()));
        self.beneath.remove(root, key, name)
    }

    fn flush(&mut self) -> Result<(), RegistryError> {
        if self.flushes_fail > 0 {
            self.flushes_fail -= 1;
            self.seen.borrow_mut().push("no flush".to_owned());
            return Err(RegistryError::Denied { key: KEY.to_owned() });
        }
        self.seen.borrow_mut().push("flush".to_owned());
        Ok(())
    }
}

impl FileWrite for NotedFiles {
    fn read(&self, role: FileRole) -> Result<Option<Vec<u8>>, Reason> {
        self.0.read(role)
    }

    fn write(&mut self, role: FileRole, bytes: &[u8]) -> Result<(), Reason> {
        self.1.borrow_mut().push("picture".to_owned());
        self.0.write(role, bytes)
    }

    fn remove(&mut self, role: FileRole) -> Result<(), Reason> {
        self.1.borrow_mut().push("-picture".to_owned());
        self.0.remove(role)
    }
}

impl Effects for NotedEffects {
    fn take(&mut self, effect: Effect, _: &Picture) -> Result<(), String> {
        self.0.borrow_mut().push(format!("{effect:?}"));
        if effect == Effect::Spi(0x14) { Err("no desktop".to_owned()) } else { Ok(()) }
    }

    fn restart_explorer(&mut self) -> Result<(), NotRestarted> {
        self.0.borrow_mut().push("restart".to_owned());
        Ok(())
    }
}

impl Pc {
    fn new() -> Self {
        let (folder, seen) = (tempfile::tempdir().unwrap(), Seen::default());
        let registry = Noted { beneath: MemoryRegistry::new(), denied: &[], flushes_fail: 0, seen: Rc::clone(&seen) };
        Self {
            registry,
            files: NotedFiles(FolderFiles::new(&folder.path().join("files")), Rc::clone(&seen)),
            effects: NotedEffects(Rc::clone(&seen)),
            journals: FolderJournals::new(folder.path().join("journals")),
            seen,
            _folder: folder,
        }
    }

    fn run<T>(&mut self, act: impl FnOnce(&mut Target, &mut Work) -> T) -> T {
        let mut target =
            Target { name: "a.reg", registry: &mut self.registry, files: &mut self.files, effects: &mut self.effects };
        let seen = Rc::clone(&self.seen);
        let mut progress = |stage: Stage, reached: Reached| {
            if reached.complete {
                seen.borrow_mut().push(format!("{} done", stage.word()));
            }
        };
        let mut work = Work { journals: &mut self.journals, clock: &Noon, progress: &mut progress };
        act(&mut target, &mut work)
    }

    fn restore(&mut self, ids: &[&str]) -> Result<Outcome, ApplyError> {
        let plan = Plan { settings: ids.iter().map(|id| step(id)).collect(), ..Plan::default() };
        self.run(|target, work| apply_in(table(), &plan, &|_, _| Ok(JPEG.to_vec()), (target, work)))
    }

    fn undo(&mut self) -> Outcome {
        self.run(|target, work| undo_in(table(), None, &Choice::all(), (target, work))).unwrap()
    }

    /// What was done since this was last asked.
    fn seen(&self) -> Vec<String> {
        self.seen.take()
    }
}

/// The sample catalog, with two settings of different stages in one value.
fn table() -> Table {
    let look = |one: &Setting| if one.id == "desktop.shadow" { Stage::Look } else { one.stage };
    let settings: Vec<_> = sample::table().settings().iter().map(|one| Setting { stage: look(one), ..*one }).collect();
    Table::of(settings.leak())
}

fn step(id: &str) -> SettingStep {
    let setting = table().find(id).unwrap();
    let new = match id {
        "accessibility.contrast" => Value::Int(70),
        "language.preferred" => Value::List(vec!["de-DE".to_owned()]),
        "personalization.wallpaper" => Value::File(FileRef { blob: BlobId([1; 32]), size: JPEG.len() as u64 }),
        "region.short_date" => Value::Text("dd.MM.yyyy".to_owned()),
        "taskbar.alignment" => Value::Choice("left".to_owned()),
        _ => Value::Bool(false),
    };
    let action = SettingAction::Set { old: None, new };
    SettingStep {
        id: id.to_owned(),
        title: String::new(),
        category: setting.category,
        stage: setting.stage,
        action,
        about: About::default(),
    }
}

const IDS: [&str; 7] = [
    "desktop.animate",
    "desktop.shadow",
    "region.short_date",
    "taskbar.clock",
    "personalization.wallpaper",
    "language.preferred",
    "accessibility.contrast",
];

#[test]
fn each_stage_is_durable_and_visible_before_the_next_begins() {
    let mut pc = Pc::new();
    pc.registry.beneath.set(Root::User, KEY, "Mask", &RawValue { reg_type: 3, bytes: vec![0xff; 8] }).unwrap();
    let mut plan: Vec<_> = IDS.map(step).into();
    for bit in plan.iter_mut().take(2) {
        bit.action = SettingAction::Set { old: Some(Value::Bool(true)), new: Value::Bool(false) };
    }
    let plan = Plan { settings: plan, ..Plan::default() };
    let outcome = pc.run(|target, work| apply_in(table(), &plan, &|_, _| Ok(JPEG.to_vec()), (target, work))).unwrap();
    assert_eq!(outcome.failed, []);
    // The mask is shared by a setting of the look and one of the rest: it is written once, with the earlier one.
    let first = ["languages", "contrast", "flush", "Spi(67)", "Broadcast(\"intl\")", "first done"];
    let look = ["picture", "mask", "clock", "flush", "Spi(20)", "Spi(73)", "look done"];
    let rest = ["shortdate", "flush", "Broadcast(\"intl\")", "rest done", "Explorer"];
    assert_eq!(pc.seen(), [&first[..], &look, &rest].concat());
    let not_live: Vec<_> = outcome.not_live.iter().map(|one| one.effect).collect();
    assert_eq!(not_live, [Effect::Spi(0x14)], "and what could not be shown is said");
    pc.undo();
    let first = ["-languages", "-contrast", "flush", "Spi(67)", "Broadcast(\"intl\")", "first done"];
    let look = ["-picture", "mask", "-clock", "flush", "Spi(20)", "Spi(73)", "look done"];
    let rest = ["-shortdate", "flush", "Broadcast(\"intl\")", "rest done", "Explorer"];
    assert_eq!(pc.seen(), [&first[..], &look, &rest].concat(), "an undo goes the same way");
}

#[test]
fn a_stage_of_which_nothing_can_be_written_does_not_stop_the_next() {
    let mut pc = Pc::new();
    pc.registry.denied = &["Languages", "Contrast"];
    let outcome = pc.restore(&["language.preferred", "accessibility.contrast", "taskbar.clock"]).unwrap();
    assert_eq!((outcome.failed.len(), outcome.applied.len()), (2, 1));
    assert_eq!(
        pc.seen(),
        ["flush", "first done", "clock", "flush", "look done", "Explorer"],
        "and nothing of it is shown"
    );
}

#[test]
fn a_stage_that_could_not_be_made_durable_becomes_so_with_the_next() {
    let mut pc = Pc::new();
    pc.registry.flushes_fail = 1;
    let outcome = pc.restore(&["accessibility.contrast", "taskbar.clock", "region.short_date"]).unwrap();
    assert_eq!((outcome.failed.len(), outcome.applied.len()), (0, 3));
    let early = ["contrast", "no flush", "clock", "flush", "Spi(67)", "first done", "look done"];
    let late = ["shortdate", "flush", "Broadcast(\"intl\")", "rest done", "Explorer"];
    assert_eq!(pc.seen(), [&early[..], &late].concat());
}

#[test]
fn explorer_is_told_once_and_started_anew_only_when_it_is_needed_and_agreed_to() {
    let mut pc = Pc::new();
    let agree_to = |pc: &mut Pc, ids: &[&str], yes: bool| {
        let mut outcome = pc.restore(ids).unwrap();
        let told = pc.seen().into_iter().filter(|what| what == "Explorer").count();
        let mut asked = 0;
        pc.run(|target, _| {
            restart_explorer(&mut outcome, target, &mut || {
                asked += 1;
                yes
            });
        });
        (told, asked, outcome.explorer, pc.seen())
    };
    assert_eq!(agree_to(&mut pc, &["region.short_date"], true), (0, 0, None, vec![]));
    let two = ["taskbar.clock", "taskbar.alignment"];
    assert_eq!(agree_to(&mut pc, &two, false), (1, 1, Some(Explorer::RestartNeeded), vec![]));
    pc.undo();
    pc.seen();
    assert_eq!(agree_to(&mut pc, &two, true), (1, 1, Some(Explorer::Restarted), vec!["restart".to_owned()]));

    pc.undo();
    let mut outcome = pc.restore(&two).unwrap();
    let after = outcome.applied.iter().map(|one| (one.id.as_str(), one.after)).collect::<Vec<_>>();
    assert_eq!(after, [("taskbar.clock", Some(After::Explorer)), ("taskbar.alignment", Some(After::Explorer))]);
    let (mut registry, mut files) = (MemoryRegistry::new(), FolderFiles::beside("a.reg".as_ref()));
    let mut unseen = crate::target::Unseen;
    let mut target = Target { name: "a.reg", registry: &mut registry, files: &mut files, effects: &mut unseen };
    restart_explorer(&mut outcome, &mut target, &mut || true);
    assert_eq!(outcome.explorer, Some(Explorer::RestartNeeded), "what does not work fails nothing");
    assert_eq!(outcome.not_live.iter().map(|one| one.effect).collect::<Vec<_>>(), [Effect::Explorer]);
}

#[test]
fn what_is_taken_back_is_seen_to_be() {
    let mut pc = Pc::new();
    pc.registry.flushes_fail = 2;
    let error = pc.restore(&["accessibility.contrast", "taskbar.clock"]).unwrap_err();
    assert!(matches!(error, ApplyError::Target { rolled_back: true, .. }), "{error}");
    let there = ["contrast", "no flush", "clock", "no flush"];
    assert_eq!(pc.seen(), [&there[..], &["-clock", "-contrast", "flush", "Spi(67)", "Explorer"]].concat());
}

#[test]
fn a_journal_in_the_order_of_an_older_version_is_finished_by_stages() {
    let mut pc = Pc::new();
    let value = |name: &str, id: &str, reg_type, bytes: &[u8]| Step {
        place: StepPlace::Value { key: KEY.to_owned(), name: name.to_owned() },
        settings: vec![id.to_owned()],
        prior: None,
        target: Some(Content::of_value(RawValue { reg_type, bytes: bytes.to_vec() })),
    };
    let steps = [
        value("Gone", "system.gone", 4, &[0; 4]),
        value("Clock", "taskbar.clock", 4, &[0; 4]),
        value("Contrast", "accessibility.contrast", 1, b"7\x000\0\0\0"),
    ];
    let begin = Begin { at: Moment(0), target: "a.reg".to_owned(), undo_of: None };
    Journal::prepare(&mut pc.journals, begin, &steps, &[]).unwrap();
    let ended = pc.run(|target, work| recover_in(table(), (target, work))).unwrap();
    let [Recovered::Finished { outcome }] = &ended[..] else { panic!("one run had stopped") };
    assert_eq!(outcome.failed.iter().map(|one| one.id.as_str()).collect::<Vec<_>>(), ["system.gone"]);
    let seen = ["contrast", "flush", "Spi(67)", "first done", "clock", "flush", "look done", "flush", "rest done"];
    assert_eq!(pc.seen(), [&seen[..], &["Explorer"]].concat());
    assert_eq!(pc.undo().applied.len(), 2);
}

#[test]
fn no_call_of_the_catalog_is_needed_by_two_stages() {
    for one in model::catalog::SETTINGS.iter().filter(|one| matches!(one.effect, Effect::Spi(_) | Effect::Broadcast(_)))
    {
        let other =
            model::catalog::SETTINGS.iter().find(|other| other.effect == one.effect && other.stage != one.stage);
        assert!(other.is_none(), "{} and {other:?}: the call would be made twice", one.id);
    }
}
