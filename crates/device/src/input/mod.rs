//! What a person points a backup at: a hive, the folder of a Windows profile, or a `.reg` export.
//!
//! [`Input::open`] finds out which of the three a path is, from what is there and not from its name, and gives one registry with whatever
//! else belongs to it: the wallpaper, the PC's facts, the machine's list of programs. Nothing is written, and nothing outside of what was
//! pointed at is read: links are followed only as long as they stay inside.

mod facts;
mod file;
mod profile;

use std::path::{Path, PathBuf};

use model::envelope::Source;
use model::reason::Reason;
use model::snapshot::DeviceFacts;

pub use file::read_hive;
pub use profile::Profile;

use crate::apps::{Exported, Listed, machine_programs};
use crate::facts::{Asked, HivePlaces, Known, RegPlaces};
use crate::own_files::OwnFiles;
use crate::registry::Registry;
use crate::registry::hive::{HiveError, HiveFile, HiveRegistry};
use crate::registry::memory::MemoryRegistry;
use crate::registry::reg_file::{FILE_BYTES_MAX, RegFileError};

/// Something to back up from.
pub struct Input {
    /// The user's registry.
    pub registry: Box<dyn Registry>,
    /// What it came from.
    pub source: Source,
    /// What is known of the PC. Without its `Windows` folder nothing but defaults.
    pub facts: DeviceFacts,
    /// What the source says of its PC and of the policies there.
    pub known: Known,
    /// Where the person's files are that are settings. They may be large, and are not read here.
    pub files: OwnFiles,
    /// The machine's list of programs, if its `Windows` folder is beside the profile.
    pub amcache: Option<HiveFile>,
    /// The apps that the PC lists beside the person's registry, where it could be asked.
    pub listed: Listed,
    /// What winget knows of the PC's apps; only a live one can be asked.
    pub exported: Option<Exported>,
    /// What could not be read, a sentence each: the backup is not whole.
    pub warnings: Vec<String>,
    /// What a person should know of what was read, a sentence each. Nothing is missing because of it.
    pub notes: Vec<String>,
}

/// Why a path cannot be backed up from.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// The file or folder cannot be used as it is.
    #[error("`{path}`: {reason}")]
    File {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        reason: Reason,
    },
    /// The system would not give it.
    #[error("`{path}` could not be read")]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A target in a folder that is not there.
    #[error("`{path}` cannot be made: there is no folder `{folder}`")]
    NoFolder {
        /// The target.
        path: PathBuf,
        /// Its folder.
        folder: PathBuf,
    },
    /// A hive that is not a user's, or is beyond reading.
    #[error("`{path}` {}", if source.is_damage() { "is too damaged to be read" } else { "is not a user's hive" })]
    Hive {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: HiveError,
    },
    /// A `.reg` file with a fault.
    #[error("`{path}` is not a registry export that Rehome can read")]
    RegFile {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: RegFileError,
    },
}

impl Input {
    /// Opens a hive file, the folder of a user's profile, or a `.reg` file.
    pub fn open(path: &Path) -> Result<Self, InputError> {
        let kind = std::fs::metadata(path).map_err(|source| InputError::Read { path: path.to_owned(), source })?;
        if kind.is_dir() {
            return Self::profile(path);
        }
        if file::starts_like_a_hive(path)? { Self::hive(path) } else { Self::reg_file(path) }
    }

    fn profile(folder: &Path) -> Result<Self, InputError> {
        let profile = Profile::find(folder)?;
        let classes = profile.classes.as_deref().map(read_hive).transpose();
        let (classes, mut warnings) = match classes {
            Ok(classes) => (classes, Vec::new()),
            Err(error) => (None, vec![format!("the list of apps is missing: {error}")]),
        };
        let registry = HiveRegistry::open(read_hive(&profile.user)?, classes)
            .map_err(|source| InputError::Hive { path: profile.user.clone(), source })?;
        warnings.extend_from_slice(registry.warnings());
        let machine = profile.machine.unwrap_or_default();
        let (facts, known, of_pc, programs) = facts::of(&machine, (&registry, folder), &mut warnings);
        let files = OwnFiles { wallpaper: profile.wallpaper, spelling: profile.spelling, ..of_pc };
        Ok(Self {
            registry: Box::new(registry),
            source: Source::Hive,
            facts,
            known,
            files,
            amcache: machine.amcache.as_deref().and_then(|path| facts::open(path, &mut warnings)),
            // Amcache lists most of them too, but it may be missing or behind.
            listed: Listed { programs, packages: None },
            exported: None,
            warnings,
            notes: Vec::new(),
        })
    }

