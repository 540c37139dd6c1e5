//! The device's own key: made on the PC, and as hard to steal as the PC allows.
//!
//! A [`KeyStore`] makes keys and finds them again by a record that is written down beside the enrolment. What the record holds is the store's
//! business: the private key itself, encrypted for the person, or only a name under which Windows or the TPM keeps it. A store that a PC offers
//! may still not work on it, so [`make`] tries each key before it is believed, and takes the next weaker store otherwise.

mod file;

use model::device::KeyLevel;
use seal::device_key::{PUBLIC_KEY_LEN, SIGNATURE_LEN, verify_bytes};
use serde::{Deserialize, Serialize};

pub use file::{FileKeys, Plain, Protect};

/// What a new key signs to show that it works; it begins with a byte that no request and no other text of ours begins with.
const TRIAL: &[u8] = b"\0rehome key trial";

/// Why a key cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{store}: {what}")]
pub struct KeyError {
    /// The word of the store.
    pub store: &'static str,
    /// What went wrong, in the system's words.
    pub what: String,
}

/// A device's private key, wherever it is.
pub trait DeviceKey {
    /// The public half: an uncompressed point of P-256 (SEC 1, 2.3.3).
    fn public_key(&self) -> [u8; PUBLIC_KEY_LEN];

    /// Signs bytes with ECDSA and SHA-256; gives r and s.
    fn sign(&self, bytes: &[u8]) -> Result<[u8; SIGNATURE_LEN], KeyError>;
}

/// Makes keys and finds them again.
pub trait KeyStore {
    /// A stable word, written into records.
    fn word(&self) -> &'static str;

    /// How hard its keys are to steal.
    fn level(&self) -> KeyLevel;

    /// Makes a key and gives what finds it again.
    fn make(&self) -> Result<(Box<dyn DeviceKey>, Vec<u8>), KeyError>;

    /// Finds a key.
    fn open(&self, record: &[u8]) -> Result<Box<dyn DeviceKey>, KeyError>;

    /// Destroys a key that is no longer used; what is in the record alone goes with the record.
    fn forget(&self, record: &[u8]) -> Result<(), KeyError>;
}

/// What finds a key again, as it is written down.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRecord {
    /// The store's word.
    pub store: String,
    /// How hard it is to steal.
    pub level: KeyLevel,
    /// The store's own bytes, in hexadecimal digits.
    record: String,
}

impl std::fmt::Debug for KeyRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyRecord").field("store", &self.store).field("level", &self.level).finish_non_exhaustive()
    }
}

/// SHA-256, for stores that sign a hash.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    seal::device_key::sha256(bytes)
}

