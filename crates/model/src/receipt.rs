//! The receipt: the server's signed word that a snapshot is kept.
//!
//! The device keeps the newest one and shows it at its next check-in, so that a server that lost data (a restored old database, a failed
//! disk) is told so and healed (`security.md` D9). Its bytes are those that are signed; nothing is re-encoded to check it.

use crate::fields::take;
use crate::ids::{ProfileId, SnapshotId, TenantId};
use crate::world::Moment;

/// Length of a receipt's bytes: version 1, ids, numbers, then the 64 bytes of the Ed25519 signature.
pub const RECEIPT_LEN: usize = 1 + 16 + 16 + 8 + 32 + 32 + 8 + 8 + 64;

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

impl Receipt {
    /// The bytes that are signed: version, then the fields in order, numbers big-endian.
    pub fn to_signed_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(RECEIPT_LEN);
        bytes.push(1);
        bytes.extend_from_slice(self.tenant.as_bytes());
        bytes.extend_from_slice(self.profile.as_bytes());
        bytes.extend_from_slice(&self.seq.to_be_bytes());
        bytes.extend_from_slice(self.snapshot.as_bytes());
        bytes.extend_from_slice(&self.header_hash);
        bytes.extend_from_slice(&self.committed_at.0.to_be_bytes());
        bytes.extend_from_slice(&self.epoch.to_be_bytes());
        bytes
    }

    /// Takes a receipt apart into what is confirmed and the signature over `bytes[..bytes.len() - 64]`.
    ///
    /// `None`: not a receipt of version 1. The signature is not checked here.
    pub fn from_bytes(bytes: &[u8]) -> Option<(Self, [u8; 64])> {
        let bytes: &[u8; RECEIPT_LEN] = bytes.try_into().ok()?;
        if bytes[0] != 1 {
            return None;
        }
        let mut rest = &bytes[1..];
        let receipt = Self {
            tenant: TenantId(take(&mut rest)?),
            profile: ProfileId(take(&mut rest)?),
            seq: u64::from_be_bytes(take(&mut rest)?),
            snapshot: SnapshotId(take(&mut rest)?),
            header_hash: take(&mut rest)?,
            committed_at: Moment(i64::from_be_bytes(take(&mut rest)?)),
            epoch: u64::from_be_bytes(take(&mut rest)?),
        };
        Some((receipt, take(&mut rest)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_survives_bytes_and_back() {
        let receipt = Receipt {
            tenant: TenantId([1; 16]),
            profile: ProfileId([2; 16]),
            seq: 7,
            snapshot: SnapshotId([3; 32]),
            header_hash: [4; 32],
            committed_at: Moment(1_795_000_000_000),
            epoch: 5,
        };
        let mut bytes = receipt.to_signed_bytes();
        bytes.extend_from_slice(&[9; 64]);
        assert_eq!(Receipt::from_bytes(&bytes), Some((receipt, [9; 64])));
        assert_eq!(Receipt::from_bytes(&bytes[1..]), None);
    }
}