    fn hive(path: &Path) -> Result<Self, InputError> {
        let registry = HiveRegistry::open(read_hive(path)?, None)
            .map_err(|source| InputError::Hive { path: path.to_owned(), source })?;
        let warnings = registry.warnings().to_vec();
        let places = HivePlaces { user: &registry, software: None, system: None, control_set: 1 };
        let known = crate::facts::read(&places, &Asked::default());
        Ok(Self { known, ..Self::bare(Box::new(registry), Source::Hive, warnings) })
    }

    fn reg_file(path: &Path) -> Result<Self, InputError> {
        let registry = read_reg_file(path).map_err(|error| match error {
            InputError::RegFile { path, source } => file::neither(&path, source),
            other => other,
        })?;
        let notes = registry.notes();
        let others = notes.other_keys.iter().map(|(root, keys)| {
            let keys = if *keys == 1 { "1 key".to_owned() } else { format!("{keys} keys") };
            format!("{keys} of `{root}` lie outside the user's settings and were not read")
        });
        let removals = (notes.removals > 0).then(|| {
            let lines = if notes.removals == 1 {
                "1 line of the export deletes".to_owned()
            } else {
                format!("{} lines of the export delete", notes.removals)
            };
            format!("{lines} keys or values; what is deleted counts as not stored")
        });
        let skipped = notes.skipped;
        let skipped = (skipped.lines > 0).then(|| {
            let lines = match skipped.lines {
                1 => "1 line of the export says nothing to Windows and was".to_owned(),
                lines => format!("{lines} lines of the export say nothing to Windows and were"),
            };
            format!("{lines} not read; look at line {}", skipped.first)
        });
        let part = "the export is one of a part of the registry; settings that lie elsewhere are left out";
        let part = (!registry.is_whole()).then(|| part.to_owned());
        let notes = others.chain(removals).chain(skipped).chain(part).collect();
        let registry = registry.as_an_export();
        let known = crate::facts::read(&RegPlaces(&registry), &Asked::default());
        let programs = machine_programs(&RegPlaces(&registry)).unwrap_or_default();
        let listed = Listed { programs, packages: None };
        Ok(Self { known, listed, notes, ..Self::bare(Box::new(registry), Source::RegFile, Vec::new()) })
    }

    fn bare(registry: Box<dyn Registry>, source: Source, warnings: Vec<String>) -> Self {
        Self {
            registry,
            source,
            facts: DeviceFacts::default(),
            known: Known::default(),
            files: OwnFiles::default(),
            amcache: None,
            listed: Listed::default(),
            exported: None,
            warnings,
            notes: Vec::new(),
        }
    }
}

/// Reads a `.reg` file; anything else is an error.
pub fn read_reg_file(path: &Path) -> Result<MemoryRegistry, InputError> {
    let bytes = file::read(path, FILE_BYTES_MAX)?;
    MemoryRegistry::parse(&bytes).map_err(|source| InputError::RegFile { path: path.to_owned(), source })
}

impl InputError {
    /// The reason code for people.
    pub fn reason(&self) -> Reason {
        match self {
            Self::File { reason, .. } => *reason,
            Self::NoFolder { .. } => Reason::FileNotFound,
            Self::Hive { source, .. } => source.reason(),
            Self::RegFile { source, .. } => source.reason(),
            Self::Read { source, .. } => match source.kind() {
                std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory => Reason::FileNotFound,
                std::io::ErrorKind::PermissionDenied => Reason::PermissionDenied,
                std::io::ErrorKind::IsADirectory => Reason::IsADirectory,
                _ => Reason::InputFailed,
            },
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::RegFile { source, .. } => source.hint(),
            Self::NoFolder { .. } => "make the folder first, or choose another target",
            Self::Hive { source, .. } if source.is_damage() => {
                "copy it again from its disk, with the `.LOG1` and `.LOG2` files beside it"
            }
            other => other.reason().next(),
        }
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests write their own inputs")]
mod tests;
