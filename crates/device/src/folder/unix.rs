//! Folders by file descriptor: `openat` and its kin (POSIX.1-2008), with `O_NOFOLLOW` for each step.

use std::ffi::{OsStr, OsString};
use std::fs::{File, Metadata};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags};
use rustix::io::Errno;

use super::FolderError;

/// How a folder is opened. `NONBLOCK` so that a pipe in its place keeps nobody waiting.
const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC).union(OFlags::NONBLOCK);

#[derive(Debug)]
pub(super) struct Folder(OwnedFd);

impl Folder {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self(rustix::fs::openat(CWD, path, FOLDER, Mode::empty())?))
    }

    pub(super) fn child(&self, name: &OsStr) -> Result<Self, FolderError> {
        let opened = rustix::fs::openat(&self.0, name, FOLDER | OFlags::NOFOLLOW, Mode::empty());
        opened.map(Self).map_err(|error| self.why(name, error))
    }

    /// Systems disagree on the number that a link gives: whether one was there is looked up. That only chooses the words.
    fn why(&self, name: &OsStr, error: Errno) -> FolderError {
        let is_link = || {
            let found = rustix::fs::statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW);
            found.is_ok_and(|found| FileType::from_raw_mode(found.st_mode) == FileType::Symlink)
        };
        match error {
            Errno::LOOP => FolderError::Link,
            Errno::NOTDIR if is_link() => FolderError::Link,
            other => FolderError::System(other.into()),
        }
    }

    pub(super) fn make(&self, name: &OsStr) -> io::Result<()> {
        rustix::fs::mkdirat(&self.0, name, Mode::RWXU)?;
        self.sync()
    }

    pub(super) fn names(&self, most: usize) -> io::Result<Vec<OsString>> {
        let mut names = Vec::new();
        for entry in Dir::read_from(&self.0)?.take(most.saturating_add(2)) {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." {
                names.push(OsStr::from_bytes(name).to_owned());
            }
        }
        Ok(names)
    }

    /// What was opened, and what it was found to be then.
    pub(super) fn open_file(&self, name: &OsStr) -> Result<(File, Metadata), FolderError> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let opened = rustix::fs::openat(&self.0, name, flags, Mode::empty());
        let file = opened.map(File::from).map_err(|error| self.why(name, error))?;
        let found = file.metadata()?;
        Ok((file, found))
    }

    pub(super) fn create(&self, name: &OsStr) -> io::Result<File> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(rustix::fs::openat(&self.0, name, flags, Mode::RUSR | Mode::WUSR)?.into())
    }

    pub(super) fn put(&self, fresh: &OsStr, name: &OsStr) -> io::Result<()> {
        rustix::fs::renameat(&self.0, fresh, &self.0, name)?;
        self.sync()
    }

    pub(super) fn remove(&self, name: &OsStr) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.0, name, AtFlags::empty())?)
    }

    pub(super) fn sync(&self) -> io::Result<()> {
        Ok(rustix::fs::fsync(&self.0)?)
    }
}
