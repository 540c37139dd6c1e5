//! The receipt: the server's signed word that a snapshot is kept.
//!
//! The device keeps the newest one and shows it at its next check-in, so that a server that lost data (a restored old database, a failed
//! disk) is told so and healed (`security.md` D9). Its bytes are those that are signed; nothing is re-encoded to check it.
//!
//! Backups that become durable by one commit share one signature: the root of a hash tree over their receipts is signed, and each takes along the way
//! from its leaf to the root (RFC 9162, section 2.1, without its log). A backup that was alone has a signature of its own. `docs/format.md` section 10.

use crate::fields::take;
use crate::ids::{ProfileId, SnapshotId, TenantId};
use crate::world::Moment;

/// Length of what a receipt says: version, ids, numbers.
pub const STATEMENT_LEN: usize = 1 + 16 + 16 + 8 + 32 + 32 + 8 + 8;

/// Length of a receipt with a signature of its own (Ed25519: 64 bytes).
pub const RECEIPT_LEN: usize = STATEMENT_LEN + 64;

/// Most receipts that share a signature: the place of each is one byte.
pub const TOGETHER_MAX: usize = 256;

/// Most steps from a leaf to the root of a tree of [`TOGETHER_MAX`] leaves.
const STEPS_MAX: usize = TOGETHER_MAX.ilog2() as usize;

/// Length of the longest receipt there is.
pub const RECEIPT_LEN_MAX: usize = STATEMENT_LEN + 2 + STEPS_MAX * 32 + 64;

/// What is confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Whose it is.
    pub tenant: TenantId,
    /// Which profile.
    pub profile: ProfileId,
    /// Which number in the profile.
    pub seq: u64,
    /// Which content.
    pub snapshot: SnapshotId,
    /// BLAKE3 of the header's bytes.
    pub header_hash: [u8; 32],
    /// When the server committed it.
    pub committed_at: Moment,
    /// Changes when a server is set back to an older database.
    pub epoch: u64,
}

/// How a receipt is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof<'a> {
    /// By a signature over [`Receipt::to_signed_bytes`].
    Alone(&'a [u8; 64]),
    /// By one signature for several receipts.
    Together(Together<'a>),
}

/// A receipt's place in the tree whose root is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Together<'a> {
    /// Index of its leaf.
    pub place: u8,
    /// Index of the last leaf.
    pub last: u8,
    /// The hashes beside the way from the leaf to the root, the leaf's neighbour first.
    pub path: &'a [[u8; 32]],
    /// Over [`ROOT_MARK`], `last` and the root.
    pub signature: &'a [u8; 64],
}

/// What stands before the root where it is signed: no other signed bytes begin so.
pub const ROOT_MARK: &[u8; 4] = b"RHER";

impl Proof<'_> {
    /// Version of the receipts that are signed so.
    fn version(&self) -> u8 {
        match self {
            Self::Alone(_) => 1,
            Self::Together(_) => 2,
        }
    }

    /// What follows the statement in a receipt's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Alone(signature) => signature.to_vec(),
            Self::Together(Together { place, last, path, signature }) => {
                let mut bytes = vec![*place, *last];
                bytes.extend_from_slice(path.as_flattened());
                bytes.extend_from_slice(*signature);
                bytes
            }
        }
    }
}

impl Receipt {
    /// What a signature of its own covers: version 1, then the fields in order, numbers big-endian.
    pub fn to_signed_bytes(&self) -> Vec<u8> {
        self.statement(1)
    }

    /// What the leaf in the tree of several receipts is the hash of: the same with version 2.
    pub fn to_leaf_bytes(&self) -> Vec<u8> {
        self.statement(2)
    }

