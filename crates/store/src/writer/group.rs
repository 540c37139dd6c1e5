//! What the jobs of one transaction do together, because each by itself would have the database do the same over and over.
//!
//! A backup asks where its profile stands and which of its parts are stored, and then writes a row to each of four tables. For a group that is asked at once,
//! before the first job runs ([`Group::look_ahead`]), and the rows wait ([`Group::put`]) until they go to the database as one statement for each table ([`Group::flush`]).
//! A job sees what the jobs before it did all the same: rows of a profile are there before somebody asks for that profile again, everything is there before a job that is no
//! plain backup, and what was known beforehand is forgotten where it may have changed.

use std::cell::{Cell, RefCell};

use rusqlite::types::Value;

use crate::commit::ahead::{self, Ahead, Found, Known, Whose};
use crate::sql::{Connection, Result, Set};

/// Bytes of rows that wait at most: beyond it they are written before the group's end. Parts are up to a megabyte each, and all of a group's would be copied twice.
const BYTES_MAX: usize = 4 << 20;

/// The jobs of a transaction, for as long as it lasts.
pub(crate) struct Group<'c> {
    tx: &'c Connection,
    /// In the order in which they were first needed, which is that in which they refer to each other.
    waiting: RefCell<Vec<(&'static Set, Vec<Value>)>>,
    /// Whose rows wait.
    whose: RefCell<Vec<Whose>>,
    bytes: Cell<usize>,
    /// Whether rows are written as they come: of a job that may be undone.
    at_once: Cell<bool>,
    known: RefCell<Known>,
}

impl<'c> Group<'c> {
    pub(super) fn new(tx: &'c Connection) -> Self {
        Self {
            tx,
            waiting: RefCell::default(),
            whose: RefCell::default(),
            bytes: Cell::new(0),
            at_once: Cell::new(false),
            known: RefCell::default(),
        }
    }

    /// The transaction. Rows that wait are not in it yet.
    pub(crate) fn tx(&self) -> &'c Connection {
        self.tx
    }

    /// Asks what the jobs will ask. Of two about the same profile only the first is told: the second asks what that one has left.
    pub(super) fn look_ahead<'a>(&self, jobs: impl Iterator<Item = &'a Ahead>) -> Result<()> {
        let jobs: Vec<&Ahead> = jobs.collect();
        if jobs.len() > 1 {
            *self.known.borrow_mut() = ahead::ask(self.tx, &jobs)?;
        }
        Ok(())
    }

    /// What a job asks. What was asked beforehand is told once: whoever takes it changes it.
    pub(crate) fn found(&self, ahead: &Ahead) -> Result<Found> {
        let known = self.known.borrow_mut().remove(&ahead.whose);
        let asked = || Ok(ahead::ask(self.tx, &[ahead])?.remove(&ahead.whose).unwrap_or_default());
        known.map_or_else(asked, Ok)
    }

    /// Adds a row that refers to nothing that is put later. What cannot fail by what it says: if it does, the whole transaction is lost.
    pub(crate) fn put(&self, set: &'static Set, whose: Whose, row: Vec<Value>) -> Result<()> {
        if self.at_once.get() {
            return set.hand_over(self.tx, &row);
        }
        let len = |value: &Value| if let Value::Blob(bytes) = value { bytes.len() } else { 8 };
        self.bytes.set(self.bytes.get() + row.iter().map(len).sum::<usize>());
        let mut waiting = self.waiting.borrow_mut();
        match waiting.iter_mut().find(|(known, _)| std::ptr::eq(*known, set)) {
            Some((_, rows)) => rows.extend(row),
            None => waiting.push((set, row)),
        }
        let mut of = self.whose.borrow_mut();
        if of.last() != Some(&whose) {
            of.push(whose);
        }
        Ok(())
    }

    /// Writes what waits.
    pub(crate) fn flush(&self) -> Result<()> {
        self.whose.borrow_mut().clear();
        self.bytes.set(0);
        self.waiting.borrow_mut().drain(..).try_for_each(|(set, rows)| set.hand_over(self.tx, &rows))
    }

    /// Makes ready for a plain backup: what waits of its own profile is written, and so is what has become too much.
    pub(super) fn next(&self, ahead: Option<&Ahead>) -> Result<()> {
        self.at_once.set(false);
        let again = ahead.is_some_and(|ahead| self.whose.borrow().contains(&ahead.whose));
        if again || self.bytes.get() > BYTES_MAX { self.flush() } else { Ok(()) }
    }

    /// Makes ready for any other job, which may see everything, change anything, and be undone.
    pub(super) fn next_alone(&self) -> Result<()> {
        self.flush()?;
        self.known.borrow_mut().clear();
        self.at_once.set(true);
        Ok(())
    }

    /// How many rows were put and wait.
    pub(super) fn waits(&self) -> usize {
        self.waiting.borrow().iter().map(|(_, rows)| rows.len()).sum()
    }
}
