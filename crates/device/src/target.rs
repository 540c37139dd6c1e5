//! What a restore writes to: a `.reg` file, and the folder of files beside it.
//!
//! It stands for a PC wherever there is no live one: in tests, in the demo, on a helpdesk's desk. A file that is not there yet is an empty PC.

use std::path::{Path, PathBuf};

use model::catalog::FileRole;
use model::reason::Reason;
use model::snapshot::{DeviceFacts, Snapshot};
use seal::KeyRing;

use crate::apply::{FolderFiles, Target};
use crate::apps::RegistryApps;
use crate::backup::blob_id;
use crate::collect::{Sources, collect};
use crate::facts::{Asked, Known, RegPlaces};
use crate::input::{InputError, read_reg_file};
use crate::registry::MemoryRegistry;

/// A `.reg` file to restore to.
pub struct RegTarget {
    name: String,
    path: PathBuf,
    registry: MemoryRegistry,
    files: FolderFiles,
}

impl RegTarget {
    /// Reads the file, if there is one. Nothing is written before something is restored.
    pub fn open(path: &Path) -> Result<Self, InputError> {
        let unread = |source| InputError::Read { path: path.to_owned(), source };
        let path = std::path::absolute(path).map_err(unread)?;
        let folder = path.parent().ok_or(InputError::File { path: path.clone(), reason: Reason::IsADirectory })?;
        // One name for one file, however it is written, so that its journals are found again.
        let folder = folder.canonicalize().map_err(unread)?;
        let path = folder.join(path.file_name().unwrap_or_default());
        let registry = match path.try_exists() {
            Ok(false) => MemoryRegistry::new(),
            _ => read_reg_file(&path)?,
        };
        let files = FolderFiles::beside(&path);
        Ok(Self { name: path.display().to_string(), registry: registry.backed_by(path.clone()), files, path })
    }

    /// The name by which journals recognise it: its absolute path.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it has now.
    pub fn snapshot(&self, ring: &KeyRing) -> Snapshot {
        let wallpaper = self.files.existing(FileRole::Wallpaper);
        let sources = Sources {
            registry: &self.registry,
            apps: &RegistryApps::new(&self.registry),
            facts: DeviceFacts::default(),
            wallpaper: wallpaper.as_deref(),
            blob_id: &|bytes| blob_id(ring, bytes),
        };
        collect(&sources).snapshot
    }

    /// What it says of its PC and of the policies there.
    pub fn known(&self) -> Known {
        crate::facts::read(&RegPlaces(&self.registry), &Asked::default())
    }

    /// As apply wants it.
    pub fn as_target(&mut self) -> Target<'_> {
        Target { name: &self.name, registry: &mut self.registry, files: &mut self.files }
    }
}
