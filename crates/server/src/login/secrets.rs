//! Secrets that must be read again: of providers, of second factors. Sealed under the tenant's key, for one purpose each.
//!
//! Stored bytes: id of the tenant's key (16), nonce (12), AES-256-GCM of the secret with its tag. The key is derived from the tenant's, and tenant and
//! purpose are bound in, so that a row moved to another place does not open. Older keys of the tenant keep opening what they sealed.

use model::ids::KeyId;
use model::world::{Moment, Random};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use store::people::Identity;
use store::{Person, Store, TenantScope};

use crate::keyring::{Keyring, KeyringError};

/// Bytes of key id and nonce.
const ID_LEN: usize = 16;
const NONCE_LEN: usize = 12;

impl Keyring {
    /// Seals a secret of the tenant. The pair: what it is for, and itself.
    pub fn seal_secret(
        &self,
        store: &Store,
        tenant: &TenantScope,
        (purpose, secret): (&str, &[u8]),
        random: &dyn Random,
    ) -> Result<Vec<u8>, KeyringError> {
        let parent = self.tenant_key(tenant.tenant(), &store.tenant_keys(tenant)?)?;
        let mut nonce = [0; NONCE_LEN];
        random.fill(&mut nonce);
        let mut sealed = secret.to_vec();
        let aad = Aad::from(about(tenant, purpose));
        derived(&parent)
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut sealed)
            .map_err(|_| KeyringError::Gone)?;
        Ok([parent.id.as_bytes().as_slice(), &nonce, &sealed].concat())
    }

    /// Opens a secret of the tenant.
    pub fn open_secret(
        &self,
        store: &Store,
        tenant: &TenantScope,
        purpose: &str,
        sealed: &[u8],
    ) -> Result<Vec<u8>, KeyringError> {
        let (id, rest) = sealed.split_first_chunk::<ID_LEN>().ok_or(KeyringError::Gone)?;
        let (nonce, rest) = rest.split_first_chunk::<NONCE_LEN>().ok_or(KeyringError::Gone)?;
        let keys = store.tenant_keys(tenant)?;
        let key = keys.into_iter().find(|key| key.id == KeyId(*id)).ok_or(KeyringError::Gone)?;
        let parent = self.tenant_key(tenant.tenant(), &[key])?;
        let mut opened = rest.to_vec();
        let aad = Aad::from(about(tenant, purpose));
        let secret = derived(&parent)
            .open_in_place(Nonce::assume_unique_for_key(*nonce), aad, &mut opened)
            .map_err(|_| KeyringError::Gone)?;
        Ok(secret.to_vec())
    }

    /// Makes the user of an identity that has none yet, with their key.
    pub fn create_person(
        &self,
        store: &Store,
        tenant: &TenantScope,
        (name, identity): (&str, Identity),
        (now, random): (Moment, &dyn Random),
    ) -> Result<Person, KeyringError> {
        let new = self.new_user(store, tenant, (name, String::new()), random)?;
        Ok(store.create_person(tenant, new, identity, now)?)
    }
}

/// What is bound in.
fn about(tenant: &TenantScope, purpose: &str) -> Vec<u8> {
    [tenant.tenant().as_bytes().as_slice(), purpose.as_bytes()].concat()
}

fn derived(parent: &seal::Key) -> LessSafeKey {
    let key = blake3::derive_key("rehome 2026 secrets of a tenant", parent.secret().expose());
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &key).expect("a key of 32 bytes"))
}
