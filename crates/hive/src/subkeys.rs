//! The subkeys of a key: the lists li, lf, lh and the list of lists ri (specification, "Index leaf" to "Index root").
//!
//! A lookup reads the hash (lh) or the first four characters (lf) that stand in the list beside each offset, and
//! opens only the keys that may be meant. It does not rely on the order of the list, so that a list in wrong order
//! loses nothing.

use std::iter::FusedIterator;

use crate::bins::{Bins, short, unlike};
use crate::damage::{Damage, Record, What};
use crate::key::Key;
use crate::name::Wanted;

/// One list without index: the elements, each of four bytes (offset) or of eight (offset, then hash or hint).
#[derive(Debug, Clone, Copy)]
enum Leaf<'h> {
    Plain(&'h [[u8; 4]]),
    Hinted(&'h [[u8; 8]]),
    Hashed(&'h [[u8; 8]]),
}

/// What a list cell holds.
enum List<'h> {
    Leaf(Leaf<'h>, Option<Damage>),
    Index(&'h [[u8; 4]], Option<Damage>),
}

/// Reads the list at `offset`. An index root may not lead to another one, so `index` is false for the inner lists.
#[inline]
fn read_list(bins: Bins<'_>, offset: u32, index: bool) -> Result<List<'_>, Damage> {
    let (head, rest) = bins.record::<4>(offset)?;
    let count = usize::from(u16::from_le_bytes([head[2], head[3]]));
    match &head[..2] {
        b"lh" => Ok(take(offset, rest.as_chunks().0, count, |items, damage| List::Leaf(Leaf::Hashed(items), damage))),
        b"lf" => Ok(take(offset, rest.as_chunks().0, count, |items, damage| List::Leaf(Leaf::Hinted(items), damage))),
        b"li" => Ok(take(offset, rest.as_chunks().0, count, |items, damage| List::Leaf(Leaf::Plain(items), damage))),
        b"ri" if index => Ok(take(offset, rest.as_chunks().0, count, List::Index)),
        _ => Err(unlike(offset, if index { Record::List } else { Record::InnerList }, [head[0], head[1]])),
    }
}

/// The first `count` items, and the damage if there are fewer.
#[inline]
fn take<'h, T, L>(offset: u32, items: &'h [T], count: usize, list: impl Fn(&'h [T], Option<Damage>) -> L) -> L {
    match items.get(..count) {
        Some(items) => list(items, None),
        None => list(items, Some(short(offset, 4 + count * size_of::<T>(), 4 + size_of_val(items)))),
    }
}

/// The subkeys of a key in the order of its list. A key that cannot be read is a [`Damage`] in its place.
#[derive(Debug, Clone)]
pub struct Subkeys<'h> {
    bins: Bins<'h>,
    leaf: Leaf<'h>,
    index: std::slice::Iter<'h, [u8; 4]>,
    /// Elements and lists that may still be read; see [`Bins::subkeys_max`].
    left: usize,
    /// What is wrong with the current list, told after its elements, and with the index, told at the end.
    damage: [Option<Damage>; 2],
}

impl<'h> Subkeys<'h> {
    #[inline]
    pub(crate) fn new(bins: Bins<'h>, count: u32, offset: u32) -> Self {
        let none = Leaf::Plain(&[]);
        let mut subkeys = Self { bins, leaf: none, index: [].iter(), left: bins.subkeys_max(), damage: [None, None] };
        if count == 0 {
            return subkeys;
        }
        match read_list(bins, offset, true) {
            Ok(List::Leaf(leaf, damage)) => (subkeys.leaf, subkeys.damage[0]) = (leaf, damage),
            Ok(List::Index(index, damage)) => (subkeys.index, subkeys.damage[1]) = (index.iter(), damage),
            Err(damage) => subkeys.damage[0] = Some(damage),
        }
        subkeys
    }

    /// The offset of the next key of the current list.
    #[inline]
    fn next_offset(&mut self) -> Option<u32> {
        match &mut self.leaf {
            Leaf::Plain(items) => {
                let (first, rest) = items.split_first()?;
                *items = rest;
                Some(u32::from_le_bytes(*first))
            }
            Leaf::Hinted(items) | Leaf::Hashed(items) => {
                let ([a, b, c, d, ..], rest) = items.split_first()?;
                *items = rest;
                Some(u32::from_le_bytes([*a, *b, *c, *d]))
            }
        }
    }

    /// Goes to the next list of the index, or tells a damage that is due.
    #[cold]
    fn next_list(&mut self) -> Option<Result<(), Damage>> {
        if let Some(damage) = self.damage[0].take() {
            return Some(Err(damage));
        }
        let Some(offset) = self.index.next() else { return self.damage[1].take().map(Err) };
        let offset = u32::from_le_bytes(*offset);
        if self.left == 0 {
            return Some(Err(self.exhausted(offset)));
        }
        self.left -= 1; // an index of empty lists must end too
        match read_list(self.bins, offset, false) {
            Ok(List::Leaf(leaf, damage)) => (self.leaf, self.damage[0]) = (leaf, damage),
            Ok(List::Index(..)) => {}
            Err(damage) => return Some(Err(damage)),
        }
        Some(Ok(()))
    }

    #[cold]
    fn exhausted(&mut self, offset: u32) -> Damage {
        (self.leaf, self.index, self.damage) = (Leaf::Plain(&[]), [].iter(), [None, None]);
        Damage::new(offset, What::Budget)
    }
}

impl Subkeys<'_> {
    /// The offset of the next key, or what is wrong with a list in its place.
    #[inline]
    pub(crate) fn next_element(&mut self) -> Option<Result<u32, Damage>> {
        loop {
            if let Some(offset) = self.next_offset() {
                if self.left == 0 {
                    return Some(Err(self.exhausted(offset)));
                }
                self.left -= 1;
                return Some(Ok(offset));
            }
            if let Err(damage) = self.next_list()? {
                return Some(Err(damage));
            }
        }
    }
}

impl<'h> Iterator for Subkeys<'h> {
    type Item = Result<Key<'h>, Damage>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        Some(self.next_element()?.and_then(|offset| Key::at(self.bins, offset)))
    }
}

impl FusedIterator for Subkeys<'_> {}

/// The subkey called `wanted` in the list at `offset`. `Ok(None)` is certain; where a part of the list could not be
/// read and the key is not in the rest, the damage is told.
pub(crate) fn find<'h>(bins: Bins<'h>, offset: u32, wanted: Wanted<'_>) -> Result<Option<Key<'h>>, Damage> {
    let (index, mut damage) = match read_list(bins, offset, true)? {
        List::Leaf(leaf, damage) => return find_in(bins, leaf, wanted, damage),
        List::Index(index, damage) => (index, damage),
    };
    let mut left = bins.subkeys_max();
    for list in index {
        let list = u32::from_le_bytes(*list);
        let found = match read_list(bins, list, false) {
            Ok(List::Leaf(leaf, damage)) => {
                left = left.checked_sub(leaf.len() + 1).ok_or(Damage::new(list, What::Budget))?;
                find_in(bins, leaf, wanted, damage)
            }
            Ok(List::Index(..)) => Ok(None),
            Err(damage) => Err(damage),
        };
        match found {
            Ok(None) => {}
            Ok(found) => return Ok(found),
            Err(found) => damage = damage.or(Some(found)),
        }
    }
    damage.map_or(Ok(None), Err)
}

fn find_in<'h>(
    bins: Bins<'h>,
    leaf: Leaf<'h>,
    wanted: Wanted<'_>,
    mut damage: Option<Damage>,
) -> Result<Option<Key<'h>>, Damage> {
    let mut open = |offset| match Key::at(bins, offset) {
        Ok(key) => wanted.is(key.name()).then_some(key),
        Err(found) => {
            damage = damage.or(Some(found));
            None
        }
    };
    let found = match (leaf, wanted.marks) {
        (Leaf::Plain(items), _) => items.iter().find_map(|item| open(u32::from_le_bytes(*item))),
        (Leaf::Hashed(items), Some(marks)) => scan(items, |hash| hash == marks.hash, &mut open),
        (Leaf::Hinted(items), Some(marks)) => scan(items, |hint| marks.may_have_hint(hint), &mut open),
        (Leaf::Hashed(items) | Leaf::Hinted(items), None) => scan(items, |_| true, &mut open),
    };
    match (found, damage) {
        (None, Some(damage)) => Err(damage),
        (found, _) => Ok(found),
    }
}

/// Opens the keys whose mark (hash or hint) fits, until one of them is the right one. Sixteen marks are looked at in
/// one go, without a branch for each: lists are long, and almost no mark fits.
#[inline]
fn scan<'h>(
    items: &[[u8; 8]],
    fits: impl Fn(u32) -> bool,
    open: &mut impl FnMut(u32) -> Option<Key<'h>>,
) -> Option<Key<'h>> {
    let mark = |[_, _, _, _, e, f, g, h]: &[u8; 8]| u32::from_le_bytes([*e, *f, *g, *h]);
    for block in items.chunks(16) {
        if block.iter().fold(false, |any, item| any | fits(mark(item))) {
            for item in block.iter().filter(|item| fits(mark(item))) {
                let [a, b, c, d, ..] = item;
                if let Some(key) = open(u32::from_le_bytes([*a, *b, *c, *d])) {
                    return Some(key);
                }
            }
        }
    }
    None
}

impl Leaf<'_> {
    fn len(self) -> usize {
        match self {
            Leaf::Plain(items) => items.len(),
            Leaf::Hinted(items) | Leaf::Hashed(items) => items.len(),
        }
    }
}
