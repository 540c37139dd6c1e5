//! Receipts: the server's signed word that a snapshot is kept (`docs/format.md` section 10).

use model::audit::{HEAD_LEN, Head};
use model::erasure::{ERASURE_LEN, Erasure};
use model::reason::Reason;
use model::receipt::{Proof, ROOT_MARK, Receipt, TOGETHER_MAX, Together};
use ring::digest;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};

use crate::Secret;

/// The key that signs a server's receipts.
pub struct ReceiptKey(Ed25519KeyPair);

/// Bytes that are not a receipt of this server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    /// Not a receipt of a version that is known here.
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

    /// Signs receipts, at most [`TOGETHER_MAX`] of them, and gives the bytes of each: a single one by a signature of its own, several by one
    /// over the root of their tree, so that many cost little more than one.
    pub fn sign(&self, receipts: &[Receipt]) -> Vec<Vec<u8>> {
        assert!(receipts.len() <= TOGETHER_MAX, "the place of a receipt is one byte");
        if let [receipt] = receipts {
            return vec![self.sign_alone(receipt)];
        }
        let leaves: Vec<[u8; 32]> = receipts.iter().map(|receipt| leaf(&receipt.to_leaf_bytes())).collect();
        let Some(tree) = Tree::over(leaves) else { return Vec::new() };
        let last = u8::try_from(receipts.len() - 1).expect("checked above");
        let signature = self.signature(&root_bytes(last, &tree.root));
        let prove = |(place, receipt): (u8, &Receipt)| {
            let path = tree.path(place.into());
            receipt.to_bytes(&Proof::Together(Together { place, last, path: &path, signature: &signature }))
        };
        (0..=last).zip(receipts).map(prove).collect()
    }

    /// Signs one receipt and gives its bytes.
    pub fn sign_alone(&self, receipt: &Receipt) -> Vec<u8> {
        receipt.to_bytes(&Proof::Alone(&self.signature(&receipt.to_signed_bytes())))
    }

    fn signature(&self, bytes: &[u8]) -> [u8; 64] {
        self.0.sign(bytes).as_ref().try_into().expect("an Ed25519 signature has 64 bytes")
    }

    /// Signs the receipt of a deletion. Its bytes begin with a mark that no other signed bytes begin with.
    pub fn sign_erasure(&self, erasure: &Erasure) -> [u8; ERASURE_LEN] {
        let mut bytes = erasure.to_signed_bytes();
        bytes.extend_from_slice(&self.signature(&bytes));
        bytes.try_into().expect("the signed bytes and 64 more")
    }

    /// Signs where an audit chain stands. Its bytes begin with a mark of their own, too.
    pub fn sign_head(&self, head: &Head) -> [u8; HEAD_LEN] {
        let mut bytes = head.to_signed_bytes();
        bytes.extend_from_slice(&self.signature(&bytes));
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
    let (receipt, proof) = Receipt::from_bytes(bytes).ok_or(ReceiptError::NotAReceipt { len: bytes.len() })?;
    let key = UnparsedPublicKey::new(&ED25519, public_key);
    let verified = match proof {
        Proof::Alone(signature) => key.verify(&receipt.to_signed_bytes(), signature),
        Proof::Together(together) => {
            let root = root(leaf(&receipt.to_leaf_bytes()), &together);
            key.verify(&root_bytes(together.last, &root), together.signature)
        }
    };
    verified.map_err(|_| ReceiptError::WrongSignature)?;
    Ok(receipt)
}

/// What is signed of a tree: how many leaves it has, too, as trees of several sizes have the same way up from most of their leaves.
fn root_bytes(last: u8, root: &[u8; 32]) -> [u8; 37] {
    let mut bytes = [0; 37];
    bytes[..4].copy_from_slice(ROOT_MARK);
    bytes[4] = last;
    bytes[5..].copy_from_slice(root);
    bytes
}

/// The hash of a leaf; the byte before it keeps a leaf from being taken for a node (RFC 9162, section 2.1.1).
fn leaf(statement: &[u8]) -> [u8; 32] {
    sha256(&[&[0], statement])
}

fn node(left: &[u8; 32], right: &[u8; 32]) -> [u8; 32] {
    sha256(&[&[1], left, right])
}

fn sha256(pieces: &[&[u8]]) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    for piece in pieces {
        context.update(piece);
    }
    context.finish().as_ref().try_into().expect("SHA-256 has 32 bytes")
}

/// The root that a receipt's leaf and the hashes beside its way give.
fn root(leaf: [u8; 32], together: &Together<'_>) -> [u8; 32] {
    let (mut place, mut last, mut hash) = (together.place, together.last, leaf);
    let mut path = together.path.iter();
    while last > 0 {
        if place % 2 == 1 {
            hash = path.next().map_or(hash, |beside| node(beside, &hash));
        } else if place < last {
            hash = path.next().map_or(hash, |beside| node(&hash, beside));
        }
        (place, last) = (place / 2, last / 2);
    }
    hash
}

/// The hash tree over some receipts: all levels but the root's, leaves first.
struct Tree {
    levels: Vec<Vec<[u8; 32]>>,
    root: [u8; 32],
}

impl Tree {
    /// `None`: over nothing.
    fn over(leaves: Vec<[u8; 32]>) -> Option<Self> {
        let mut level = leaves;
        let mut levels = Vec::new();
        while level.len() > 1 {
            // A node without a right neighbour goes up as it is.
            let above =
                level.chunks(2).map(|pair| pair.get(1).map_or(pair[0], |right| node(&pair[0], right))).collect();
            levels.push(std::mem::replace(&mut level, above));
        }
        Some(Self { root: *level.first()?, levels })
    }

    /// The hashes beside the way from leaf `place` to the root.
    fn path(&self, place: usize) -> Vec<[u8; 32]> {
        self.levels.iter().enumerate().filter_map(|(up, level)| level.get((place >> up) ^ 1).copied()).collect()
    }
}

/// The hash of a header's bytes that a receipt names.
pub fn header_hash(header_bytes: &[u8]) -> [u8; 32] {
    blake3::hash(header_bytes).into()
}
