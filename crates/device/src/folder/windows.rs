//! Folders by handles that are held: while one is open without `FILE_SHARE_DELETE`, nobody can rename, remove or exchange it (Microsoft Learn, `CreateFileW`), so a
//! path through held folders leads where it led when each was looked at. Links are opened themselves (`FILE_FLAG_OPEN_REPARSE_POINT`) and refused.
//!
//! Only what the standard library has, and one call that `win32` lends ([`ask_by_handle`]): the calls of Windows are there.

use std::ffi::{OsStr, OsString};
use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::windows::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use super::FolderError;

// winnt.h and fileapi.h.
const FILE_ATTRIBUTE_DIRECTORY: u32 = 0x10;
const FILE_ATTRIBUTE_REPARSE_POINT: u32 = 0x400;
const FILE_SHARE_READ_WRITE: u32 = 0x1 | 0x2;
/// `FILE_TRAVERSE`, `FILE_READ_ATTRIBUTES` and `SYNCHRONIZE`: what going through a folder takes. Less would not keep others from exchanging it, and more is not given
/// to everybody everywhere.
const GO_THROUGH: u32 = 0x20 | 0x80 | 0x0010_0000;
const FILE_FLAG_BACKUP_SEMANTICS: u32 = 0x0200_0000;
const FILE_FLAG_OPEN_REPARSE_POINT: u32 = 0x0020_0000;

/// What says the attributes of an open file.
type Ask = fn(&File) -> io::Result<u32>;

static ASK: OnceLock<Ask> = OnceLock::new();

/// From now on this says what an open folder is. The standard library asks for all there is to know of it, for which Windows looks at the volume each time, and Wine wakes another
/// program; a backup goes through a dozen folders.
pub fn ask_by_handle(ask: Ask) {
    // Whoever was named first goes on.
    let _ = ASK.set(ask);
}

#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    /// This folder and those that it was reached through.
    held: Vec<Arc<File>>,
}

impl Folder {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        // The person's own arrangement may lead through links; where it leads to is then held.
        let held = OpenOptions::new()
            .access_mode(GO_THROUGH)
            .share_mode(FILE_SHARE_READ_WRITE)
            .custom_flags(FILE_FLAG_BACKUP_SEMANTICS)
            .open(path)?;
        if attributes(&held)? & FILE_ATTRIBUTE_DIRECTORY == 0 {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        Ok(Self { path: path.to_owned(), held: vec![Arc::new(held)] })
    }

    pub(super) fn child(&self, name: &OsStr) -> Result<Self, FolderError> {
        let path = self.path.join(name);
        let file = itself(&path, OpenOptions::new().access_mode(GO_THROUGH))?;
        let found = attributes(&file)?;
        refuse_link(&path, found)?;
        if found & FILE_ATTRIBUTE_DIRECTORY == 0 {
            return Err(FolderError::System(io::ErrorKind::NotADirectory.into()));
        }
        let mut held = self.held.clone();
        held.push(Arc::new(file));
        Ok(Self { path, held })
    }

    pub(super) fn make(&self, name: &OsStr) -> io::Result<()> {
        std::fs::create_dir(self.path.join(name))
    }

    pub(super) fn names(&self, most: usize) -> io::Result<Vec<OsString>> {
        std::fs::read_dir(&self.path)?.take(most).map(|entry| Ok(entry?.file_name())).collect()
    }

    /// What was opened, and what it was found to be then.
    pub(super) fn open_file(&self, name: &OsStr) -> Result<(File, Metadata), FolderError> {
        let path = self.path.join(name);
        let file = itself(&path, OpenOptions::new().read(true))?;
        let found = file.metadata()?;
        refuse_link(&path, found.file_attributes())?;
        Ok((file, found))
    }

    pub(super) fn create(&self, name: &OsStr) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).share_mode(0).custom_flags(FILE_FLAG_OPEN_REPARSE_POINT);
        options.open(self.path.join(name))
    }

    /// `MoveFileEx` replaces a link that stands there, and does not follow it.
    #[expect(
        clippy::disallowed_methods,
        reason = "the file was synced before, and Windows has no call that syncs a folder"
    )]
    pub(super) fn put(&self, fresh: &OsStr, name: &OsStr) -> io::Result<()> {
        std::fs::rename(self.path.join(fresh), self.path.join(name))
    }

    pub(super) fn remove(&self, name: &OsStr) -> io::Result<()> {
        std::fs::remove_file(self.path.join(name))
    }

    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "other systems have a call for it")]
    pub(super) fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}

/// Opens what stands there itself, if it is a link the link.
fn itself(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    options
        .share_mode(FILE_SHARE_READ_WRITE)
        .custom_flags(FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_OPEN_REPARSE_POINT)
        .open(path)
}

/// What an open folder is.
fn attributes(file: &File) -> io::Result<u32> {
    let by_metadata = || file.metadata().map(|found| found.file_attributes());
    // A system of files that does not know the shorter question knows the longer one.
    ASK.get().map_or_else(by_metadata, |ask| ask(file).or_else(|_| by_metadata()))
}

/// Refuses a link, of what is open and has these attributes. While it is held, nobody can put another one in its place, so a look at its name then is a look at it: Wine 8 shows
/// a link to a folder as a reparse point by its name and not by its handle. On Windows the handle is what counts: a list may be older than what it lists.
fn refuse_link(path: &Path, attributes: u32) -> Result<(), FolderError> {
    if is_link(attributes) || listed_as_link(path) { Err(FolderError::Link) } else { Ok(()) }
}

fn is_link(attributes: u32) -> bool {
    attributes & FILE_ATTRIBUTE_REPARSE_POINT != 0
}

/// Whether the folder above lists it as a link.
fn listed_as_link(path: &Path) -> bool {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return false };
    let listed = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found = listed.filter(|entry| entry.file_name().eq_ignore_ascii_case(name));
    found.any(|entry| entry.metadata().is_ok_and(|found| is_link(found.file_attributes())))
}
