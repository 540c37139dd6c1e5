//! Keys of the journal: each log and each base has one of its own, wrapped by the newest root key.
//!
//! A wrapped one is `id 16 | id of the root key 16 | wrapped`. It belongs to no tenant: whoever rebuilds a database has no tenants yet.

use std::sync::Arc;

use model::ids::KeyId;
use model::world::{Clock, Moment, Random};
use seal::wrap::Purpose;
use seal::{Key, Secret};
use store::{JournalKey, JournalKeys, StoreError, WrappedKey};

use super::provider::{ProviderError, Roots};

/// The root keys, as the journal needs them.
pub struct JournalRoots {
    roots: Arc<Roots>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
}

impl JournalRoots {
    /// Keys below `roots`.
    pub fn new(roots: Arc<Roots>, clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Self {
        Self { roots, clock, random }
    }
}

fn failed(error: &ProviderError) -> StoreError {
    StoreError::Storage { at: "the root key".to_owned(), why: error.to_string() }
}

fn parts(wrapped: &[u8]) -> Option<WrappedKey> {
    let (id, rest) = wrapped.split_first_chunk()?;
    let (parent, wrapped) = rest.split_first_chunk()?;
    Some(WrappedKey { id: KeyId(*id), parent: Some(KeyId(*parent)), wrapped: wrapped.to_vec() })
}

impl JournalKeys for JournalRoots {
    fn new_key(&self) -> Result<JournalKey, StoreError> {
        let key = Key::random(&*self.random);
        let wrapped = self.roots.wrap(&key, Purpose::Journal, &*self.random);
        let (parent, wrapped) = wrapped.map_err(|error| failed(&error))?;
        let wrapped = [key.id.as_bytes().as_slice(), parent.as_bytes(), &wrapped].concat();
        Ok(JournalKey { secret: *key.secret().expose(), wrapped })
    }

    fn open_key(&self, wrapped: &[u8]) -> Result<[u8; 32], StoreError> {
        let stored = parts(wrapped).ok_or_else(|| StoreError::Damaged("a key of the journal is none".to_owned()))?;
        let opened = self.roots.unwrap(&stored, Purpose::Journal).map_err(|error| failed(&error))?;
        let secret: &Secret = opened.secret();
        Ok(*secret.expose())
    }

    fn is_current(&self, wrapped: &[u8]) -> bool {
        let newest = self.roots.current.ids().ok().and_then(|ids| ids.first().copied());
        // While the keys do not answer nothing is known, and a new base could not be sealed either.
        newest.is_none_or(|newest| parts(wrapped).is_some_and(|stored| stored.parent == Some(newest)))
    }

    fn fill(&self, bytes: &mut [u8]) {
        self.random.fill(bytes);
    }

    fn now(&self) -> Moment {
        self.clock.now()
    }
}
