//! Power cuts at every moment of a restore, an undo and a recovery.
//!
//! A model of a PC that forgets: journal bytes that were not synced are lost in part, torn or garbled, and registry writes that were not flushed are
//! lost in any combination. Whatever happens, after the next start everything is as the plan wanted it or everything as it was, and a
//! run that called itself done is done for good. The harness is tried on itself: a journal or a registry that lies about being durable must be
//! noticed.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use model::catalog::{FileRole, Root};
use model::ids::BlobId;
use model::plan::{About, SettingAction, SettingStep};
use model::value::Value;
use model::world::Moment;

use super::journal::Picture;
use super::*;
use crate::codec;
use crate::registry::{RawValue, Registry};
use crate::sample::{self, KEY};
use crate::target::Unseen;

/// How many different losses are tried at each moment: journal tails cut, torn or garbled, and registry writes lost in any combination.
const LOSSES: u64 = 240;

/// Issue 4: so many runs are cut off, each at one operation of a restore or an undo and with one loss. Cuts of the recovery come besides.
const KILL_POINTS: usize = 10_000;

const JPEG: &[u8] = b"\xff\xd8\xff\xe0 the old background";
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n the background of this PC";

/// Everything that survives a power cut, and what does not yet.
#[derive(Clone, Default)]
pub(super) struct World {
    disk: BTreeMap<String, RawValue>,
    cache: BTreeMap<String, RawValue>,
    unflushed: Vec<(String, Option<RawValue>)>,
    pub(super) wallpaper: Option<Vec<u8>>,
    journals: BTreeMap<u32, Vec<u8>>,
    unsynced: BTreeMap<u32, Vec<u8>>,
    pictures: BTreeMap<(u32, Picture), Vec<u8>>,
    /// Operations until the power fails; `None`: it does not.
    fuel: Option<usize>,
    is_off: bool,
    /// Operations until one fails, and whether those after it fail too; nothing is lost by that.
    fault: Option<(usize, Lasting)>,
    operations: usize,
    lies: Lies,
}

/// Planted bugs.
#[derive(Clone, Copy, Default, PartialEq)]
struct Lies {
    sync: bool,
    flush: bool,
}

/// How long something fails.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Lasting {
    Once,
    FromThenOn,
}

/// A repeatable source of chance (`SplitMix64`).
pub(super) struct Dice(pub(super) u64);

impl Dice {
    /// A number from 0 to one less than `sides`.
    pub(super) fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ mixed >> 31) % sides as u64).unwrap()
    }
}

impl World {
    /// Spends one operation; false once the power is off.
    fn has_power(&mut self) -> bool {
        self.operations += 1;
        match &mut self.fuel {
            Some(0) => self.is_off = true,
            Some(fuel) => *fuel -= 1,
            None => {}
        }
        let fails = match &mut self.fault {
            Some((0, lasting)) => {
                if *lasting == Lasting::Once {
                    self.fault = None;
                }
                true
            }
            Some((left, _)) => {
                *left -= 1;
                false
            }
            None => false,
        };
        !self.is_off && !fails
    }

    /// What is found at the next start.
    fn restart(&mut self, dice: &mut Dice) {
        for (name, value) in std::mem::take(&mut self.unflushed) {
            if dice.roll(2) == 0 {
                store(&mut self.disk, name, value);
            }
        }
        self.cache = self.disk.clone();
        for (number, bytes) in std::mem::take(&mut self.unsynced) {
            let durable = self.journals.get(&number).map_or(0, Vec::len);
            if durable == 0 && dice.roll(2) == 0 {
                continue;
            }
            let kept = durable + dice.roll(bytes.len() - durable + 1);
            let mut bytes = bytes[..kept].to_vec();
            if dice.roll(3) == 0 {
                // A sector that was only half written.
                let torn = dice.roll(kept - durable + 1);
                bytes[kept - torn..].fill_with(|| u8::try_from(dice.roll(256)).unwrap());
            }
            self.journals.insert(number, bytes);
        }
        (self.is_off, self.fuel) = (false, None);
    }

    fn journal(&self, number: u32) -> Vec<u8> {
        self.unsynced.get(&number).or_else(|| self.journals.get(&number)).cloned().unwrap_or_default()
    }
}

