//! A database out of the journal: the newest base, and after it every record in its order.
//!
//! The records of several servers lie in several logs; each holds rising numbers, so all of them are read side by side, a record at a time. Of records with one number the last
//! one of a log counts, and of several logs the one that the next record follows from. Where a number is missing it ends: what comes after it would stand on rows that are
//! not there.

use std::path::Path;

use model::world::Moment;
use rusqlite::config::DbConfig;

use super::base::{self, Base};
use super::segment::{Frame, Frames, Opener};
use super::{JournalKeys, Place, RECORDS, advance};
use crate::blobs::Logs;
use crate::sql::record::Done;
use crate::sql::{Connection, borrowed};
use crate::{StoreError, dialect, migrate, own_backup};

/// What a rebuild found and did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rebuilt {
    /// When the base was made.
    pub base_at: Moment,
    /// Length of its database, in bytes.
    pub base_bytes: u64,
    /// Transactions that were repeated after it.
    pub records: u64,
    /// Of when the last thing is that came back.
    pub until: Moment,
    /// The number of the first transaction that is missing, if later ones are there and could not be used.
    pub missing: Option<i64>,
    /// The log that was read last, if it ends with a record that is not whole: a power cut leaves one that was never confirmed.
    pub unfinished: Option<String>,
}

/// Ids of the root keys of which one opens the newest base. `None`: there is no base.
pub fn root_keys_of_journal(logs: &dyn Logs) -> Result<Option<Vec<String>>, StoreError> {
    Ok(base::newest(logs)?.map(|base| base.root_keys))
}

/// Makes the database at `place`, where there must be none, of the journal in `logs`. `scratch` is a folder with room for the database, which goes again.
pub fn rebuild(
    (logs, keys): (&dyn Logs, &dyn JournalKeys),
    place: &Path,
    scratch: &Path,
) -> Result<Rebuilt, StoreError> {
    let target = dialect::Place::of(place)?;
    let refused = |why: &str| StoreError::Address { address: "the journal".to_owned(), why: why.to_owned() };
    if target.exists()? {
        return Err(refused("there is a server's data at the target already; it is not touched"));
    }
    let base = base::newest(logs)?.ok_or_else(|| refused("there is no base of it where files are kept"))?;
    let folder = tempfile::tempdir_in(scratch).map_err(StoreError::io(scratch))?;
    let file = folder.path().join("rebuilt.db");
    if base.schema > base::schema() {
        return Err(StoreError::NewerSchema { found: base.schema, known: base::schema() });
    }
    base::fetch(logs, keys, &base, &file)?;
    let connection = dialect::Place::File(file.clone()).writer()?;
    let rebuilt = repeat((logs, keys), &base, &connection)?;
    if let Some(what) = dialect::damage(&connection)? {
        return Err(StoreError::Damaged(format!("the rebuilt database: {what}")));
    }
    dialect::checkpoint(&connection)?;
    drop(connection);
    match &target {
        dialect::Place::File(to) => own_backup::copy_in(&file, to)?,
        dialect::Place::Server(_) => drop(migrate::copy_database(&file, place)?),
    }
    Ok(rebuilt)
}

/// One log of records, with the frame that is next.
struct Line<'a> {
    frames: Frames<'a>,
    opener: Opener,
    next: Option<Frame>,
}

impl<'a> Line<'a> {
    fn open(logs: &'a dyn Logs, keys: &dyn JournalKeys, name: &str) -> Result<Option<Self>, StoreError> {
        let Some(mut frames) = Frames::open(logs, name)? else { return Ok(None) };
        let opener = Opener::new(&frames, keys)?;
        let next = frames.next()?;
        Ok(Some(Self { frames, opener, next }))
    }

    /// The number of the frame that is next.
    fn number(&self) -> Option<i64> {
        self.next.as_ref().map(|frame| frame.head.number)
    }

    /// Takes the frame that is next, opened: a text that it brings may be needed behind it, whether it counts or not.
    fn take(&mut self) -> Result<Option<(Frame, Vec<Done>)>, StoreError> {
        let Some(frame) = self.next.take() else { return Ok(None) };
        let (opened, next) = (self.opener.open(&self.frames, &frame)?, self.frames.next()?);
        let Some(done) = opened else {
            // The last one that was written may be half there; any other is damaged.
            if next.is_some() || !self.frames.was_last(&frame) {
                return Err(self.frames.wrong(frame.head.number));
            }
            self.frames.is_unfinished = true;
            return Ok(None);
        };
        self.next = next;
        Ok(Some((frame, done)))
    }

