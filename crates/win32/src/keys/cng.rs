//! Keys that Windows keeps and does not give out (CNG key storage, Windows documentation): in the TPM with the Platform Crypto Provider, else in
//! the person's own store with the software provider. The record is the key's name.
//!
//! Not under Wine: its `NCrypt` has no ECDSA and refuses to make such a key, so nothing here has run on any system that we can test on.

use std::ptr;
use std::sync::Arc;

use device::key::{DeviceKey, KeyError, KeyStore, sha256};
use model::device::KeyLevel;
use model::ids::to_hex;
use model::world::Random;
use windows_sys::Win32::Security::Cryptography::{
    BCRYPT_ECCPUBLIC_BLOB, BCRYPT_ECDSA_P256_ALGORITHM, BCRYPT_ECDSA_PUBLIC_P256_MAGIC, MS_KEY_STORAGE_PROVIDER,
    MS_PLATFORM_CRYPTO_PROVIDER, NCRYPT_HANDLE, NCRYPT_KEY_HANDLE, NCRYPT_PROV_HANDLE, NCRYPT_SILENT_FLAG,
    NCryptCreatePersistedKey, NCryptDeleteKey, NCryptExportKey, NCryptFinalizeKey, NCryptFreeObject, NCryptOpenKey,
    NCryptOpenStorageProvider, NCryptSignHash,
};
use windows_sys::core::{HRESULT, PCWSTR};

use crate::text::wide;

/// Bytes before the point in an exported public key: `BCRYPT_ECCKEY_BLOB`, magic and length (bcrypt.h).
const BLOB_HEAD: usize = 8;

/// Bytes of one coordinate.
const COORDINATE: usize = 32;

/// What a name of ours begins with; further come 32 digits.
const NAME_BEGIN: &str = "Rehome device key ";

/// A provider of keys.
#[derive(Clone, Copy)]
pub(super) struct Provider {
    name: PCWSTR,
    word: &'static str,
    level: KeyLevel,
}

/// The TPM.
pub(super) const PLATFORM: Provider = Provider { name: MS_PLATFORM_CRYPTO_PROVIDER, word: "tpm", level: KeyLevel::Tpm };

/// Windows' own store.
pub(super) const SOFTWARE: Provider =
    Provider { name: MS_KEY_STORAGE_PROVIDER, word: "cng", level: KeyLevel::CngSoftware };

/// Keys of one provider.
pub(super) struct CngKeys {
    provider: Provider,
    random: Arc<dyn Random>,
}

/// A handle that is given back.
struct Handle(NCRYPT_HANDLE);

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: the handle was given by NCrypt, and this is its only owner.
        unsafe { NCryptFreeObject(self.0) };
    }
}

/// A key that is open. The provider stays open as long.
struct CngKey {
    word: &'static str,
    key: Handle,
    public: [u8; 1 + 2 * COORDINATE],
    _provider: Handle,
}

impl CngKeys {
    pub(super) fn new(provider: Provider, random: Arc<dyn Random>) -> Self {
        Self { provider, random }
    }

    fn check(&self, what: &str, code: HRESULT) -> Result<(), KeyError> {
        if code == 0 { Ok(()) } else { Err(failed(self.provider.word, what, code)) }
    }

    fn provider(&self) -> Result<Handle, KeyError> {
        let mut handle: NCRYPT_PROV_HANDLE = 0;
        // SAFETY: the name is a constant that ends in a zero, and `handle` outlives the call.
        let code = unsafe { NCryptOpenStorageProvider(&raw mut handle, self.provider.name, 0) };
        self.check("the provider does not open", code)?;
        Ok(Handle(handle))
    }

    fn find(&self, provider: &Handle, record: &[u8]) -> Result<Handle, KeyError> {
        let name = std::str::from_utf8(record).ok().filter(|name| name.starts_with(NAME_BEGIN));
        let missing = || KeyError { store: self.provider.word, what: "the record names no key".to_owned() };
        let name = wide(name.ok_or_else(missing)?);
        let mut handle: NCRYPT_KEY_HANDLE = 0;
        // SAFETY: the provider is open, the name ends in a zero, and `handle` outlives the call.
        let code = unsafe { NCryptOpenKey(provider.0, &raw mut handle, name.as_ptr(), 0, NCRYPT_SILENT_FLAG) };
        self.check("the key does not open", code)?;
        Ok(Handle(handle))
    }

