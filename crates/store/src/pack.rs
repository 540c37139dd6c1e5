//! Headers, packed for the row.
//!
//! A header is some 900 bytes, most of them ids that other rows hold anyway: its owner's, its parts', its blobs'. With these replaced by
//! their small numbers some 280 bytes are left, and a backup with one changed value grows the database by that much less. The replacement
//! knows nothing of the header's format: it looks for the ids' bytes and keeps the rest as it is, so any header of any version comes back to
//! the byte. The numbers also are the only record of which parts and blobs a snapshot needs.
//!
//! Most of those 280 bytes are what stands around the ids. So where the beginning is as version 1 of the format writes it (`docs/format.md` section 7), and where a part or blob has an
//! entry around it as that writes them, only the numbers are kept that neither the row nor the part's own row has: some 80 bytes are left. What looks otherwise is kept as above.
//!
//! Packed bytes are a row of tokens, numbers in them seven bits a byte, low ones first, the top bit saying that more follow:
//!
//! | token | |
//! |---|---|
//! | `0..=0x7F` | a literal of one byte more than that |
//! | `0x80..=0x84` | an id of the owner |
//! | `0x90`, `0x91` | a part, a blob: its number |
//! | `0x92` | an entry of a part, the array `[kind, id, sealed length, items]`: kind, the part's number, sealed length, items. Since schema 20 |
//! | `0x93` | the same with a kind and a number one higher than those of the entry before: sealed length, items |
//! | `0x94` | an entry of a blob, the array `[role, id, sealed length]`: role, the blob's number, sealed length |
//! | `0x95` | the beginning, up to and with the key of the catalog's version |
//! | `0x96` | a run of parts' entries, each with a kind and a number one higher than those of the one before, and with the sealed length that the part's row says: kind and number of the first, how many, items of each. Since schema 21, which writes no `0x92` and `0x93` any more |

use std::collections::HashMap;

use model::cbor::{self, Item};
use model::ids::{BlobId, PartId};
use model::world::Moment;

const LITERAL_MAX: usize = 0x80;
const OWNER: u8 = 0x80;
const PART: u8 = 0x90;
const BLOB: u8 = 0x91;
const ENTRY: u8 = 0x92;
const NEXT_ENTRY: u8 = 0x93;
const BLOB_ENTRY: u8 = 0x94;
const BEGINNING: u8 = 0x95;
const RUN: u8 = 0x96;

/// What the snapshot's row and its parents hold of its header.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Owner<'a> {
    /// The ids, in the order of their tokens: tenant, user, device, profile, snapshot.
    pub(crate) ids: [&'a [u8]; 5],
    /// The snapshot's number.
    pub(crate) seq: u64,
    /// When it was taken.
    pub(crate) taken_at: Moment,
}

impl Owner<'_> {
    /// How a header of version 1 begins: keys 0 to 6, and key 7 without its value.
    fn beginning(&self) -> Vec<u8> {
        let mut bytes = vec![MAP_OF_FIFTEEN];
        for (key, id) in (0..).zip(&self.ids[..4]) {
            bytes.extend([key, BYTES_16]);
            bytes.extend_from_slice(id);
        }
        bytes.push(4);
        cbor::write_unsigned(self.seq, &mut bytes);
        bytes.push(5);
        bytes.extend_from_slice(&BYTES_32);
        bytes.extend_from_slice(self.ids[4]);
        bytes.push(6);
        bytes.extend(cbor::encode(&Item::int(self.taken_at.0)));
        bytes.push(7);
        bytes
    }
}

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
    /// How many bytes at the header's beginning the row has.
    begins: usize,
}