fn store(values: &mut BTreeMap<String, RawValue>, name: String, value: Option<RawValue>) {
    match value {
        Some(value) => drop(values.insert(name, value)),
        None => drop(values.remove(&name)),
    }
}

/// One face of the world for each trait.
#[derive(Clone)]
pub(super) struct Face(pub(super) Rc<RefCell<World>>);

fn off() -> std::io::Error {
    std::io::Error::other("the power is off")
}

impl Face {
    fn act(&self, act: impl FnOnce(&mut World)) -> Result<(), JournalError> {
        let mut world = self.0.borrow_mut();
        if !world.has_power() {
            return Err(JournalError::Write { path: "journal".into(), source: off() });
        }
        act(&mut world);
        Ok(())
    }

    fn write_value(&self, name: &str, value: Option<RawValue>) -> Result<(), RegistryError> {
        let name = name.to_ascii_lowercase();
        let done = self.act(|world| {
            store(&mut world.cache, name.clone(), value.clone());
            world.unflushed.push((name, value));
        });
        done.map_err(|_| RegistryError::Denied { key: KEY.to_owned() })
    }
}

impl Registry for Face {
    fn read(&self, _: Root, key: &str, names: &[&str]) -> Result<Vec<Option<RawValue>>, RegistryError> {
        assert_eq!(key, KEY);
        let world = self.0.borrow();
        Ok(names.iter().map(|name| world.cache.get(&name.to_ascii_lowercase()).cloned()).collect())
    }

    fn values(&self, _: Root, _: &str) -> Result<Vec<(String, RawValue)>, RegistryError> {
        unreachable!("apply reads by name")
    }

    fn subkeys(&self, _: Root, _: &str) -> Result<Vec<String>, RegistryError> {
        unreachable!("apply reads by name")
    }
}

impl RegistryWrite for Face {
    fn set(&mut self, _: Root, _: &str, name: &str, value: &RawValue) -> Result<(), RegistryError> {
        self.write_value(name, Some(value.clone()))
    }

    fn remove(&mut self, _: Root, _: &str, name: &str) -> Result<(), RegistryError> {
        self.write_value(name, None)
    }

    fn flush(&mut self) -> Result<(), RegistryError> {
        let done = self.act(|world| {
            if !world.lies.flush {
                world.unflushed.clear();
                world.disk = world.cache.clone();
            }
        });
        done.map_err(|_| RegistryError::Write { path: "a.reg".into(), source: off() })
    }
}

impl FileWrite for Face {
    fn read(&self, _: FileRole) -> Result<Option<Vec<u8>>, Reason> {
        Ok(self.0.borrow().wallpaper.clone())
    }

    fn write(&mut self, _: FileRole, bytes: &[u8]) -> Result<(), Reason> {
        self.act(|world| world.wallpaper = Some(bytes.to_vec())).map_err(|_| Reason::AccessDenied)
    }

    fn remove(&mut self, _: FileRole) -> Result<(), Reason> {
        self.act(|world| world.wallpaper = None).map_err(|_| Reason::AccessDenied)
    }
}

impl Journals for Face {
    fn numbers(&self) -> Result<Vec<u32>, JournalError> {
        let world = self.0.borrow();
        let numbers: BTreeSet<u32> = world.journals.keys().chain(world.unsynced.keys()).copied().collect();
        Ok(numbers.into_iter().collect())
    }

    fn read(&self, number: u32) -> Result<Vec<u8>, JournalError> {
        Ok(self.0.borrow().journal(number))
    }

    fn create(&mut self, number: u32) -> Result<(), JournalError> {
        self.act(|world| drop(world.unsynced.insert(number, Vec::new())))
    }

    fn append(&mut self, number: u32, bytes: &[u8]) -> Result<(), JournalError> {
        self.act(|world| {
            let all = [&world.journal(number), bytes].concat();
            world.unsynced.insert(number, all);
        })
    }

    fn sync(&mut self, number: u32) -> Result<(), JournalError> {
        self.act(|world| {
            if !world.lies.sync {
                let bytes = world.journal(number);
                world.unsynced.remove(&number);
                world.journals.insert(number, bytes);
            }
        })
    }