    fn statement(&self, version: u8) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(RECEIPT_LEN);
        bytes.push(version);
        bytes.extend_from_slice(self.tenant.as_bytes());
        bytes.extend_from_slice(self.profile.as_bytes());
        bytes.extend_from_slice(&self.seq.to_be_bytes());
        bytes.extend_from_slice(self.snapshot.as_bytes());
        bytes.extend_from_slice(&self.header_hash);
        bytes.extend_from_slice(&self.committed_at.0.to_be_bytes());
        bytes.extend_from_slice(&self.epoch.to_be_bytes());
        bytes
    }

    /// The receipt's bytes.
    pub fn to_bytes(&self, proof: &Proof<'_>) -> Vec<u8> {
        let mut bytes = self.statement(proof.version());
        bytes.extend_from_slice(&proof.to_bytes());
        bytes
    }

    /// The receipt's bytes, from what stood after the statement in bytes that [`Proof::to_bytes`] gave. `None`: it did not give them.
    pub fn with_proof(&self, proof: &[u8]) -> Option<Vec<u8>> {
        let mut bytes = self.statement(if proof.len() == 64 { 1 } else { 2 });
        bytes.extend_from_slice(proof);
        Self::from_bytes(&bytes).is_some().then_some(bytes)
    }

    /// Takes a receipt apart into what is confirmed and how it is signed. The signature is not checked here.
    ///
    /// `None`: not a receipt of a version that is known here.
    pub fn from_bytes(bytes: &[u8]) -> Option<(Self, Proof<'_>)> {
        let (receipt, proof, rest) = Self::split(bytes)?;
        rest.is_empty().then_some((receipt, proof))
    }

    /// Takes a receipt off the front of `bytes`: what is confirmed, how it is signed, and what follows it.
    pub fn split(bytes: &[u8]) -> Option<(Self, Proof<'_>, &[u8])> {
        let mut rest = bytes;
        let [version] = take::<1>(&mut rest)?;
        let receipt = Self {
            tenant: TenantId(take(&mut rest)?),
            profile: ProfileId(take(&mut rest)?),
            seq: u64::from_be_bytes(take(&mut rest)?),
            snapshot: SnapshotId(take(&mut rest)?),
            header_hash: take(&mut rest)?,
            committed_at: Moment(i64::from_be_bytes(take(&mut rest)?)),
            epoch: u64::from_be_bytes(take(&mut rest)?),
        };
        let proof = match version {
            1 => Proof::Alone(split_signature(&mut rest)?),
            2 => {
                let [place, last] = take(&mut rest)?;
                let path = rest.get(..32 * steps(place, last)?)?;
                rest = &rest[path.len()..];
                let (path, _) = path.as_chunks();
                Proof::Together(Together { place, last, path, signature: split_signature(&mut rest)? })
            }
            _ => return None,
        };
        Some((receipt, proof, rest))
    }
}

fn split_signature<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8; 64]> {
    let (signature, tail) = rest.split_first_chunk()?;
    *rest = tail;
    Some(signature)
}

/// How many hashes lie beside the way from leaf `place` to the root of a tree whose last leaf is `last`: a node without a right neighbour
/// goes up as it is. `None`: there is no such leaf.
fn steps(place: u8, last: u8) -> Option<usize> {
    (place <= last).then_some(())?;
    let (mut place, mut last, mut steps) = (place, last, 0);
    while last > 0 {
        steps += usize::from(place % 2 == 1 || place < last);
        (place, last) = (place / 2, last / 2);
    }
    Some(steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receipt() -> Receipt {
        Receipt {
            tenant: TenantId([1; 16]),
            profile: ProfileId([2; 16]),
            seq: 7,
            snapshot: SnapshotId([3; 32]),
            header_hash: [4; 32],
            committed_at: Moment(1_795_000_000_000),
            epoch: 5,
        }
    }

    #[test]
    fn a_receipt_survives_bytes_and_back() {
        let proof = Proof::Alone(&[9; 64]);
        let bytes = receipt().to_bytes(&proof);
        assert_eq!(bytes.len(), RECEIPT_LEN);
        assert_eq!(Receipt::from_bytes(&bytes), Some((receipt(), proof)));
        assert_eq!(Receipt::from_bytes(&bytes[1..]), None);
        assert_eq!(receipt().with_proof(&proof.to_bytes()), Some(bytes));
    }

    #[test]
    fn a_receipt_among_others_survives_bytes_and_back_and_ends_where_it_ends() {
        // The last of five leaves has no neighbour, and its parent has none either: only the root's other half lies beside its way.
        for (place, last, steps) in [(0, 1, 1), (0, 4, 3), (3, 4, 3), (4, 4, 1), (255, 255, 8), (0, 0, 0)] {
            let path = vec![[6; 32]; steps];
            let proof = Proof::Together(Together { place, last, path: &path, signature: &[9; 64] });
            let bytes = receipt().to_bytes(&proof);
            assert!(bytes.len() <= RECEIPT_LEN_MAX);
            assert_eq!(Receipt::from_bytes(&bytes), Some((receipt(), proof)), "{place} of {last}");
            assert_eq!(receipt().with_proof(&proof.to_bytes()), Some(bytes.clone()));
            let more = [bytes.as_slice(), b"header"].concat();
            assert_eq!(Receipt::split(&more), Some((receipt(), proof, b"header".as_slice())));
            assert_eq!(Receipt::from_bytes(&more), None);
            assert_eq!(Receipt::from_bytes(&bytes[..bytes.len() - 1]), None);
        }
    }

    #[test]
    fn a_place_behind_the_last_leaf_is_no_receipt() {
        let proof = Proof::Together(Together { place: 2, last: 1, path: &[[6; 32]; 1], signature: &[9; 64] });
        assert_eq!(Receipt::from_bytes(&receipt().to_bytes(&proof)), None);
        assert_eq!(receipt().with_proof(&proof.to_bytes()), None);
    }
}
