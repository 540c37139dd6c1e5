//! Changing keys at each level while the server runs.
//!
//! A change has a quick beginning (a new key takes the place of the old one for everything new) and a long rest: what hangs on the old key is
//! wrapped anew, in batches, each of which is one transaction. What is left to do follows from the rows ([`Keyring::step`]), so the server's
//! job, the command line and a server that was killed in between all do the same and can do it at once. Nothing sealed is ever touched, so every snapshot
//! opens before, during and after.
//!
//! The old key of a tenant goes by itself when nothing hangs on it. Old root keys go only when an administrator says so ([`Keyring::retire_roots`]): a
//! copy of the database from before the change still needs them.

use model::ids::{KeyId, UserId};
use model::world::Random;
use seal::wrap::{Purpose, unwrap, wrap};
use seal::{Key, Secret};
use store::{NewKey, NewUserKey, Stale, Store, StoreError, TenantScope, WrappedKey};

use super::{Keyring, KeyringError, RECEIPT_KEY, SERVER, StoredReceipt, anew, id_key};
use crate::keyring::provider::ProviderError;

/// Keys that are wrapped anew in one transaction: a few milliseconds in which nobody else writes.
pub const BATCH: u32 = 256;

impl Keyring {
    /// Takes the provider's newest root key into use, if it is not. Everything that another one wrapped is stale from then on. Gives whether it was new.
    pub fn adopt(&self, store: &Store) -> Result<bool, KeyringError> {
        let newest = self.newest_root()?;
        Ok(store.use_root_key(newest, self.clock.now())?)
    }

    fn newest_root(&self) -> Result<KeyId, KeyringError> {
        let ids = self.roots.current.ids()?;
        Ok(*ids.first().ok_or_else(|| ProviderError::Missing(self.roots.current.describe()))?)
    }

    /// Makes a new root key and takes it into use.
    pub fn rotate_root(&self, store: &Store, random: &dyn Random) -> Result<KeyId, KeyringError> {
        let id = self.roots.current.add(random)?;
        self.adopt(store)?;
        Ok(id)
    }

    /// Gives a tenant a new key.
    pub fn rotate_tenant(
        &self,
        store: &Store,
        tenant: &TenantScope,
        random: &dyn Random,
    ) -> Result<KeyId, KeyringError> {
        let secret = Key::random(random);
        anew(|| {
            let (parent, wrapped) = self.roots.wrap(&secret, Purpose::Tenant(tenant.tenant()), random)?;
            let key = NewKey { id: secret.id, purpose: store::Purpose::Tenant, parent, wrapped };
            let replaced = store.replace_tenant_key(tenant, key, self.clock.now());
            if matches!(replaced, Err(StoreError::KeyMoved)) {
                self.adopt(store)?;
            }
            Ok(replaced?)
        })?;
        Ok(secret.id)
    }

    /// Gives a user a new key, and wraps all their profiles' keys with it, in one transaction. `false`: there is no such user, or they were erased.
    ///
    /// The key for content ids stays the same one, kept by itself from now on: old snapshots name their parts by it.
    pub fn rotate_user(
        &self,
        store: &Store,
        tenant: &TenantScope,
        (user, random): (UserId, &dyn Random),
    ) -> Result<bool, KeyringError> {
        let id = tenant.tenant();
        let done = anew(|| {
            let Some((chain, profiles)) = store.keys_of_user(tenant, user)? else { return Ok(false) };
            if chain.user.is_empty() {
                return Ok(false);
            }
            let old = self.user_key(id, user, &chain)?;
            let parent = self.tenant_key(id, chain.tenant.first().ok_or(KeyringError::Gone)?)?;
            let new = Key::random(random);
            let ids = id_key(id, user, &chain, &old)?;
            let ids = Key::new(Key::random(random).id, Secret::from_bytes(ids.secret().expose()));
            let mut fresh = Vec::with_capacity(profiles.len());
            for (profile, purpose, key) in &profiles {
                let purpose = match purpose {
                    store::Purpose::Origin => Purpose::Origin(id, user, *profile),
                    _ => Purpose::Profile(id, user, *profile),
                };
                let opened = unwrap(&key.wrapped, key.id, &old, purpose)?;
                fresh.push((key.id, wrap(&opened, &new, purpose, random).to_vec()));
            }
            let before: Vec<WrappedKey> =
                chain.user.iter().chain(&chain.ids).chain(profiles.iter().map(|(.., key)| key)).cloned().collect();
            let replaced = NewUserKey {
                user,
                before,
                key: new_key(
                    &new,
                    store::Purpose::User,
                    wrap(&new, &parent, Purpose::User(id, user), random),
                    parent.id,
                ),
                ids: new_key(&ids, store::Purpose::Ids, wrap(&ids, &new, Purpose::Ids(id, user), random), new.id),
                profiles: fresh,
            };
            if store.replace_user_key(tenant, replaced, self.clock.now())? {
                return Ok(true);
            }
            // Somebody enrolled a PC or was erased in this very moment.
            Err(StoreError::KeyMoved.into())
        })?;
        Ok(done)
    }