    fn cut(&mut self, number: u32, len: u64) -> Result<(), JournalError> {
        self.act(|world| {
            let mut bytes = world.journal(number);
            bytes.truncate(usize::try_from(len).unwrap());
            world.unsynced.remove(&number);
            world.journals.insert(number, bytes);
        })
    }

    fn remove(&mut self, number: u32) -> Result<(), JournalError> {
        self.act(|world| {
            world.unsynced.remove(&number);
            world.journals.remove(&number);
            world.pictures.retain(|(of, _), _| *of != number);
        })
    }

    fn put_picture(&mut self, number: u32, picture: Picture, bytes: &[u8]) -> Result<(), JournalError> {
        self.act(|world| drop(world.pictures.insert((number, picture), bytes.to_vec())))
    }

    fn picture(&self, number: u32, picture: Picture) -> Result<Option<Vec<u8>>, JournalError> {
        Ok(self.0.borrow().pictures.get(&(number, picture)).cloned())
    }
}

pub(super) struct Noon;

impl Clock for Noon {
    fn now(&self) -> Moment {
        Moment(0)
    }
}

fn on<T>(face: &Face, act: impl FnOnce(&mut Target, &mut Work) -> T) -> T {
    let (mut registry, mut files, mut journals) = (face.clone(), face.clone(), face.clone());
    let mut target = Target { name: "a.reg", registry: &mut registry, files: &mut files, effects: &mut Unseen };
    let mut work = Work { journals: &mut journals, clock: &Noon, progress: &mut |_, _| {} };
    act(&mut target, &mut work)
}

fn raw(reg_type: u32, bytes: &[u8]) -> RawValue {
    RawValue { reg_type, bytes: bytes.to_vec() }
}

/// A PC with values to replace, to remove and to add, two settings in one value, and a background.
fn lived_in() -> World {
    let disk: BTreeMap<String, RawValue> = [
        ("align", raw(4, &[1, 0, 0, 0])),
        ("contrast", raw(1, b"5\x005\0")),
        ("clock", raw(4, &[0, 0, 0, 0])),
        ("mask", raw(3, &[0xff, 0, 0, 0, 0, 0, 0, 7])),
    ]
    .map(|(name, raw)| (name.to_owned(), raw))
    .into();
    World { cache: disk.clone(), disk, wallpaper: Some(PNG.to_vec()), ..World::default() }
}

fn set(id: &str, new: Value, world: &World) -> SettingStep {
    let setting = sample::table().find(id).unwrap();
    let stored = setting.name().map(str::to_ascii_lowercase).and_then(|name| world.cache.get(&name));
    let picture = || world.wallpaper.as_deref().map(picture);
    let old = if setting.name().is_none() { picture() } else { stored.map(|raw| codec::decode(setting, raw).unwrap()) };
    step(id, SettingAction::Set { old, new })
}

fn step(id: &str, action: SettingAction) -> SettingStep {
    let setting = sample::table().find(id).unwrap();
    let title = setting.title.to_owned();
    SettingStep {
        id: id.to_owned(),
        title,
        category: setting.category,
        stage: setting.stage,
        action,
        about: About::default(),
    }
}

fn picture(bytes: &[u8]) -> Value {
    Value::File(FileRef { blob: BlobId([bytes[1]; 32]), size: bytes.len() as u64 })
}

fn plan(world: &World) -> Plan {
    let settings = vec![
        set("accessibility.contrast", Value::Int(70), world),
        set("taskbar.alignment", Value::Choice("left".to_owned()), world),
        step("taskbar.clock", SettingAction::Remove { old: Value::Bool(false) }),
        set("personalization.wallpaper", picture(JPEG), world),
        set("desktop.animate", Value::Bool(false), world),
        set("desktop.shadow", Value::Bool(true), world),
        set("region.short_date", Value::Text("dd.MM.yyyy".to_owned()), world),
    ];
    Plan { settings, ..Plan::default() }
}

fn restore(face: &Face) -> Result<Outcome, ApplyError> {
    let plan = plan(&lived_in());
    on(face, |target, work| apply_in(sample::table(), &plan, &|_, _| Ok(JPEG.to_vec()), (target, work)))
}

