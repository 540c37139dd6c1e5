//! The receipt of a deletion: the server's signed word that something is gone.
//!
//! It names what was deleted by its ids only, so that it can be kept without keeping anything of the person. Deleting the same again gives the
//! same receipt. The bytes are those that are signed (`docs/format.md` section 10).

use crate::fields::take;
use crate::ids::{ProfileId, SnapshotId, TenantId, UserId};
use crate::world::Moment;

/// Length of the bytes: mark, version, kind, tenant, ids, numbers, then the 64 bytes of the Ed25519 signature.
pub const ERASURE_LEN: usize = 4 + 1 + 1 + 16 + 16 + 32 + 8 + 8 + 8 + 64;

/// What the bytes begin with, so that no other signed bytes of a server can be taken for them: receipts of backups begin with their version, 1.
const MARK: [u8; 4] = *b"RHED";

/// What was deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Erased {
    /// One snapshot.
    Snapshot(ProfileId, SnapshotId),
    /// One profile with all its snapshots; its key was destroyed.
    Profile(ProfileId),
    /// One person with all their profiles; their keys were destroyed.
    User(UserId),
    /// An organisation with everything of it. Its id is that of the tenant.
    Tenant,
}

/// What is confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Erasure {
    /// Whose it was.
    pub tenant: TenantId,
    /// What it was.
    pub erased: Erased,
    /// How many snapshots went.
    pub snapshots: u64,
    /// When.
    pub at: Moment,
    /// Changes when a server is set back to an older database, in which the deleted may be there again.
    pub epoch: u64,
}

impl Erased {
    /// Its number in the bytes and in the database.
    pub fn number(&self) -> u8 {
        match self {
            Self::Snapshot(..) => 1,
            Self::Profile(_) => 2,
            Self::User(_) => 3,
            Self::Tenant => 4,
        }
    }

    /// The word for it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Snapshot(..) => "snapshot",
            Self::Profile(_) => "profile",
            Self::User(_) => "user",
            Self::Tenant => "tenant",
        }
    }

    /// The two ids in the bytes; zeros where there is none.
    pub fn ids(&self) -> ([u8; 16], [u8; 32]) {
        match self {
            Self::Snapshot(profile, snapshot) => (profile.0, snapshot.0),
            Self::Profile(profile) => (profile.0, [0; 32]),
            Self::User(user) => (user.0, [0; 32]),
            Self::Tenant => ([0; 16], [0; 32]),
        }
    }

    fn from_parts(kind: u8, owner: [u8; 16], content: [u8; 32]) -> Option<Self> {
        match (kind, content) {
            (1, _) => Some(Self::Snapshot(ProfileId(owner), SnapshotId(content))),
            (2, [0, ..]) if content == [0; 32] => Some(Self::Profile(ProfileId(owner))),
            (3, [0, ..]) if content == [0; 32] => Some(Self::User(UserId(owner))),
            (4, [0, ..]) if content == [0; 32] && owner == [0; 16] => Some(Self::Tenant),
            _ => None,
        }
    }
}

impl Erasure {
    /// The bytes that are signed, numbers big-endian.
    pub fn to_signed_bytes(&self) -> Vec<u8> {
        let (owner, content) = self.erased.ids();
        let mut bytes = Vec::with_capacity(ERASURE_LEN);
        bytes.extend_from_slice(&MARK);
        bytes.extend_from_slice(&[1, self.erased.number()]);
        bytes.extend_from_slice(self.tenant.as_bytes());
        bytes.extend_from_slice(&owner);
        bytes.extend_from_slice(&content);
        bytes.extend_from_slice(&self.snapshots.to_be_bytes());
        bytes.extend_from_slice(&self.at.0.to_be_bytes());
        bytes.extend_from_slice(&self.epoch.to_be_bytes());
        bytes
    }

    /// Takes the bytes apart into what is confirmed and the signature over all before it. `None`: not a receipt of a deletion, version 1.
    /// The signature is not checked here.
    pub fn from_bytes(bytes: &[u8]) -> Option<(Self, [u8; 64])> {
        let bytes: &[u8; ERASURE_LEN] = bytes.try_into().ok()?;
        let mut rest: &[u8] = bytes;
        if take::<4>(&mut rest)? != MARK || take::<1>(&mut rest)? != [1] {
            return None;
        }
        let [kind] = take(&mut rest)?;
        let tenant = TenantId(take(&mut rest)?);
        let erased = Erased::from_parts(kind, take(&mut rest)?, take(&mut rest)?)?;
        let snapshots = u64::from_be_bytes(take(&mut rest)?);
        let at = Moment(i64::from_be_bytes(take(&mut rest)?));
        let epoch = u64::from_be_bytes(take(&mut rest)?);
        Some((Self { tenant, erased, snapshots, at, epoch }, take(&mut rest)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deletion_survives_bytes_and_back() {
        for erased in [
            Erased::Snapshot(ProfileId([2; 16]), SnapshotId([3; 32])),
            Erased::Profile(ProfileId([2; 16])),
            Erased::User(UserId([4; 16])),
            Erased::Tenant,
        ] {
            let erasure =
                Erasure { tenant: TenantId([1; 16]), erased, snapshots: 7, at: Moment(1_795_000_000_000), epoch: 5 };
            let mut bytes = erasure.to_signed_bytes();
            bytes.extend_from_slice(&[9; 64]);
            assert_eq!(bytes.len(), ERASURE_LEN);
            assert_eq!(Erasure::from_bytes(&bytes), Some((erasure, [9; 64])));
            assert_eq!(Erasure::from_bytes(&bytes[1..]), None);
            assert_eq!(crate::receipt::Receipt::from_bytes(&bytes), None, "it is no receipt of a backup");
            bytes[5] = 9;
            assert_eq!(Erasure::from_bytes(&bytes), None, "a kind that nobody knows");
        }
    }
}