impl Outline {
    /// Finds the ids. One that does not stand in the header as plain bytes is simply not replaced; but see [`Outline::names_all`].
    pub(crate) fn of(header: &[u8], owner: &Owner<'_>, parts: &[PartId], blobs: &[BlobId]) -> Self {
        let mut finder = Finder { header, cursor: 0, spots: Vec::new() };
        for (index, id) in (0..).zip(owner.ids) {
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
        let beginning = owner.beginning();
        // A part or blob that is named in there, as only a hostile header has it, must stay named.
        let is_plain = spots.iter().all(|spot| spot.at >= beginning.len() || matches!(spot.what, What::Owner(_)));
        let begins = if is_plain && header.starts_with(&beginning) { beginning.len() } else { 0 };
        Self { spots, begins }
    }

    /// Whether every part and blob was found, so that the packed header will keep them from being removed.
    pub(crate) fn names_all(&self, count: usize) -> bool {
        self.spots.iter().filter(|spot| !matches!(spot.what, What::Owner(_))).count() == count
    }

    /// Packs `header`. `parts` and `blobs` are the numbers of those given to [`Outline::of`], in the same order; of a part the sealed length in its row too.
    pub(crate) fn pack(&self, header: &[u8], parts: &[(i64, u32)], blobs: &[i64]) -> Vec<u8> {
        let mut packer = Packer { packed: Vec::with_capacity(header.len() / 2), run: None };
        let mut done = self.begins;
        if done > 0 {
            packer.token(BEGINNING, &[]);
        }
        let mut spots = self.spots.iter().filter(|spot| spot.at >= self.begins).peekable();
        while let Some(spot) = spots.next() {
            // An id that begins in an entry, as only a hostile header has it, must stay named.
            let next_at = spots.peek().map_or(header.len(), |next| next.at);
            let entry = match spot.what {
                What::Part(index) => Entry::around(header, spot.at, parts[index].0, ARRAY_OF_FOUR)
                    .filter(|(entry, ..)| entry.sealed_len == parts[index].1),
                What::Blob(index) => Entry::around(header, spot.at, blobs[index], ARRAY_OF_THREE),
                What::Owner(_) => None,
            };
            if let Some((entry, from, to)) = entry.filter(|(_, from, to)| *from >= done && *to <= next_at) {
                packer.literal(&header[done..from]);
                packer.entry(entry);
                done = to;
                continue;
            }
            packer.literal(&header[done..spot.at]);
            match spot.what {
                What::Owner(index) => packer.token(OWNER + index, &[]),
                What::Part(index) => packer.token(PART, &[parts[index].0]),
                What::Blob(index) => packer.token(BLOB, &[blobs[index]]),
            }
            done = spot.at + spot.len;
        }
        packer.literal(&header[done..]);
        packer.end_run();
        packer.packed
    }
}

/// Puts tokens behind each other.
struct Packer {
    packed: Vec<u8>,
    /// A run that may go on.
    run: Option<Run>,
}

/// Entries of parts that follow each other.
struct Run {
    first: Entry,
    last: Entry,
    items: Vec<i64>,
}

impl Packer {
    fn literal(&mut self, bytes: &[u8]) {
        for run in bytes.chunks(LITERAL_MAX) {
            self.token(u8::try_from(run.len() - 1).expect("at most LITERAL_MAX"), &[]);
            self.packed.extend_from_slice(run);
        }
    }

    /// A token with the numbers behind it.
    fn token(&mut self, token: u8, numbers: &[i64]) {
        self.end_run();
        self.packed.push(token);
        for number in numbers {
            varint_of(&mut self.packed, *number);
        }
    }

    fn entry(&mut self, entry: Entry) {
        let Some(items) = entry.items else {
            return self.token(BLOB_ENTRY, &[entry.kind.into(), entry.no, entry.sealed_len.into()]);
        };
        if self.run.as_ref().is_some_and(|run| !entry.follows(run.last)) {
            self.end_run();
        }
        let run = self.run.get_or_insert_with(|| Run { first: entry, last: entry, items: Vec::new() });
        run.last = entry;
        run.items.push(items.into());
    }

    fn end_run(&mut self) {
        if let Some(Run { first, items, .. }) = self.run.take() {
            let count = i64::try_from(items.len()).expect("a header has few parts");
            self.token(RUN, &[&[first.kind.into(), first.no, count], items.as_slice()].concat());
        }
    }
}

/// What a header says of a part or a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    /// Of a blob: its role.
    kind: u32,
    no: i64,
    sealed_len: u32,
    /// `None`: it is a blob's.
    items: Option<u32>,
}

/// First bytes of arrays and of the map (RFC 8949, section 3).
const ARRAY_OF_THREE: u8 = 0x83;
const ARRAY_OF_FOUR: u8 = 0x84;
const MAP_OF_FIFTEEN: u8 = 0xAF;

