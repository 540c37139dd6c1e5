//! The key tree: root, tenant, user, profile. The only module that holds keys.
//!
//! The root key lies with a [`provider`] outside the data folder and wraps the tenants' keys; those wrap their users' keys, and those their
//! profiles'. The receipt key is wrapped by the root key too, and so shows at each start whether the root key is the right one: with a wrong one the
//! server does not start and changes nothing.
//!
//! Tenants' keys that were unwrapped are remembered for at most [`REMEMBERED_MILLIS`]. When a provider does not answer after that, whoever
//! needs the key is told to come back; nothing is ever done without it. Changing keys is in [`rotate`], opening content in [`content`] and nowhere else.

pub mod content;
pub mod file;
pub mod journal;
pub mod pkcs11;
pub mod provider;
pub mod remote;
pub mod rotate;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use model::api::{ProfileKeys, SealedFor};
use model::audit::{HEAD_LEN, Head};
use model::erasure::{ERASURE_LEN, Erasure};
use model::ids::{KeyId, ProfileId, TenantId, UserId};
use model::receipt::Receipt;
use model::world::{Clock, Moment, Random};
use seal::receipt::ReceiptKey;
use seal::wrap::{Purpose, UnwrapError, unwrap, wrap};
use seal::{IdKey, Key, KeyRing, Secret};
use store::{
    Account, Chain, KeysToMove, Moving, NewKey, NewTenant, NewUser, Scope, SignErasure, Store, StoreError, TenantScope,
    WrappedKey,
};

use crate::App;
use provider::{ProviderError, Roots};

/// How long a tenant's key is remembered after it was unwrapped: 15 minutes (`security.md` 2.13). So long a tenant's people go on while a key
/// service is away, and so long a withdrawal there may go unnoticed here.
pub const REMEMBERED_MILLIS: i64 = 15 * 60 * 1000;

/// How long a provider that did not answer is not asked again: those who wait would otherwise queue up behind its time-out.
const SILENCE_MILLIS: i64 = 5_000;

/// Where the store keeps the wrapped receipt key.
pub const RECEIPT_KEY: &str = "receipt_key";

/// The server itself as the owner of its receipt key: no tenant has this id, since ids are random.
const SERVER: TenantId = TenantId([0; 16]);

/// How often something is wrapped anew because keys were changed in the very moment.
const TRIES: usize = 5;

