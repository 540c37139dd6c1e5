//! Keys whose private half is in the record itself: in a file that only its owner can read, and on Windows encrypted for the person besides.

use model::device::KeyLevel;
use seal::device_key::{self, PUBLIC_KEY_LEN, SIGNATURE_LEN};

use super::{DeviceKey, KeyError, KeyStore};

/// Encrypts what is written down, so that a copy of the file is worth nothing elsewhere.
pub trait Protect {
    /// The word of the store with this protection.
    fn word(&self) -> &'static str;
    /// Encrypts.
    fn protect(&self, bytes: &[u8]) -> Result<Vec<u8>, String>;
    /// Decrypts.
    fn unprotect(&self, bytes: &[u8]) -> Result<Vec<u8>, String>;
}

/// No encryption: the file's rights are the protection.
pub struct Plain;

impl Protect for Plain {
    fn word(&self) -> &'static str {
        "file"
    }

    fn protect(&self, bytes: &[u8]) -> Result<Vec<u8>, String> {
        Ok(bytes.to_vec())
    }

    fn unprotect(&self, bytes: &[u8]) -> Result<Vec<u8>, String> {
        Ok(bytes.to_vec())
    }
}

/// Keys in records.
pub struct FileKeys<P> {
    protect: P,
}

impl<P: Protect> FileKeys<P> {
    /// Keys protected like this.
    pub fn new(protect: P) -> Self {
        Self { protect }
    }

    fn error(&self, what: impl Into<String>) -> KeyError {
        KeyError { store: self.protect.word(), what: what.into() }
    }
}

impl DeviceKey for device_key::DeviceKey {
    fn public_key(&self) -> [u8; PUBLIC_KEY_LEN] {
        Self::public_key(self)
    }

    fn sign(&self, bytes: &[u8]) -> Result<[u8; SIGNATURE_LEN], KeyError> {
        Ok(Self::sign(self, bytes))
    }
}

impl<P: Protect> KeyStore for FileKeys<P> {
    fn word(&self) -> &'static str {
        self.protect.word()
    }

    fn level(&self) -> KeyLevel {
        KeyLevel::File
    }

    fn make(&self) -> Result<(Box<dyn DeviceKey>, Vec<u8>), KeyError> {
        let key = device_key::DeviceKey::generate();
        let record = self.protect.protect(key.to_pkcs8()).map_err(|what| self.error(what))?;
        Ok((Box::new(key), record))
    }

    fn open(&self, record: &[u8]) -> Result<Box<dyn DeviceKey>, KeyError> {
        let bytes = self.protect.unprotect(record).map_err(|what| self.error(what))?;
        let bytes = zeroize::Zeroizing::new(bytes);
        let key = device_key::DeviceKey::from_pkcs8(&bytes).map_err(|error| self.error(error.to_string()))?;
        Ok(Box::new(key))
    }

    fn forget(&self, _: &[u8]) -> Result<(), KeyError> {
        Ok(())
    }
}
