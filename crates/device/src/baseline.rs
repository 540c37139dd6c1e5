//! The baseline: what a PC had when Rehome first met the person on it, so that a restore can tell what they have changed since.
//!
//! It is taken once, when the PC is connected ([`remember`]), which in a managed fleet is at the person's first sign-in, before they have set
//! anything. A restore compares it with what is there now ([`changes`]): what differs, the person has set on this PC, and their own choice is not
//! overwritten without asking. What a restore of ours has put there is no change of theirs, as long as its journal is kept.
//!
//! A PC without a baseline (it was connected by an older version, or is a `.reg` file that nobody took one of) has no changes that could be told.

use std::collections::BTreeMap;

use model::catalog::{self, FileRole, Place, Setting};
use model::plan::Changed;
use model::snapshot::{Reading, Snapshot};
use model::value::Value;
use model::world::{Clock, Moment};
use serde::{Deserialize, Serialize};

use crate::apply::journal::{Content, JournalError, Journals, StepPlace, written_by_restores};
use crate::apply::{FileWrite, Target};
use crate::codec;
use crate::state::{State, StateError};
use model::catalog::Root;

/// What the person has changed since their first sign-in, by setting id.
pub type Changes = BTreeMap<String, Changed>;

/// What a PC had at the person's first sign-in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Baseline {
    /// When it was taken.
    pub taken_at: Moment,
    /// Of what: [`crate::target::THIS_PC`], or the path of a file.
    pub target: String,
    /// The readings of the settings that are registry values.
    pub readings: BTreeMap<String, Reading>,
    /// By what the picture on the desktop is recognised; `None`: there was none.
    picture: Option<Content>,
}

