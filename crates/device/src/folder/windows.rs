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
        // With a separator at its end, the path is that of a folder only, and the handle need not be asked what it is.
        let held = OpenOptions::new()
            .access_mode(GO_THROUGH)
            .share_mode(FILE_SHARE_READ_WRITE)
            .custom_flags(FILE_FLAG_BACKUP_SEMANTICS)
            .open(path.join(""))?;
        Ok(Self { path: path.to_owned(), held: vec![Arc::new(held)] })
    }

    pub(super) fn child(&self, name: &OsStr) -> Result<Self, FolderError> {
        let path = self.path.join(name);
        let (file, found) = no_link(&path, OpenOptions::new().access_mode(GO_THROUGH))?;
        if !is_folder(&found) {
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

/// Opens what stands there itself, with what it is, and refuses a link. While the file is held, nobody can put another one in its place, so a look at its name then is
/// a look at it: Wine 8 shows a link to a folder as a reparse point by its name and not by its handle. What is listed as a folder is not asked by its handle as well, which
/// makes Windows look at the volume each time; how long a file is, and when it was changed, only its handle knows for sure.
fn no_link(path: &Path, options: &mut OpenOptions) -> Result<(File, Metadata), FolderError> {
    let file = options
        .share_mode(FILE_SHARE_READ_WRITE)
        .custom_flags(FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_OPEN_REPARSE_POINT)
        .open(path)?;
    let mut listed = listed(path);
    if listed.iter().any(is_link) {
        return Err(FolderError::Link);
    }
    let found = match listed.pop() {
        Some(folder) if listed.is_empty() && is_folder(&folder) => folder,
        _ => file.metadata()?,
    };
    if is_link(&found) { Err(FolderError::Link) } else { Ok((file, found)) }
}

fn is_link(found: &Metadata) -> bool {
    found.file_attributes() & FILE_ATTRIBUTE_REPARSE_POINT != 0
}

fn is_folder(found: &Metadata) -> bool {
    found.file_attributes() & FILE_ATTRIBUTE_DIRECTORY != 0
}

/// What the folder above lists under that name: one entry, or more where it tells large letters from small ones, or none if it has the name otherwise.
fn listed(path: &Path) -> Vec<Metadata> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return Vec::new() };
    let listed = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let same = listed.filter(|entry| entry.file_name().eq_ignore_ascii_case(name));
    same.filter_map(|entry| entry.metadata().ok()).collect()
}