/// Makes a key in the first store whose key works; the strongest store comes first.
pub fn make(stores: &[Box<dyn KeyStore>]) -> Result<(Box<dyn DeviceKey>, KeyRecord), KeyError> {
    let mut failed = KeyError { store: "this PC", what: "there is no place for a key".to_owned() };
    for store in stores {
        match store.make().and_then(|(key, record)| {
            works(store.word(), &*key)?;
            Ok((key, record))
        }) {
            Ok((key, record)) => {
                let record = model::ids::to_hex(&record);
                return Ok((key, KeyRecord { store: store.word().to_owned(), level: store.level(), record }));
            }
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

/// Finds a key again.
pub fn open(stores: &[Box<dyn KeyStore>], record: &KeyRecord) -> Result<Box<dyn DeviceKey>, KeyError> {
    let (store, bytes) = find(stores, record)?;
    store.open(&bytes)
}

/// Destroys a key.
pub fn forget(stores: &[Box<dyn KeyStore>], record: &KeyRecord) -> Result<(), KeyError> {
    let (store, bytes) = find(stores, record)?;
    store.forget(&bytes)
}

fn find<'s>(stores: &'s [Box<dyn KeyStore>], record: &KeyRecord) -> Result<(&'s dyn KeyStore, Vec<u8>), KeyError> {
    let store = stores.iter().find(|store| store.word() == record.store);
    let store = store.ok_or_else(|| KeyError {
        store: "this PC",
        what: format!("its key is in `{}`, which is not to be had here", record.store),
    })?;
    let digits = record.record.as_bytes();
    let pairs = (0..digits.len() / 2).map(|at| model::ids::from_hex::<1>(record.record.get(at * 2..at * 2 + 2)?));
    let bytes = pairs.map(|byte| byte.map(|[byte]| byte)).collect::<Option<Vec<u8>>>();
    let damaged = || KeyError { store: store.word(), what: "the record of the key is damaged".to_owned() };
    Ok((&**store, bytes.filter(|_| digits.len().is_multiple_of(2)).ok_or_else(damaged)?))
}

fn works(store: &'static str, key: &dyn DeviceKey) -> Result<(), KeyError> {
    let signature = key.sign(TRIAL)?;
    let wrong = |_| KeyError { store, what: "a key was made whose signatures are wrong".to_owned() };
    verify_bytes(TRIAL, &signature, &key.public_key()).map_err(wrong)
}

/// What every store promises, for the tests of each: keys that work, that are found again, and that differ.
pub fn contract(store: &dyn KeyStore) -> Result<(), KeyError> {
    let wrong = |what: &str| Err(KeyError { store: store.word(), what: what.to_owned() });
    let (first, record) = store.make()?;
    works(store.word(), &*first)?;
    let (second, second_record) = store.make()?;
    if first.public_key() == second.public_key() || record == second_record {
        return wrong("two keys are the same");
    }
    let again = store.open(&record)?;
    works(store.word(), &*again)?;
    if again.public_key() != first.public_key() {
        return wrong("another key was found");
    }
    drop((first, second, again));
    store.forget(&second_record)?;
    works(store.word(), &*store.open(&record)?)?;
    store.forget(&record)?;
    for garbage in [&b""[..], b"garbage", &record[1..]] {
        if store.open(garbage).is_ok() {
            return wrong("a key was found where there is none");
        }
    }
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The record of some key, for tests that have an enrolment.
    pub(crate) fn record() -> KeyRecord {
        KeyRecord { store: "file".to_owned(), level: KeyLevel::File, record: "5ec2e7".to_owned() }
    }

    /// A store that makes keys which do not work, as a Windows without ECDSA would.
    struct Broken;

    impl KeyStore for Broken {
        fn word(&self) -> &'static str {
            "broken"
        }

        fn level(&self) -> KeyLevel {
            KeyLevel::Tpm
        }

        fn make(&self) -> Result<(Box<dyn DeviceKey>, Vec<u8>), KeyError> {
            Err(KeyError { store: "broken", what: "not implemented".to_owned() })
        }

        fn open(&self, _: &[u8]) -> Result<Box<dyn DeviceKey>, KeyError> {
            self.make().map(|(key, _)| key)
        }

        fn forget(&self, _: &[u8]) -> Result<(), KeyError> {
            Ok(())
        }
    }

    #[test]
    fn keys_in_files_keep_the_contract() {
        contract(&FileKeys::new(Plain)).unwrap();
    }

    #[test]
    fn the_strongest_store_that_works_is_taken_and_found_again() {
        let stores: Vec<Box<dyn KeyStore>> = vec![Box::new(Broken), Box::new(FileKeys::new(Plain))];
        let (key, record) = make(&stores).unwrap();
        assert_eq!((record.store.as_str(), record.level), ("file", KeyLevel::File));
        let written: KeyRecord = serde_json::from_str(&serde_json::to_string(&record).unwrap()).unwrap();
        assert_eq!(open(&stores, &written).unwrap().public_key(), key.public_key());
        assert!(!format!("{record:?}").contains(&record.record), "a record is not shown");
        let elsewhere = open(&stores[..1], &record).map(|_| ()).unwrap_err();
        assert!(elsewhere.to_string().contains("`file`"), "{elsewhere}");
        assert_eq!(make(&stores[..1]).map(|_| ()).unwrap_err().store, "broken");
        let damaged = KeyRecord { record: record.record[1..].to_owned(), ..record };
        assert!(open(&stores, &damaged).is_err());
    }
}
