//! What the device remembers between runs: where its server is, who it is there, its keys, and the last confirmed backup.
//!
//! One folder for each named profile of the command line (`--profile`), readable by its owner only. Each file is replaced as a whole, so a
//! crash leaves the old or the new one. The last backup is a mere convenience (unchanged check, known parts): if it is damaged, the next
//! backup is sent in full. The enrolment cannot be guessed: if it is damaged, the person is told to enrol again.

mod enrolment;
pub(crate) mod file;
mod policy;
mod records;
mod wishes;

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use model::reason::Reason;
use model::receipt::Receipt;
use model::world::Moment;
use seal::receipt::header_hash;

use crate::key::KeyRecord;

pub use enrolment::{Chosen, Enrolment};
pub use policy::ServerPolicy;
pub use records::{KeptReport, LastRehearsal};
pub use wishes::Wishes;

/// The longest name of a profile of the command line; it becomes a folder name.
const NAME_BYTES_MAX: usize = 64;

/// How old the beginning of a file is before it counts as one that nobody finishes: a day.
const LEFTOVER_MILLIS: u64 = 24 * 60 * 60 * 1_000;

/// Why the device's own record could not be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The name cannot be a folder's.
    #[error("`{name}` is not a profile name")]
    BadName {
        /// What was given.
        name: String,
    },
    /// There is no enrolment.
    #[error("this PC is not connected to a Rehome server")]
    NotEnrolled,
    /// The enrolment is one of before PCs had keys.
    #[error("this PC was connected by an older Rehome, before PCs had keys of their own")]
    BeforeKeys,
    /// Another run holds the lock.
    #[error("another run holds `{path}`")]
    Busy {
        /// The lock file.
        path: PathBuf,
    },
    /// A file is not as it was written.
    #[error("`{path}` is damaged: {what}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// A file was written by a newer version.
    #[error("`{path}` was written by a newer Rehome")]
    Newer {
        /// The file.
        path: PathBuf,
    },
    /// A file or folder could not be read.
    #[error("could not read `{path}`")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A file or folder could not be written.
    #[error("could not write `{path}`")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl StateError {
    /// The reason that a person and a script are told.
    pub fn reason(&self) -> Reason {
        match self {
            Self::BadName { .. } => Reason::Usage,
            Self::NotEnrolled | Self::BeforeKeys => Reason::NotEnrolled,
            Self::Busy { .. } => Reason::Busy,
            Self::Damaged { .. } => Reason::DamagedState,
            Self::Newer { .. } => Reason::NewerVersion,
            Self::Read { source, .. } => reading(source),
            Self::Write { source, .. } => writing(source),
        }
    }
}

/// The reason for a failed read.
fn reading(error: &io::Error) -> Reason {
    match error.kind() {
        io::ErrorKind::PermissionDenied => Reason::PermissionDenied,
        io::ErrorKind::NotFound => Reason::FileNotFound,
        io::ErrorKind::IsADirectory => Reason::IsADirectory,
        _ => Reason::InputFailed,
    }
}

/// The reason for a failed write.
fn writing(error: &io::Error) -> Reason {
    match error.kind() {
        io::ErrorKind::PermissionDenied => Reason::PermissionDenied,
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Reason::DiskFull,
        _ => Reason::ReadOnlyTarget,
    }
}

/// The folder of one named profile of the command line.
#[derive(Clone, Debug)]
pub struct State {
    folder: PathBuf,
}

/// Held while a run changes things; given back when dropped, also by a crash.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// The last backup that the server confirmed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastBackup {
    /// What the server confirmed.
    pub receipt: Receipt,
    /// The header's bytes as they were confirmed; empty if the server confirmed a header that this PC does not have.
    pub header_bytes: Vec<u8>,
}

/// What is known of the last backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remembered {
    /// It is there and bears the server's signature.
    Last(LastBackup),
    /// There was none.
    Nothing,
    /// There was one, and its record is damaged.
    Damaged,
}

impl State {
    /// The state of the profile `name` in the folder `root`; nothing is read or made yet.
    ///
    /// Names are ASCII letters, digits, `-`, `_` and `.`, not beginning with a point.
    pub fn at(root: &Path, name: &str) -> Result<Self, StateError> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if name.is_empty() || name.len() > NAME_BYTES_MAX || name.starts_with('.') || !name.bytes().all(is_plain) {
            return Err(StateError::BadName { name: name.chars().take(NAME_BYTES_MAX).collect() });
        }
        Ok(Self { folder: root.join(name) })
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where restores keep their journals.
    pub fn journals(&self) -> PathBuf {
        self.folder.join("journals")
    }

    /// Where the apps that are still to be installed stand.
    pub(crate) fn apps_path(&self) -> PathBuf {
        self.folder.join("apps.json")
    }

    /// Takes the lock, or says that another run has it. Does not wait.
    pub fn lock(&self) -> Result<Lock, StateError> {
        self.lock_file("lock")
    }

    /// Takes the lock of the app queue. It is another one, because installing takes long and a backup need not wait for it.
    pub fn lock_apps(&self) -> Result<Lock, StateError> {
        self.lock_file("apps.lock")
    }

