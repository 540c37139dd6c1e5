//! A folder that is held open, and what lies in it: read and written without ever following a link.
//!
//! Whoever may write to a folder of a profile, or of a disk that was handed in, may put a link where a file of ours is about to be read or written, also
//! between a look and the deed. So a path is never looked at and then used: each folder on the way is opened by itself, from the handle of the one above it
//! (`openat` with `O_NOFOLLOW`; on Windows opened without following and held, so that nobody can exchange it), and a file is read from, created in, moved
//! in and removed from such a handle. A file is written under another name beside its place and takes it whole: a full disk leaves nothing half written.
//!
//! Only the first folder is opened by a path, and that path comes from the person or from their system, never from a hive or a snapshot. Names that do come
//! from there are [`Name`]s.

mod name;
#[cfg(unix)]
#[path = "unix.rs"]
mod system;
#[cfg(not(unix))]
#[path = "windows.rs"]
mod system;

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::{Component, Path, PathBuf};
use std::time::SystemTime;

use model::reason::Reason;

pub use name::Name;
#[cfg(not(unix))]
pub use system::ask_by_handle;

/// The most names that a folder is listed for: nobody has so many languages, or pictures of one screen.
const NAMES_MAX: usize = 4096;

/// The end of the name under which a file is written before it takes its place. One writer at a time: the state folder is locked meanwhile.
const FRESH: &str = ".new";

/// An open folder.
#[derive(Debug)]
pub struct Folder(system::Folder);

/// A file as it was looked at, without being read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// How many bytes it has.
    pub len: u64,
    /// When it was last written.
    pub changed: SystemTime,
}

/// Why something in a folder could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// A link stands in its place.
    #[error("it is a link")]
    Link,
    /// The system says no.
    #[error(transparent)]
    System(#[from] io::Error),
}

impl From<FolderError> for io::Error {
    fn from(error: FolderError) -> Self {
        match error {
            FolderError::System(error) => error,
            FolderError::Link => Self::other(error),
        }
    }
}

impl FolderError {
    /// The reason why a file could not be read.
    pub fn reason_of_read(&self) -> Reason {
        match self {
            Self::Link => Reason::IsALink,
            Self::System(error) => match error.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::IsADirectory => {
                    Reason::FileMissing
                }
                io::ErrorKind::PermissionDenied => Reason::AccessDenied,
                io::ErrorKind::FileTooLarge => Reason::FileTooLarge,
                _ => Reason::InputFailed,
            },
        }
    }

    /// The reason why a file could not be written.
    pub fn reason_of_write(&self) -> Reason {
        match self {
            Self::Link => Reason::IsALink,
            Self::System(error) => crate::apply::reason_of_write(error),
        }
    }

    fn is_absent(&self) -> bool {
        matches!(self, Self::System(error) if error.kind() == io::ErrorKind::NotFound)
    }
}

impl Folder {
    /// Opens a folder by its path, which comes from the person or their system.
    pub fn open(path: &Path) -> Result<Self, FolderError> {
        Ok(Self(system::Folder::open(path)?))
    }

    /// A folder in this one. A link in its place is refused.
    pub fn child(&self, name: &OsStr) -> Result<Self, FolderError> {
        Ok(Self(self.0.child(single(name)?)?))
    }

    /// A folder in this one; `None` if it is not there.
    pub fn child_if_there(&self, name: &OsStr) -> Result<Option<Self>, FolderError> {
        match self.child(name) {
            Err(error) if error.is_absent() => Ok(None),
            child => child.map(Some),
        }
    }

