//! What a restore writes to: this PC, or a `.reg` file and the folder of files beside it.
//!
//! The file stands for a PC wherever there is no live one: in tests, in the demo, on a helpdesk's desk. A file that is not there yet is an empty
//! PC. The live PC is put together by whoever can reach it ([`LivePc`]): its registry and the calls that make a change visible come from the crate
//! `win32`, and nothing here knows them.

use std::path::{Path, PathBuf};

use model::catalog::{Effect, FileRole, Root};
use model::envelope::Source;
use model::reason::Reason;
use model::snapshot::{DeviceFacts, Reading, Snapshot};
use model::value::Value;
use seal::KeyRing;

use crate::apply::{FolderFiles, LiveFiles, NotRestarted, Picture, Shows, Target, picture_ending};
use crate::apps::{Exported, Listed, PcApps};
use crate::backup::blob_id;
use crate::codec::text_of;
use crate::collect::{Collected, Sources, collect};
use crate::facts::{Asked, Known, RegPlaces};
use crate::input::{Input, InputError, read_reg_file};
use crate::own_files::lock_screen::{Shown, is_one_picture};
use crate::own_files::{Content, OwnFiles};
use crate::picture::noted;
use crate::plan::PICTURE_BYTES_MAX;
use crate::registry::{MemoryRegistry, Registry, RegistryWrite};
use crate::state::ServerPolicy;

/// The name by which journals recognise the PC that the program runs on.
pub const THIS_PC: &str = "this PC";

/// Something that settings are restored to.
pub trait RestoreTarget {
    /// The name by which journals recognise it: [`THIS_PC`], or the absolute path of a file.
    fn name(&self) -> &str;

    /// What it is.
    fn source(&self) -> Source;

    /// What it has now.
    fn snapshot(&self, ring: &KeyRing) -> Snapshot;

    /// What it said of its PC and of the policies there when it was opened.
    fn known(&self) -> &Known;

    /// Lets the server's policy count, below what the PC's own say.
    fn obey(&mut self, server: &ServerPolicy);

    /// As apply wants it.
    fn as_target(&mut self) -> Target<'_>;
}

/// The calls that make a change visible on a live PC. Apply makes them after each stage, when what the stage has written is durable.
pub trait Effects {
    /// Makes one change visible that a call or a broadcast can, or tells Explorer of it; `picture` is, as this run left it, the picture that the effect is about: the desktop
    /// background, or that of the lock screen or the account. The error says why not: a value that is stored but not seen yet is no failure.
    fn take(&mut self, effect: Effect, picture: &Picture) -> Result<(), String>;

    /// Ends the person's Explorer and has it started again. The error says why not.
    fn restart_explorer(&mut self) -> Result<(), NotRestarted>;
}

/// A target that nobody looks at, such as a file: there is nothing to make visible.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unseen;

impl Effects for Unseen {
    fn take(&mut self, _: Effect, _: &Picture) -> Result<(), String> {
        Ok(())
    }

    fn restart_explorer(&mut self) -> Result<(), NotRestarted> {
        Err(NotRestarted::NotThere("a file has no Explorer"))
    }
}

/// The PC that the program runs on, as the signed-in person may write it.
pub struct LivePc {
    /// The person's registry.
    pub registry: Box<dyn RegistryWrite>,
    /// The apps that the PC lists beside the person's registry.
    pub listed: Listed,
    /// What the PC says of itself.
    pub known: Known,
    /// The person's files that are settings.
    pub files: LiveFiles,
    /// What makes changes visible.
    pub effects: Box<dyn Effects>,
}

/// Where a restore on the live PC finds and puts a person's files.
pub struct LivePictures {
    /// Where Windows keeps them.
    pub windows: OwnFiles,
    /// What it says of its lock screen, if it says anything.
    pub lock_screen: Option<Shown>,
    /// The folder that restored pictures are put into.
    pub ours: PathBuf,
}

