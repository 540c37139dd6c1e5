//! Blobs on a local disk.
//!
//! `<root>/<tenant>/<profile>/<blob>.<generation>`; while it is being uploaded, the same with `.part`. The order of every step is that of
//! `security.md` 3.1, and `tests/crash_states.rs` checks it in ten thousand simulated power cuts: bytes, sync of the file, rename, sync of the
//! folder, and of each folder that was made on the way.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use model::ids::TenantId;

use super::{BlobKey, Blobs, LOG_BYTES, Logs};
use crate::StoreError;

/// Bytes read at once while hashing.
const READ_BYTES: usize = 128 * 1024;

/// Blobs in a folder.
///
/// A failed sync is final here too: the system may have forgotten by then what it could not write, and a second sync would say that all is well. From then on nothing
/// is taken any more, and the process ends ([`crate::Store::failed`]).
pub struct DiskBlobs {
    root: PathBuf,
    failed: AtomicBool,
}

impl DiskBlobs {
    /// Keeps blobs in `root`, which is made if need be; its parent must be there.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let root = root.into();
        make_folder(&root)?;
        Ok(Self::at(root))
    }

    /// Those in a folder that is only read. Nothing is made.
    pub(crate) fn at(root: PathBuf) -> Self {
        Self { root, failed: AtomicBool::new(false) }
    }

    /// Does what has to be durable afterwards, unless something was not.
    fn durably<T>(&self, act: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
        if self.failed() {
            return Err(StoreError::Stopped);
        }
        let done = act();
        if matches!(done, Err(StoreError::NotDurable { .. })) {
            self.failed.store(true, Ordering::Release);
        }
        done
    }

    fn folder(&self, key: &BlobKey) -> PathBuf {
        self.root.join(key.tenant.to_string()).join(key.profile.to_string())
    }

    fn file(&self, key: &BlobKey) -> PathBuf {
        self.folder(key).join(format!("{}.{}", key.blob, key.generation))
    }

    fn upload(&self, key: &BlobKey) -> PathBuf {
        self.folder(key).join(format!("{}.{}.part", key.blob, key.generation))
    }
}

impl Blobs for DiskBlobs {
    fn append(&self, key: &BlobKey, offset: u64, piece: &[u8]) -> Result<bool, StoreError> {
        self.durably(|| {
            let (folder, path) = (self.folder(key), self.upload(key));
            if offset == 0 {
                make_folder(&self.root.join(key.tenant.to_string()))?;
                make_folder(&folder)?;
            }
            let new = !path.exists();
            if new && offset > 0 {
                return Ok(false);
            }
            let open = OpenOptions::new().write(true).create(true).truncate(false).open(&path);
            let mut file = open.map_err(StoreError::io(&path))?;
            if file.metadata().map_err(StoreError::io(&path))?.len() < offset {
                return Ok(false);
            }
            let written = file.set_len(offset).and_then(|()| file.seek(SeekFrom::Start(offset)));
            let written = written.and_then(|_| file.write_all(piece));
            written.map_err(StoreError::io(&path))?;
            file.sync_all().map_err(StoreError::not_durable(&path))?;
            if new {
                sync_folder(&folder)?;
            }
            Ok(true)
        })
    }

    #[expect(clippy::disallowed_methods, reason = "append has synced the file, and its folder is synced right after")]
    fn finish(&self, key: &BlobKey, length: u64) -> Result<Option<[u8; 32]>, StoreError> {
        self.durably(|| {
            let (folder, from, to) = (self.folder(key), self.upload(key), self.file(key));
            if let Some((len, hash)) = hash_file(&from)? {
                if len != length {
                    return Ok(None);
                }
                fs::rename(&from, &to).map_err(StoreError::io(&to))?;
                sync_folder(&folder)?;
                return Ok(Some(hash));
            }
            // The rename of an earlier attempt, whose row was not written any more; it may not be durable yet.
            let found = hash_file(&to)?.filter(|(len, _)| *len == length);
            if found.is_some() {
                sync_folder(&folder)?;
            }
            Ok(found.map(|(_, hash)| hash))
        })
    }

    fn read(&self, key: &BlobKey, offset: u64, len: usize) -> Result<Option<Vec<u8>>, StoreError> {
        let path = self.file(key);
        let Some(mut file) = open(&path)? else { return Ok(None) };
        let mut bytes = Vec::new();
        let read = file.seek(SeekFrom::Start(offset)).and_then(|_| file.take(len as u64).read_to_end(&mut bytes));
        read.map_err(StoreError::io(&path))?;
        Ok(Some(bytes))
    }

    fn check(&self, key: &BlobKey) -> Result<Option<(u64, [u8; 32])>, StoreError> {
        hash_file(&self.file(key))
    }

    fn remove_all(&self, tenant: TenantId) -> Result<(), StoreError> {
        self.durably(|| {
            let folder = self.root.join(tenant.to_string());
            match fs::remove_dir_all(&folder) {
                Ok(()) => sync_folder(&self.root),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                Err(error) => Err(StoreError::io(&folder)(error)),
            }
        })
    }