    fn opened(&self, provider: Handle, key: Handle) -> Result<Box<dyn DeviceKey>, KeyError> {
        let mut blob = [0_u8; BLOB_HEAD + 2 * COORDINATE];
        let mut len = 0;
        // SAFETY: the key is open, the kind is a constant that ends in a zero, the buffer has the length that is given, and what may be null is.
        let code = unsafe {
            NCryptExportKey(
                key.0,
                0,
                BCRYPT_ECCPUBLIC_BLOB,
                ptr::null(),
                blob.as_mut_ptr(),
                u32::try_from(blob.len()).unwrap_or_default(),
                &raw mut len,
                NCRYPT_SILENT_FLAG,
            )
        };
        self.check("the public key cannot be had", code)?;
        let (head, point) = blob.split_at(BLOB_HEAD);
        let is_p256 = head[..4] == BCRYPT_ECDSA_PUBLIC_P256_MAGIC.to_le_bytes() && len as usize == blob.len();
        if !is_p256 {
            return Err(KeyError { store: self.provider.word, what: "the key is not one of P-256".to_owned() });
        }
        let mut public = [4; 1 + 2 * COORDINATE];
        public[1..].copy_from_slice(point);
        Ok(Box::new(CngKey { word: self.provider.word, key, public, _provider: provider }))
    }
}

impl KeyStore for CngKeys {
    fn word(&self) -> &'static str {
        self.provider.word
    }

    fn level(&self) -> KeyLevel {
        self.provider.level
    }

    fn make(&self) -> Result<(Box<dyn DeviceKey>, Vec<u8>), KeyError> {
        let provider = self.provider()?;
        let mut digits = [0; 16];
        self.random.fill(&mut digits);
        let name = format!("{NAME_BEGIN}{}", to_hex(&digits));
        let wide_name = wide(&name);
        let mut handle: NCRYPT_KEY_HANDLE = 0;
        // SAFETY: the provider is open, both names end in a zero, and `handle` outlives the call. Without further flags the key is the person's own, and
        // without an export policy it is never given out.
        let code = unsafe {
            NCryptCreatePersistedKey(provider.0, &raw mut handle, BCRYPT_ECDSA_P256_ALGORITHM, wide_name.as_ptr(), 0, 0)
        };
        self.check("no key can be made", code)?;
        let key = Handle(handle);
        // SAFETY: the key was just begun and is open.
        let code = unsafe { NCryptFinalizeKey(key.0, NCRYPT_SILENT_FLAG) };
        self.check("the key was not finished", code)?;
        Ok((self.opened(provider, key)?, name.into_bytes()))
    }

    fn open(&self, record: &[u8]) -> Result<Box<dyn DeviceKey>, KeyError> {
        let provider = self.provider()?;
        let key = self.find(&provider, record)?;
        self.opened(provider, key)
    }

    fn forget(&self, record: &[u8]) -> Result<(), KeyError> {
        let provider = self.provider()?;
        let key = self.find(&provider, record)?;
        // SAFETY: the key is open. When the call succeeds it has freed the handle, which is therefore not freed again below.
        let code = unsafe { NCryptDeleteKey(key.0, NCRYPT_SILENT_FLAG) };
        if code == 0 {
            std::mem::forget(key);
        }
        self.check("the key was not destroyed", code)
    }
}

impl DeviceKey for CngKey {
    fn public_key(&self) -> [u8; 1 + 2 * COORDINATE] {
        self.public
    }

    fn sign(&self, bytes: &[u8]) -> Result<[u8; 2 * COORDINATE], KeyError> {
        let hash = sha256(bytes);
        let mut signature = [0; 2 * COORDINATE];
        let mut len = 0;
        // SAFETY: the key is open, both buffers have the lengths that are given, and ECDSA has no padding to describe.
        let code = unsafe {
            NCryptSignHash(
                self.key.0,
                ptr::null(),
                hash.as_ptr(),
                u32::try_from(hash.len()).unwrap_or_default(),
                signature.as_mut_ptr(),
                u32::try_from(signature.len()).unwrap_or_default(),
                &raw mut len,
                NCRYPT_SILENT_FLAG,
            )
        };
        if code != 0 || len as usize != signature.len() {
            return Err(failed(self.word, "the key did not sign", code));
        }
        Ok(signature)
    }
}

fn failed(store: &'static str, what: &str, code: HRESULT) -> KeyError {
    KeyError { store, what: format!("{what} (0x{:08x})", code.cast_unsigned()) }
}
