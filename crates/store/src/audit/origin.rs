//! Who does something and from where, and how that is kept so that it can be forgotten.
//!
//! The server's door makes an [`Origin`] for each request and puts it on the scope, so that every event that is written through that scope has
//! it, whoever wrote the statement. Address, request id and words of people do not go into the event but beside it, with a random salt; the
//! event holds a hash of them. Nobody can change them unseen, and erasing a person takes them (and the salt, without which the hash of an address could be
//! found by trying all addresses) without touching the chain.

use std::net::IpAddr;

use model::ids::{DeviceId, TenantId, TokenId, UserId};
use ring::digest;

/// The longest request id that is kept, in bytes.
pub const REQUEST_ID_BYTES_MAX: usize = 64;

/// The longest text that is kept of what a person wrote or typed, in bytes.
pub const NOTE_BYTES_MAX: usize = 1_000;

/// Who acts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Who {
    /// Whoever may read the root key, on the server's command line.
    #[default]
    Operator,
    /// A person's PC.
    Device(DeviceId),
    /// A person in a session of their own, administrators included.
    User(UserId),
    /// A service account.
    Token(TokenId),
    /// The server by itself: a job.
    Server,
    /// Nobody that we know.
    Nobody,
}

impl Who {
    /// Its number in an event.
    pub(crate) fn number(&self) -> u8 {
        match self {
            Self::Operator => 0,
            Self::Device(_) => 1,
            Self::User(_) => 2,
            Self::Server => 3,
            Self::Nobody => 4,
            Self::Token(_) => 5,
        }
    }

    /// Its id, if it has one.
    pub fn id(&self) -> Option<&[u8; 16]> {
        match self {
            Self::Device(id) => Some(id.as_bytes()),
            Self::User(id) => Some(id.as_bytes()),
            Self::Token(id) => Some(id.as_bytes()),
            Self::Operator | Self::Server | Self::Nobody => None,
        }
    }

    /// The word for it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Device(_) => "device",
            Self::User(_) => "user",
            Self::Token(_) => "token",
            Self::Server => "server",
            Self::Nobody => "nobody",
        }
    }

    pub(crate) fn from_parts(number: Option<u8>, id: &[u8]) -> Option<Self> {
        let id16 = || id.try_into().ok();
        match (number, id) {
            (None, []) => Some(Self::Operator),
            (None, _) => id16().map(|id| Self::Device(DeviceId(id))),
            (Some(5), _) => id16().map(|id| Self::Token(TokenId(id))),
            (Some(2), _) => id16().map(|id| Self::User(UserId(id))),
            (Some(3), []) => Some(Self::Server),
            (Some(4), []) => Some(Self::Nobody),
            (Some(1), _) => id16().map(|id| Self::Device(DeviceId(id))),
            _ => None,
        }
    }
}

/// Who does something, and from where.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// Who. A device's own events name the device whatever stands here.
    pub actor: Who,
    /// The address that the request came from.
    pub address: Option<IpAddr>,
    /// What the client called its request.
    pub request_id: Option<String>,
    /// Random, one for each request.
    pub salt: [u8; 16],
}

/// What lies beside an event: `salt 16 | address length 1 | address | request id length 1 | request id | words`.
pub(crate) struct Private(Vec<u8>);

/// The parts of `Private`, read back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Beside {
    /// The address that the request came from.
    pub address: Option<IpAddr>,
    /// What the client called its request.
    pub request_id: Option<String>,
    /// Words of a person, or a name that was typed.
    pub note: Option<String>,
}

