//! Root keys in a file outside the data folder, readable by its owner only: what works everywhere, and protects against less than the others do.
//!
//! One key a line, the newest first. A change of keys writes the file anew and durably before anything is wrapped with the new key; the old
//! lines stay until an administrator says that they may go.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use model::ids::KeyId;
use model::world::Random;
use seal::wrap::{Purpose, UnwrapError, unwrap, wrap};
use seal::{Key, Secret};
use store::WrappedKey;
use zeroize::Zeroizing;

use crate::keyring::provider::{Provider, ProviderError};

/// Keys that a file may hold: one for each change of keys that was not tidied up after.
const KEYS_MAX: usize = 64;

/// The file.
pub struct FileKeys {
    path: PathBuf,
    keys: Mutex<Vec<Key>>,
}

impl FileKeys {
    /// Reads the file. One that is not there is no error yet: [`Provider::ids`] then gives none.
    pub fn open(path: &Path, data: &Path) -> Result<Self, ProviderError> {
        if path.starts_with(data) {
            return Err(ProviderError::InsideData(path.to_owned()));
        }
        Ok(Self { path: path.to_owned(), keys: Mutex::new(read(path)?) })
    }

    /// Runs `work` on the keys; once more with the file read anew if that may help, since another process can have added a key.
    fn with<T>(&self, work: impl Fn(&[Key]) -> Result<T, ProviderError>) -> Result<T, ProviderError> {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        match work(&keys) {
            Err(ProviderError::NotThere { .. }) => {
                *keys = read(&self.path)?;
                work(&keys)
            }
            result => result,
        }
    }

    fn not_there(&self) -> ProviderError {
        ProviderError::NotThere { at: self.describe() }
    }
}

impl Provider for FileKeys {
    fn describe(&self) -> String {
        self.path.display().to_string()
    }

    fn warning(&self) -> Option<&'static str> {
        Some(
            "the root key is a file: whoever can read it and the data can read all backups; a key store in hardware or a key service holds more",
        )
    }

    fn ids(&self) -> Result<Vec<KeyId>, ProviderError> {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        *keys = read(&self.path)?;
        Ok(keys.iter().map(|key| key.id).collect())
    }

    fn add(&self, random: &dyn Random) -> Result<KeyId, ProviderError> {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        *keys = read(&self.path)?;
        if keys.len() >= KEYS_MAX {
            let why = format!("it holds {KEYS_MAX} keys already; `key retire` removes those that are not needed");
            return Err(ProviderError::Refused { at: self.describe(), why });
        }
        let secret = Secret::random(random);
        let key = Key::new(root_id(&secret), secret);
        let id = key.id;
        keys.insert(0, key);
        write(&self.path, &keys)?;
        Ok(id)
    }

    fn retire(&self) -> Result<usize, ProviderError> {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        *keys = read(&self.path)?;
        let gone = keys.len().saturating_sub(1);
        if gone > 0 {
            keys.truncate(1);
            write(&self.path, &keys)?;
        }
        Ok(gone)
    }

    fn wrap(&self, child: &Key, purpose: Purpose, random: &dyn Random) -> Result<(KeyId, Vec<u8>), ProviderError> {
        self.with(|keys| {
            let newest = keys.first().ok_or_else(|| ProviderError::Missing(self.describe()))?;
            Ok((newest.id, wrap(child, newest, purpose, random).to_vec()))
        })
    }

    fn unwrap(&self, child: &WrappedKey, purpose: Purpose) -> Result<Key, ProviderError> {
        self.with(|keys| {
            // Rows that do not name their parent are tried with each.
            for key in keys.iter().filter(|key| child.parent.is_none_or(|parent| parent == key.id)) {
                match unwrap(&child.wrapped, child.id, key, purpose) {
                    Ok(child) => return Ok(child),
                    Err(UnwrapError::WrongKey { .. }) => {}
                    // Another kind of provider made it.
                    Err(UnwrapError::NotAKey { .. }) => return Err(self.not_there()),
                    Err(changed @ UnwrapError::Changed { .. }) => return Err(changed.into()),
                }
            }
            Err(self.not_there())
        })
    }
}

/// A name for a root key that says nothing about it.
fn root_id(secret: &Secret) -> KeyId {
    let hash = blake3::derive_key("rehome 2026 root key id", secret.expose());
    KeyId(*hash.first_chunk().expect("32 bytes hold 16"))
}

fn read(path: &Path) -> Result<Vec<Key>, ProviderError> {
    let text = match fs::read_to_string(path) {
        Ok(text) => Zeroizing::new(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(ProviderError::Io { path: path.to_owned(), source }),
    };
    let key = |line: &str| -> Result<Key, ProviderError> {
        let secret = Secret::from_hex(line.trim()).ok_or_else(|| ProviderError::NotAKey(path.to_owned()))?;
        Ok(Key::new(root_id(&secret), secret))
    };
    let keys: Vec<Key> =
        text.lines().filter(|line| !line.trim().is_empty()).take(KEYS_MAX).map(key).collect::<Result<_, _>>()?;
    if keys.is_empty() { Err(ProviderError::NotAKey(path.to_owned())) } else { Ok(keys) }
}

/// Durable when it returns, and readable by its owner only: written beside, synced, put in place.
fn write(path: &Path, keys: &[Key]) -> Result<(), ProviderError> {
    let io = |source| ProviderError::Io { path: path.to_owned(), source };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(io)?;
    let mut file = tempfile::Builder::new().prefix(".root").tempfile_in(folder).map_err(io)?;
    for key in keys {
        file.write_all(key.secret().to_hex().as_bytes()).map_err(io)?;
        file.write_all(b"\n").map_err(io)?;
    }
    file.as_file().sync_all().map_err(io)?;
    // The first key takes nobody's place: of two first starts at once only one makes it.
    let placed = if keys.len() == 1 && !path.exists() { file.persist_noclobber(path) } else { file.persist(path) };
    placed.map_err(|error| io(error.error))?;
    fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(io)
}
