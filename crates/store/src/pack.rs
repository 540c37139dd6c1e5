//! Headers, packed for the row.
//!
//! A header is some 700 bytes, nearly all of them ids that other rows hold anyway: its owner's, its parts', its blobs'. With these replaced by
//! their small numbers about 200 bytes are left, and a backup with one changed value grows the database by that much less. The replacement
//! knows nothing of the header's format: it looks for the ids' bytes and keeps the rest as it is, so any header of any version comes back to
//! the byte. The numbers also are the only record of which parts and blobs a snapshot needs.
//!
//! Packed bytes are a row of tokens: `0..=0x7F` a literal of one byte more than that; `0x80..=0x84` an id of the owner; `0x90` a part and `0x91`
//! a blob, each followed by its number (seven bits a byte, low ones first, the top bit saying that more follow).

use std::collections::HashMap;

use model::ids::{BlobId, PartId};

const LITERAL_MAX: usize = 0x80;
const OWNER: u8 = 0x80;
const PART: u8 = 0x90;
const BLOB: u8 = 0x91;

/// The ids that the profile's row and its parents hold, in the order of their tokens.
pub(crate) type Owner<'a> = [&'a [u8]; 5];

/// Where a known id stands in a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Spot {
    at: usize,
    len: usize,
    what: What,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Owner(u8),
    /// Index in the list of parts.
    Part(usize),
    /// Index in the list of blobs.
    Blob(usize),
}

/// A header with the places of its ids, ready to be packed once their numbers are known.
#[derive(Debug)]
pub(crate) struct Outline {
    spots: Vec<Spot>,
}

impl Outline {
    /// Finds the ids. One that does not stand in the header as plain bytes is simply not replaced; but see [`Outline::names_all`].
    pub(crate) fn of(header: &[u8], owner: &Owner<'_>, parts: &[PartId], blobs: &[BlobId]) -> Self {
        let mut finder = Finder { header, cursor: 0, spots: Vec::new() };
        for (index, id) in (0..).zip(owner) {
            finder.note(id, What::Owner(index));
        }
        for (index, id) in parts.iter().enumerate() {
            finder.note(id.as_bytes(), What::Part(index));
        }
        for (index, id) in blobs.iter().enumerate() {
            finder.note(id.as_bytes(), What::Blob(index));
        }
        let mut spots = finder.spots;
        spots.sort_unstable();
        let mut end = 0;
        spots.retain(|spot| {
            let free = spot.at >= end;
            end = if free { spot.at + spot.len } else { end };
            free
        });
        Self { spots }
    }

    /// Whether every part and blob was found, so that the packed header will keep them from being removed.
    pub(crate) fn names_all(&self, count: usize) -> bool {
        self.spots.iter().filter(|spot| !matches!(spot.what, What::Owner(_))).count() == count
    }

    /// Packs `header`. `parts` and `blobs` are the numbers of those given to [`Outline::of`], in the same order.
    pub(crate) fn pack(&self, header: &[u8], parts: &[i64], blobs: &[i64]) -> Vec<u8> {
        let mut packed = Vec::with_capacity(header.len() / 2);
        let mut done = 0;
        for spot in &self.spots {
            literal(&mut packed, &header[done..spot.at]);
            match spot.what {
                What::Owner(index) => packed.push(OWNER + index),
                What::Part(index) => number(&mut packed, PART, parts[index]),
                What::Blob(index) => number(&mut packed, BLOB, blobs[index]),
            }
            done = spot.at + spot.len;
        }
        literal(&mut packed, &header[done..]);
        packed
    }
}

struct Finder<'a> {
    header: &'a [u8],
    cursor: usize,
    spots: Vec<Spot>,
}

impl Finder<'_> {
    /// Looks on from the last find first: ids stand in the header in the order of the list.
    fn note(&mut self, id: &[u8], what: What) {
        let found =
            position(&self.header[self.cursor..], id).map(|at| self.cursor + at).or_else(|| position(self.header, id));
        if let Some(at) = found {
            self.cursor = at + id.len();
            self.spots.push(Spot { at, len: id.len(), what });
        }
    }
}

