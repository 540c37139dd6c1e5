//! Where the root key lives.
//!
//! A provider wraps tenants' keys with a root key that it holds, and unwraps them. That is all it is asked: nothing else is ever wrapped by a
//! root key, and a root key never leaves a provider that can keep it. There is no fall-back: what a provider does not unwrap stays closed.
//!
//! A provider can hold several root keys, the newest of which wraps. Each wrapping says by its first byte which kind of provider made it, and the
//! row beside it says by which key.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use model::ids::KeyId;
use model::world::Random;
use seal::Key;
use seal::wrap::{Purpose, UnwrapError};
use store::WrappedKey;

use crate::keyring::file::FileKeys;
use crate::keyring::pkcs11::TokenKeys;
use crate::keyring::remote::ServiceKeys;

/// Why a provider did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// It does not answer. Later it may.
    #[error("{at} does not answer: {why}")]
    Silent {
        /// Which provider.
        at: String,
        /// What was seen.
        why: String,
    },
    /// It answers and says no.
    #[error("{at} refused: {why}")]
    Refused {
        /// Which provider.
        at: String,
        /// What it said.
        why: String,
    },
    /// It does not hold the key that is asked for.
    #[error("{at} does not hold the root key that this data was made with")]
    NotThere {
        /// Which provider.
        at: String,
    },
    /// There is no root key yet, and this is no time to make one.
    #[error("the root key {0} is missing, and the data cannot be used without it")]
    Missing(String),
    /// What was wrapped was changed or belongs elsewhere.
    #[error("a stored key does not open")]
    Unwrap(#[from] UnwrapError),
    /// The address of a provider is not right.
    #[error("`{address}` is not the address of a key provider: {why}")]
    Address {
        /// What was given.
        address: String,
        /// What is wrong with it.
        why: String,
    },
    /// The file holds no key.
    #[error("{0} holds no root key: 64 hexadecimal digits a line are wanted")]
    NotAKey(PathBuf),
    /// The root key would lie beside the data that it protects.
    #[error("the root key {0} must lie outside the data folder")]
    InsideData(PathBuf),
    /// A file could not be read or written.
    #[error("{path}: {source}", path = .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// Holds root keys.
pub trait Provider: Send + Sync {
    /// What it is and where, for people. No secrets.
    fn describe(&self) -> String;

    /// What an administrator should know about it, if anything.
    fn warning(&self) -> Option<&'static str> {
        None
    }

    /// Ids of the keys that it holds, the newest first. Asks anew.
    fn ids(&self) -> Result<Vec<KeyId>, ProviderError>;

    /// Makes a new key, which wraps from now on.
    fn add(&self, random: &dyn Random) -> Result<KeyId, ProviderError>;

    /// Destroys every key but the newest. Gives how many went. The caller has seen that nothing hangs on them.
    fn retire(&self) -> Result<usize, ProviderError>;

    /// Wraps with the newest key, and says which that is.
    fn wrap(&self, child: &Key, purpose: Purpose, random: &dyn Random) -> Result<(KeyId, Vec<u8>), ProviderError>;

    /// Unwraps. [`ProviderError::NotThere`]: another provider or key wrapped it.
    fn unwrap(&self, child: &WrappedKey, purpose: Purpose) -> Result<Key, ProviderError>;
}

/// What a root key's address names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A file.
    File,
    /// A token, `pkcs11:…`.
    Token,
    /// A key service, `https://…`.
    Service,
}

impl Kind {
    /// Of an address.
    pub fn of(address: &Path) -> Self {
        let begins = |with: &str| address.to_str().is_some_and(|text| text.starts_with(with));
        match () {
            () if begins("pkcs11:") => Self::Token,
            () if begins("https://") || begins("http://") => Self::Service,
            () => Self::File,
        }
    }

    /// A stable word.
    fn word(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Token => "pkcs11",
            Self::Service => "service",
        }
    }
}

