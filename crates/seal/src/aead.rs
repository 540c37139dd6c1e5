//! AES-256-GCM with the owner in the associated data: the one place that encrypts.

use model::envelope::FORMAT;
use model::ids::{ProfileId, TenantId, UserId};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use zeroize::Zeroizing;

/// AES-256-GCM, the only algorithm of format 1.
pub(crate) const ALGORITHM: u8 = 1;

/// Length of a nonce.
pub(crate) const NONCE_BYTES: usize = NONCE_LEN;

/// Length of a tag.
pub(crate) const TAG_BYTES: usize = 16;

/// Whose content it is. Bound into everything that is sealed, so that bytes of one person that reach another never open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The organisation.
    pub tenant: TenantId,
    /// The person.
    pub user: UserId,
    /// The person's profile on one PC.
    pub profile: ProfileId,
}

/// What is sealed.
#[derive(Clone, Copy)]
#[repr(u8)]
pub(crate) enum Object {
    Part = 1,
    Blob = 2,
}

impl Owner {
    /// The associated data of an object (`docs/format.md` section 6).
    pub(crate) fn aad(&self, object: Object, kind: u8, id: &[u8; 32]) -> Vec<u8> {
        let mut aad = Vec::with_capacity(96);
        aad.extend_from_slice(&FORMAT.to_be_bytes());
        aad.extend_from_slice(&[ALGORITHM, object as u8]);
        aad.extend_from_slice(self.tenant.as_bytes());
        aad.extend_from_slice(self.user.as_bytes());
        aad.extend_from_slice(self.profile.as_bytes());
        aad.push(kind);
        aad.extend_from_slice(id);
        aad
    }
}

/// The key of one object.
pub(crate) struct ObjectKey(LessSafeKey);

impl ObjectKey {
    /// The key itself.
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        Self(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).expect("the key has the algorithm's length")))
    }

    /// Derived from a key of the tree for one purpose.
    pub(crate) fn derive(from: &crate::Key, info: &[&[u8]]) -> Self {
        let mut bytes = Zeroizing::new([0; 32]);
        from.derive(info, bytes.as_mut());
        Self::new(&bytes)
    }

    /// Encrypts `bytes` in place and gives the tag.
    pub(crate) fn seal(&self, nonce: [u8; NONCE_BYTES], aad: &[u8], bytes: &mut [u8]) -> [u8; TAG_BYTES] {
        let nonce = Nonce::assume_unique_for_key(nonce);
        let tag = self.0.seal_in_place_separate_tag(nonce, Aad::from(aad), bytes);
        tag.expect("our limits are far below those of the algorithm").as_ref().try_into().expect("16 bytes of tag")
    }

    /// Decrypts ciphertext and tag in place and gives the plain bytes; `None` if anything of it was changed.
    pub(crate) fn open<'a>(&self, nonce: [u8; NONCE_BYTES], aad: &[u8], bytes: &'a mut [u8]) -> Option<&'a mut [u8]> {
        self.0.open_in_place(Nonce::assume_unique_for_key(nonce), Aad::from(aad), bytes).ok()
    }
}