/// What stands before an id: bytes follow, 16 or 32 of them.
const BYTES_16: u8 = 0x50;
const BYTES_32: [u8; 2] = [0x58, 32];

impl Entry {
    /// The entry whose id stands at `at`, with our number for it, and where it begins and ends. `None`: it is not written as entries are.
    fn around(header: &[u8], at: usize, no: i64, array: u8) -> Option<(Self, usize, usize)> {
        let before = header[..at].strip_suffix(&BYTES_32)?;
        let (kind, from) = [2, 3].into_iter().find_map(|length| {
            let (first, kind) = before.get(before.len().checked_sub(length)?..)?.split_first()?;
            let (kind, rest) = uint(kind)?;
            (*first == array && rest.is_empty()).then_some((kind, before.len() - length))
        })?;
        let (sealed_len, mut rest) = uint(header.get(at + 32..)?)?;
        let mut items = None;
        if array == ARRAY_OF_FOUR {
            let (count, more) = uint(rest)?;
            (items, rest) = (Some(count), more);
        }
        Some((Self { kind, no, sealed_len, items }, from, header.len() - rest.len()))
    }

    /// Whether it is a part's whose kind and number are one higher than those of the one before.
    fn follows(self, before: Self) -> bool {
        before.next().is_some_and(|next| next == (self.kind, self.no))
    }

    /// Kind and number of the one that follows.
    fn next(self) -> Option<(u32, i64)> {
        Some((self.kind.checked_add(1)?, self.no.checked_add(1)?))
    }

    /// What stands behind its token.
    fn unpack(token: u8, before: Option<Self>, rest: &[u8]) -> Option<(Self, &[u8])> {
        let (kind, no, rest) = if token == NEXT_ENTRY {
            let (kind, no) = before?.next()?;
            (kind, no, rest)
        } else {
            let (kind, rest) = small(rest)?;
            let (no, rest) = varint(rest)?;
            (kind, no, rest)
        };
        let (sealed_len, rest) = small(rest)?;
        let (items, rest) = match token {
            BLOB_ENTRY => (None, rest),
            _ => small(rest).map(|(items, rest)| (Some(items), rest))?,
        };
        Some((Self { kind, no, sealed_len, items }, rest))
    }

    /// Writes it as headers have it.
    fn write(self, id: &[u8; 32], header: &mut Vec<u8>) {
        header.push(if self.items.is_some() { ARRAY_OF_FOUR } else { ARRAY_OF_THREE });
        cbor::write_unsigned(self.kind.into(), header);
        header.extend_from_slice(&BYTES_32);
        header.extend_from_slice(id);
        cbor::write_unsigned(self.sealed_len.into(), header);
        if let Some(items) = self.items {
            cbor::write_unsigned(items.into(), header);
        }
    }
}