/// Why a key is not there.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// The root key is not the one that this data was made with.
    #[error("the root key in {0} is not the one this data was made with")]
    WrongRoot(String),
    /// The provider of the root key.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// A stored key does not open.
    #[error("a stored key does not open")]
    Unwrap(#[from] UnwrapError),
    /// A key that must be there is not.
    #[error("a stored key is missing")]
    Gone,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What hangs directly below the root keys, and the way to them.
pub struct Keyring {
    roots: Arc<Roots>,
    receipt: ReceiptKey,
    clock: Arc<dyn Clock>,
    remembered: Mutex<Remembered>,
}

#[derive(Default)]
struct Remembered {
    keys: HashMap<KeyId, (Arc<Key>, Moment)>,
    /// When a provider did not answer, and what was seen.
    silent: Option<(Moment, String, String)>,
}

/// The receipt key as it is stored: `2 | id | id of the root key | wrapped`, and before there was a choice of root keys `id | wrapped`.
struct StoredReceipt(WrappedKey);

impl StoredReceipt {
    const OLD_LEN: usize = KeyId::LEN + seal::wrap::WRAPPED_LEN;

    fn read(bytes: &[u8]) -> Option<Self> {
        if bytes.len() == Self::OLD_LEN {
            let (id, wrapped) = bytes.split_first_chunk()?;
            return Some(Self(WrappedKey { id: KeyId(*id), parent: None, wrapped: wrapped.to_vec() }));
        }
        read_wrapped(bytes.strip_prefix(&[2])?).map(Self)
    }

    fn bytes(id: KeyId, parent: KeyId, wrapped: &[u8]) -> Vec<u8> {
        [vec![2], wrapped_bytes(id, parent, wrapped)].concat()
    }
}

/// A key below the root key as it is stored by itself: `id | id of the root key | wrapped`.
fn wrapped_bytes(id: KeyId, parent: KeyId, wrapped: &[u8]) -> Vec<u8> {
    [id.as_bytes().as_slice(), parent.as_bytes(), wrapped].concat()
}

/// Reads it back. `None`: it is too short to be one.
fn read_wrapped(bytes: &[u8]) -> Option<WrappedKey> {
    let (id, rest) = bytes.split_first_chunk()?;
    let (parent, wrapped) = rest.split_first_chunk()?;
    Some(WrappedKey { id: KeyId(*id), parent: Some(KeyId(*parent)), wrapped: wrapped.to_vec() })
}

impl Keyring {
    /// Makes the first root key of new data, if the provider holds none. With data there must be one.
    pub fn prepare(roots: &Roots, new: bool, random: &dyn Random) -> Result<(), KeyringError> {
        if !roots.current.ids()?.is_empty() {
            return Ok(());
        }
        if !new {
            return Err(ProviderError::Missing(roots.current.describe()).into());
        }
        roots.current.add(random)?;
        Ok(())
    }

    /// Unwraps a stored receipt key: the proof that the root key is the right one. Changes nothing.
    pub fn prove(roots: &Roots, stored: &[u8]) -> Result<ReceiptKey, KeyringError> {
        let stored = StoredReceipt::read(stored).ok_or(KeyringError::Gone)?;
        match roots.unwrap(&stored.0, Purpose::Tenant(SERVER)) {
            Ok(seed) => Ok(ReceiptKey::from_seed(seed.secret())),
            Err(ProviderError::NotThere { at }) => Err(KeyringError::WrongRoot(at)),
            Err(other) => Err(other.into()),
        }
    }

    /// Opens the receipt key with the root key, or makes it if the data is new.
    pub fn open(roots: Roots, store: &Store, clock: Arc<dyn Clock>, random: &dyn Random) -> Result<Self, KeyringError> {
        if store.meta(RECEIPT_KEY)?.is_none() {
            let seed = Key::random(random);
            let (parent, wrapped) = roots.wrap(&seed, Purpose::Tenant(SERVER), random)?;
            store.set_meta_once(vec![(RECEIPT_KEY, StoredReceipt::bytes(seed.id, parent, &wrapped))])?;
        }
        let receipt = Self::prove(&roots, &store.meta(RECEIPT_KEY)?.ok_or(KeyringError::Gone)?)?;
        let keyring = Self { roots: Arc::new(roots), receipt, clock, remembered: Mutex::default() };
        keyring.adopt(store)?;
        Ok(keyring)
    }

    /// Signs the receipts of backups that become durable together, and gives the bytes of each.
    pub fn sign(&self, receipts: &[Receipt]) -> Vec<Vec<u8>> {
        self.receipt.sign(receipts)
    }

    /// Signs the receipt of a deletion.
    pub fn sign_erasure(&self, erasure: &Erasure) -> [u8; ERASURE_LEN] {
        self.receipt.sign_erasure(erasure)
    }

    /// Signs where an audit chain stands.
    pub fn sign_head(&self, head: &Head) -> [u8; HEAD_LEN] {
        self.receipt.sign_head(head)
    }

    /// The public half of the receipt key.
    pub fn receipt_key(&self) -> [u8; 32] {
        self.receipt.public_key()
    }

    /// Where root keys live.
    pub fn roots(&self) -> &Roots {
        &self.roots
    }

    /// The same, for whoever keeps it.
    pub(crate) fn shared_roots(&self) -> Arc<Roots> {
        Arc::clone(&self.roots)
    }

    /// Makes a tenant with its key.
    pub fn create_tenant(
        &self,
        store: &Store,
        name: &str,
        (now, random): (Moment, &dyn Random),
    ) -> Result<TenantScope, KeyringError> {
        let mut id = [0; TenantId::LEN];
        random.fill(&mut id);
        let (id, secret) = (TenantId(id), Key::random(random));
        anew(|| {
            let (parent, wrapped) = self.roots.wrap(&secret, Purpose::Tenant(id), random)?;
            let key = NewKey { id: secret.id, purpose: store::Purpose::Tenant, parent, wrapped };
            let made = store.create_tenant(NewTenant { id, name: name.to_owned(), key }, now);
            if matches!(made, Err(StoreError::KeyMoved)) {
                // The root key was changed, here or elsewhere.
                self.adopt(store)?;
            }
            Ok(made?)
        })
    }

    /// Makes a user with their key. `named`: name and hash of the password.
    pub fn create_user(
        &self,
        store: &Store,
        tenant: &TenantScope,
        (name, password): (&str, String),
        (now, random): (Moment, &dyn Random),
    ) -> Result<(), KeyringError> {
        anew(|| {
            let new = self.new_user(store, tenant, (name, password.clone()), random)?;
            Ok(store.create_user(tenant, new, now)?)
        })
    }

    /// A user to be stored, with their key. `named`: name and hash of the password. The store refuses them if the tenant's key was changed meanwhile
    /// ([`StoreError::KeyMoved`]): run it in [`anew`].
    pub(crate) fn new_user(
        &self,
        store: &Store,
        tenant: &TenantScope,
        (name, password): (&str, String),
        random: &dyn Random,
    ) -> Result<NewUser, KeyringError> {
        let mut id = [0; UserId::LEN];
        random.fill(&mut id);
        let (id, keys) = (UserId(id), store.tenant_keys(tenant)?);
        let parent = self.tenant_key(tenant.tenant(), keys.first().ok_or(KeyringError::Gone)?)?;
        let key = Key::random(random);
        let wrapped = wrap(&key, &parent, Purpose::User(tenant.tenant(), id), random).to_vec();
        let keys = vec![NewKey { id: key.id, purpose: store::Purpose::User, parent: parent.id, wrapped }];
        Ok(NewUser { id, name: name.to_owned(), password, keys })
    }

    /// The key under which secrets of a tenant are sealed that must be read again, and those that sealed some before. Made when it is first needed.
    pub(crate) fn secrets_keys(
        &self,
        store: &Store,
        tenant: &TenantScope,
        random: &dyn Random,
    ) -> Result<Vec<Key>, KeyringError> {
        anew(|| {
            let (parents, keys) = store.secrets_keys(tenant)?;
            if keys.is_empty() {
                let parent = self.tenant_key(tenant.tenant(), parents.first().ok_or(KeyringError::Gone)?)?;
                let key = Key::random(random);
                let wrapped = wrap(&key, &parent, Purpose::Secrets(tenant.tenant()), random).to_vec();
                let new = NewKey { id: key.id, purpose: store::Purpose::Secrets, parent: parent.id, wrapped };
                store.add_secrets_key(tenant, new, self.clock.now())?;
                // Somebody else may have been quicker; what is stored counts.
                return Err(StoreError::KeyMoved.into());
            }
            self.open_secrets_keys(store, tenant)
        })
    }

    /// The keys that sealed secrets of a tenant, if there are any.
    pub(crate) fn open_secrets_keys(&self, store: &Store, tenant: &TenantScope) -> Result<Vec<Key>, KeyringError> {
        let (parents, keys) = store.secrets_keys(tenant)?;
        let purpose = Purpose::Secrets(tenant.tenant());
        keys.iter().map(|key| self.unwrap_below(tenant.tenant(), key, (&parents, purpose))).collect()
    }

    /// A new profile's key for a person who has just signed in: to be stored, and to be given to them.
    pub fn new_profile(
        &self,
        store: &Store,
        account: &Account,
        profile: ProfileId,
        random: &dyn Random,
    ) -> Result<(NewKey, ProfileKeys), KeyringError> {
        let (tenant, person) = (account.tenant(), account.user);
        let chain = store.chain_for(account)?;
        let user = self.user_key(tenant, person, &chain)?;
        let ids = id_key(tenant, person, &chain, &user)?;
        let key = Key::random(random);
        let wrapped = wrap(&key, &user, Purpose::Profile(tenant, person, profile), random).to_vec();
        let stored = NewKey { id: key.id, purpose: store::Purpose::Profile, parent: user.id, wrapped };
        Ok((stored, ring(vec![key], ids)?.to_api()))
    }

    /// The keys of a person's profile, for that person. `None`: they have no such profile.
    pub fn profile_keys(
        &self,
        store: &Store,
        scope: &Scope,
        profile: ProfileId,
    ) -> Result<Option<ProfileKeys>, KeyringError> {
        let Some(chain) = store.chain_of(scope, profile)? else { return Ok(None) };
        let ring = self.open_chain((scope.tenant(), scope.user(), profile), &chain)?;
        // One that came from another account says for whom it was sealed.
        Ok(Some(ProfileKeys { sealed_for: chain.origin.map(|(sealed_for, _)| sealed_for), ..ring.to_api() }))
    }

    /// Wraps a profile's keys for the person whose it will be. `None`: it or one of the two people is not there, or has no key.
    pub fn move_profile(
        &self,
        store: &Store,
        tenant: &TenantScope,
        (profile, to): (ProfileId, UserId),
        random: &dyn Random,
    ) -> Result<Option<Moving>, KeyringError> {
        let Some(found) = store.keys_to_move(tenant, profile, to)? else { return Ok(None) };
        self.wrap_for((tenant.tenant(), &found), (tenant.tenant(), to), profile, random).map(Some)
    }

    /// The same for a person in another organisation. Keys are unwrapped for this call only, and no content is opened.
    pub fn send_profile(
        &self,
        store: &Store,
        (tenant, profile): (&TenantScope, ProfileId),
        (there, to): (&TenantScope, UserId),
        random: &dyn Random,
    ) -> Result<Option<Moving>, KeyringError> {
        let Some(found) = store.keys_to_send(tenant, profile, (there, to))? else { return Ok(None) };
        self.wrap_for((tenant.tenant(), &found), (there.tenant(), to), profile, random).map(Some)
    }

    fn wrap_for(
        &self,
        (id, found): (TenantId, &KeysToMove),
        (new, to): (TenantId, UserId),
        profile: ProfileId,
        random: &dyn Random,
    ) -> Result<Moving, KeyringError> {
        let user = self.user_key(id, found.user, &found.chain)?;
        let new_user = self.user_key(new, to, &found.new_chain)?;
        let rewrap = |key: &WrappedKey| {
            let opened = unwrap(&key.wrapped, key.id, &user, Purpose::Profile(id, found.user, profile))?;
            let wrapped = wrap(&opened, &new_user, Purpose::Profile(new, to, profile), random).to_vec();
            Ok::<_, KeyringError>(WrappedKey { id: key.id, parent: Some(new_user.id), wrapped })
        };
        let keys = found.chain.profile.iter().map(rewrap).collect::<Result<Vec<_>, _>>()?;
        let (sealed_for, id_key) = if let Some((sealed_for, key)) = &found.chain.origin {
            // Moved before: it was sealed for whoever had it first.
            let purpose = Purpose::Origin(id, found.user, profile);
            (*sealed_for, unwrap(&key.wrapped, key.id, &user, purpose)?)
        } else {
            let ids = id_key(id, found.user, &found.chain, &user)?;
            let secret = Secret::from_bytes(ids.secret().expose());
            (SealedFor { tenant: id, user: found.user }, Key::new(Key::random(random).id, secret))
        };
        let wrapped = wrap(&id_key, &new_user, Purpose::Origin(new, to, profile), random).to_vec();
        let origin = WrappedKey { id: id_key.id, parent: Some(new_user.id), wrapped };
        Ok(Moving { profile, from: found.user, to, keys, origin, sealed_for })
    }

    /// Opens what was read for a profile.
    fn open_chain(
        &self,
        (tenant, user, profile): (TenantId, UserId, ProfileId),
        chain: &Chain,
    ) -> Result<KeyRing, KeyringError> {
        let user_key = self.user_key(tenant, user, chain)?;
        let purpose = Purpose::Profile(tenant, user, profile);
        let open = |key: &WrappedKey| unwrap(&key.wrapped, key.id, &user_key, purpose);
        let keys = chain.profile.iter().map(open).collect::<Result<Vec<_>, _>>()?;
        let Some((_, origin)) = &chain.origin else { return ring(keys, id_key(tenant, user, chain, &user_key)?) };
        // It came from another account: content ids are that person's.
        let id_key = unwrap(&origin.wrapped, origin.id, &user_key, Purpose::Origin(tenant, user, profile))?;
        ring(keys, IdKey::new(Secret::from_bytes(id_key.secret().expose())))
    }

    /// The user's key, with whichever of the tenant's keys wrapped it.
    fn user_key(&self, tenant: TenantId, user: UserId, chain: &Chain) -> Result<Key, KeyringError> {
        let newest = chain.user.first().ok_or(KeyringError::Gone)?;
        self.unwrap_below(tenant, newest, (&chain.tenant, Purpose::User(tenant, user)))
    }

    /// A key that hangs on one of the tenant's.
    fn unwrap_below(
        &self,
        tenant: TenantId,
        key: &WrappedKey,
        (parents, purpose): (&[WrappedKey], Purpose),
    ) -> Result<Key, KeyringError> {
        // A row that does not name its parent is tried with each.
        for parent in parents.iter().filter(|parent| key.parent.is_none_or(|id| id == parent.id)) {
            let parent = self.tenant_key(tenant, parent)?;
            match unwrap(&key.wrapped, key.id, &parent, purpose) {
                Err(UnwrapError::WrongKey { .. }) => {}
                result => return Ok(result?),
            }
        }
        Err(KeyringError::Gone)
    }

    /// A tenant's key: remembered, or unwrapped by the provider.
    fn tenant_key(&self, tenant: TenantId, key: &WrappedKey) -> Result<Arc<Key>, KeyringError> {
        let now = self.clock.now();
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        remembered.forget(now);
        if let Some((known, _)) = remembered.keys.get(&key.id) {
            return Ok(Arc::clone(known));
        }
        if let Some((_, at, why)) = &remembered.silent {
            return Err(ProviderError::Silent { at: at.clone(), why: why.clone() }.into());
        }
        // One at a time: whoever waits for the same key finds it afterwards.
        match self.roots.unwrap(key, Purpose::Tenant(tenant)) {
            Ok(opened) => {
                let opened = Arc::new(opened);
                remembered.keys.insert(key.id, (Arc::clone(&opened), now));
                Ok(opened)
            }
            Err(error) => {
                if let ProviderError::Silent { at, why } = &error {
                    tracing::warn!(at, why, "the key provider does not answer");
                    remembered.silent = Some((now, at.clone(), why.clone()));
                }
                Err(error.into())
            }
        }
    }

    /// Forgets what was remembered for too long. Housekeeping calls it, so that keys do not stay in memory for want of requests.
    pub fn forget(&self) {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner).forget(self.clock.now());
    }
}

