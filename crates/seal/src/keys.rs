//! Secrets, and the keys that a person's device or the server holds.
//!
//! No secret type has `Debug`, `Clone` or `Serialize`, so that none can slip into a log, an error or a file; each is wiped when dropped.
//! (`ring` and `blake3` hold working copies while they run, on the stack, which are not wiped.)

use model::api::ProfileKeys;
use model::ids::{KeyId, from_hex, to_hex};
use model::reason::Reason;
use model::world::Random;
use ring::hkdf;
use zeroize::Zeroizing;

/// The most profile keys that a person's ring may hold: one for each rotation that still opens something, with room to spare. Finding the
/// right one for a part looks at each.
pub const RING_KEYS_MAX: usize = 64;

/// Length of a key's check.
pub(crate) const CHECK_BYTES: usize = 16;

/// 32 secret bytes.
pub struct Secret(Zeroizing<[u8; 32]>);

impl Secret {
    /// A new one.
    pub fn random(random: &dyn Random) -> Self {
        let mut bytes = Zeroizing::new([0; 32]);
        random.fill(bytes.as_mut());
        Self(bytes)
    }

    /// One that was kept somewhere. The caller wipes its own copy.
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(Zeroizing::new(*bytes))
    }

    /// One from 64 hexadecimal digits.
    pub fn from_hex(text: &str) -> Option<Self> {
        from_hex(text).map(|bytes| Self(Zeroizing::new(bytes)))
    }

    /// The bytes, for whoever stores them. Named so that it is found in a review.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// 64 hexadecimal digits, wiped when dropped.
    pub fn to_hex(&self) -> Zeroizing<String> {
        Zeroizing::new(to_hex(self.expose()))
    }
}

/// A key of the key tree: root, tenant, user or profile key.
///
/// It never encrypts anything itself; what does is derived from it, one key for each object.
pub struct Key {
    /// Its name; says nothing about the secret.
    pub id: KeyId,
    secret: Secret,
}

impl Key {
    /// A key from its pieces.
    pub fn new(id: KeyId, secret: Secret) -> Self {
        Self { id, secret }
    }

    /// A new key.
    pub fn random(random: &dyn Random) -> Self {
        let mut id = [0; KeyId::LEN];
        random.fill(&mut id);
        Self { id: KeyId(id), secret: Secret::random(random) }
    }

    /// The secret, for whoever stores it.
    pub fn secret(&self) -> &Secret {
        &self.secret
    }

    /// The key for content ids that belongs to this user key.
    pub fn id_key(&self) -> IdKey {
        let mut bytes = Zeroizing::new([0; 32]);
        self.derive(&[b"rehome/id-key/v1"], bytes.as_mut());
        IdKey(Secret(bytes))
    }

    /// What stands beside everything that was sealed under this key. It tells a wrong key from damaged bytes, picks the right one from a
    /// ring, and commits the ciphertext to one key, which AES-GCM alone does not.
    pub(crate) fn check(&self) -> [u8; CHECK_BYTES] {
        let mut check = [0; CHECK_BYTES];
        self.derive(&[b"rehome/check/v1"], &mut check);
        check
    }

    /// Fills `out` with bytes for one purpose: HKDF-SHA256, salt "rehome".
    pub(crate) fn derive(&self, info: &[&[u8]], out: &mut [u8]) {
        struct Len(usize);
        impl hkdf::KeyType for Len {
            fn len(&self) -> usize {
                self.0
            }
        }
        let root = hkdf::Salt::new(hkdf::HKDF_SHA256, b"rehome").extract(self.secret.expose());
        let material = root.expand(info, Len(out.len())).expect("never more than 255 hashes of output are asked for");
        material.fill(out).expect("the length is the one asked for");
    }
}

/// The user's key for content ids.
pub struct IdKey(Secret);

impl IdKey {
    /// The key from its secret.
    pub fn new(secret: Secret) -> Self {
        Self(secret)
    }

    /// The secret, for whoever stores it.
    pub fn secret(&self) -> &Secret {
        &self.0
    }

    /// A keyed hash, ready for input. The domain keeps ids of different things apart.
    pub(crate) fn hasher(&self, domain: &str) -> blake3::Hasher {
        let mut hasher = blake3::Hasher::new_keyed(self.0.expose());
        hasher.update(domain.as_bytes());
        hasher
    }
}

/// What opens a person's profile: every profile key that is still in use, and the key for content ids.
pub struct KeyRing {
    current: usize,
    keys: Vec<Key>,
    id_key: IdKey,
}

/// Keys that do not make a ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The current key is not among the keys.
    #[error("the current key {current} is not among the keys")]
    NoCurrent {
        /// The current key's id.
        current: KeyId,
    },
    /// Two keys with one id.
    #[error("the key {id} is given twice")]
    Repeated {
        /// The id.
        id: KeyId,
    },
    /// More than `RING_KEYS_MAX`.
    #[error("{count} keys are more than the {RING_KEYS_MAX} of a ring")]
    TooMany {
        /// How many.
        count: usize,
    },
    /// A secret that is not 64 hexadecimal digits.
    #[error("a key is not 64 hexadecimal digits")]
    NotHex,
}

impl KeyError {
    /// The reason that a person is told.
    pub fn reason(self) -> Reason {
        Reason::UnexpectedAnswer
    }
}

impl KeyRing {
    /// A ring; `current` names the key that seals.
    pub fn new(current: KeyId, keys: Vec<Key>, id_key: IdKey) -> Result<Self, KeyError> {
        if keys.len() > RING_KEYS_MAX {
            return Err(KeyError::TooMany { count: keys.len() });
        }
        for (index, key) in keys.iter().enumerate() {
            if keys[..index].iter().any(|before| before.id == key.id) {
                return Err(KeyError::Repeated { id: key.id });
            }
        }
        let index = keys.iter().position(|key| key.id == current).ok_or(KeyError::NoCurrent { current })?;
        Ok(Self { current: index, keys, id_key })
    }

    /// The ring that a server's answer holds.
    pub fn from_api(answer: &ProfileKeys) -> Result<Self, KeyError> {
        let key = |(id, text): &(KeyId, String)| Secret::from_hex(text).map(|secret| Key::new(*id, secret));
        let keys = answer.keys.iter().map(key).collect::<Option<Vec<_>>>().ok_or(KeyError::NotHex)?;
        let id_key = Secret::from_hex(&answer.id_key).ok_or(KeyError::NotHex)?;
        Self::new(answer.current, keys, IdKey(id_key))
    }

    /// The answer that a server gives to the person themself.
    pub fn to_api(&self) -> ProfileKeys {
        ProfileKeys {
            current: self.current().id,
            keys: self.keys.iter().map(|key| (key.id, key.secret.to_hex().to_string())).collect(),
            id_key: self.id_key.0.to_hex().to_string(),
            sealed_for: None,
        }
    }

    /// The key that seals.
    pub fn current(&self) -> &Key {
        &self.keys[self.current]
    }

    /// All keys.
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// The key with that id.
    pub fn find(&self, id: KeyId) -> Option<&Key> {
        self.keys.iter().find(|key| key.id == id)
    }

    /// The key with that check.
    pub(crate) fn find_by_check(&self, check: &[u8]) -> Option<&Key> {
        self.keys.iter().find(|key| key.check() == check)
    }

    /// The key for content ids.
    pub fn id_key(&self) -> &IdKey {
        &self.id_key
    }
}
