//! The key tree: root, tenant, user, profile. The only module that holds keys.
//!
//! The root key lies in a file outside the data folder and wraps the tenants' keys; those wrap their users' keys, and those their profiles'. The
//! receipt key is wrapped by the root key too, and so shows at each start whether the root key is the right one: with a wrong one the
//! server does not start and changes nothing.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use model::api::{ProfileKeys, SealedFor};
use model::audit::{HEAD_LEN, Head};
use model::erasure::{ERASURE_LEN, Erasure};
use model::ids::{KeyId, ProfileId, TenantId, UserId};
use model::receipt::{RECEIPT_LEN, Receipt};
use model::world::{Moment, Random};
use seal::receipt::ReceiptKey;
use seal::wrap::{Purpose, UnwrapError, unwrap, wrap};
use seal::{IdKey, Key, KeyRing, Secret};
use store::{
    Account, Moving, NewKey, NewTenant, NewUser, Scope, SignErasure, Store, StoreError, TenantScope, WrappedKey,
};

use crate::App;

/// Where the store keeps the wrapped receipt key.
const RECEIPT_KEY: &str = "receipt_key";

/// The server itself as the owner of its receipt key: no tenant has this id, since ids are random.
const SERVER: TenantId = TenantId([0; 16]);

/// Why a key is not there.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// The root key is not the one that this data was made with.
    #[error("the root key in {0} is not the one this data was made with")]
    WrongRoot(PathBuf),
    /// The file holds no key.
    #[error("{0} holds no root key: 64 hexadecimal digits are wanted")]
    NotAKey(PathBuf),
    /// There is data and no root key to open it.
    #[error("the root key {0} is missing, and the data cannot be used without it")]
    Missing(PathBuf),
    /// The root key would lie beside the data that it protects.
    #[error("the root key {0} must lie outside the data folder")]
    InsideData(PathBuf),
    /// The file could not be read or written.
    #[error("{path}: {source}", path = .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
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

/// The root key and what hangs directly below it.
pub struct Keyring {
    root: Key,
    receipt: ReceiptKey,
}

