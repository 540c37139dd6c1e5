//! An envelope as what it has beyond an earlier header. `docs/format.md` section 8.1 is the contract.
//!
//! A header lists every part of a snapshot by its id, and ids do not compress. When one setting has changed, all but one of them stand in the
//! header that both sides keep of the backup before. So a device may send the envelope as copies from that header and the bytes between
//! them: some 700 bytes less of 1,800. What comes out is the envelope to the byte, and is checked as if it had been sent whole; a wrong delta can
//! only make a wrong envelope.
//!
//! A delta is `"RHD1" | number of the base u64 | tokens`. A token is a varint (seven bits a byte, low ones first): even, `n << 1`, for `n` bytes that follow;
//! odd, `n << 1 | 1`, for `n` bytes of the base from the offset in the next varint.

use super::ENVELOPE_BYTES_MAX;

/// What a delta begins with.
const MAGIC: [u8; 4] = *b"RHD1";

/// Bytes that must be equal before they are worth a copy, which takes up to five bytes.
const MATCH_MIN: usize = 12;

/// Bytes that are no delta, or not one to this base.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeltaError {
    /// Does not begin as one.
    #[error("the bytes are not an envelope's delta")]
    NotADelta,
    /// Ends inside a token, or a token is no number.
    #[error("the delta ends inside a token")]
    Truncated,
    /// Copies from where the base has nothing.
    #[error("the delta copies from beyond its base")]
    BeyondBase,
    /// Would give more than an envelope may have.
    #[error("the delta gives more than {ENVELOPE_BYTES_MAX} bytes")]
    TooLong,
}

/// A delta, not yet applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delta<'a> {
    /// Number of the snapshot whose header is the base.
    pub base: u64,
    tokens: &'a [u8],
}

impl<'a> Delta<'a> {
    /// Reads the number of the base.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, DeltaError> {
        let rest = bytes.strip_prefix(&MAGIC).ok_or(DeltaError::NotADelta)?;
        let (base, tokens) = rest.split_first_chunk::<8>().ok_or(DeltaError::Truncated)?;
        Ok(Self { base: u64::from_be_bytes(*base), tokens })
    }

    /// The envelope's bytes.
    pub fn apply(&self, base: &[u8]) -> Result<Vec<u8>, DeltaError> {
        let mut rest = self.tokens;
        let mut bytes = Vec::with_capacity(rest.len() + base.len());
        while !rest.is_empty() {
            let token = varint(&mut rest)?;
            let len = usize::try_from(token >> 1).map_err(|_| DeltaError::TooLong)?;
            if len > ENVELOPE_BYTES_MAX - bytes.len() {
                return Err(DeltaError::TooLong);
            }
            if token & 1 == 0 {
                let (run, tail) = rest.split_at_checked(len).ok_or(DeltaError::Truncated)?;
                bytes.extend_from_slice(run);
                rest = tail;
            } else {
                let from = usize::try_from(varint(&mut rest)?).map_err(|_| DeltaError::BeyondBase)?;
                let run = from.checked_add(len).and_then(|end| base.get(from..end)).ok_or(DeltaError::BeyondBase)?;
                bytes.extend_from_slice(run);
            }
        }
        Ok(bytes)
    }
}

/// Writes an envelope as a delta to the header of snapshot `number`.
pub fn write(envelope: &[u8], (number, base): (u64, &[u8])) -> Vec<u8> {
    let mut delta = [&MAGIC[..], &number.to_be_bytes()].concat();
    let (mut done, mut at, mut expected) = (0, 0, 0);
    while at + MATCH_MIN <= envelope.len() {
        match longest(&envelope[at..], base, expected) {
            Some((from, len)) => {
                literal(&mut delta, &envelope[done..at]);
                put(&mut delta, (len as u64) << 1 | 1);
                put(&mut delta, from as u64);
                at += len;
                (done, expected) = (at, from + len);
            }
            None => at += 1,
        }
    }
    literal(&mut delta, &envelope[done..]);
    delta
}

/// Where in the base the coming bytes stand, and how many of them; looked for behind the last find first, as headers have one order.
fn longest(coming: &[u8], base: &[u8], expected: usize) -> Option<(usize, usize)> {
    let head = &coming[..MATCH_MIN];
    let find = |from: usize| base.get(from..)?.windows(MATCH_MIN).position(|window| window == head).map(|at| from + at);
    let from = find(expected).or_else(|| find(0))?;
    let len = coming.iter().zip(&base[from..]).take_while(|(a, b)| a == b).count();
    Some((from, len))
}