    /// A folder in this one, made if it is not there, for its owner alone.
    pub fn child_or_made(&self, name: &OsStr) -> Result<Self, FolderError> {
        match self.0.make(single(name)?) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error.into()),
            _ => self.child(name),
        }
    }

    /// The names in it, sorted: at most some thousand.
    pub fn names(&self) -> Result<Vec<OsString>, FolderError> {
        let mut names = self.0.names(NAMES_MAX)?;
        names.sort();
        Ok(names)
    }

    /// A file in it, opened to be read, and how many bytes it has now; `None` if there is none. More than `most` bytes, a link, and what is no file
    /// are errors.
    pub fn open_file(&self, name: &OsStr, most: u64) -> Result<Option<(File, u64)>, FolderError> {
        let (file, found) = match self.0.open_file(single(name)?) {
            Err(FolderError::System(error)) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened?,
        };
        if !found.is_file() {
            return Err(FolderError::System(io::ErrorKind::IsADirectory.into()));
        }
        if found.len() > most {
            return Err(FolderError::System(io::ErrorKind::FileTooLarge.into()));
        }
        Ok(Some((file, found.len())))
    }

    /// The bytes of a file in it; `None` if there is none. More than `most` bytes, a link, and what is no file are errors.
    pub fn read(&self, name: &OsStr, most: u64) -> Result<Option<Vec<u8>>, FolderError> {
        let Some((file, len)) = self.open_file(name, most)? else { return Ok(None) };
        let mut bytes = Vec::with_capacity(usize::try_from(len + 1).unwrap_or_default());
        // It may grow while it is read; one byte more than allowed tells.
        file.take(most + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > most {
            Err(FolderError::System(io::ErrorKind::FileTooLarge.into()))
        } else {
            Ok(Some(bytes))
        }
    }

    /// Looks at a file in it; `None` if there is none, or no file.
    pub fn look(&self, name: &OsStr) -> Result<Option<Seen>, FolderError> {
        let (_, found) = match self.0.open_file(single(name)?) {
            Err(FolderError::System(error)) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened?,
        };
        let seen = || Seen { len: found.len(), changed: found.modified().unwrap_or(SystemTime::UNIX_EPOCH) };
        Ok(found.is_file().then(seen))
    }

    /// Puts bytes in the place of a file: they are on disk before they take it, and the exchange is on disk before this returns. A link in its place is
    /// replaced, not followed. If that fails, what was there is there, and nothing else.
    pub fn replace(&self, name: &OsStr, bytes: &[u8]) -> Result<(), FolderError> {
        let mut fresh = single(name)?.to_owned();
        fresh.push(FRESH);
        let written = self.write_fresh(&fresh, bytes).and_then(|()| self.0.put(&fresh, name));
        if written.is_err() {
            // What is left of it, if not even this can be done, the next write removes.
            let _ = self.0.remove(&fresh);
        }
        Ok(written?)
    }

    fn write_fresh(&self, name: &OsStr, bytes: &[u8]) -> io::Result<()> {
        let mut file = match self.0.create(name) {
            // One that a crash has left, or a link that somebody has put there: removed, not followed.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                self.0.remove(name)?;
                self.0.create(name)?
            }
            file => file?,
        };
        file.write_all(bytes)?;
        file.sync_all()
    }

    /// Removes a file, or a link in its place; says whether it was there.
    pub fn remove(&self, name: &OsStr) -> Result<bool, FolderError> {
        match self.0.remove(single(name)?) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            removed => Ok(removed.map(|()| true)?),
        }
    }

    /// Makes durable what was removed.
    pub fn sync(&self) -> Result<(), FolderError> {
        Ok(self.0.sync()?)
    }
}

/// A name is one step down: no separators, no step up, no drive, no stream.
fn single(name: &OsStr) -> io::Result<&OsStr> {
    let mut steps = Path::new(name).components();
    let is_single = matches!((steps.next(), steps.next()), (Some(Component::Normal(step)), None) if step == name);
    let has_stream = !cfg!(unix) && name.as_encoded_bytes().contains(&b':');
    if is_single && !has_stream { Ok(name) } else { Err(io::ErrorKind::InvalidInput.into()) }
}

fn absent() -> FolderError {
    FolderError::System(io::ErrorKind::NotFound.into())
}

/// A place below a folder: each step on the way is a folder or the file itself, and never a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Below {
    /// The folder, which the person or their system names.
    pub base: PathBuf,
    /// The names of the steps.
    pub steps: Vec<OsString>,
}

impl Below {
    /// The place that these steps lead to.
    pub fn new<S: AsRef<OsStr>>(base: PathBuf, steps: impl IntoIterator<Item = S>) -> Self {
        Self { base, steps: steps.into_iter().map(|step| step.as_ref().to_owned()).collect() }
    }

    /// The place as people write it.
    pub fn path(&self) -> PathBuf {
        self.steps.iter().fold(self.base.clone(), |path, step| path.join(step))
    }

    /// A place one step further down.
    #[must_use]
    pub fn then(&self, step: impl AsRef<OsStr>) -> Self {
        let mut further = self.clone();
        further.steps.push(step.as_ref().to_owned());
        further
    }

    /// The folder there.
    pub fn folder(&self) -> Result<Folder, FolderError> {
        self.steps.iter().try_fold(Folder::open(&self.base)?, |folder, step| folder.child(step))
    }

    /// The folder there; `None` if it, or one above it, is not there.
    pub fn folder_if_there(&self) -> Result<Option<Folder>, FolderError> {
        match self.folder() {
            Err(error) if error.is_absent() => Ok(None),
            folder => folder.map(Some),
        }
    }

    /// The folder there, made with those above it if it is not there.
    pub fn folder_or_made(&self) -> Result<Folder, FolderError> {
        self.steps.iter().try_fold(Folder::open(&self.base)?, |folder, step| folder.child_or_made(step))
    }

    /// The bytes of the file there.
    pub fn read(&self, most: u64) -> Result<Vec<u8>, FolderError> {
        let (folder, file) = self.above()?;
        folder.read(file, most)?.ok_or_else(absent)
    }

    /// The file there, opened to be read. More than `most` bytes are an error.
    pub fn open(&self, most: u64) -> Result<File, FolderError> {
        let (folder, file) = self.above()?;
        Ok(folder.open_file(file, most)?.ok_or_else(absent)?.0)
    }

    /// The folder that the last step leads out of, and that step.
    fn above(&self) -> Result<(Folder, &OsStr), FolderError> {
        let (file, above) = self.steps.split_last().ok_or_else(absent)?;
        let folder = above.iter().try_fold(Folder::open(&self.base)?, |folder, step| folder.child(step))?;
        Ok((folder, file))
    }
}

#[cfg(test)]
pub(crate) mod spellings;
#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests lay out their own folders")]
mod tests;