/// A number of an entry, and what follows it.
fn uint(bytes: &[u8]) -> Option<(u32, &[u8])> {
    cbor::read_unsigned(bytes).and_then(|(number, rest)| Some((u32::try_from(number).ok()?, rest)))
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

fn varint_of(packed: &mut Vec<u8>, number: i64) {
    let mut rest = u64::try_from(number).expect("no number is below 0");
    while rest >= 0x80 {
        packed.push(rest.to_le_bytes()[0] | 0x80);
        rest >>= 7;
    }
    packed.push(rest.to_le_bytes()[0]);
}

/// One token of a packed header.
#[derive(Debug)]
enum Token<'a> {
    Literal(&'a [u8]),
    Owner(usize),
    Part(i64),
    Blob(i64),
    Entry(Entry),
    /// Entries without their lengths.
    Run(Vec<Entry>),
    Beginning,
}

/// The numbers of the parts and blobs that a packed header names, in its order; `None` if the bytes are damaged.
pub(crate) fn references(packed: &[u8]) -> Option<(Vec<i64>, Vec<i64>)> {
    let (mut parts, mut blobs) = (Vec::new(), Vec::new());
    for token in tokens(packed) {
        match token? {
            Token::Part(no) | Token::Entry(Entry { no, items: Some(_), .. }) => parts.push(no),
            Token::Run(entries) => parts.extend(entries.iter().map(|entry| entry.no)),
            Token::Blob(no) | Token::Entry(Entry { no, items: None, .. }) => blobs.push(no),
            Token::Literal(_) | Token::Owner(_) | Token::Beginning => {}
        }
    }
    Some((parts, blobs))
}

/// The header as it was; `None` if the bytes are damaged or a number is not in the maps. Of a part its sealed length is in there too.
pub(crate) fn unpack(
    packed: &[u8],
    owner: &Owner<'_>,
    parts: &HashMap<i64, (PartId, u32)>,
    blobs: &HashMap<i64, BlobId>,
) -> Option<Vec<u8>> {
    let mut header = Vec::with_capacity(packed.len() * 4);
    for token in tokens(packed) {
        match token? {
            Token::Literal(bytes) => header.extend_from_slice(bytes),
            Token::Owner(index) => header.extend_from_slice(owner.ids.get(index)?),
            Token::Part(no) => header.extend_from_slice(parts.get(&no)?.0.as_bytes()),
            Token::Blob(no) => header.extend_from_slice(blobs.get(&no)?.as_bytes()),
            Token::Entry(entry) if entry.items.is_some() => {
                entry.write(parts.get(&entry.no)?.0.as_bytes(), &mut header);
            }
            Token::Entry(entry) => entry.write(blobs.get(&entry.no)?.as_bytes(), &mut header),
            Token::Run(entries) => {
                for entry in entries {
                    let (id, sealed_len) = *parts.get(&entry.no)?;
                    Entry { sealed_len, ..entry }.write(id.as_bytes(), &mut header);
                }
            }
            Token::Beginning => header.extend(owner.beginning()),
        }
    }
    Some(header)
}

/// The tokens, ending with a `None` item where the bytes make no sense.
fn tokens(mut packed: &[u8]) -> impl Iterator<Item = Option<Token<'_>>> {
    let mut before = None;
    std::iter::from_fn(move || {
        let (&first, rest) = packed.split_first()?;
        let token = token(first, before, rest);
        packed = token.as_ref().map_or(&[], |(_, rest)| rest);
        if let Some((Token::Entry(entry), _)) = token {
            before = Some(entry);
        }
        Some(token.map(|(token, _)| token))
    })
}

fn token(first: u8, before: Option<Entry>, rest: &[u8]) -> Option<(Token<'_>, &[u8])> {
    match first {
        0..OWNER => rest.split_at_checked(usize::from(first) + 1).map(|(run, rest)| (Token::Literal(run), rest)),
        OWNER..PART => Some((Token::Owner(usize::from(first - OWNER)), rest)),
        PART => varint(rest).map(|(no, rest)| (Token::Part(no), rest)),
        BLOB => varint(rest).map(|(no, rest)| (Token::Blob(no), rest)),
        BEGINNING => Some((Token::Beginning, rest)),
        ENTRY | NEXT_ENTRY | BLOB_ENTRY => {
            Entry::unpack(first, before, rest).map(|(entry, rest)| (Token::Entry(entry), rest))
        }
        RUN => run(rest).map(|(entries, rest)| (Token::Run(entries), rest)),
        _ => None,
    }
}

/// A run's entries, from what stands behind its token.
fn run(rest: &[u8]) -> Option<(Vec<Entry>, &[u8])> {
    let (mut kind, rest) = small(rest)?;
    let (mut no, rest) = varint(rest)?;
    let (count, mut rest) = small(rest)?;
    // Each entry takes a byte at least, so damaged bytes cannot ask for more than they are long.
    let mut entries = Vec::new();
    for index in 0..count {
        let items;
        (items, rest) = small(rest)?;
        if index > 0 {
            (kind, no) = (kind.checked_add(1)?, no.checked_add(1)?);
        }
        entries.push(Entry { kind, no, sealed_len: 0, items: Some(items) });
    }
    Some((entries, rest))
}