impl LivePictures {
    /// The files as they are now: whose picture is on the desktop goes by what the registry names.
    pub fn files(self, registry: &dyn Registry) -> LiveFiles {
        let Self { windows, lock_screen, ours } = self;
        let ours = FolderFiles::new(&ours);
        let ours = match windows.spelling {
            Some(spelling) => ours.with_spelling(spelling),
            None => ours,
        };
        let stored = registry.read(Root::User, r"Control Panel\Desktop", &["WallPaper"]).ok();
        let named = stored.and_then(|mut found| found.pop().flatten()).and_then(|raw| text_of(&raw.bytes));
        let is_ours = |named: &str| {
            ours.existing(FileRole::Wallpaper).is_some_and(|path| path.to_string_lossy().eq_ignore_ascii_case(named))
        };
        let desktop = match named {
            Some(named) if named.is_empty() => Shows::Theirs(None),
            Some(named) if is_ours(&named) => Shows::Ours,
            _ => Shows::Theirs(windows.wallpaper.map(Content::There)),
        };
        let lock_screen = lock_screen.map_or(Shows::Ours, |shown| on_lock_screen(shown, &ours, registry));
        LiveFiles::new(ours, desktop, lock_screen)
    }
}

/// Whose picture the lock screen shows. One that could not be set back counts as none.
fn on_lock_screen(shown: Shown, ours: &FolderFiles, registry: &dyn Registry) -> Shows {
    if ours.existing(FileRole::LockScreen).is_some_and(|path| shown.is_made_from(&path)) {
        return Shows::Ours;
    }
    let is_good = picture_ending(&shown.picture).is_some() && shown.picture.len() as u64 <= PICTURE_BYTES_MAX;
    match is_good && is_one_picture(registry) {
        true if shown.is_stock() => Shows::Stock(shown.picture),
        true => Shows::Theirs(Some(Content::Here(shown.picture))),
        false => Shows::Theirs(None),
    }
}

impl Input {
    /// The PC that the program runs on: `files` are the person's own, `listed` is what it lists of apps beside the registry, and `exported` is what winget
    /// knows.
    pub fn live(
        registry: Box<dyn Registry>,
        known: Known,
        files: OwnFiles,
        (listed, exported): (Listed, Option<Exported>),
    ) -> Self {
        Self {
            listed,
            exported,
            registry,
            source: Source::Live,
            facts: known.facts.for_snapshot(),
            known,
            files,
            amcache: None,
            warnings: Vec::new(),
            notes: Vec::new(),
        }
    }
}

impl RestoreTarget for LivePc {
    fn name(&self) -> &str {
        THIS_PC
    }

    fn source(&self) -> Source {
        Source::Live
    }

    fn snapshot(&self, ring: &KeyRing) -> Snapshot {
        let facts = self.known.facts.for_snapshot();
        snapshot_of((&*self.registry, &self.listed), (facts, &self.files.own_files()), ring)
    }

    fn known(&self) -> &Known {
        &self.known
    }

    fn obey(&mut self, server: &ServerPolicy) {
        server.join(&mut self.known.values);
    }

    fn as_target(&mut self) -> Target<'_> {
        let Self { registry, files, effects, .. } = self;
        Target { name: THIS_PC, registry: &mut **registry, files, effects: &mut **effects }
    }
}

fn snapshot_of(
    (registry, listed): (&dyn Registry, &Listed),
    (facts, files): (DeviceFacts, &OwnFiles),
    ring: &KeyRing,
) -> Snapshot {
    let apps = &PcApps { registry, listed };
    let Collected { mut snapshot, files, .. } =
        collect(&Sources { registry, apps, facts, files, blob_id: &|file| blob_id(ring, file) });
    // A picture that a restore has put here counts as the one that it was made from.
    for (is, was) in files.iter().filter_map(|found| Some((found.file, noted(&found.head)?))) {
        let here = snapshot.readings.values_mut().filter(|reading| reading.value() == Some(&Value::File(is)));
        here.for_each(|reading| *reading = Reading::Set { value: Value::File(was) });
    }
    snapshot
}

/// A `.reg` file to restore to.
pub struct RegTarget {
    name: String,
    registry: MemoryRegistry,
    known: Known,
    files: FolderFiles,
    unseen: Unseen,
}

impl RegTarget {
    /// Reads the file, if there is one. Nothing is written before something is restored.
    pub fn open(path: &Path) -> Result<Self, InputError> {
        let given = path;
        let unread = |source| InputError::Read { path: given.to_owned(), source };
        let path = std::path::absolute(given).map_err(unread)?;
        let folder = path.parent().ok_or(InputError::File { path: path.clone(), reason: Reason::IsADirectory })?;
        // One name for one file, however it is written, so that its journals are found again.
        let folder = folder.canonicalize().map_err(|source| match source.kind() {
            std::io::ErrorKind::NotFound => InputError::NoFolder { path: path.clone(), folder: folder.to_owned() },
            _ => unread(source),
        })?;
        let path = folder.join(path.file_name().unwrap_or_default());
        let registry = match path.try_exists() {
            Ok(false) => MemoryRegistry::whole(),
            _ => read_reg_file(&path)?,
        };
        let files = FolderFiles::beside(&path);
        let known = crate::facts::read(&RegPlaces(&registry), &Asked::default());
        Ok(Self { name: path.display().to_string(), registry: registry.backed_by(path), known, files, unseen: Unseen })
    }
}