impl Remembered {
    fn forget(&mut self, now: Moment) {
        // A clock that was set back must not make anything live longer.
        let within = |since: Moment, millis: i64| (0..millis).contains(&now.0.saturating_sub(since.0));
        self.keys.retain(|_, (_, since)| within(*since, REMEMBERED_MILLIS));
        if self.silent.as_ref().is_some_and(|(since, ..)| !within(*since, SILENCE_MILLIS)) {
            self.silent = None;
        }
    }
}

/// Runs what reads keys, wraps and stores, again if keys were changed in the very moment.
pub(crate) fn anew<T>(work: impl Fn() -> Result<T, KeyringError>) -> Result<T, KeyringError> {
    let mut tries = 1;
    loop {
        match work() {
            Err(KeyringError::Store(StoreError::KeyMoved)) if tries < TRIES => tries += 1,
            result => return result,
        }
    }
}

/// Signs receipts of deletions for the store, which calls it inside the transaction.
pub fn erasure_signer(app: &App) -> SignErasure {
    let keyring = Arc::clone(&app.keyring);
    Box::new(move |erasure| keyring.sign_erasure(erasure))
}

/// The key for content ids: derived from the user's first key, and kept by itself once that is gone.
fn id_key(tenant: TenantId, user: UserId, chain: &Chain, user_key: &Key) -> Result<IdKey, KeyringError> {
    let Some(kept) = &chain.ids else { return Ok(user_key.id_key()) };
    let key = unwrap(&kept.wrapped, kept.id, user_key, Purpose::Ids(tenant, user))?;
    Ok(IdKey::new(Secret::from_bytes(key.secret().expose())))
}

/// The newest key comes first and is the one that seals.
fn ring(keys: Vec<Key>, ids: IdKey) -> Result<KeyRing, KeyringError> {
    let current = keys.first().ok_or(KeyringError::Gone)?.id;
    KeyRing::new(current, keys, ids).map_err(|_| KeyringError::Gone)
}