fn literal(delta: &mut Vec<u8>, bytes: &[u8]) {
    if !bytes.is_empty() {
        put(delta, (bytes.len() as u64) << 1);
        delta.extend_from_slice(bytes);
    }
}

fn put(delta: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        delta.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    delta.push(number.to_le_bytes()[0]);
}

fn varint(rest: &mut &[u8]) -> Result<u64, DeltaError> {
    let mut number = 0_u64;
    // Five bytes hold every length and offset that there can be.
    for shift in (0..35).step_by(7) {
        let (&byte, tail) = rest.split_first().ok_or(DeltaError::Truncated)?;
        *rest = tail;
        number |= u64::from(byte & 0x7F) << shift;
        if byte < 0x80 {
            return Ok(number);
        }
    }
    Err(DeltaError::TooLong)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_was_written_comes_back_to_the_byte(
            base in prop::collection::vec(any::<u8>(), 0..900),
            pieces in prop::collection::vec(prop_oneof![
                prop::collection::vec(any::<u8>(), 0..60).prop_map(Err),
                (0..900_usize, 0..300_usize).prop_map(Ok),
            ], 0..12),
        ) {
            let piece = |piece: &Result<(usize, usize), Vec<u8>>| match piece {
                Err(bytes) => bytes.clone(),
                Ok((from, len)) => base.iter().skip(*from).take(*len).copied().collect(),
            };
            let envelope: Vec<u8> = pieces.iter().flat_map(piece).collect();
            let delta = write(&envelope, (7, &base));
            let read = Delta::parse(&delta).unwrap();
            prop_assert_eq!(read.base, 7);
            prop_assert_eq!(read.apply(&base), Ok(envelope));
        }

        #[test]
        fn any_bytes_give_an_error_or_bytes_within_the_limit(
            tokens in prop::collection::vec(any::<u8>(), 0..400),
            base in prop::collection::vec(any::<u8>(), 0..100),
        ) {
            let bytes = [&b"RHD1\0\0\0\0\0\0\0\x01"[..], &tokens].concat();
            if let Ok(envelope) = Delta::parse(&bytes).unwrap().apply(&base) {
                prop_assert!(envelope.len() <= ENVELOPE_BYTES_MAX);
            }
        }
    }

    #[test]
    fn an_unchanged_list_of_ids_costs_a_few_bytes() {
        let id = |n: u8| [n.wrapping_mul(37); 32];
        let base: Vec<u8> = (0..20).flat_map(id).collect();
        let mut envelope = base.clone();
        envelope[320..352].fill(0xEE);
        assert!(write(&envelope, (1, &base)).len() < 60, "{}", write(&envelope, (1, &base)).len());
    }

    #[test]
    fn what_is_wrong_with_a_delta_is_told() {
        let delta = |tokens: &[u8]| [&b"RHD1\0\0\0\0\0\0\0\x01"[..], tokens].concat();
        let apply = |tokens: &[u8]| Delta::parse(&delta(tokens)).unwrap().apply(&[1, 2, 3]);
        assert_eq!(Delta::parse(b"RHE1"), Err(DeltaError::NotADelta));
        assert_eq!(Delta::parse(b"RHD1\0\0"), Err(DeltaError::Truncated));
        assert_eq!(apply(&[2 << 1, 9]), Err(DeltaError::Truncated));
        assert_eq!(apply(&[2 << 1 | 1, 2]), Err(DeltaError::BeyondBase));
        assert_eq!(apply(&[3 << 1 | 1, 0]), Ok(vec![1, 2, 3]));
        assert_eq!(apply(&[0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 0]), Err(DeltaError::TooLong));
        assert_eq!(apply(&[0xFF; 6]), Err(DeltaError::TooLong));
        // Copies that say little and give much stop at the limit of an envelope, whatever they add up to.
        let base = vec![0; 1 << 20];
        let copy = [0x81, 0x80, 0x80, 0x01, 0];
        let bomb = delta(&copy.repeat(1 + ENVELOPE_BYTES_MAX / base.len()));
        assert_eq!(Delta::parse(&bomb).unwrap().apply(&base), Err(DeltaError::TooLong));
    }
}