/// Why there is no saying what has changed.
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    /// The record on this PC.
    #[error(transparent)]
    State(#[from] StateError),
    /// The journals of earlier restores.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

impl BaselineError {
    /// The reason that a person and a script are told.
    pub fn reason(&self) -> model::reason::Reason {
        match self {
            Self::State(error) => error.reason(),
            Self::Journal(error) => error.reason(),
        }
    }
}

/// Keeps what the target has now as its baseline, unless there is one already. Says whether it did.
pub fn remember(state: &State, now: &Snapshot, target: &Target<'_>, clock: &dyn Clock) -> Result<bool, StateError> {
    if state.baseline(target.name)?.is_some() {
        return Ok(false);
    }
    let is_value = |id: &str| catalog::find(id).is_some_and(|setting| matches!(setting.place, Place::Value { .. }));
    let readings = now.readings.iter().filter(|(id, _)| is_value(id));
    state.save_baseline(&Baseline {
        taken_at: clock.now(),
        target: target.name.to_owned(),
        readings: readings.map(|(id, reading)| (id.clone(), reading.clone())).collect(),
        picture: picture(target.files),
    })?;
    Ok(true)
}

/// What the person has changed on the target since its baseline; nothing if it has none.
pub fn changes(
    state: &State,
    now: &Snapshot,
    target: &Target<'_>,
    journals: &dyn Journals,
) -> Result<Changes, BaselineError> {
    let Some(first) = state.baseline(target.name)? else { return Ok(Changes::new()) };
    let mut changes = first.changes(now, picture(target.files).as_ref());
    if !changes.is_empty() {
        for (id, place, content) in written_by_restores(journals, target.name)? {
            if changes.contains_key(&id) && is_as_left(&id, &place, content.as_ref(), target) {
                changes.remove(&id);
            }
        }
    }
    Ok(changes)
}

impl Baseline {
    fn changes(&self, now: &Snapshot, picture_now: Option<&Content>) -> Changes {
        let differs = |(id, reading): (&String, &Reading)| {
            let was = self.readings.get(id)?;
            (!alike(was, reading)).then(|| (id.clone(), Changed { from: was.value().cloned() }))
        };
        let mut changes: Changes = now.readings.iter().filter_map(differs).collect();
        if self.picture.as_ref() != picture_now {
            let of_desktop = |setting: &&Setting| setting.place == Place::File(FileRole::Wallpaper);
            let pictures = catalog::SETTINGS.iter().filter(of_desktop);
            changes.extend(pictures.map(|setting| (setting.id.to_owned(), Changed { from: None })));
        }
        changes
    }
}

/// Whether a person would call the two the same: a stored default and nothing stored are.
fn alike(was: &Reading, is: &Reading) -> bool {
    let is_default = |reading: &Reading| matches!(reading, Reading::Default { .. } | Reading::Absent);
    match (was.value(), is.value()) {
        (Some(was), Some(is)) => was == is,
        _ => was == is || (is_default(was) && is_default(is)),
    }
}

/// Whether the setting still is as a restore has left it.
fn is_as_left(id: &str, place: &StepPlace, left: Option<&Content>, target: &Target<'_>) -> bool {
    let Some(setting) = catalog::find(id) else { return false };
    match (setting.place, place) {
        (Place::File(role), StepPlace::File { .. }) => file(target.files, role).as_ref() == left,
        (Place::Value { key, name, .. }, StepPlace::Value { .. }) => {
            let meaning = |raw: Option<_>| -> Option<Option<Value>> {
                raw.map_or(Some(None), |raw| codec::decode(setting, &raw).ok().map(Some))
            };
            let stored = target.registry.read(Root::User, key, &[name]).ok().and_then(|mut found| found.pop());
            let Some(stored) = stored else { return false };
            meaning(stored).is_some_and(|now| Some(now) == meaning(left.and_then(Content::raw)))
        }
        _ => false,
    }
}

fn picture(files: &dyn FileWrite) -> Option<Content> {
    file(files, FileRole::Wallpaper)
}

fn file(files: &dyn FileWrite, role: FileRole) -> Option<Content> {
    files.read(role).ok().flatten().map(|bytes| Content::of_file(&bytes))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::apply::journal::FolderJournals;
    use crate::apply::{Outcome, Work, apply, undo};
    use crate::plan::{Choice, Here, plan};
    use crate::target::{RegTarget, RestoreTarget};

    const ALIGNMENT: &str = "taskbar.alignment";
    const JPEG: &[u8] = b"\xff\xd8\xff\xe0 a picture";

    struct Noon;

    impl Clock for Noon {
        fn now(&self) -> Moment {
            Moment(0)
        }
    }

    /// A PC that is a `.reg` file, and what Rehome remembers of it.
    struct Pc {
        state: State,
        ring: seal::KeyRing,
        folder: tempfile::TempDir,
    }

    impl Pc {
        fn new(values: &str) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let state = State::at(folder.path(), "default").unwrap();
            let keys = model::api::ProfileKeys {
                id_key: "33".repeat(32),
                current: model::ids::KeyId([8; 16]),
                keys: vec![(model::ids::KeyId([8; 16]), "44".repeat(32))],
                sealed_for: None,
            };
            let pc = Self { state, ring: seal::KeyRing::from_api(&keys).unwrap(), folder };
            pc.set(values);
            pc
        }

        /// What the person sets by themself: lines of the key that most of the taskbar lives in.
        #[expect(clippy::disallowed_methods, reason = "the test plays the person")]
        fn set(&self, values: &str) {
            let key = r"HKEY_CURRENT_USER\Software\Microsoft\Windows\CurrentVersion\Explorer\Advanced";
            let text = format!("Windows Registry Editor Version 5.00\r\n\r\n[{key}]\r\n{values}\r\n");
            fs::write(self.folder.path().join("pc.reg"), text).unwrap();
        }

        fn target(&self) -> RegTarget {
            RegTarget::open(&self.folder.path().join("pc.reg")).unwrap()
        }

        fn remember(&self) -> bool {
            let mut target = self.target();
            let now = target.snapshot(&self.ring);
            remember(&self.state, &now, &target.as_target(), &Noon).unwrap()
        }

        fn changed(&self) -> Vec<String> {
            let mut target = self.target();
            let now = target.snapshot(&self.ring);
            let journals = FolderJournals::new(self.state.journals());
            changes(&self.state, &now, &target.as_target(), &journals).unwrap().into_keys().collect()
        }

        /// Restores one setting, whoever has set it.
        fn restore(&self, id: &str, value: Value) -> Outcome {
            let readings = [(id.to_owned(), Reading::Set { value })].into();
            let old = Snapshot { readings, ..Snapshot::default() };
            let mut target = self.target();
            let plan = plan(&old, &Here::bare(&target.snapshot(&self.ring)), &Choice::all());
            self.run(&mut target, |target, work| apply(&plan, &|_, _| Ok(JPEG.to_vec()), target, work).unwrap())
        }

        fn undo(&self) -> Outcome {
            self.run(&mut self.target(), |target, work| undo(None, &Choice::all(), target, work).unwrap())
        }

        fn run<T>(&self, target: &mut RegTarget, act: impl FnOnce(&mut Target, &mut Work) -> T) -> T {
            let mut journals = FolderJournals::new(self.state.journals());
            let mut work = Work { journals: &mut journals, clock: &Noon, progress: &mut |_, _| () };
            act(&mut target.as_target(), &mut work)
        }
    }

    fn choice(word: &str) -> Value {
        Value::Choice(word.to_owned())
    }

    #[test]
    fn what_the_person_sets_after_it_was_taken_is_their_change() {
        let pc = Pc::new("\"TaskbarAl\"=dword:00000001");
        assert_eq!(pc.changed(), [""; 0], "without a baseline nothing can be told");
        assert!(pc.remember());
        assert!(!pc.remember(), "it is taken once");
        assert_eq!(pc.changed(), [""; 0]);
        pc.set("");
        assert_eq!(pc.changed(), [""; 0], "a stored default and nothing stored are the same");
        pc.set("\"TaskbarAl\"=dword:00000000\r\n\"TaskbarSd\"=dword:00000000");
        assert_eq!(pc.changed(), [ALIGNMENT, "taskbar.show_desktop"]);
        pc.set("\"TaskbarAl\"=dword:00000001");
        assert_eq!(pc.changed(), [""; 0], "set back");
    }

    #[test]
    fn what_a_restore_has_put_there_is_no_change_of_theirs() {
        let pc = Pc::new("");
        pc.remember();
        pc.restore(ALIGNMENT, choice("left"));
        assert_eq!(pc.changed(), [""; 0]);
        pc.set("\"TaskbarAl\"=dword:00000001");
        assert_eq!(pc.changed(), [""; 0], "back to what it was at first");
    }

    #[test]
    fn what_an_undo_gives_back_is_theirs_again() {
        let pc = Pc::new("\"Start_Layout\"=dword:00000001");
        pc.remember();
        pc.set("\"Start_Layout\"=dword:00000002");
        assert_eq!(pc.changed(), ["start.layout"]);
        pc.restore("start.layout", choice("default"));
        assert_eq!(pc.changed(), [""; 0], "the backup's was asked for");
        pc.undo();
        assert_eq!(pc.changed(), ["start.layout"]);
        pc.undo();
        assert_eq!(pc.changed(), [""; 0], "and the undo of the undo is the restore again");
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "the test plays the person, and a disk that forgets")]
    fn the_picture_counts_and_a_damaged_record_says_nothing() {
        let pc = Pc::new("");
        pc.remember();
        let files = pc.folder.path().join("pc.reg.files");
        fs::create_dir(&files).unwrap();
        fs::write(files.join("wallpaper.jpg"), JPEG).unwrap();
        assert_eq!(pc.changed(), ["personalization.background.picture"]);
        let kept = fs::read_dir(pc.state.folder().join("baselines")).unwrap().next().unwrap().unwrap().path();
        let bytes = fs::read(&kept).unwrap();
        fs::write(&kept, &bytes[..bytes.len() / 2]).unwrap();
        assert_eq!(pc.changed(), [""; 0]);
    }
}