fn position(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

fn literal(packed: &mut Vec<u8>, bytes: &[u8]) {
    for run in bytes.chunks(LITERAL_MAX) {
        packed.push(u8::try_from(run.len() - 1).expect("at most LITERAL_MAX"));
        packed.extend_from_slice(run);
    }
}

fn number(packed: &mut Vec<u8>, token: u8, number: i64) {
    packed.push(token);
    let mut rest = u64::try_from(number).expect("numbers begin at 1");
    while rest >= 0x80 {
        packed.push(rest.to_le_bytes()[0] | 0x80);
        rest >>= 7;
    }
    packed.push(rest.to_le_bytes()[0]);
}

/// One token of a packed header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token<'a> {
    Literal(&'a [u8]),
    Owner(usize),
    Part(i64),
    Blob(i64),
}

/// The numbers of the parts and blobs that a packed header names, in its order; `None` if the bytes are damaged.
pub(crate) fn references(packed: &[u8]) -> Option<(Vec<i64>, Vec<i64>)> {
    let (mut parts, mut blobs) = (Vec::new(), Vec::new());
    for token in tokens(packed) {
        match token? {
            Token::Part(no) => parts.push(no),
            Token::Blob(no) => blobs.push(no),
            Token::Literal(_) | Token::Owner(_) => {}
        }
    }
    Some((parts, blobs))
}

/// The header as it was; `None` if the bytes are damaged or a number is not in the maps.
pub(crate) fn unpack(
    packed: &[u8],
    owner: &Owner<'_>,
    parts: &HashMap<i64, PartId>,
    blobs: &HashMap<i64, BlobId>,
) -> Option<Vec<u8>> {
    let mut header = Vec::with_capacity(packed.len() * 4);
    for token in tokens(packed) {
        match token? {
            Token::Literal(bytes) => header.extend_from_slice(bytes),
            Token::Owner(index) => header.extend_from_slice(owner.get(index)?),
            Token::Part(no) => header.extend_from_slice(parts.get(&no)?.as_bytes()),
            Token::Blob(no) => header.extend_from_slice(blobs.get(&no)?.as_bytes()),
        }
    }
    Some(header)
}

/// The tokens, ending with a `None` item where the bytes make no sense.
fn tokens(mut packed: &[u8]) -> impl Iterator<Item = Option<Token<'_>>> {
    std::iter::from_fn(move || {
        let (&first, rest) = packed.split_first()?;
        let token = token(first, rest);
        packed = token.map_or(&[], |(_, rest)| rest);
        Some(token.map(|(token, _)| token))
    })
}

fn token(first: u8, rest: &[u8]) -> Option<(Token<'_>, &[u8])> {
    match first {
        0..OWNER => rest.split_at_checked(usize::from(first) + 1).map(|(run, rest)| (Token::Literal(run), rest)),
        OWNER..PART => Some((Token::Owner(usize::from(first - OWNER)), rest)),
        PART => varint(rest).map(|(no, rest)| (Token::Part(no), rest)),
        BLOB => varint(rest).map(|(no, rest)| (Token::Blob(no), rest)),
        _ => None,
    }
}

fn varint(bytes: &[u8]) -> Option<(i64, &[u8])> {
    let mut number = 0_i64;
    for (index, &byte) in bytes.iter().take(9).enumerate() {
        number |= i64::from(byte & 0x7F) << (7 * index);
        if byte < 0x80 {
            return Some((number, &bytes[index + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn owner() -> [[u8; 16]; 5] {
        [[1; 16], [2; 16], [3; 16], [4; 16], [5; 16]]
    }

    fn refs(owner: &[[u8; 16]; 5]) -> Owner<'_> {
        [&owner[0], &owner[1], &owner[2], &owner[3], &owner[4]]
    }

    proptest! {
        #[test]
        fn every_header_comes_back_to_the_byte(
            pieces in prop::collection::vec(prop_oneof![
                prop::collection::vec(any::<u8>(), 0..300),
                (0..5_usize).prop_map(|index| owner()[index].to_vec()),
                (0..6_u8).prop_map(|index| vec![100 + index; 32]),
            ], 0..20),
            numbers in prop::collection::vec(1..i64::MAX, 6),
        ) {
            let (owner, header) = (owner(), pieces.concat());
            let parts: Vec<_> = (0..4_u8).map(|index| PartId([100 + index; 32])).collect();
            let blobs: Vec<_> = (4..6_u8).map(|index| BlobId([100 + index; 32])).collect();
            let outline = Outline::of(&header, &refs(&owner), &parts, &blobs);
            let packed = outline.pack(&header, &numbers[..4], &numbers[4..]);
            let parts = numbers[..4].iter().copied().zip(parts).collect();
            let blobs = numbers[4..].iter().copied().zip(blobs).collect();
            prop_assume!(numbers.iter().collect::<std::collections::HashSet<_>>().len() == 6);
            prop_assert_eq!(unpack(&packed, &refs(&owner), &parts, &blobs), Some(header));
        }

        #[test]
        fn damaged_bytes_are_refused_or_read_but_never_panic(packed in prop::collection::vec(any::<u8>(), 0..300)) {
            let owner = owner();
            drop(references(&packed));
            drop(unpack(&packed, &refs(&owner), &HashMap::new(), &HashMap::new()));
        }
    }

    #[test]
    fn references_are_the_numbers_in_the_order_of_the_header() {
        let (owner, parts, blobs) = (owner(), [PartId([7; 32]), PartId([8; 32])], [BlobId([9; 32])]);
        let header = [b"RHE".as_slice(), &[7; 32], b"x", &[8; 32], &[1; 16], &[9; 32], b"end"].concat();
        let outline = Outline::of(&header, &refs(&owner), &parts, &blobs);
        assert!(outline.names_all(3));
        let packed = outline.pack(&header, &[300, 2], &[1]);
        assert_eq!(references(&packed), Some((vec![300, 2], vec![1])));
        assert!(packed.len() < 25, "{} bytes", packed.len());
    }
}