impl RestoreTarget for RegTarget {
    fn name(&self) -> &str {
        &self.name
    }

    fn source(&self) -> Source {
        Source::RegFile
    }

    fn snapshot(&self, ring: &KeyRing) -> Snapshot {
        snapshot_of(
            (&self.registry, &Listed::default()),
            (self.known.facts.for_snapshot(), &self.files.own_files()),
            ring,
        )
    }

    fn known(&self) -> &Known {
        &self.known
    }

    fn obey(&mut self, server: &ServerPolicy) {
        server.join(&mut self.known.values);
    }

    fn as_target(&mut self) -> Target<'_> {
        let Self { name, registry, files, unseen, .. } = self;
        Target { name, registry, files, effects: unseen }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apply::FileWrite;
    use crate::registry::RawValue;

    const JPEG: &[u8] = b"\xff\xd8\xff\xe0 the former picture";
    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n the restored picture";
    const ROLE: FileRole = FileRole::LockScreen;

    /// A PC whose lock screen shows a picture that was made from this file.
    fn showing(folder: &Path, made_from: &Path, picture: &[u8], registry: &dyn Registry) -> LiveFiles {
        let shown = Shown { made_from: Some(made_from.to_string_lossy().into_owned()), picture: picture.to_vec() };
        let windows = OwnFiles::default();
        LivePictures { windows, lock_screen: Some(shown), ours: folder.join("ours") }.files(registry)
    }

    #[test]
    fn the_picture_that_a_lock_screen_shows_is_there_to_be_set_back() {
        let folder = tempfile::tempdir().unwrap();
        let (folder, registry) = (folder.path(), MemoryRegistry::new());
        let mut files = showing(folder, Path::new(r"C:\Users\ada\lake.jpg"), JPEG, &registry);
        assert_eq!(files.read(ROLE).unwrap().as_deref(), Some(JPEG), "an undo will want it");
        assert_eq!(files.own_files().lock_screen, Ok(Some(Content::Here(JPEG.to_vec()))));
        assert_eq!(files.picture(ROLE), Picture::Untouched(None));
        files.write(ROLE, PNG).unwrap();
        let ours = folder.join("ours").join("lock_screen.png");
        assert_eq!(
            (files.read(ROLE).unwrap().as_deref(), files.picture(ROLE)),
            (Some(PNG), Picture::Set(ours.clone()))
        );

        // The next run: Windows says that it shows ours, in whatever form it keeps it.
        let mut files = showing(folder, &ours, b"\xff\xd8\xff\xe0 made smaller", &registry);
        assert_eq!(files.read(ROLE).unwrap().as_deref(), Some(PNG));
        files.write(ROLE, JPEG).unwrap();
        assert_eq!(files.picture(ROLE), Picture::Set(folder.join("ours").join("lock_screen.jpg")), "set back");
    }

    #[test]
    fn a_picture_of_windows_is_set_back_and_is_nobodys_own() {
        let folder = tempfile::tempdir().unwrap();
        let stock = Path::new(r"C:\Windows\Web\Screen\img100.jpg");
        let files = showing(folder.path(), stock, JPEG, &MemoryRegistry::new());
        assert_eq!((files.read(ROLE).unwrap().as_deref(), files.own_files().lock_screen), (Some(JPEG), Ok(None)));
    }

    #[test]
    fn what_is_no_single_picture_or_cannot_be_written_back_counts_as_none() {
        let folder = tempfile::tempdir().unwrap();
        let mut spotlight = MemoryRegistry::new();
        let on = RawValue { reg_type: 4, bytes: vec![1, 0, 0, 0] };
        let key = r"Software\Microsoft\Windows\CurrentVersion\ContentDeliveryManager";
        spotlight.set(Root::User, key, "RotatingLockScreenEnabled", &on).unwrap();
        let picture = Path::new(r"C:\Users\ada\lake.jpg");
        for (bytes, registry) in [(JPEG, &spotlight), (b"BM a bitmap", &MemoryRegistry::new())] {
            let files = showing(folder.path(), picture, bytes, registry);
            assert_eq!((files.read(ROLE), files.own_files().lock_screen), (Ok(None), Ok(None)));
        }
    }
}