/// The provider at an address. `data` is the data folder, in which no root key may lie.
pub fn open(address: &Path, data: &Path) -> Result<Box<dyn Provider>, ProviderError> {
    let text = address.to_str().unwrap_or_default();
    Ok(match Kind::of(address) {
        Kind::Token => Box::new(TokenKeys::open(text)?),
        Kind::Service => Box::new(ServiceKeys::open(text)?),
        Kind::File => Box::new(FileKeys::open(address, data)?),
    })
}

/// The provider in use, and the one before while keys move from one to the other.
pub struct Roots {
    /// Wraps what is new.
    pub current: Box<dyn Provider>,
    /// Only unwraps.
    pub old: Option<Box<dyn Provider>>,
    kind: Kind,
    done: [AtomicU64; 2],
}

impl Roots {
    /// The providers at these addresses.
    pub fn open(current: &Path, old: Option<&Path>, data: &Path) -> Result<Self, ProviderError> {
        let old = old.map(|old| open(old, data)).transpose()?;
        Ok(Self { current: open(current, data)?, old, kind: Kind::of(current), done: Default::default() })
    }

    /// How often it was wrapped and unwrapped: kind of the provider, how it ended, how often.
    pub fn operations(&self) -> [(&'static str, &'static str, u64); 2] {
        let [good, bad] = [0, 1].map(|result: usize| self.done[result].load(Ordering::Relaxed));
        [(self.kind.word(), "ok", good), (self.kind.word(), "failed", bad)]
    }

    fn counted<T>(&self, result: Result<T, ProviderError>) -> Result<T, ProviderError> {
        self.done[usize::from(result.is_err())].fetch_add(1, Ordering::Relaxed);
        result
    }

    /// Wraps with the newest key, and says which that is.
    pub fn wrap(&self, child: &Key, purpose: Purpose, random: &dyn Random) -> Result<(KeyId, Vec<u8>), ProviderError> {
        self.counted(self.current.wrap(child, purpose, random))
    }

    /// Unwraps with whichever holds the key.
    pub fn unwrap(&self, child: &WrappedKey, purpose: Purpose) -> Result<Key, ProviderError> {
        self.counted(match (self.current.unwrap(child, purpose), &self.old) {
            (Err(ProviderError::NotThere { .. }), Some(old)) => old.unwrap(child, purpose),
            (result, _) => result,
        })
    }
}

/// The value of an attribute of an address, percent-decoded.
pub(super) fn attribute(part: &str, separator: char, name: &str) -> Option<String> {
    let value = part.split(separator).find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))?;
    let bytes = value.as_bytes();
    let (mut decoded, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while at < bytes.len() {
        let hex = bytes.get(at + 1..at + 3).and_then(|hex| std::str::from_utf8(hex).ok());
        let escaped = hex.filter(|_| bytes[at] == b'%').and_then(|hex| u8::from_str_radix(hex, 16).ok());
        decoded.push(escaped.unwrap_or(bytes[at]));
        at += if escaped.is_some() { 3 } else { 1 };
    }
    String::from_utf8(decoded).ok()
}

/// A secret from a file, without the line's end. The caller wipes it.
pub(super) fn read_secret(path: &Path) -> Result<zeroize::Zeroizing<String>, ProviderError> {
    let io = |source| ProviderError::Io { path: path.to_owned(), source };
    let text = zeroize::Zeroizing::new(std::fs::read_to_string(path).map_err(io)?);
    Ok(zeroize::Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_found_whole_and_decoded() {
        let part = "token=re%20home;object=root";
        assert_eq!(attribute(part, ';', "token").as_deref(), Some("re home"));
        assert_eq!(attribute(part, ';', "object").as_deref(), Some("root"));
        assert_eq!(attribute(part, ';', "tok"), None);
        assert_eq!(attribute("pin=50%", '&', "pin").as_deref(), Some("50%"));
        assert_eq!(attribute("pin=%zz", '&', "pin").as_deref(), Some("%zz"));
    }
}
