//! From columns to the nouns of the model, and back.

use model::ids::{
    ApprovalId, AssignmentId, BlobId, CommandId, DeviceId, FilterId, GroupId, InvitationId, KeyId, PartId, PolicyId,
    ProfileId, ProviderId, RetentionPolicyId, RoleId, SnapshotId, TagId, TenantId, TokenId, UserId,
};

/// An id's bytes as they stand in a row.
pub(crate) struct Id<const N: usize>(pub(crate) [u8; N]);

macro_rules! from_row {
    ($($name:ident $len:literal),*) => {
        $(impl From<Id<$len>> for $name {
            fn from(id: Id<$len>) -> Self {
                Self(id.0)
            }
        })*
    };
}

from_row!(
    TenantId 16, UserId 16, DeviceId 16, ProfileId 16, KeyId 16, TagId 16, GroupId 16, RoleId 16, AssignmentId 16, TokenId 16,
    ApprovalId 16, InvitationId 16, ProviderId 16, RetentionPolicyId 16, PolicyId 16, FilterId 16, CommandId 16, SnapshotId 32, PartId 32, BlobId 32
);

/// A length or count for a column. SQL knows signed numbers only; nothing that is counted here comes near 2^63.
pub(crate) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A length or count from a column, which never holds a negative one.
pub(crate) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// What finds rot in stored bytes: the first half of their BLAKE3. Chance misses one flip in 2^128; malice is the seal's business.
pub(crate) fn checksum(bytes: &[u8]) -> [u8; 16] {
    half(blake3::hash(bytes))
}

/// The [`checksum`] of bytes whose hash is known.
pub(crate) fn half(hash: blake3::Hash) -> [u8; 16] {
    let mut half = [0; 16];
    half.copy_from_slice(&hash.as_bytes()[..16]);
    half
}

/// The largest number in use plus one, for the small numbers that rows refer to.
pub(crate) fn next_no(connection: &crate::sql::Connection, sql: &str, tenant: i64) -> crate::sql::Result<i64> {
    connection.prepare_cached(sql)?.query_row([tenant], |row| row.get(0))
}
