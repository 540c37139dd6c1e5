//! Folders by handles that are held: while one is open without `FILE_SHARE_DELETE`, nobody can rename, remove or exchange it (Microsoft Learn, `CreateFileW`), so a
//! path through held folders leads where it led when each was looked at. Links are opened themselves (`FILE_FLAG_OPEN_REPARSE_POINT`) and refused.
//!
//! Only what the standard library has: the calls of Windows are in `win32`.

use std::ffi::{OsStr, OsString};
use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::windows::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

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
        if held.metadata()?.file_attributes() & FILE_ATTRIBUTE_DIRECTORY == 0 {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        Ok(Self { path: path.to_owned(), held: vec![Arc::new(held)] })
    }

    pub(super) fn child(&self, name: &OsStr) -> Result<Self, FolderError> {
        let path = self.path.join(name);
        let (file, found) = no_link(&path, OpenOptions::new().access_mode(GO_THROUGH))?;
        if found.file_attributes() & FILE_ATTRIBUTE_DIRECTORY == 0 {
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
        no_link(&self.path.join(name), OpenOptions::new().read(true))
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

/// Opens what stands there itself, with what it is, and refuses a link. That is asked for once: each time Windows looks at the volume too. While the file is
/// held, nobody can put another one in its place, so a look at its name then is a look at it: Wine 8 shows a link to a folder as a reparse point by its name and
/// not by its handle.
fn no_link(path: &Path, options: &mut OpenOptions) -> Result<(File, Metadata), FolderError> {
    let file = options
        .share_mode(FILE_SHARE_READ_WRITE)
        .custom_flags(FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_OPEN_REPARSE_POINT)
        .open(path)?;
    let found = file.metadata()?;
    if is_link(&found) || listed_as_link(path) { Err(FolderError::Link) } else { Ok((file, found)) }
}

fn is_link(found: &Metadata) -> bool {
    found.file_attributes() & FILE_ATTRIBUTE_REPARSE_POINT != 0
}

/// Whether the folder above lists it as a link.
fn listed_as_link(path: &Path) -> bool {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return false };
    let listed = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found = listed.filter(|entry| entry.file_name().eq_ignore_ascii_case(name));
    found.any(|entry| entry.metadata().is_ok_and(|found| is_link(&found)))
}