/// Reads the root key, or makes it if the data is new.
pub fn root_key(path: &Path, data: &Path, new: bool, random: &dyn Random) -> Result<Key, KeyringError> {
    if path.starts_with(data) {
        return Err(KeyringError::InsideData(path.to_owned()));
    }
    let io = |source| KeyringError::Io { path: path.to_owned(), source };
    match fs::read_to_string(path) {
        Ok(text) => {
            let secret = Secret::from_hex(text.trim()).ok_or_else(|| KeyringError::NotAKey(path.to_owned()))?;
            Ok(Key::new(root_id(&secret), secret))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && new => {
            let secret = Secret::random(random);
            write_root(path, &secret).map_err(io)?;
            Ok(Key::new(root_id(&secret), secret))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(KeyringError::Missing(path.to_owned())),
        Err(error) => Err(io(error)),
    }
}

/// A name for the root key that says nothing about it.
fn root_id(secret: &Secret) -> KeyId {
    let hash = blake3::derive_key("rehome 2026 root key id", secret.expose());
    KeyId(*hash.first_chunk().expect("32 bytes hold 16"))
}

/// Durable before anything is wrapped with it, and readable by its owner only.
fn write_root(path: &Path, secret: &Secret) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    // Under another name until it is whole (mode 0600 from the start): half a key would be taken for a wrong one at the next start.
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(secret.to_hex().as_bytes())?;
    file.write_all(b"\n")?;
    file.as_file().sync_all()?;
    file.persist_noclobber(path)?;
    fs::File::open(folder)?.sync_all()
}

impl Keyring {
    /// Opens the receipt key with the root key, or makes it if the data is new. `path` is named in errors.
    pub fn open(root: Key, path: &Path, store: &Store, random: &dyn Random) -> Result<Self, KeyringError> {
        if store.meta(RECEIPT_KEY)?.is_none() {
            let seed = Key::random(random);
            let mut bytes = seed.id.as_bytes().to_vec();
            bytes.extend_from_slice(&wrap(&seed, &root, Purpose::Tenant(SERVER), random));
            store.set_meta_once(vec![(RECEIPT_KEY, bytes)])?;
        }
        let stored = store.meta(RECEIPT_KEY)?.ok_or(KeyringError::Gone)?;
        let (id, wrapped) = stored.split_first_chunk().ok_or(KeyringError::Gone)?;
        let seed = unwrap(wrapped, KeyId(*id), &root, Purpose::Tenant(SERVER)).map_err(|error| match error {
            UnwrapError::WrongKey { .. } => KeyringError::WrongRoot(path.to_owned()),
            other => KeyringError::Unwrap(other),
        })?;
        Ok(Self { receipt: ReceiptKey::from_seed(seed.secret()), root })
    }

    /// Signs a receipt.
    pub fn sign(&self, receipt: &Receipt) -> [u8; RECEIPT_LEN] {
        self.receipt.sign(receipt)
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

    /// Makes a tenant with its key.
    pub fn create_tenant(
        &self,
        store: &Store,
        name: &str,
        (now, random): (Moment, &dyn Random),
    ) -> Result<TenantScope, KeyringError> {
        let mut id = [0; TenantId::LEN];
        random.fill(&mut id);
        let (id, key) = (TenantId(id), Key::random(random));
        let wrapped = wrap(&key, &self.root, Purpose::Tenant(id), random).to_vec();
        let key = NewKey { id: key.id, purpose: store::Purpose::Tenant, wrapped };
        Ok(store.create_tenant(NewTenant { id, name: name.to_owned(), key }, now)?)
    }

    /// Makes a user with their key. `named`: name and hash of the password.
    pub fn create_user(
        &self,
        store: &Store,
        tenant: &TenantScope,
        named: (&str, String),
        (now, random): (Moment, &dyn Random),
    ) -> Result<(), KeyringError> {
        let new = self.new_user(store, tenant, named, random)?;
        Ok(store.create_user(tenant, new, now)?)
    }

    /// A user to be stored, with their key. `named`: name and hash of the password.
    pub(crate) fn new_user(
        &self,
        store: &Store,
        tenant: &TenantScope,
        (name, password): (&str, String),
        random: &dyn Random,
    ) -> Result<NewUser, KeyringError> {
        let mut id = [0; UserId::LEN];
        random.fill(&mut id);
        let parent = self.tenant_key(tenant.tenant(), &store.tenant_keys(tenant)?)?;
        let (id, key) = (UserId(id), Key::random(random));
        let wrapped = wrap(&key, &parent, Purpose::User(tenant.tenant(), id), random).to_vec();
        let keys = vec![NewKey { id: key.id, purpose: store::Purpose::User, wrapped }];
        Ok(NewUser { id, name: name.to_owned(), password, keys })
    }

    /// A new profile's key for a person who has just signed in: to be stored, and to be given to them.
    pub fn new_profile(
        &self,
        store: &Store,
        account: &Account,
        profile: ProfileId,
        random: &dyn Random,
    ) -> Result<(NewKey, ProfileKeys), KeyringError> {
        let tenant = self.tenant_key(account.tenant(), &store.tenant_keys_for(account)?)?;
        let user = user_key(&tenant, account.tenant(), account.user, &store.account_keys(account)?)?;
        let key = Key::random(random);
        let purpose = Purpose::Profile(account.tenant(), account.user, profile);
        let wrapped = wrap(&key, &user, purpose, random).to_vec();
        let stored = NewKey { id: key.id, purpose: store::Purpose::Profile, wrapped };
        Ok((stored, ring(vec![key], &user)?))
    }

    /// The keys of a person's profile, for that person. `None`: they have no such profile.
    pub fn profile_keys(
        &self,
        store: &Store,
        scope: &Scope,
        profile: ProfileId,
    ) -> Result<Option<ProfileKeys>, KeyringError> {
        let Some(wrapped) = store.profile_keys(scope, profile)? else { return Ok(None) };
        let tenant = self.tenant_key(scope.tenant(), &store.tenant_keys_of(scope)?)?;
        let user = user_key(&tenant, scope.tenant(), scope.user(), &store.user_keys(scope)?)?;
        let purpose = Purpose::Profile(scope.tenant(), scope.user(), profile);
        let open = |key: &WrappedKey| unwrap(&key.wrapped, key.id, &user, purpose);
        let keys = wrapped.iter().map(open).collect::<Result<Vec<_>, _>>()?;
        let Some((sealed_for, origin)) = store.origin(scope, profile)? else { return ring(keys, &user).map(Some) };
        // It came from another account: content ids are that person's.
        let purpose = Purpose::Origin(scope.tenant(), scope.user(), profile);
        let id_key = unwrap(&origin.wrapped, origin.id, &user, purpose)?;
        let current = keys.first().ok_or(KeyringError::Gone)?.id;
        let id_key = IdKey::new(Secret::from_bytes(id_key.secret().expose()));
        let ring = KeyRing::new(current, keys, id_key).map_err(|_| KeyringError::Gone)?;
        Ok(Some(ProfileKeys { sealed_for: Some(sealed_for), ..ring.to_api() }))
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
        let id = tenant.tenant();
        let tenant_key = self.tenant_key(id, &store.tenant_keys(tenant)?)?;
        let user = user_key(&tenant_key, id, found.user, &found.user_keys)?;
        let new_user = user_key(&tenant_key, id, to, &found.new_user_keys)?;
        let rewrap = |key: &WrappedKey| {
            let opened = unwrap(&key.wrapped, key.id, &user, Purpose::Profile(id, found.user, profile))?;
            let wrapped = wrap(&opened, &new_user, Purpose::Profile(id, to, profile), random).to_vec();
            Ok::<_, KeyringError>(WrappedKey { id: key.id, wrapped })
        };
        let keys = found.profile_keys.iter().map(rewrap).collect::<Result<Vec<_>, _>>()?;
        let (sealed_for, id_key) = if let Some((sealed_for, key)) = &found.origin {
            // Moved before: it was sealed for whoever had it first.
            let purpose = Purpose::Origin(id, found.user, profile);
            (*sealed_for, unwrap(&key.wrapped, key.id, &user, purpose)?)
        } else {
            let named = Key::random(random).id;
            let secret = Secret::from_bytes(user.id_key().secret().expose());
            (SealedFor { tenant: id, user: found.user }, Key::new(named, secret))
        };
        let wrapped = wrap(&id_key, &new_user, Purpose::Origin(id, to, profile), random).to_vec();
        let origin = WrappedKey { id: id_key.id, wrapped };
        Ok(Some(Moving { profile, from: found.user, to, keys, origin, sealed_for }))
    }

    pub(crate) fn tenant_key(&self, tenant: TenantId, keys: &[WrappedKey]) -> Result<Key, KeyringError> {
        let newest = keys.first().ok_or(KeyringError::Gone)?;
        Ok(unwrap(&newest.wrapped, newest.id, &self.root, Purpose::Tenant(tenant))?)
    }
}

/// Signs receipts of deletions for the store, which calls it inside the transaction.
pub fn erasure_signer(app: &Arc<App>) -> SignErasure {
    let app = Arc::clone(app);
    Box::new(move |erasure| app.keyring.sign_erasure(erasure))
}

fn user_key(tenant_key: &Key, tenant: TenantId, user: UserId, keys: &[WrappedKey]) -> Result<Key, KeyringError> {
    let newest = keys.first().ok_or(KeyringError::Gone)?;
    Ok(unwrap(&newest.wrapped, newest.id, tenant_key, Purpose::User(tenant, user))?)
}

/// What the API gives; the newest key comes first and is the one that seals.
fn ring(keys: Vec<Key>, user: &Key) -> Result<ProfileKeys, KeyringError> {
    let current = keys.first().ok_or(KeyringError::Gone)?.id;
    let ring = KeyRing::new(current, keys, user.id_key()).map_err(|_| KeyringError::Gone)?;
    Ok(ring.to_api())
}
