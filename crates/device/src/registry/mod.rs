//! The registry behind one small trait.
//!
//! Backup is handed `&dyn Registry` and so cannot write: what it must not do it cannot do. Restore is handed `&mut dyn RegistryWrite`.
//! Implementations: `memory.rs` (what a `.reg` file says, read and written as regedit does), `hive.rs` (hive files, read-only), `dry_run.rs`
//! (writes nothing, remembers what would have been written); the live registry of Windows is in the crate `win32`.

use model::catalog::Root;
use model::reason::Reason;

pub mod dry_run;
pub mod hive;
pub mod memory;
pub mod reg_file;

pub use self::hive::HiveRegistry;
pub use dry_run::{DryRun, Write};
pub use memory::MemoryRegistry;

/// A value as the registry stores it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RawValue {
    /// Number of the type, as winnt.h has it (`REG_SZ` = 1, `REG_DWORD` = 4...). Hives may hold any number.
    pub reg_type: u32,
    /// The bytes, exactly as stored; texts are UTF-16LE and usually, but not always, end in a zero.
    pub bytes: Vec<u8>,
}

/// Reads a registry.
pub trait Registry {
    /// The named values of one key, in the order asked for; `None` for each that is not there, all `None` if the key is not there.
    ///
    /// Keys and names are compared without case, as Windows does.
    fn read(&self, root: Root, key: &str, names: &[&str]) -> Result<Vec<Option<RawValue>>, RegistryError>;

    /// All values of a key with their names; empty if the key is not there.
    fn values(&self, root: Root, key: &str) -> Result<Vec<(String, RawValue)>, RegistryError>;

    /// Names of the keys right below a key; empty if the key is not there.
    fn subkeys(&self, root: Root, key: &str) -> Result<Vec<String>, RegistryError>;
}

/// Writes a registry.
pub trait RegistryWrite: Registry {
    /// Stores a value, making the key if it is not there.
    fn set(&mut self, root: Root, key: &str, name: &str, value: &RawValue) -> Result<(), RegistryError>;

    /// Removes a value; nothing happens if it is not there.
    fn remove(&mut self, root: Root, key: &str, name: &str) -> Result<(), RegistryError>;

    /// Makes everything written so far durable.
    fn flush(&mut self) -> Result<(), RegistryError>;
}

/// Why a registry could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// Windows, or the file system, said no.
    #[error("access to `{key}` denied")]
    Denied {
        /// The key, with its root.
        key: String,
    },
    /// The key, or one above it, is a symbolic link: it leads to values that are not there, and is not followed.
    #[error("`{key}` is reached through a link")]
    Link {
        /// The key, with its root.
        key: String,
    },
    /// The place where it is stored is damaged.
    #[error("`{key}` is damaged: {what}")]
    Damaged {
        /// The key, with its root.
        key: String,
        /// What is wrong, from the hive reader.
        what: String,
    },
    /// The `.reg` file is an export of another part of the registry.
    #[error("`{key}` is not in the export")]
    NotExported {
        /// The key, with its root.
        key: String,
    },
    /// The file beneath could not be written.
    #[error("could not write `{path}`")]
    Write {
        /// The file.
        path: std::path::PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}

impl RegistryError {
    /// The reason code for people.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Denied { .. } => Reason::AccessDenied,
            Self::Link { .. } => Reason::IsALink,
            Self::Damaged { .. } => Reason::Damaged,
            Self::NotExported { .. } => Reason::NotExported,
            Self::Write { source, .. } => match source.kind() {
                std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Reason::DiskFull,
                std::io::ErrorKind::IsADirectory => Reason::IsADirectory,
                _ => Reason::ReadOnlyTarget,
            },
        }
    }
}