    fn failed(&self) -> bool {
        self.failed.load(Ordering::Acquire)
    }

    fn remove(&self, key: &BlobKey) -> Result<(), StoreError> {
        for path in [self.upload(key), self.file(key)] {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(StoreError::io(&path)(error)),
                _ => {}
            }
        }
        Ok(())
    }
}

impl Logs for DiskBlobs {
    fn extend_log(&self, name: &str, offset: u64, piece: &[u8]) -> Result<(), StoreError> {
        self.durably(|| {
            let path = self.root.join(name);
            let folder = path.parent().unwrap_or(&self.root);
            if offset == 0 {
                let within = folder.strip_prefix(&self.root).unwrap_or(Path::new(""));
                let mut made = self.root.clone();
                for step in within {
                    made.push(step);
                    make_folder(&made)?;
                }
            }
            let open = OpenOptions::new().write(true).create(offset == 0).truncate(false).open(&path);
            let mut file = open.map_err(StoreError::io(&path))?;
            let length = file.metadata().map_err(StoreError::io(&path))?.len();
            if length < offset {
                return Err(StoreError::Damaged(format!("{}: it has fewer than {offset} bytes", path.display())));
            }
            let cut = if length > offset { file.set_len(offset) } else { Ok(()) };
            let written = cut.and_then(|()| file.seek(SeekFrom::Start(offset)));
            // The data, and of what describes them only what is needed to find them again: their length.
            let written = written.and_then(|_| file.write_all(piece));
            written.map_err(StoreError::io(&path))?;
            file.sync_data().map_err(StoreError::not_durable(&path))?;
            if offset == 0 { sync_folder(folder) } else { Ok(()) }
        })
    }

    fn read_log(&self, name: &str, offset: u64) -> Result<Option<Vec<u8>>, StoreError> {
        let path = self.root.join(name);
        let Some(mut file) = open(&path)? else { return Ok(None) };
        let mut bytes = Vec::new();
        let read = file.seek(SeekFrom::Start(offset)).and_then(|_| file.take(LOG_BYTES as u64).read_to_end(&mut bytes));
        read.map_err(StoreError::io(&path))?;
        Ok(Some(bytes))
    }

    fn logs(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        let (folder, _) = prefix.rsplit_once('/').unwrap_or(("", prefix));
        let mut names = Vec::new();
        files_below(&self.root, Path::new(folder), 0, &mut names)?;
        names.retain(|name| name.starts_with(prefix));
        names.sort_unstable();
        Ok(names)
    }

    fn remove_log(&self, name: &str) -> Result<(), StoreError> {
        let path = self.root.join(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(StoreError::io(&path)(error)),
            _ => Ok(()),
        }
    }
}

/// Folders of a log's name at most: ours have three.
const LOG_DEPTH_MAX: usize = 4;

/// Names of the files below a folder, relative to `root`, with `/` between their parts. Links are not followed.
fn files_below(root: &Path, folder: &Path, depth: usize, names: &mut Vec<String>) -> Result<(), StoreError> {
    let path = root.join(folder);
    let entries = match fs::read_dir(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(StoreError::io(&path))?,
    };
    for entry in entries {
        let entry = entry.map_err(StoreError::io(&path))?;
        let below = folder.join(entry.file_name());
        let kind = entry.file_type().map_err(StoreError::io(&path))?;
        if kind.is_dir() && depth < LOG_DEPTH_MAX {
            files_below(root, &below, depth + 1, names)?;
        } else if kind.is_file() {
            let parts: Option<Vec<&str>> = below.iter().map(|part| part.to_str()).collect();
            names.extend(parts.map(|parts| parts.join("/")));
        }
    }
    Ok(())
}

fn open(path: &Path) -> Result<Option<File>, StoreError> {
    match File::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StoreError::io(path)(error)),
    }
}

fn hash_file(path: &Path) -> Result<Option<(u64, [u8; 32])>, StoreError> {
    let Some(mut file) = open(path)? else { return Ok(None) };
    let (mut hasher, mut buffer) = (blake3::Hasher::new(), vec![0; READ_BYTES]);
    loop {
        let len = file.read(&mut buffer).map_err(StoreError::io(path))?;
        if len == 0 {
            return Ok(Some((hasher.count(), hasher.finalize().into())));
        }
        hasher.update(&buffer[..len]);
    }
}

/// Makes a folder and its name in the parent durable.
///
/// A folder that is there already was synced by whoever made it before they went on, or is made again after a power cut that lost it. Two
/// uploads may meet here, so the one that finds the folder made by the other syncs as well.
fn make_folder(path: &Path) -> Result<(), StoreError> {
    match fs::create_dir(path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(StoreError::io(path)(error)),
    }
    path.parent().map_or(Ok(()), sync_folder)
}

fn sync_folder(path: &Path) -> Result<(), StoreError> {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    let folder = File::open(path).map_err(StoreError::io(path))?;
    folder.sync_all().map_err(StoreError::not_durable(path))
}