fn take_back(face: &Face) -> Result<Outcome, ApplyError> {
    on(face, |target, work| undo_in(sample::table(), None, &Choice::all(), (target, work)))
}

fn start(face: &Face) -> Result<Vec<Recovered>, ApplyError> {
    on(face, |target, work| recover_in(sample::table(), (target, work)))
}

/// What a person would find: the values and the background.
type Found = (BTreeMap<String, RawValue>, Option<Vec<u8>>);

fn found(world: &World) -> Found {
    (world.disk.clone(), world.wallpaper.clone())
}

/// What the cuts led to.
#[derive(Debug, Default)]
struct Seen {
    /// Runs that were cut off, each at one operation with one loss.
    kills: usize,
    /// All cuts: those, and those of the starts after them.
    cuts: usize,
    /// States of the newest journal; `None`: there is none.
    ends: BTreeSet<Option<String>>,
}

/// Cuts the power at each operation of a run, and at some operations of the start after it, and says what was wrong afterwards.
fn cut_power(before: &World, run: fn(&Face) -> Result<Outcome, ApplyError>) -> Result<Seen, String> {
    let whole = Face(Rc::new(RefCell::new(before.clone())));
    assert_eq!(run(&whole).unwrap().failed, []);
    let operations = whole.0.borrow().operations - before.operations;
    let (prior, target) = (found(before), (whole.0.borrow().cache.clone(), whole.0.borrow().wallpaper.clone()));
    assert_ne!(prior, target);
    let journals_before = before.journals.len();
    let mut seen = Seen::default();
    for at in 0..=operations {
        for loss in 0..LOSSES {
            let mut dice = Dice(loss << 32 | at as u64);
            let face = Face(Rc::new(RefCell::new(World { fuel: Some(at), ..before.clone() })));
            let is_done = run(&face).is_ok();
            face.0.borrow_mut().restart(&mut dice);
            (seen.kills, seen.cuts) = (seen.kills + 1, seen.cuts + 1);
            for _ in 0..dice.roll(6) {
                face.0.borrow_mut().fuel = Some(dice.roll(16));
                // It may come to its end before the power fails.
                let _ = start(&face);
                face.0.borrow_mut().restart(&mut dice);
                seen.cuts += 1;
            }
            start(&face).map_err(|error| format!("cut at {at}, loss {loss}: no recovery: {error}"))?;
            // A last power cut: what is not durable now is lost.
            face.0.borrow_mut().restart(&mut dice);
            let world = face.0.borrow();
            let states = journal::list(&face).unwrap();
            let newest = states.first().filter(|_| states.len() > journals_before).map(|journal| journal.state);
            if newest != Some(State::Damaged) {
                seen.ends.insert(newest.map(|state| format!("{state:?}")));
            }
            let is_as_it_says = match newest {
                Some(State::Done) => found(&world) == target,
                // Damaged: the very first bytes were garbled before they were ever synced. Whether that is a journal that was once whole cannot
                // be told from it, so it is kept and said; nothing was changed by then.
                Some(State::RolledBack | State::Damaged) | None => found(&world) == prior && !is_done,
                Some(_) => false,
            };
            if !is_as_it_says {
                return Err(format!("cut at {at}, loss {loss}: {newest:?} with {:?}", found(&world)));
            }
        }
    }
    Ok(seen)
}

fn restored() -> World {
    let face = Face(Rc::new(RefCell::new(lived_in())));
    restore(&face).unwrap();
    face.0.take()
}

#[test]
fn a_power_cut_at_any_moment_ends_in_all_or_nothing() {
    let (restored, taken_back) = (cut_power(&lived_in(), restore).unwrap(), cut_power(&restored(), take_back).unwrap());
    let (kills, cuts) = (restored.kills + taken_back.kills, restored.cuts + taken_back.cuts);
    eprintln!("{kills} kill points\nfaults: runs={cuts} lost=0 half=0 restore-cuts={cuts}");
    assert!(kills >= KILL_POINTS, "only {kills} kill points");
    let every_end = BTreeSet::from([None, Some("Done".to_owned()), Some("RolledBack".to_owned())]);
    assert_eq!((&restored.ends, &taken_back.ends), (&every_end, &every_end), "some end was never reached");
}

