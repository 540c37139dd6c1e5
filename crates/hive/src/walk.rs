//! A walk over a key and everything below it, with a report of what was read and what was not.
//!
//! The walk is bounded whatever the bytes say: keys that were already visited are told by a bitmap of cells, depth and
//! visits by constants, and the bytes of values by the length of the hive itself, since no sound hive can hold more.

use std::borrow::Cow;
use std::fmt;
use std::ops::ControlFlow;

use crate::damage::{Damage, Damages, What};
use crate::hive::Hive;
use crate::key::Key;
use crate::limits::{DEPTH_MAX, VISITS_MAX};
use crate::subkeys::Subkeys;
use crate::value::Value;

/// What a walk meets: first a key, then each of its values, then its subkeys.
#[derive(Debug)]
pub enum Found<'h> {
    /// A key.
    Key(Key<'h>),
    /// A value of the key met last, with its bytes. Values whose bytes cannot be read are in the report only.
    Value(Value<'h>, Cow<'h, [u8]>),
}

/// Where a walk is: the keys from below the starting key to the current one.
///
/// `Display` gives the path with backslashes, empty for the starting key; it costs nothing until it is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Path<'w, 'h> {
    frames: &'w [Frame<'h>],
    last: Key<'h>,
}

impl<'h> Path<'_, 'h> {
    /// The keys on the way, outermost first, without the starting key.
    pub fn keys(&self) -> impl Iterator<Item = Key<'h>> {
        // Without frames, the last key is the starting key.
        let last = (!self.frames.is_empty()).then_some(self.last);
        self.frames.iter().skip(1).map(|frame| frame.key).chain(last)
    }
}

impl fmt::Display for Path<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, key) in self.keys().enumerate() {
            if place > 0 {
                f.write_str("\\")?;
            }
            key.name().fmt(f)?;
        }
        Ok(())
    }
}

/// What a walk read, and what it could not read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Keys visited, the starting key among them.
    pub keys: u32,
    /// Values read.
    pub values: u32,
    /// What could not be read or is contradictory.
    pub damages: Damages,
    /// Whether the walk was cut short by a limit or by the visitor.
    pub cut_short: bool,
}

impl<'h> Hive<'h> {
    /// Walks the whole hive. The report begins with the damages of the file as a whole.
    pub fn walk(&self, visit: impl FnMut(Path<'_, 'h>, Found<'h>) -> ControlFlow<()>) -> Report {
        let mut report = Report::default();
        for damage in self.damages() {
            report.damages.push(*damage);
        }
        Walk::new(self.root(), visit, report).run()
    }
}

impl<'h> Key<'h> {
    /// Walks this key and all below it; `visit` sees each key and value and may break off.
    pub fn walk(&self, visit: impl FnMut(Path<'_, 'h>, Found<'h>) -> ControlFlow<()>) -> Report {
        Walk::new(*self, visit, Report::default()).run()
    }
}

#[derive(Debug)]
struct Frame<'h> {
    key: Key<'h>,
    subkeys: Subkeys<'h>,
    /// List elements seen, readable or not.
    seen: u32,
}

struct Walk<'h, V> {
    frames: Vec<Frame<'h>>,
    visited: Visited,
    visits_left: u32,
    /// Bytes of values that a hive of this length can still hold.
    bytes_left: usize,
    report: Report,
    visit: V,
    start: Key<'h>,
}

