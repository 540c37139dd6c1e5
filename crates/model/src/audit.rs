//! The signed head of an audit chain: the server's word where a chain stood.
//!
//! Whoever keeps heads elsewhere can prove that no row before them was changed, added or removed. The bytes are those that are signed
//! (`docs/format.md` section 14).

use crate::fields::take;
use crate::ids::TenantId;
use crate::world::Moment;

/// Length of the bytes: mark, version, tenant, number, hash, time, epoch, then the 64 bytes of the Ed25519 signature.
pub const HEAD_LEN: usize = 4 + 1 + 16 + 8 + 32 + 8 + 8 + 64;

/// What the bytes begin with, so that no other signed bytes of a server can be taken for them.
const MARK: [u8; 4] = *b"RHEA";

/// Where a chain stood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Whose chain; zeros for the server's own.
    pub tenant: TenantId,
    /// Number of the newest row.
    pub n: u64,
    /// The chain's hash at that row.
    pub hash: [u8; 32],
    /// When it was signed.
    pub at: Moment,
    /// Changes when a server is set back to an older database.
    pub epoch: u64,
}

impl Head {
    /// The bytes that are signed, numbers big-endian.
    pub fn to_signed_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEAD_LEN);
        bytes.extend_from_slice(&MARK);
        bytes.push(1);
        bytes.extend_from_slice(self.tenant.as_bytes());
        bytes.extend_from_slice(&self.n.to_be_bytes());
        bytes.extend_from_slice(&self.hash);
        bytes.extend_from_slice(&self.at.0.to_be_bytes());
        bytes.extend_from_slice(&self.epoch.to_be_bytes());
        bytes
    }

    /// Takes the bytes apart into what is said and the signature over all before it. `None`: not a head of version 1. The signature is not
    /// checked here.
    pub fn from_bytes(bytes: &[u8]) -> Option<(Self, [u8; 64])> {
        let bytes: &[u8; HEAD_LEN] = bytes.try_into().ok()?;
        let mut rest: &[u8] = bytes;
        if take::<4>(&mut rest)? != MARK || take::<1>(&mut rest)? != [1] {
            return None;
        }
        let head = Self {
            tenant: TenantId(take(&mut rest)?),
            n: u64::from_be_bytes(take(&mut rest)?),
            hash: take(&mut rest)?,
            at: Moment(i64::from_be_bytes(take(&mut rest)?)),
            epoch: u64::from_be_bytes(take(&mut rest)?),
        };
        Some((head, take(&mut rest)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_survives_bytes_and_back_and_is_no_receipt() {
        let head = Head { tenant: TenantId([1; 16]), n: 7, hash: [2; 32], at: Moment(1_795_000_000_000), epoch: 5 };
        let mut bytes = head.to_signed_bytes();
        bytes.extend_from_slice(&[9; 64]);
        assert_eq!(bytes.len(), HEAD_LEN);
        assert_eq!(Head::from_bytes(&bytes), Some((head, [9; 64])));
        assert_eq!(Head::from_bytes(&bytes[1..]), None);
        assert_eq!(crate::receipt::Receipt::from_bytes(&bytes), None);
        assert_eq!(crate::erasure::Erasure::from_bytes(&bytes), None);
    }
}