    /// Takes the lock of the queue's file, for as long as it is read, changed and written. Waits for it, as nobody has it for longer.
    pub(crate) fn lock_queue(&self) -> Result<Lock, StateError> {
        let (file, path) = self.open_lock("apps-queue.lock")?;
        file.lock().map_err(|source| StateError::Write { path, source })?;
        Ok(Lock { _file: file })
    }

    fn lock_file(&self, name: &str) -> Result<Lock, StateError> {
        let (file, path) = self.open_lock(name)?;
        match file.try_lock() {
            Ok(()) => Ok(Lock { _file: file }),
            Err(TryLockError::WouldBlock) => Err(StateError::Busy { path }),
            Err(TryLockError::Error(source)) => Err(StateError::Write { path, source }),
        }
    }

    fn open_lock(&self, name: &str) -> Result<(File, PathBuf), StateError> {
        let path = self.folder.join(name);
        let open = || File::options().create(true).truncate(false).write(true).open(&path);
        let opened = match open() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                file::make_folder(&self.folder)?;
                open()
            }
            opened => opened,
        };
        let file = opened.map_err(|source| StateError::Write { path: path.clone(), source })?;
        Ok((file, path))
    }

    /// Removes what runs that were killed have left half written. What is younger than a day may be another run's that is at it right now.
    pub fn sweep(&self, now: Moment) {
        let before = u64::try_from(now.0).unwrap_or_default().saturating_sub(LEFTOVER_MILLIS);
        let before = SystemTime::UNIX_EPOCH + Duration::from_millis(before);
        for folder in [&self.folder, &self.journals()] {
            file::sweep(folder, before);
        }
    }

    /// Who this PC is at its server.
    pub fn enrolment(&self) -> Result<Enrolment, StateError> {
        let path = self.enrolment_path();
        match file::read(&path)? {
            Some(bytes) => Enrolment::from_bytes(&bytes, &path),
            None => Err(StateError::NotEnrolled),
        }
    }

    /// Remembers a new enrolment, and forgets the last backup, which belongs to the old one.
    pub fn save_enrolment(&self, enrolment: &Enrolment) -> Result<(), StateError> {
        file::make_folder(&self.folder)?;
        file::remove(&self.last_path())?;
        file::remove(&self.rehearsal_path())?;
        file::replace(&self.enrolment_path(), &enrolment.to_bytes())
    }

    /// Remembers a change of the same enrolment, such as another key; the last backup stays what it was.
    pub fn update_enrolment(&self, enrolment: &Enrolment) -> Result<(), StateError> {
        file::replace(&self.enrolment_path(), &enrolment.to_bytes())
    }

    /// A key on its way to becoming this PC's: made, and not yet known to be taken by the server.
    pub fn next_key(&self) -> Result<Option<KeyRecord>, StateError> {
        let bytes = file::read_spare(&self.next_key_path())?;
        // A damaged one was of use to nobody yet.
        let next: Option<KeyRecord> = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        // One that has become this PC's is not on its way any more, though the power failed before that was forgotten. Whoever took it for such would destroy the PC's key.
        let is_ours = |key: &KeyRecord| self.enrolment().is_ok_and(|enrolment| enrolment.key == *key);
        Ok(next.filter(|key| !is_ours(key)))
    }

    /// Remembers such a key before the server hears of it, or forgets it.
    pub fn set_next_key(&self, key: Option<&KeyRecord>) -> Result<(), StateError> {
        file::make_folder(&self.folder)?;
        match key {
            Some(key) => file::replace(&self.next_key_path(), &serde_json::to_vec(key).expect("it is plain data")),
            None => file::remove(&self.next_key_path()),
        }
    }

    fn next_key_path(&self) -> PathBuf {
        self.folder.join("next-key.json")
    }

    /// The last confirmed backup, believed only with the server's signature, made with `receipt_key`, and with the header it names.
    pub fn last_backup(&self, receipt_key: &[u8; 32]) -> Result<Remembered, StateError> {
        let bytes = match file::read(&self.last_path()) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Ok(Remembered::Nothing),
            Err(StateError::Damaged { .. }) => return Ok(Remembered::Damaged),
            Err(error) => return Err(error),
        };
        let Some((.., header_bytes)) = Receipt::split(&bytes) else { return Ok(Remembered::Damaged) };
        let receipt_bytes = &bytes[..bytes.len() - header_bytes.len()];
        Ok(match seal::receipt::verify(receipt_bytes, receipt_key) {
            Ok(receipt) if header_bytes.is_empty() || header_hash(header_bytes) == receipt.header_hash => {
                Remembered::Last(LastBackup { receipt, header_bytes: header_bytes.to_vec() })
            }
            _ => Remembered::Damaged,
        })
    }

    /// Remembers a confirmed backup. On return it survives a power cut.
    pub fn save_last_backup(&self, receipt_bytes: &[u8], header_bytes: &[u8]) -> Result<(), StateError> {
        file::make_folder(&self.folder)?;
        file::replace(&self.last_path(), &[receipt_bytes, header_bytes].concat())
    }

    /// Forgets the last backup, so that the next one is sent in full.
    pub fn forget_last_backup(&self) -> Result<(), StateError> {
        file::remove(&self.last_path())
    }

    fn enrolment_path(&self) -> PathBuf {
        self.folder.join("enrolment.json")
    }

    fn last_path(&self) -> PathBuf {
        self.folder.join("last-backup")
    }
}

#[cfg(test)]
mod tests;