impl<'h, V: FnMut(Path<'_, 'h>, Found<'h>) -> ControlFlow<()>> Walk<'h, V> {
    fn new(start: Key<'h>, visit: V, report: Report) -> Self {
        let bins = start.bins();
        let mut visited = Visited::new(bins.len());
        visited.insert(start.offset());
        Self { frames: Vec::new(), visited, visits_left: VISITS_MAX, bytes_left: bins.len(), report, visit, start }
    }

    fn run(mut self) -> Report {
        if self.steps().is_break() {
            self.report.cut_short = true;
        }
        self.report
    }

    fn steps(&mut self) -> ControlFlow<()> {
        self.show(self.start)?;
        self.descend(self.start);
        while let Some(frame) = self.frames.last_mut() {
            let parent = frame.key;
            let Some(element) = frame.subkeys.next_element() else {
                let (expected, actual) = (parent.subkey_count(), frame.seen);
                if expected != actual {
                    self.damage(parent.offset(), What::ListCount { expected, actual });
                }
                self.frames.pop();
                continue;
            };
            frame.seen += 1;
            self.spend(1, parent.offset())?;
            let offset = match element {
                Ok(offset) => offset,
                Err(damage) => {
                    self.report.damages.push(damage);
                    continue;
                }
            };
            match Key::read(parent.bins(), offset) {
                Some(key) => self.enter(parent, key)?,
                None => self.report.damages.extend(Key::at(parent.bins(), offset).err()),
            }
        }
        ControlFlow::Continue(())
    }

    /// Visits `key`, found in the list of `parent`, and goes on with its subkeys.
    #[inline]
    fn enter(&mut self, parent: Key<'h>, key: Key<'h>) -> ControlFlow<()> {
        if key.parent() != parent.offset() {
            let what = What::Parent { expected: parent.offset(), actual: key.parent() };
            self.damage(key.offset(), what);
        }
        let first = self.visited.insert(key.offset());
        if !first && self.frames.iter().any(|frame| frame.key.offset() == key.offset()) {
            self.damage(key.offset(), What::Loop);
        } else if self.frames.len() > DEPTH_MAX {
            self.damage(key.offset(), What::Depth);
        } else {
            self.show(key)?;
            if first {
                self.descend(key);
            } else {
                self.damage(key.offset(), What::Repeated);
            }
        }
        ControlFlow::Continue(())
    }

    /// Makes the subkeys of `key` the place to go on from.
    #[inline]
    fn descend(&mut self, key: Key<'h>) {
        if key.subkey_count() > 0 {
            self.frames.push(Frame { key, subkeys: key.subkeys(), seen: 0 });
        }
    }

    /// Shows `key`, a subkey of the key on top of the stack, and its values to the visitor.
    #[inline]
    fn show(&mut self, key: Key<'h>) -> ControlFlow<()> {
        self.report.keys += 1;
        (self.visit)(Path { frames: &self.frames, last: key }, Found::Key(key))?;
        let mut values = key.values();
        self.spend(values.left(), key.offset())?;
        while let Some(offset) = values.next_offset() {
            let Some(value) = Value::read(key.bins(), offset) else {
                self.report.damages.extend(Value::at(key.bins(), offset).err());
                continue;
            };
            if value.segments() > 0 {
                self.spend(value.segments(), offset)?;
            }
            let data = match value.data() {
                Ok(data) => data,
                Err(damage) => {
                    self.report.damages.push(damage);
                    continue;
                }
            };
            let Some(left) = self.bytes_left.checked_sub(data.len()) else {
                self.damage(value.offset(), What::Budget);
                return ControlFlow::Break(());
            };
            self.bytes_left = left;
            self.report.values += 1;
            (self.visit)(Path { frames: &self.frames, last: key }, Found::Value(value, data))?;
        }
        self.report.damages.extend(values.take_damage());
        ControlFlow::Continue(())
    }

    #[inline]
    fn spend(&mut self, steps: u32, offset: u32) -> ControlFlow<()> {
        let Some(left) = self.visits_left.checked_sub(steps) else {
            self.damage(offset, What::Budget);
            return ControlFlow::Break(());
        };
        self.visits_left = left;
        ControlFlow::Continue(())
    }

    #[cold]
    fn damage(&mut self, offset: u32, what: What) {
        self.report.damages.push(Damage::new(offset, what));
    }
}

/// The cells visited, one bit for each place where a cell can start (every 8 bytes).
struct Visited(Vec<u64>);

impl Visited {
    fn new(bins_len: usize) -> Self {
        Self(vec![0; bins_len / 512 + 1])
    }

    /// Adds the cell at `offset`; false if it was there.
    #[inline]
    fn insert(&mut self, offset: u32) -> bool {
        let (word, bit) = ((offset / 512) as usize, 1 << (offset / 8 % 64));
        let Some(word) = self.0.get_mut(word) else { return true };
        let new = *word & bit == 0;
        *word |= bit;
        new
    }
}
