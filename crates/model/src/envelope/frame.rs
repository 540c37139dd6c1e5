//! The envelope's framing: header, tag and the parts that came along. `docs/format.md` section 8 is the contract.
//!
//! Taking apart copies no sealed byte and checks all that can be checked without a key, so that a server refuses at its door what no device
//! could open.

use super::{ENVELOPE_BYTES_MAX, Envelope, HEADER_BYTES_MAX, Header, HeaderError, MAGIC, PART_BYTES_MAX, PARTS_MAX};
use crate::ids::PartId;
use crate::reason::Reason;

/// Bytes that are not an envelope.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// Does not begin with the magic of any version.
    #[error("the bytes are not an envelope")]
    NotAnEnvelope,
    /// The magic of a newer version.
    #[error("the envelope has the format {format} of a newer version")]
    Newer {
        /// The magic's last character.
        format: char,
    },
    /// Longer than [`ENVELOPE_BYTES_MAX`], or a piece longer than its own limit.
    #[error("the envelope's {piece} has {len} bytes, more than the {limit} that it may have")]
    TooLong {
        /// Which piece.
        piece: &'static str,
        /// How many bytes.
        len: usize,
        /// How many it may have.
        limit: usize,
    },
    /// The bytes end inside a piece.
    #[error("the envelope ends inside its {piece}")]
    Truncated {
        /// Which piece.
        piece: &'static str,
    },
    /// Bytes follow the last part.
    #[error("{len} bytes follow the envelope's last part")]
    Trailing {
        /// How many.
        len: usize,
    },
    /// The header.
    #[error("the envelope's header is not valid")]
    Header(#[from] HeaderError),
    /// A part that the header does not list, or not after the one before: repeated or out of order.
    #[error("the part {id} is not listed in the header, repeated or out of order")]
    Unlisted {
        /// The part.
        id: PartId,
    },
    /// A part of another length than the header says.
    #[error("the part {id} has {len} bytes where the header says {listed}")]
    LengthDiffers {
        /// The part.
        id: PartId,
        /// How many bytes came.
        len: usize,
        /// How many the header says.
        listed: u32,
    },
}

impl EnvelopeError {
    /// The reason that a person is told.
    pub fn reason(&self) -> Reason {
        match self {
            Self::NotAnEnvelope | Self::Trailing { .. } => Reason::InvalidRequest,
            Self::Newer { .. } => Reason::NewerVersion,
            Self::TooLong { .. } => Reason::TooLarge,
            Self::Truncated { .. } => Reason::Truncated,
            Self::Header(error) => error.reason(),
            Self::Unlisted { .. } | Self::LengthDiffers { .. } => Reason::IntegrityFailed,
        }
    }
}

impl<'a> Envelope<'a> {
    /// Takes an envelope apart. The parts keep pointing into `bytes`.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, EnvelopeError> {
        within("whole", bytes.len(), ENVELOPE_BYTES_MAX)?;
        let mut rest = check_magic(bytes)?;
        let header_len = u32::from_be_bytes(take_array(&mut rest, "header length")?) as usize;
        within("header", header_len, HEADER_BYTES_MAX)?;
        let header_bytes = take(&mut rest, header_len, "header")?;
        let header = Header::from_bytes(header_bytes)?;
        let header_tag = take_array(&mut rest, "tag")?;
        let count = usize::from(u16::from_be_bytes(take_array(&mut rest, "number of parts")?));
        within("list of parts", count, PARTS_MAX)?;
        let parts = take_parts(&mut rest, &header, count)?;
        if !rest.is_empty() {
            return Err(EnvelopeError::Trailing { len: rest.len() });
        }
        Ok(Self { header, header_bytes, header_tag, parts })
    }

    /// Puts an envelope together from pieces that are kept apart, such as a server's row and its parts. `parts` are in the order of the
    /// header's list and may leave some out.
    ///
    /// # Panics
    /// If a piece is beyond its limit; whoever stores pieces took them from an envelope.
    pub fn assemble(header_bytes: &[u8], header_tag: &[u8; 32], parts: &[(PartId, &[u8])]) -> Vec<u8> {
        assert!(header_bytes.len() <= HEADER_BYTES_MAX && parts.len() <= PARTS_MAX, "pieces come from an envelope");
        let len = |len: usize| u32::try_from(len).expect("pieces are within their limits");
        let sealed: usize = parts.iter().map(|(_, sealed)| PartId::LEN + 4 + sealed.len()).sum();
        let mut bytes = Vec::with_capacity(MAGIC.len() + 4 + header_bytes.len() + 32 + 2 + sealed);
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&len(header_bytes.len()).to_be_bytes());
        bytes.extend_from_slice(header_bytes);
        bytes.extend_from_slice(header_tag);
        bytes.extend_from_slice(&u16::try_from(parts.len()).expect("checked above").to_be_bytes());
        for (id, sealed) in parts {
            bytes.extend_from_slice(id.as_bytes());
            bytes.extend_from_slice(&len(sealed.len()).to_be_bytes());
            bytes.extend_from_slice(sealed);
        }
        bytes
    }
}

fn within(piece: &'static str, len: usize, limit: usize) -> Result<(), EnvelopeError> {
    if len > limit { Err(EnvelopeError::TooLong { piece, len, limit }) } else { Ok(()) }
}

/// What follows the magic.
fn check_magic(bytes: &[u8]) -> Result<&[u8], EnvelopeError> {
    let (magic, rest) = match bytes.split_first_chunk::<4>() {
        Some(split) => split,
        None if MAGIC.starts_with(bytes) => return Err(EnvelopeError::Truncated { piece: "magic" }),
        None => return Err(EnvelopeError::NotAnEnvelope),
    };
    match magic {
        magic if *magic == MAGIC => Ok(rest),
        [b'R', b'H', b'E', format @ (b'2'..=b'9' | b'A'..=b'Z')] => {
            Err(EnvelopeError::Newer { format: char::from(*format) })
        }
        _ => Err(EnvelopeError::NotAnEnvelope),
    }
}

fn take_parts<'a>(
    rest: &mut &'a [u8],
    header: &Header,
    count: usize,
) -> Result<Vec<(PartId, &'a [u8])>, EnvelopeError> {
    let mut listed = header.parts.iter();
    let mut parts = Vec::with_capacity(count);
    for _ in 0..count {
        let id = PartId(take_array(rest, "part id")?);
        let len = u32::from_be_bytes(take_array(rest, "part length")?) as usize;
        within("part", len, PART_BYTES_MAX)?;
        let entry = listed.find(|entry| entry.id == id).ok_or(EnvelopeError::Unlisted { id })?;
        if entry.sealed_len as usize != len {
            return Err(EnvelopeError::LengthDiffers { id, len, listed: entry.sealed_len });
        }
        parts.push((id, take(rest, len, "part")?));
    }
    Ok(parts)
}

fn take<'a>(rest: &mut &'a [u8], len: usize, piece: &'static str) -> Result<&'a [u8], EnvelopeError> {
    let (head, tail) = rest.split_at_checked(len).ok_or(EnvelopeError::Truncated { piece })?;
    *rest = tail;
    Ok(head)
}

fn take_array<const N: usize>(rest: &mut &[u8], piece: &'static str) -> Result<[u8; N], EnvelopeError> {
    let (head, tail) = rest.split_first_chunk::<N>().ok_or(EnvelopeError::Truncated { piece })?;
    *rest = tail;
    Ok(*head)
}
