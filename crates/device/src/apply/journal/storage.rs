//! Where journals lie: a folder in the person's own local data.
//!
//! Each journal is one file that only grows, with the pictures it needs beside it. The order of writing and syncing is the journal's whole
//! worth, so the folder is behind a trait whose other implementation loses whatever was not synced: the crash tests use that one.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use model::catalog::FileRole;
use model::reason::Reason;

/// The largest journal that is read, in bytes. The catalog has some hundreds of places with a few bytes each.
const JOURNAL_BYTES_MAX: u64 = 64 << 20;

/// The largest picture beside a journal, in bytes: what travels, and generously what was there before.
const PICTURE_BYTES_MAX: u64 = 128 << 20;

/// Keeps journals. Whoever writes holds the lock of the state folder ([`crate::state::State::lock`]), so that nobody takes a run in progress for one
/// that crashed.
pub trait Journals {
    /// The numbers of all journals, lowest first. Later journals have higher numbers.
    fn numbers(&self) -> Result<Vec<u32>, JournalError>;

    /// All bytes of a journal.
    fn read(&self, number: u32) -> Result<Vec<u8>, JournalError>;

    /// Makes an empty journal.
    fn create(&mut self, number: u32) -> Result<(), JournalError>;

    /// Adds bytes to the end of a journal. They may be lost, or half lost, until [`Journals::sync`].
    fn append(&mut self, number: u32, bytes: &[u8]) -> Result<(), JournalError>;

    /// Makes a journal durable, and that it exists.
    fn sync(&mut self, number: u32) -> Result<(), JournalError>;

    /// Cuts a journal to a length, durably.
    fn cut(&mut self, number: u32, len: u64) -> Result<(), JournalError>;

    /// Removes a journal and its pictures.
    fn remove(&mut self, number: u32) -> Result<(), JournalError>;

    /// Keeps a picture beside a journal, durably.
    fn put_picture(&mut self, number: u32, picture: Picture, bytes: &[u8]) -> Result<(), JournalError>;

    /// A picture beside a journal; `None` if there is none.
    fn picture(&self, number: u32, picture: Picture) -> Result<Option<Vec<u8>>, JournalError>;
}

/// Which picture of a journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Picture {
    /// What it is used for.
    pub role: FileRole,
    /// Which side of the step.
    pub side: Side,
}

/// The two sides of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// What was there.
    Prior,
    /// What is to be there.
    Target,
}

/// Why a journal could not be kept or read.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// It could not be read.
    #[error("could not read `{path}`")]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It could not be written.
    #[error("could not write `{path}`")]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It is not what was written.
    #[error("journal {number} is damaged")]
    Damaged {
        /// The journal.
        number: u32,
    },
}

impl JournalError {
    /// The reason that a person and a script are told.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Read { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => Reason::PermissionDenied,
            Self::Read { .. } => Reason::InputFailed,
            Self::Write { source, .. } => reason_of_write(source),
            Self::Damaged { .. } => Reason::Damaged,
        }
    }
}

/// The reason for a failed write.
pub(crate) fn reason_of_write(error: &io::Error) -> Reason {
    match error.kind() {
        io::ErrorKind::PermissionDenied => Reason::PermissionDenied,
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Reason::DiskFull,
        _ => Reason::ReadOnlyTarget,
    }
}

/// Journals in a folder: `000007.journal`, and beside it the files that it needs: `000007.wallpaper.prior`, `000007.dictionary.target`.
#[derive(Clone, Debug)]
pub struct FolderJournals {
    folder: PathBuf,
    /// Those whose names this one has made durable: a name stays so, and what is added to a journal needs its file only.
    named: BTreeSet<u32>,
}

impl FolderJournals {
    /// The journals in this folder, which is made when the first one is.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder, named: BTreeSet::new() }
    }

    fn path(&self, number: u32) -> PathBuf {
        self.folder.join(format!("{number:06}.journal"))
    }

    fn picture_path(&self, number: u32, picture: Picture) -> PathBuf {
        let side = match picture.side {
            Side::Prior => "prior",
            Side::Target => "target",
        };
        self.folder.join(format!("{number:06}.{}.{side}", picture.role.word()))
    }

    fn make_folder(&self) -> Result<(), JournalError> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&self.folder).map_err(writing(&self.folder))
    }
}

