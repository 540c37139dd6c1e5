//! The journal of a restore: written before what it describes, so that a crash at any moment ends in all or nothing, and so that `undo` can
//! put back exactly what was there.
//!
//! ```text
//! (incomplete) -> Prepared -> Applying -> Applied -> Done
//!                                 \----------\-----> RollingBack -> RolledBack
//! ```
//!
//! Steps stand in the order of their stages. The stage of a step is not written down: it is what the catalog says of its settings, also for journals of
//! versions that wrote in another order. All stages share one journal, so that a crash in one of them never leaves a part of a restore behind.
//!
//! Up to `Prepared` nothing has been written anywhere else; by then every prior value is in the journal. The registry may be written back to
//! disk later than the journal, in any order (Windows flushes hives lazily), so marks of single writes would prove nothing and there are
//! none: whoever takes up a journal that is not finished carries out all of it from the start, and reads it back.

mod record;
mod storage;

use model::reason::Reason;
use model::world::Moment;
use serde::Serialize;

pub(crate) use record::{Begin, Content, Prepared, Record, Results, Step, StepPlace, VALUE_BYTES_MAX};
pub(crate) use storage::reason_of_write;
pub use storage::{FolderJournals, JournalError, Journals, Picture, Side};

/// How far a restore came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// The plan was not all written down: nothing was changed.
    Incomplete,
    /// The plan and all prior values are written down: nothing is changed yet.
    Prepared,
    /// Values are being written.
    Applying,
    /// Values were written, and may not all be durable.
    Applied,
    /// Finished and read back.
    Done,
    /// Prior values are being put back.
    RollingBack,
    /// Prior values were put back.
    RolledBack,
    /// The journal cannot be read in full: it is kept, and neither carried on nor undone.
    Damaged,
}

impl State {
    /// Whether it was begun and is not at an end: something may have been written.
    pub fn is_broken_off(self) -> bool {
        matches!(self, Self::Prepared | Self::Applying | Self::Applied | Self::RollingBack)
    }
}

/// A journal, as lists show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Its number; later journals have higher ones.
    pub number: u32,
    /// When it began; `None` if not even that can be read.
    pub at: Option<Moment>,
    /// What was written to.
    pub target: String,
    /// How far it came.
    pub state: State,
    /// The journal that it takes back; `None` for a restore.
    pub undo_of: Option<u32>,
    /// How many settings it is about.
    pub settings: usize,
}

/// All journals, newest first.
pub fn list(journals: &dyn Journals) -> Result<Vec<Summary>, JournalError> {
    let mut numbers = journals.numbers()?;
    numbers.reverse();
    numbers.into_iter().map(|number| Ok(Written::read(journals, number)?.summary())).collect()
}

/// What a restore has put to a place: for which setting, where, and what; `None` means that it was removed.
pub(crate) type Left = (String, StepPlace, Option<Content>);

/// What finished restores on this target have put where, newest first. Undos are not among them: they put back what was somebody else's.
pub(crate) fn written_by_restores(journals: &dyn Journals, target: &str) -> Result<Vec<Left>, JournalError> {
    let mut numbers = journals.numbers()?;
    numbers.reverse();
    let mut left = Vec::new();
    for number in numbers {
        let written = Written::read(journals, number)?;
        let is_restore = written.begin.as_ref().is_some_and(|begin| begin.undo_of.is_none());
        if written.state != State::Done || !is_restore || !written.is_for(target) {
            continue;
        }
        let done = written.steps.into_iter().zip(written.results).filter(|(_, result)| result.is_none());
        for (Step { place, settings, target, .. }, _) in done {
            left.extend(settings.into_iter().map(|id| (id, place.clone(), target.clone())));
        }
    }
    Ok(left)
}

/// A journal as it was found.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) number: u32,
    pub(crate) begin: Option<Begin>,
    pub(crate) steps: Vec<Step>,
    pub(crate) state: State,
    /// How often a later start went on with it.
    pub(crate) resumed: usize,
    /// What became of the steps, if it got so far.
    pub(crate) results: Vec<Option<Reason>>,
    /// Where its last whole record ends, in bytes.
    len: u64,
    /// Whether bytes of a torn record follow.
    has_tail: bool,
    /// The number of the next record.
    seq: u32,
}

impl Written {
    pub(crate) fn read(journals: &dyn Journals, number: u32) -> Result<Self, JournalError> {
        let bytes = match journals.read(number) {
            Err(JournalError::Damaged { .. }) => return Ok(Self::damaged(number)),
            read => read?,
        };
        let read = record::read(&bytes);
        let mut written = Self {
            state: State::Incomplete,
            len: read.len as u64,
            has_tail: bytes.len() > read.len,
            seq: u32::try_from(read.whole.len()).map_err(|_| JournalError::Damaged { number })?,
            ..Self::damaged(number)
        };
        for record in read.whole {
            written.add(record);
        }
        if read.is_damaged {
            written.state = State::Damaged;
        }
        Ok(written)
    }

