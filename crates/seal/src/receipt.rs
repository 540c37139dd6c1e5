//! Receipts: the server's signed word that a snapshot is kept (`docs/format.md` section 10).

use model::audit::{HEAD_LEN, Head};
use model::erasure::{ERASURE_LEN, Erasure};
use model::reason::Reason;
use model::receipt::{RECEIPT_LEN, Receipt};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};

use crate::Secret;

/// The key that signs a server's receipts.
pub struct ReceiptKey(Ed25519KeyPair);

/// Bytes that are not a receipt of this server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    /// Not a receipt of version 1.
    #[error("{len} bytes are not a receipt")]
    NotAReceipt {
        /// How many bytes.
        len: usize,
    },
    /// Another key signed it, or it was changed.
    #[error("the receipt's signature is not the server's")]
    WrongSignature,
}

impl ReceiptError {
    /// The reason that a person is told.
    pub fn reason(self) -> Reason {
        match self {
            Self::NotAReceipt { .. } => Reason::UnexpectedAnswer,
            Self::WrongSignature => Reason::IntegrityFailed,
        }
    }
}

impl ReceiptKey {
    /// The key that belongs to a stored seed (RFC 8032: the private key).
    pub fn from_seed(seed: &Secret) -> Self {
        Self(Ed25519KeyPair::from_seed_unchecked(seed.expose()).expect("every 32 bytes are a seed"))
    }

    /// The public key, which devices keep from their enrolment on.
    pub fn public_key(&self) -> [u8; 32] {
        self.0.public_key().as_ref().try_into().expect("an Ed25519 public key has 32 bytes")
    }

    /// Signs a receipt.
    pub fn sign(&self, receipt: &Receipt) -> [u8; RECEIPT_LEN] {
        let mut bytes = receipt.to_signed_bytes();
        let signature = self.0.sign(&bytes);
        bytes.extend_from_slice(signature.as_ref());
        bytes.try_into().expect("the signed bytes and 64 more")
    }

    /// Signs the receipt of a deletion. Its bytes begin with a mark that no other signed bytes begin with.
    pub fn sign_erasure(&self, erasure: &Erasure) -> [u8; ERASURE_LEN] {
        let mut bytes = erasure.to_signed_bytes();
        let signature = self.0.sign(&bytes);
        bytes.extend_from_slice(signature.as_ref());
        bytes.try_into().expect("the signed bytes and 64 more")
    }

    /// Signs where an audit chain stands. Its bytes begin with a mark of their own, too.
    pub fn sign_head(&self, head: &Head) -> [u8; HEAD_LEN] {
        let mut bytes = head.to_signed_bytes();
        let signature = self.0.sign(&bytes);
        bytes.extend_from_slice(signature.as_ref());
        bytes.try_into().expect("the signed bytes and 64 more")
    }
}

/// Checks the signed head of an audit chain against the server's public key.
pub fn verify_head(bytes: &[u8], public_key: &[u8; 32]) -> Result<Head, ReceiptError> {
    let (head, signature) = Head::from_bytes(bytes).ok_or(ReceiptError::NotAReceipt { len: bytes.len() })?;
    let signed = &bytes[..HEAD_LEN - signature.len()];
    let key = UnparsedPublicKey::new(&ED25519, public_key);
    key.verify(signed, &signature).map_err(|_| ReceiptError::WrongSignature)?;
    Ok(head)
}

/// Checks the receipt of a deletion against the server's public key.
pub fn verify_erasure(bytes: &[u8], public_key: &[u8; 32]) -> Result<Erasure, ReceiptError> {
    let (erasure, signature) = Erasure::from_bytes(bytes).ok_or(ReceiptError::NotAReceipt { len: bytes.len() })?;
    let signed = &bytes[..ERASURE_LEN - signature.len()];
    let key = UnparsedPublicKey::new(&ED25519, public_key);
    key.verify(signed, &signature).map_err(|_| ReceiptError::WrongSignature)?;
    Ok(erasure)
}

/// Checks a receipt against the server's public key.
pub fn verify(bytes: &[u8], public_key: &[u8; 32]) -> Result<Receipt, ReceiptError> {
    let (receipt, signature) = Receipt::from_bytes(bytes).ok_or(ReceiptError::NotAReceipt { len: bytes.len() })?;
    let signed = &bytes[..RECEIPT_LEN - signature.len()];
    let key = UnparsedPublicKey::new(&ED25519, public_key);
    key.verify(signed, &signature).map_err(|_| ReceiptError::WrongSignature)?;
    Ok(receipt)
}

/// The hash of a header's bytes that a receipt names.
pub fn header_hash(header_bytes: &[u8]) -> [u8; 32] {
    blake3::hash(header_bytes).into()
}
