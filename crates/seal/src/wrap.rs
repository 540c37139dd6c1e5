//! Wrapped keys: how the server's key tree is kept, root -> tenant -> user -> profile (`docs/format.md` section 5).
//!
//! What a wrapped key is for, whose it is and which key wraps it are bound in, so that a row moved to another place does not open.
//! Destroying one wrapped key erases all that hangs below it.

use model::ids::{KeyId, ProfileId, TenantId, UserId};
use model::reason::Reason;
use model::world::Random;
use zeroize::Zeroizing;

use crate::aead::{ALGORITHM, NONCE_BYTES, ObjectKey, TAG_BYTES};
use crate::keys::CHECK_BYTES;
use crate::{Key, Secret};

/// Length of a wrapped key.
pub const WRAPPED_LEN: usize = 1 + NONCE_BYTES + CHECK_BYTES + 32 + TAG_BYTES;

/// What a wrapped key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A tenant's key, wrapped by the root key.
    Tenant(TenantId),
    /// A user's key, wrapped by the tenant's.
    User(TenantId, UserId),
    /// A profile's key, wrapped by the user's.
    Profile(TenantId, UserId, ProfileId),
    /// A user's key for content ids, wrapped by the user's key once that is no longer the one it was derived from.
    Ids(TenantId, UserId),
    /// A tenant's key for secrets that the server must read again, wrapped by the tenant's key.
    Secrets(TenantId),
    /// The key for content ids of a profile that came from another account, wrapped by its new user's.
    Origin(TenantId, UserId, ProfileId),
    /// A key of the server's journal, wrapped by the root key.
    Journal,
}

/// Bytes that do not unwrap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnwrapError {
    /// Not as long as a wrapped key, or of an algorithm that format 1 does not have.
    #[error("{len} bytes are not a wrapped key")]
    NotAKey {
        /// How many bytes.
        len: usize,
    },
    /// Another key wrapped it.
    #[error("the key {parent} did not wrap the key {child}")]
    WrongKey {
        /// The key that was tried.
        parent: KeyId,
        /// The key that was to be unwrapped.
        child: KeyId,
    },
    /// Changed, or moved to another place.
    #[error("the wrapped key {child} was changed or belongs elsewhere")]
    Changed {
        /// The key that was to be unwrapped.
        child: KeyId,
    },
}

impl UnwrapError {
    /// The reason that a person is told.
    pub fn reason(self) -> Reason {
        match self {
            Self::WrongKey { .. } => Reason::WrongKey,
            Self::NotAKey { .. } | Self::Changed { .. } => Reason::IntegrityFailed,
        }
    }
}

impl Purpose {
    fn aad(self, parent: KeyId, child: KeyId) -> Vec<u8> {
        let none = (TenantId([0; 16]), UserId([0; 16]), ProfileId([0; 16]));
        let (number, tenant, user, profile) = match self {
            Self::Tenant(tenant) => (1, tenant, none.1, none.2),
            Self::User(tenant, user) => (2, tenant, user, none.2),
            Self::Profile(tenant, user, profile) => (3, tenant, user, profile),
            Self::Ids(tenant, user) => (4, tenant, user, none.2),
            Self::Secrets(tenant) => (5, tenant, none.1, none.2),
            Self::Origin(tenant, user, profile) => (7, tenant, user, profile),
            Self::Journal => (8, none.0, none.1, none.2),
        };
        let mut aad = b"rehome/wrap/v1".to_vec();
        aad.extend_from_slice(&[ALGORITHM, number]);
        for id in [parent.as_bytes(), child.as_bytes(), tenant.as_bytes(), user.as_bytes(), profile.as_bytes()] {
            aad.extend_from_slice(id);
        }
        aad
    }
}

/// What a wrapping is bound to when something else than [`wrap`] makes it, such as a key store in hardware. The parent is left out: such a store
/// knows by itself which of its keys it used.
pub fn context(child: KeyId, purpose: Purpose) -> Vec<u8> {
    purpose.aad(KeyId([0; KeyId::LEN]), child)
}

fn object_key(parent: &Key, child: KeyId) -> ObjectKey {
    ObjectKey::derive(parent, &[b"rehome/wrap/v1", child.as_bytes()])
}

/// Wraps a key under its parent.
pub fn wrap(child: &Key, parent: &Key, purpose: Purpose, random: &dyn Random) -> [u8; WRAPPED_LEN] {
    let key = object_key(parent, child.id);
    let mut nonce = [0; NONCE_BYTES];
    random.fill(&mut nonce);
    let mut secret = Zeroizing::new(*child.secret().expose());
    let tag = key.seal(nonce, &purpose.aad(parent.id, child.id), secret.as_mut());
    let mut wrapped = [0; WRAPPED_LEN];
    wrapped[0] = ALGORITHM;
    wrapped[1..13].copy_from_slice(&nonce);
    wrapped[13..29].copy_from_slice(&parent.check());
    wrapped[29..61].copy_from_slice(secret.as_ref());
    wrapped[61..].copy_from_slice(&tag);
    wrapped
}

/// Unwraps the key `child`.
pub fn unwrap(wrapped: &[u8], child: KeyId, parent: &Key, purpose: Purpose) -> Result<Key, UnwrapError> {
    let bytes: &[u8; WRAPPED_LEN] = wrapped.try_into().map_err(|_| UnwrapError::NotAKey { len: wrapped.len() })?;
    if bytes[0] != ALGORITHM {
        return Err(UnwrapError::NotAKey { len: bytes.len() });
    }
    if bytes[13..29] != parent.check() {
        return Err(UnwrapError::WrongKey { parent: parent.id, child });
    }
    let nonce = bytes[1..13].try_into().expect("12 bytes");
    let mut body: Zeroizing<[u8; 48]> = Zeroizing::new(bytes[29..].try_into().expect("48 bytes"));
    let secret = object_key(parent, child).open(nonce, &purpose.aad(parent.id, child), body.as_mut());
    let secret =
        secret.and_then(|secret| <&[u8; 32]>::try_from(&*secret).ok()).ok_or(UnwrapError::Changed { child })?;
    Ok(Key::new(child, Secret::from_bytes(secret)))
}
