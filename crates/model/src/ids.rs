//! Ids, one type each, so that a user's id can never be passed for a device's.
//!
//! Every entity id is 128 random bits (never sequential, `security.md` 2.6), written as 32 lower-case hexadecimal digits. Content ids are
//! 256-bit keyed BLAKE3 hashes, written as 64 digits; a person may shorten those to any prefix that is unique.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Text that is not an id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {expected}")]
pub struct IdError {
    /// What was given.
    pub text: String,
    /// What was wanted, in words.
    pub expected: &'static str,
}

/// Writes bytes as lower-case hexadecimal digits.
pub fn to_hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}

/// Reads exactly `N` bytes from hexadecimal digits of either case.
pub fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    if digits.len() != N * 2 {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let high = char::from(pair[0]).to_digit(16)?;
        let low = char::from(pair[1]).to_digit(16)?;
        *byte = u8::try_from(high << 4 | low).ok()?;
    }
    Some(bytes)
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $len:literal, $expected:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; $len]);

        impl $name {
            /// How many bytes the id has.
            pub const LEN: usize = $len;

            /// The id's bytes.
            pub fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&to_hex(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                from_hex(text).map(Self).ok_or_else(|| IdError { text: text.chars().take(80).collect(), expected: $expected })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

id!(/// An organisation.
    TenantId, 16, "a tenant id (32 hexadecimal digits)");
id!(/// A person of a tenant.
    UserId, 16, "a user id (32 hexadecimal digits)");
id!(/// A PC.
    DeviceId, 16, "a device id (32 hexadecimal digits)");
id!(/// One user on one device: what holds snapshots.
    ProfileId, 16, "a profile id (32 hexadecimal digits)");
id!(/// The report of a restore.
    ReportId, 16, "a report id (32 hexadecimal digits)");
id!(/// A scope tag.
    TagId, 16, "a scope tag's id (32 hexadecimal digits)");
id!(/// A group of people.
    GroupId, 16, "a group id (32 hexadecimal digits)");
id!(/// A role that a tenant has put together itself.
    RoleId, 16, "a role id (32 hexadecimal digits)");
id!(/// A role assignment.
    AssignmentId, 16, "a role assignment's id (32 hexadecimal digits)");
id!(/// A service account.
    TokenId, 16, "a service account's id (32 hexadecimal digits)");
id!(/// Something that takes a second admin.
    ApprovalId, 16, "an approval id (32 hexadecimal digits)");
id!(/// What an organisation gives to another, so that it can send a profile to one person.
    InvitationId, 16, "an invitation's id (32 hexadecimal digits)");
id!(/// A policy of the server.
    PolicyId, 16, "a policy id (32 hexadecimal digits)");
id!(/// A filter beside assignments.
    FilterId, 16, "a filter id (32 hexadecimal digits)");
id!(/// A command to a PC.
    CommandId, 16, "a command's id (32 hexadecimal digits)");
id!(/// A retention policy.
    RetentionPolicyId, 16, "a retention policy's id (32 hexadecimal digits)");
id!(/// An identity provider of a tenant.
    ProviderId, 16, "a provider id (32 hexadecimal digits)");
id!(/// A key of the key tree.
    KeyId, 16, "a key id (32 hexadecimal digits)");
id!(/// The content of a snapshot: the same state gives the same id on any machine of the user.
    SnapshotId, 32, "a snapshot id (64 hexadecimal digits)");
id!(/// The content of one part of a snapshot.
    PartId, 32, "a part id (64 hexadecimal digits)");
id!(/// The content of one file, such as a wallpaper.
    BlobId, 32, "a blob id (64 hexadecimal digits)");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives_text_and_back() {
        let id = UserId(*b"0123456789abcdef");
        assert_eq!(id.to_string(), "30313233343536373839616263646566");
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(serde_json::from_str::<UserId>(&serde_json::to_string(&id).unwrap()).unwrap(), id);
    }

    #[test]
    fn wrong_text_is_refused_with_what_was_wanted() {
        for text in ["", "30", "3031323334353637383961626364656g", "303132333435363738396162636465660"] {
            let error = text.parse::<UserId>().unwrap_err();
            assert_eq!(error.to_string(), format!("`{text}` is not a user id (32 hexadecimal digits)"));
        }
    }
}