impl Journals for FolderJournals {
    fn numbers(&self) -> Result<Vec<u32>, JournalError> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(JournalError::Read { path: self.folder.clone(), source }),
        };
        let mut numbers = Vec::new();
        for entry in entries {
            let name = entry.map_err(reading(&self.folder))?.file_name();
            let number = name.to_str().and_then(|name| name.strip_suffix(".journal")?.parse().ok());
            // Only the spelling that we write: `+7.journal` is not ours.
            numbers.extend(number.filter(|&number| self.path(number).file_name() == Some(&name)));
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    fn read(&self, number: u32) -> Result<Vec<u8>, JournalError> {
        read_bounded(&self.path(number), JOURNAL_BYTES_MAX)?.ok_or(JournalError::Damaged { number })
    }

    fn create(&mut self, number: u32) -> Result<(), JournalError> {
        self.make_folder()?;
        let path = self.path(number);
        // A temporary file is made readable by its owner only, and stays so under its final name.
        let fresh = tempfile::NamedTempFile::new_in(&self.folder).map_err(writing(&path))?;
        fresh.persist_noclobber(&path).map_err(|error| writing(&path)(error.error))?;
        Ok(())
    }

    fn append(&mut self, number: u32, bytes: &[u8]) -> Result<(), JournalError> {
        let path = self.path(number);
        let mut file = OpenOptions::new().append(true).open(&path).map_err(writing(&path))?;
        file.write_all(bytes).map_err(writing(&path))
    }

    fn sync(&mut self, number: u32) -> Result<(), JournalError> {
        let path = self.path(number);
        let file = OpenOptions::new().append(true).open(&path).map_err(writing(&path))?;
        file.sync_all().map_err(writing(&path))?;
        if !self.named.contains(&number) {
            sync_folder(&self.folder).map_err(writing(&path))?;
            self.named.insert(number);
        }
        Ok(())
    }

    fn cut(&mut self, number: u32, len: u64) -> Result<(), JournalError> {
        let path = self.path(number);
        let file = OpenOptions::new().write(true).open(&path).map_err(writing(&path))?;
        file.set_len(len).and_then(|()| file.sync_all()).map_err(writing(&path))
    }

    fn remove(&mut self, number: u32) -> Result<(), JournalError> {
        self.named.remove(&number);
        let sides = |role| [Side::Prior, Side::Target].map(|side| Picture { role, side });
        let pictures = FileRole::ALL.into_iter().flat_map(sides).map(|picture| self.picture_path(number, picture));
        for path in pictures.chain([self.path(number)]) {
            match fs::remove_file(&path) {
                Err(source) if source.kind() != io::ErrorKind::NotFound => {
                    return Err(JournalError::Write { path, source });
                }
                _ => {}
            }
        }
        sync_folder(&self.folder).map_err(writing(&self.folder))
    }

    fn put_picture(&mut self, number: u32, picture: Picture, bytes: &[u8]) -> Result<(), JournalError> {
        self.make_folder()?;
        let path = self.picture_path(number, picture);
        replace(&path, bytes).map_err(writing(&path))
    }

    fn picture(&self, number: u32, picture: Picture) -> Result<Option<Vec<u8>>, JournalError> {
        match read_bounded(&self.picture_path(number, picture), PICTURE_BYTES_MAX) {
            Err(JournalError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(None),
            read => read?.map(Some).ok_or(JournalError::Damaged { number }),
        }
    }
}

/// All bytes of a file; `None` if it has more than `most`.
fn read_bounded(path: &Path, most: u64) -> Result<Option<Vec<u8>>, JournalError> {
    let file = File::open(path).map_err(reading(path))?;
    let found = file.metadata().map_err(reading(path))?.len();
    let mut bytes = Vec::with_capacity(usize::try_from(found.min(most) + 1).unwrap_or_default());
    file.take(most + 1).read_to_end(&mut bytes).map_err(reading(path))?;
    Ok((bytes.len() as u64 <= most).then_some(bytes))
}

/// Puts the bytes in the file's place: they are on disk before they take it, and the exchange is on disk before this returns. A link in the
/// file's place is replaced, not followed.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().expect("every path here is a name in a folder");
    let mut fresh = tempfile::NamedTempFile::new_in(folder)?;
    fresh.write_all(bytes)?;
    fresh.as_file().sync_all()?;
    crate::persist::persist(fresh, path)?;
    sync_folder(folder)
}

/// A new name is durable only when its folder is; Windows has no such call and needs none.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

fn reading(path: &Path) -> impl FnOnce(io::Error) -> JournalError {
    let path = path.to_owned();
    move |source| JournalError::Read { path, source }
}

fn writing(path: &Path) -> impl FnOnce(io::Error) -> JournalError {
    let path = path.to_owned();
    move |source| JournalError::Write { path, source }
}