    /// Does the next batch of what is left of any change of keys. Gives how many keys were wrapped anew or removed; 0: nothing is left.
    pub fn step(&self, store: &Store, random: &dyn Random) -> Result<u64, KeyringError> {
        if self.rewrap_receipt_key(store, random)? {
            return Ok(1);
        }
        let stale = store.stale_tenant_keys(BATCH)?;
        if !stale.is_empty() {
            return self.rewrap_tenant_keys(store, stale, random);
        }
        for tenant in store.tenants_with_replaced_keys()? {
            let stale = store.stale_user_keys(&tenant, BATCH)?;
            if !stale.is_empty() {
                return self.rewrap_user_keys(store, &tenant, stale, random);
            }
            let gone = store.retire_tenant_keys(&tenant, self.clock.now())?;
            if gone > 0 {
                return Ok(gone);
            }
        }
        Ok(0)
    }

    fn rewrap_receipt_key(&self, store: &Store, random: &dyn Random) -> Result<bool, KeyringError> {
        let root = store.root_key_id()?.ok_or(KeyringError::Gone)?;
        let before = store.meta(RECEIPT_KEY)?.ok_or(KeyringError::Gone)?;
        let stored = StoredReceipt::read(&before).ok_or(KeyringError::Gone)?.0;
        if stored.parent == Some(root) {
            return Ok(false);
        }
        self.adopt(store)?;
        let seed = self.roots.unwrap(&stored, Purpose::Tenant(SERVER))?;
        let (parent, wrapped) = self.roots.wrap(&seed, Purpose::Tenant(SERVER), random)?;
        Ok(store.replace_meta(RECEIPT_KEY, before, StoredReceipt::bytes(seed.id, parent, &wrapped))?)
    }

    fn rewrap_tenant_keys(&self, store: &Store, stale: Vec<Stale>, random: &dyn Random) -> Result<u64, KeyringError> {
        // Another process may have made the key that is in use; the provider looks again.
        self.adopt(store)?;
        let mut fresh = Vec::with_capacity(stale.len());
        for one in stale {
            let purpose = Purpose::Tenant(one.tenant.tenant());
            let key = self.roots.unwrap(&one.key, purpose)?;
            let (parent, wrapped) = self.roots.wrap(&key, purpose, random)?;
            fresh.push((one, parent, wrapped));
        }
        // Counted as read, so that a batch that somebody else did at the same time is not taken for the end.
        let count = fresh.len() as u64;
        store.rewrap(fresh)?;
        Ok(count)
    }

    fn rewrap_user_keys(
        &self,
        store: &Store,
        tenant: &TenantScope,
        stale: Vec<Stale>,
        random: &dyn Random,
    ) -> Result<u64, KeyringError> {
        let parents = store.tenant_keys(tenant)?;
        let current = self.tenant_key(tenant.tenant(), parents.first().ok_or(KeyringError::Gone)?)?;
        let mut fresh = Vec::with_capacity(stale.len());
        for one in stale {
            let id = tenant.tenant();
            let purpose = one.user.map_or(Purpose::Secrets(id), |user| Purpose::User(id, user));
            let key = self.unwrap_below(id, &one.key, (&parents, purpose))?;
            let wrapped = wrap(&key, &current, purpose, random).to_vec();
            fresh.push((one, current.id, wrapped));
        }
        let count = fresh.len() as u64;
        store.rewrap(fresh)?;
        Ok(count)
    }

    /// Destroys the old keys of the provider, if nothing hangs on them. Gives how many went; `None`: something still does.
    pub fn retire_roots(&self, store: &Store) -> Result<Option<usize>, KeyringError> {
        let root = store.root_key_id()?.ok_or(KeyringError::Gone)?;
        let receipt =
            store.meta(RECEIPT_KEY)?.and_then(|bytes| StoredReceipt::read(&bytes)).ok_or(KeyringError::Gone)?;
        let used =
            receipt.0.parent == Some(root) && store.stale_tenant_keys(1)?.is_empty() && self.newest_root()? == root;
        if used { Ok(Some(self.roots.current.retire()?)) } else { Ok(None) }
    }
}

fn new_key(key: &Key, purpose: store::Purpose, wrapped: [u8; seal::wrap::WRAPPED_LEN], parent: KeyId) -> NewKey {
    NewKey { id: key.id, purpose, parent, wrapped: wrapped.to_vec() }
}