impl Private {
    /// What there is to say. `None`: nothing.
    pub(crate) fn of(origin: Option<&Origin>, note: Option<&str>) -> Option<Self> {
        let nowhere = Origin::default();
        let origin = origin.unwrap_or(&nowhere);
        if origin.address.is_none() && origin.request_id.is_none() && note.is_none() {
            return None;
        }
        let request_id = cut(origin.request_id.as_deref().unwrap_or_default(), REQUEST_ID_BYTES_MAX);
        let mut bytes = Vec::with_capacity(24 + request_id.len());
        bytes.extend_from_slice(&origin.salt);
        match origin.address {
            None => bytes.push(0),
            Some(IpAddr::V4(address)) => {
                bytes.push(4);
                bytes.extend_from_slice(&address.octets());
            }
            Some(IpAddr::V6(address)) => {
                bytes.push(16);
                bytes.extend_from_slice(&address.octets());
            }
        }
        bytes.push(u8::try_from(request_id.len()).expect("cut to 64"));
        bytes.extend_from_slice(request_id.as_bytes());
        bytes.extend_from_slice(cut(note.unwrap_or_default(), NOTE_BYTES_MAX).as_bytes());
        Some(Self(bytes))
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// What the event holds of it.
    pub(crate) fn commitment(&self, tenant: TenantId, n: i64) -> [u8; 16] {
        commitment(tenant, n, &self.0)
    }
}

/// The hash that an event holds of what lies beside it: the first half of a SHA-256, since only a second preimage would help a forger.
pub(crate) fn commitment(tenant: TenantId, n: i64, private: &[u8]) -> [u8; 16] {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(b"rehome-audit-beside-1");
    context.update(tenant.as_bytes());
    context.update(&n.to_be_bytes());
    context.update(private);
    let mut half = [0; 16];
    half.copy_from_slice(&context.finish().as_ref()[..16]);
    half
}

impl Beside {
    /// Takes the bytes apart. `None`: they are none.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (_salt, rest) = bytes.split_at_checked(16)?;
        let (&len, rest) = rest.split_first()?;
        let (address, rest) = rest.split_at_checked(usize::from(len))?;
        let address = match len {
            0 => None,
            4 => Some(IpAddr::from(<[u8; 4]>::try_from(address).ok()?)),
            16 => Some(IpAddr::from(<[u8; 16]>::try_from(address).ok()?)),
            _ => return None,
        };
        let (&len, rest) = rest.split_first()?;
        let (request_id, note) = rest.split_at_checked(usize::from(len))?;
        let text =
            |bytes: &[u8]| std::str::from_utf8(bytes).ok().map(|text| (!text.is_empty()).then(|| text.to_owned()));
        Some(Self { address, request_id: text(request_id)?, note: text(note)? })
    }
}

/// The beginning of a text, cut at a character.
fn cut(text: &str, bytes_max: usize) -> &str {
    let mut end = text.len().min(bytes_max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_beside_comes_back_and_is_bound_to_its_place() {
        let origin = Origin {
            address: Some("2001:db8::1".parse().unwrap()),
            request_id: Some("r-1".to_owned()),
            salt: [7; 16],
            ..Origin::default()
        };
        let private = Private::of(Some(&origin), Some("ticket 4711")).unwrap();
        let beside = Beside::from_bytes(private.as_bytes()).unwrap();
        assert_eq!(beside.address, origin.address);
        assert_eq!(beside.request_id, origin.request_id);
        assert_eq!(beside.note.as_deref(), Some("ticket 4711"));
        let tenant = TenantId([1; 16]);
        assert_ne!(private.commitment(tenant, 1), private.commitment(tenant, 2));
        for cut in 0..private.as_bytes().len() - "ticket 4711".len() {
            assert_eq!(Beside::from_bytes(&private.as_bytes()[..cut]), None, "{cut} bytes");
        }
        assert!(Private::of(None, None).is_none(), "nothing to say takes no room");
    }

    #[test]
    fn a_long_request_id_is_cut_at_a_character() {
        let origin = Origin { request_id: Some("\u{e4}".repeat(60)), ..Origin::default() };
        let private = Private::of(Some(&origin), None).unwrap();
        assert_eq!(Beside::from_bytes(private.as_bytes()).unwrap().request_id.unwrap().len(), 64);
    }
}