    fn damaged(number: u32) -> Self {
        Self {
            number,
            begin: None,
            steps: Vec::new(),
            state: State::Damaged,
            resumed: 0,
            results: Vec::new(),
            len: 0,
            has_tail: false,
            seq: 0,
        }
    }

    /// Takes in the next record; one that does not belong there makes the journal a damaged one.
    fn add(&mut self, record: Record) {
        let is_first = self.begin.is_none();
        self.state = match (self.state, record) {
            (State::Incomplete, Record::Begin(begin)) if is_first => {
                self.begin = Some(begin);
                State::Incomplete
            }
            (State::Incomplete, Record::Step(step)) if !is_first => {
                self.steps.push(step);
                State::Incomplete
            }
            (State::Incomplete, Record::Prepared(prepared)) if prepared.steps == self.steps.len() => State::Prepared,
            (state @ (State::Prepared | State::Applying | State::Applied), Record::Resumed) => {
                self.resumed += 1;
                state
            }
            (State::Prepared | State::Applying | State::Applied, Record::Applying) => State::Applying,
            (State::Applying, Record::Applied(_)) => State::Applied,
            (State::Applied, Record::Done(results)) if results.results.len() == self.steps.len() => {
                self.results = results.results;
                State::Done
            }
            (State::Prepared | State::Applying | State::Applied | State::RollingBack, Record::RollingBack) => {
                State::RollingBack
            }
            (State::RollingBack, Record::RolledBack(_)) => State::RolledBack,
            _ => State::Damaged,
        };
    }

    pub(crate) fn summary(&self) -> Summary {
        Summary {
            number: self.number,
            at: self.begin.as_ref().map(|begin| begin.at),
            target: self.begin.as_ref().map(|begin| begin.target.clone()).unwrap_or_default(),
            state: self.state,
            undo_of: self.begin.as_ref().and_then(|begin| begin.undo_of),
            settings: self.steps.iter().map(|step| step.settings.len()).sum(),
        }
    }

    /// Whether a crash left something to finish or to roll back.
    pub(crate) fn is_unfinished(&self) -> bool {
        self.state.is_broken_off()
    }

    pub(crate) fn is_for(&self, target: &str) -> bool {
        self.begin.as_ref().is_some_and(|begin| begin.target == target)
    }
}

/// A journal that is being written.
pub(crate) struct Journal<'a> {
    pub(crate) journals: &'a mut dyn Journals,
    pub(crate) number: u32,
    seq: u32,
}

impl<'a> Journal<'a> {
    /// Writes down a whole plan with everything that was there before. On return it is durable, and may be carried out.
    pub(crate) fn prepare(
        journals: &'a mut dyn Journals,
        begin: Begin,
        steps: &[Step],
        pictures: &[(Picture, Vec<u8>)],
    ) -> Result<Self, JournalError> {
        let last = journals.numbers()?.last().copied().unwrap_or(0);
        let number = last.checked_add(1).ok_or(JournalError::Damaged { number: last })?;
        journals.create(number)?;
        let mut journal = Self { journals, number, seq: 0 };
        if let Err(error) = journal.write_plan(begin, steps, pictures) {
            // What is left of it is an incomplete journal, which the next start removes if this cannot (a full disk, for example).
            let _ = journal.journals.remove(number);
            return Err(error);
        }
        Ok(journal)
    }

    fn write_plan(
        &mut self,
        begin: Begin,
        steps: &[Step],
        pictures: &[(Picture, Vec<u8>)],
    ) -> Result<(), JournalError> {
        for (picture, bytes) in pictures {
            self.journals.put_picture(self.number, *picture, bytes)?;
        }
        let mut bytes = record::MAGIC.to_vec();
        let prepared = Record::Prepared(Prepared { steps: steps.len() });
        let records = [Record::Begin(begin)].into_iter().chain(steps.iter().cloned().map(Record::Step));
        for record in records.chain([prepared]) {
            bytes.extend(self.next(&record));
        }
        self.journals.append(self.number, &bytes)?;
        self.journals.sync(self.number)
    }

    /// Goes on writing a journal that was found, without its torn tail.
    pub(crate) fn reopen(journals: &'a mut dyn Journals, written: &Written) -> Result<Self, JournalError> {
        if written.has_tail {
            journals.cut(written.number, written.len)?;
        }
        Ok(Self { journals, number: written.number, seq: written.seq })
    }

    /// Adds a record. On return it is durable.
    pub(crate) fn write(&mut self, record: &Record) -> Result<(), JournalError> {
        let bytes = self.next(record);
        self.journals.append(self.number, &bytes)?;
        self.journals.sync(self.number)
    }

    fn next(&mut self, record: &Record) -> Vec<u8> {
        let bytes = record.to_bytes(self.seq);
        self.seq = self.seq.checked_add(1).expect("a journal is cut off long before 2^32 records");
        bytes
    }
}
