//! Keys of the journal: each log and each base has one of its own, wrapped by the newest root key.
//!
//! A wrapped one is `id 16 | id of the root key 16 | wrapped`. It belongs to no tenant: whoever rebuilds a database has no tenants yet.

use std::sync::Arc;

use model::world::{Clock, Moment, Random};
use seal::wrap::Purpose;
use seal::{Key, Secret};
use store::{JournalKey, JournalKeys, StoreError};

use super::provider::{ProviderError, Roots};
use super::{read_wrapped, wrapped_bytes};

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

impl JournalKeys for JournalRoots {
    fn new_key(&self) -> Result<JournalKey, StoreError> {
        let key = Key::random(&*self.random);
        let wrapped = self.roots.wrap(&key, Purpose::Journal, &*self.random);
        let (parent, wrapped) = wrapped.map_err(|error| failed(&error))?;
        let wrapped = wrapped_bytes(key.id, parent, &wrapped);
        Ok(JournalKey { secret: *key.secret().expose(), wrapped })
    }

    fn open_key(&self, wrapped: &[u8]) -> Result<[u8; 32], StoreError> {
        let stored =
            read_wrapped(wrapped).ok_or_else(|| StoreError::Damaged("a key of the journal is none".to_owned()))?;
        let opened = self.roots.unwrap(&stored, Purpose::Journal).map_err(|error| failed(&error))?;
        let secret: &Secret = opened.secret();
        Ok(*secret.expose())
    }

    fn is_current(&self, wrapped: &[u8]) -> bool {
        let newest = self.roots.current.ids().ok().and_then(|ids| ids.first().copied());
        // While the keys do not answer nothing is known, and a new base could not be sealed either.
        newest.is_none_or(|newest| read_wrapped(wrapped).is_some_and(|stored| stored.parent == Some(newest)))
    }

    fn root_keys(&self) -> Result<Vec<String>, StoreError> {
        let ids = self.roots.current.ids().map_err(|error| failed(&error))?;
        Ok(ids.iter().map(ToString::to_string).collect())
    }

    fn fill(&self, bytes: &mut [u8]) {
        self.random.fill(bytes);
    }

    fn now(&self) -> Moment {
        self.clock.now()
    }
}