/// A number that is not above `u32::MAX`.
fn small(bytes: &[u8]) -> Option<(u32, &[u8])> {
    varint(bytes).and_then(|(number, rest)| Some((u32::try_from(number).ok()?, rest)))
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
        let ids = [&owner[0], &owner[1], &owner[2], &owner[3], &owner[4]].map(<[u8; 16]>::as_slice);
        Owner { ids, seq: 44, taken_at: Moment(1_795_000_000_000) }
    }

    /// An entry as headers have it, or one with a number that is longer than it has to be.
    fn entry((index, kind, sealed_len, items, short): (u8, u32, u32, u32, bool)) -> Vec<u8> {
        let mut bytes = Vec::new();
        let items = (index < 4).then_some(items);
        Entry { kind, no: 0, sealed_len, items }.write(&[100 + index; 32], &mut bytes);
        if !short {
            bytes.extend([ARRAY_OF_FOUR, 24, 7, 0x58, 32]);
            bytes.extend([100 + index; 32]);
            bytes.extend([26, 0, 0, 0, 7, 24, 7]);
        }
        bytes
    }

    proptest! {
        #[test]
        fn every_header_comes_back_to_the_byte(
            pieces in prop::collection::vec(prop_oneof![
                prop::collection::vec(any::<u8>(), 0..300),
                (0..5_usize).prop_map(|index| owner()[index].to_vec()),
                (0..6_u8).prop_map(|index| vec![100 + index; 32]),
                (0..6_u8, 0..300_u32, prop_oneof![Just(461), any::<u32>()], 0..70_000_u32, any::<bool>()).prop_map(entry),
            ], 0..20),
            numbers in prop::collection::vec(1..i64::MAX, 6),
            lengths in prop::collection::vec(prop_oneof![Just(461), any::<u32>()], 4),
            begins in any::<bool>(),
        ) {
            let owner = owner();
            let mut header = if begins { refs(&owner).beginning() } else { Vec::new() };
            header.extend(pieces.concat());
            let parts: Vec<_> = (0..4_u8).map(|index| PartId([100 + index; 32])).collect();
            let blobs: Vec<_> = (4..6_u8).map(|index| BlobId([100 + index; 32])).collect();
            let outline = Outline::of(&header, &refs(&owner), &parts, &blobs);
            let rows: Vec<(i64, u32)> = numbers.iter().copied().zip(lengths).collect();
            let packed = outline.pack(&header, &rows, &numbers[4..]);
            let parts = rows.into_iter().zip(parts).map(|((no, length), id)| (no, (id, length))).collect();
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
        let packed = outline.pack(&header, &[(300, 5), (2, 5)], &[1]);
        assert_eq!(references(&packed), Some((vec![300, 2], vec![1])));
        assert!(packed.len() < 25, "{} bytes", packed.len());
    }

    #[test]
    fn entries_of_parts_take_a_byte_each() {
        const LENGTH: u32 = 461;
        let parts: Vec<PartId> = (0..18).map(|index| PartId([100 + index; 32])).collect();
        let entries = parts.iter().zip(16..).flat_map(|(id, kind)| {
            let mut bytes = Vec::new();
            Entry { kind, no: 0, sealed_len: LENGTH, items: Some(3) }.write(id.as_bytes(), &mut bytes);
            bytes
        });
        let header: Vec<u8> = b"what comes before".iter().copied().chain(entries).collect();
        let owner = owner();
        let outline = Outline::of(&header, &refs(&owner), &parts, &[]);
        // All from one backup but one, which has changed since.
        let numbers: Vec<i64> = (1..=18).map(|no| if no == 5 { 333 } else { no }).collect();
        // What the header says stands, whatever a row says.
        for (length, each) in [(LENGTH, 1), (LENGTH + 1, 44)] {
            let rows: Vec<(i64, u32)> = numbers.iter().map(|no| (*no, length)).collect();
            let packed = outline.pack(&header, &rows, &[]);
            assert_eq!(references(&packed), Some((numbers.clone(), vec![])));
            assert!(packed.len() <= 18 + 18 * each + 3 * 4 + 1, "{} bytes", packed.len());
            let known = rows.into_iter().zip(&parts).map(|((no, length), id)| (no, (*id, length))).collect();
            assert_eq!(unpack(&packed, &refs(&owner), &known, &HashMap::new()), Some(header.clone()));
        }
    }

    #[test]
    fn an_entry_that_was_packed_with_its_length_comes_back() {
        let (owner, first, second) = (owner(), PartId([7; 32]), PartId([8; 32]));
        let packed = [ENTRY, 1, 3, 99, 4, NEXT_ENTRY, 100, 5];
        let mut header = Vec::new();
        for (kind, id, sealed_len, items) in [(1, first, 99, 4), (2, second, 100, 5)] {
            let entry = Entry { kind, no: 0, sealed_len, items: Some(items) };
            entry.write(id.as_bytes(), &mut header);
        }
        let known = HashMap::from([(3, (first, 99)), (4, (second, 100))]);
        assert_eq!(unpack(&packed, &refs(&owner), &known, &HashMap::new()), Some(header));
    }

    #[test]
    fn a_header_that_was_packed_before_there_were_entries_comes_back() {
        let (owner, part) = (owner(), PartId([7; 32]));
        let packed = [3, ARRAY_OF_FOUR, 1, 0x58, 32, PART, 3, 2, 24, 99, 0];
        let header = [&[ARRAY_OF_FOUR, 1, 0x58, 32][..], &[7; 32], &[24, 99, 0]].concat();
        assert_eq!(unpack(&packed, &refs(&owner), &HashMap::from([(3, (part, 99))]), &HashMap::new()), Some(header));
    }

    #[test]
    fn the_beginning_of_a_header_takes_one_byte() {
        let owner = owner();
        let owner = Owner { ids: [&owner[0], &owner[1], &owner[2], &owner[3], &[9; 32]], ..refs(&owner) };
        let header = model::envelope::Header {
            tenant: model::ids::TenantId([1; 16]),
            user: model::ids::UserId([2; 16]),
            device: model::ids::DeviceId([3; 16]),
            profile: model::ids::ProfileId([4; 16]),
            seq: owner.seq,
            snapshot: model::ids::SnapshotId([9; 32]),
            taken_at: owner.taken_at,
            catalog_version: 1,
            key: model::ids::KeyId([7; 16]),
            source: model::envelope::Source::Hive,
            device_name: "PC".to_owned(),
            settings_count: 143,
            apps_count: 27,
            parts: Vec::new(),
            blobs: Vec::new(),
        };
        let bytes = header.to_bytes().unwrap();
        let packed = Outline::of(&bytes, &owner, &[], &[]).pack(&bytes, &[], &[]);
        assert_eq!(packed[0], BEGINNING, "as the format writes it");
        assert_eq!(unpack(&packed, &owner, &HashMap::new(), &HashMap::new()), Some(bytes));
    }

    /// A PC that wants to harm the server sends part ids that repeat what stands around them.
    #[test]
    fn ids_that_begin_in_an_entry_or_in_the_beginning_stay_named() {
        let owner = owner();
        let owner = refs(&owner);
        let known = [
            (1, PartId([7; 32])),
            (2, PartId([[3, ARRAY_OF_FOUR, 2, 0x58].as_slice(); 8].concat().try_into().unwrap())),
        ];
        let first = Entry { kind: 1, no: 0, sealed_len: 5, items: Some(3) };
        let mut header = Vec::new();
        first.write(known[0].1.as_bytes(), &mut header);
        // The second id begins where the first entry says how many items it has.
        header.truncate(header.len() - 1);
        header.extend_from_slice(known[1].1.as_bytes());
        let within = PartId(owner.beginning()[1..33].try_into().unwrap());
        for (header, parts) in [(header, known.to_vec()), (owner.beginning(), vec![(1, within)])] {
            let (numbers, ids): (Vec<i64>, Vec<PartId>) = parts.iter().copied().unzip();
            let outline = Outline::of(&header, &owner, &ids, &[]);
            assert!(outline.names_all(ids.len()));
            let rows: Vec<(i64, u32)> = numbers.iter().map(|no| (*no, 5)).collect();
            let packed = outline.pack(&header, &rows, &[]);
            assert_eq!(references(&packed), Some((numbers, vec![])));
            let parts = parts.into_iter().map(|(no, id)| (no, (id, 5))).collect();
            assert_eq!(unpack(&packed, &owner, &parts, &HashMap::new()), Some(header));
        }
    }
}