    /// The last frame with that number, if there is one.
    fn take_number(&mut self, number: i64) -> Result<Option<Candidate>, StoreError> {
        let mut found = None;
        while self.number().is_some_and(|next| next <= number) {
            let Some((frame, done)) = self.take()? else { break };
            if frame.head.number == number {
                found = Some(Candidate { frame, done, schema: self.frames.schema });
            }
        }
        Ok(found)
    }
}

struct Candidate {
    frame: Frame,
    done: Vec<Done>,
    schema: i64,
}

fn repeat(
    (logs, keys): (&dyn Logs, &dyn JournalKeys),
    base: &Base,
    connection: &Connection,
) -> Result<Rebuilt, StoreError> {
    let Connection::Sqlite(sqlite) = connection else { unreachable!("a base is a file") };
    // What they refuse was refused when it was done for the first time, and some of it is done with them taken away.
    sqlite.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
    // The file is copied and synced when it is whole.
    sqlite.pragma_update(None, "synchronous", "OFF")?;
    let mut rebuilt = Rebuilt {
        base_at: base.made_at,
        base_bytes: base.bytes,
        records: 0,
        until: base.made_at,
        missing: None,
        unfinished: None,
    };
    let mut names = logs.logs(RECORDS)?.into_iter().peekable();
    let (mut lines, mut at, mut schema) = (Vec::<Line<'_>>::new(), base.place, base.schema);
    loop {
        let number = at.number + 1;
        // Names begin with the number of a log's first record, so they come in its order. One behind, to see what follows from which.
        while let Some(name) = names.next_if(|name| begins_at(name).is_none_or(|first| first <= number + 1)) {
            // What ends before the base may be under a key that no root key opens any more.
            if goes_beyond(logs, &name, base.place.number)? {
                lines.extend(Line::open(logs, keys, &name)?);
            }
        }
        let mut candidates = Vec::new();
        for line in &mut lines {
            candidates.extend(line.take_number(number)?);
        }
        if let Some(last) = lines.last().filter(|line| line.next.is_none()) {
            rebuilt.unfinished = last.frames.is_unfinished.then(|| last.frames.name.clone());
        }
        lines.retain(|line| line.next.is_some());
        let followed = |mark: [u8; 8]| {
            let mut next = lines.iter().filter_map(|line| line.next.as_ref());
            next.any(|frame| frame.head.number == number + 1 && frame.head.after == mark)
        };
        candidates.retain(|one| one.frame.head.after == at.mark);
        candidates.sort_by_key(|one| (followed(one.frame.mark), one.frame.head.at));
        let Some(Candidate { frame, done, schema: written }) = candidates.pop() else {
            let is_more = !lines.is_empty() || names.next().is_some();
            rebuilt.missing = is_more.then_some(number);
            break;
        };
        if written > base::schema() {
            return Err(StoreError::NewerSchema { found: written, known: base::schema() });
        }
        if written > schema {
            dialect::migrate(connection)?;
            schema = written;
        }
        at = Place { number, mark: frame.mark };
        apply(connection, &done, &at)?;
        rebuilt.records += 1;
        rebuilt.until = frame.head.at;
    }
    sqlite.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, true)?;
    sqlite.pragma_update(None, "synchronous", "FULL")?;
    Ok(rebuilt)
}

/// Whether a log has records behind that number.
fn goes_beyond(logs: &dyn Logs, name: &str, number: i64) -> Result<bool, StoreError> {
    let Some(mut frames) = Frames::open(logs, name)? else { return Ok(false) };
    while let Some(frame) = frames.next()? {
        if frame.head.number > number {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The number with which a log's name begins.
fn begins_at(name: &str) -> Option<i64> {
    i64::from_str_radix(name.strip_prefix(RECORDS)?.split_once('-')?.0, 16).ok()
}

/// Does again what a transaction did.
fn apply(connection: &Connection, done: &[Done], at: &Place) -> Result<(), StoreError> {
    let wrong = |error: StoreError| StoreError::Damaged(format!("record {} cannot be repeated: {error}", at.number));
    dialect::begin_write(connection)?;
    for Done { text, params } in done {
        let mut statement = connection.prepare_cached(text).map_err(|error| wrong(error.into()))?;
        let mut rows = statement.query(borrowed(params).as_slice()).map_err(|error| wrong(error.into()))?;
        while rows.next().map_err(|error| wrong(error.into()))?.is_some() {}
    }
    advance(connection, at)?;
    Ok(dialect::commit(connection)?)
}