#[test]
fn a_journal_that_is_not_durable_is_noticed() {
    let lies = Lies { sync: true, flush: false };
    cut_power(&World { lies, ..lived_in() }, restore).unwrap_err();
}

#[test]
fn a_registry_that_is_not_durable_is_noticed() {
    let lies = Lies { sync: false, flush: true };
    cut_power(&World { lies, ..lived_in() }, restore).unwrap_err();
}

#[test]
fn an_undo_after_any_power_cut_puts_everything_back() {
    let before = lived_in();
    let whole = restored().operations;
    for at in 0..=whole {
        let face = Face(Rc::new(RefCell::new(World { fuel: Some(at), ..before.clone() })));
        let _ = restore(&face);
        face.0.borrow_mut().restart(&mut Dice(at as u64));
        start(&face).unwrap();
        match take_back(&face) {
            Ok(outcome) => assert_eq!(outcome.failed, []),
            Err(error) => assert_eq!(error.reason(), Reason::NothingToUndo),
        }
        assert_eq!(found(&face.0.borrow()), found(&before), "cut at {at}");
    }
}

/// Has each operation of a run fail, once or with all after it, and says what was wrong with what came of it. Gives how many were tried.
fn fail(before: &World, run: fn(&Face) -> Result<Outcome, ApplyError>, all: (&Found, &Found)) -> Result<usize, String> {
    let (prior, target) = all;
    let whole = Face(Rc::new(RefCell::new(before.clone())));
    run(&whole).unwrap();
    let operations = whole.0.borrow().operations - before.operations;
    let tries = (0..operations).flat_map(|at| [Lasting::Once, Lasting::FromThenOn].map(|lasting| (at, lasting)));
    let mut tried = 0;
    for (at, lasting) in tries {
        let face = Face(Rc::new(RefCell::new(World { fault: Some((at, lasting)), ..before.clone() })));
        let done = run(&face);
        face.0.borrow_mut().fault = None;
        let wrong =
            |what: &str| Err(format!("{at} fails {lasting:?}: {what}: {done:?}, then {:?}", found(&face.0.borrow())));
        start(&face).map_err(|error| format!("{at} fails {lasting:?}: no recovery: {error}"))?;
        let now = found(&face.0.borrow());
        let states = journal::list(&face).unwrap();
        let newest = states.first().filter(|_| states.len() > before.journals.len()).map(|journal| journal.state);
        let is_as_it_says = match newest {
            Some(State::Done) => now == *target,
            Some(State::RolledBack | State::Damaged) | None => now == *prior,
            Some(_) => false,
        };
        match &done {
            Ok(outcome) if outcome.failed.is_empty() && now != *target => return wrong("done, and it is not"),
            Err(_) if !is_as_it_says => return wrong(&format!("refused, and not as its journal says: {newest:?}")),
            // What could not be written is named, and the rest is there.
            _ => {}
        }
        tried += 1;
        // The start has finished it, or the next one does: nothing stands in the way any more.
        if now == *target {
            continue;
        }
        let again = run(&face);
        if !again.as_ref().is_ok_and(|outcome| outcome.failed.is_empty()) || found(&face.0.borrow()) != *target {
            return wrong(&format!("the next one does not finish it: {again:?}"));
        }
    }
    Ok(tried)
}

/// The disk refuses something, or everything from then on, and nothing is lost: what came of it is as it was said, and the next run finishes it.
#[test]
fn whichever_operation_fails_a_restore_and_an_undo_are_finished_by_the_next_one() {
    let (as_it_was, as_wanted) = (found(&lived_in()), found(&restored()));
    let tried = fail(&lived_in(), restore, (&as_it_was, &as_wanted)).unwrap();
    let taken_back = fail(&restored(), take_back, (&as_wanted, &as_it_was)).unwrap();
    eprintln!("operations that fail\nfaults: runs={} lost=0 half=0", tried + taken_back);
    assert!(tried > 30 && taken_back > 20, "{tried} {taken_back}");
}
