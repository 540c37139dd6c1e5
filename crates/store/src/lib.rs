//! What the server remembers: the only crate with SQL.
//!
//! A [`Store`] is a database and a place for blobs. Reads are short and run on the caller's thread, each on a connection of its own; writes go
//! through one thread that shares syncs between those that wait ([`Store::commit`]). All data of a tenant is reached through a
//! [`Scope`], a [`TenantScope`] or an [`Account`], which only lookups make.
//!
//! Start reading at `commit/mod.rs`: the one transaction that all the rest is there for.

mod accounts;
mod admin;
mod approvals;
mod audit;
mod authority;
pub mod blobs;
mod cases;
mod check_ins;
mod commit;
mod devices;
mod dialect;
mod erase;
mod error;
mod fleet;
mod journal;
mod key_level;
mod keys;
mod membership;
mod migrate;
mod misfit;
mod moves;
mod own_backup;
mod pack;
mod peers;
pub mod people;
mod policies;
mod readers;
mod rehearsals;
mod rehome;
mod reports;
mod reserve;
mod retention;
mod row;
mod scim;
mod scope;
mod snapshots;
mod sql;
mod targets;
mod tenants;
mod tokens;
mod totals;
mod uploads;
mod usage;
mod verify;
mod writer;

use std::path::Path;
use std::sync::Arc;

use model::world::Moment;

pub use accounts::{Account, NAME_CHARS_MAX, NewTenant, NewUser, check_name};
pub use admin::assignments::{Assignment, Terms, Which};
pub use admin::devices::Listed as ListedDevice;
pub use admin::drafts::{DRAFT_MILLIS, PARKED_MAX, PARKED_MILLIS};
pub use admin::filters::FILTERS_MAX;
pub use admin::groups::{Group, GroupChange, NewGroup, Source};
pub use admin::people::{Listed as ListedPerson, PersonChange};
pub use admin::policies::{DESCRIPTION_CHARS_MAX, POLICIES_MAX, PRIORITY_MAX, VERSIONS_MAX};
pub use admin::retention::{
    PREVIEWED_MAX, Previewed, RETENTION_POLICIES_MAX, RetentionChange, RetentionPolicy, RetentionPreview,
    RetentionTerms,
};
pub use admin::roles::{NewRole, Role, RoleChange};
pub use admin::tags::Tag;
pub use admin::tokens::{Network, NewToken, TOKEN_MILLIS_MAX, Token};
pub use admin::{PAGE_MAX, Page, Slice, TAGS_MAX};
pub use approvals::{ALONE_MILLIS, Approval, NOTE_CHARS_MAX, NewApproval, State, WAITING_MILLIS};
pub use audit::Outcome;
pub use audit::chain::{FINDINGS_MAX, FIRST as FIRST_HASH, Finding, HeadOk, Walk, Walked, Wrong, link as audit_link};
pub use audit::heads::SignHead;
pub use audit::origin::{Beside, Origin, Who};
pub use audit::record::{Record, Told};
pub use audit::refusals::Refused;
pub use authority::{Actor, Authority, Service, View};
pub use cases::{
    Case, Covers, End, Entrusted, HOURS as CASE_HOURS, HOURS_MAX as CASE_HOURS_MAX, KIND as CASE_KIND, NewCase,
    Opening, PURPOSE_CHARS_MIN, Reading, Stage,
};
pub use check_ins::{COMMAND_MILLIS, COMMANDS_MAX, Noted, OnDevice, Ordered, Seen, for_device};
pub use commit::{CommitError, Committed};
pub use devices::{Device, DeviceState, EnrollError, Holder, NewDevice, NewDeviceKey, Revoked};
pub use erase::{Deleted, EraseError, SignErasure};
pub use error::{AdminError, SqlError, StoreError};
pub use fleet::{
    CURRENT_MILLIS, DAY_MILLIS, DeviceFacts, Fleet, FleetDay, FleetDevice, FleetPerson, ListedRestore,
    Name as FleetName, Restores, Second as FleetSecond, SeenProfile, Standing,
};
pub use journal::rebuild::{Rebuilt, rebuild, root_keys_of_journal};
pub use journal::{JournalKey, JournalKeys, JournalState, Tended, Tending};
pub use keys::{Chain, KeyCount, Level, NewKey, NewUserKey, Purpose, Stale, WrappedKey};
pub use membership::columns::{PREVIEW_MEMBERS_MAX, REREAD_MILLIS, RulePreview};
pub use membership::explain::{RuleExplained, RuleOf, Whose};
pub use membership::{DYNAMIC_GROUPS_MAX, kind_of as rule_kind};
pub use migrate::{CopiedTable, copy_database};
pub use misfit::{Misfit, Use};
pub use model::admin::GroupOf;
pub use moves::{
    INVITATION_MILLIS, Invitation, MovePreview, MovedProfile, NewInvitation, NewMove, OtherHalf, Sending, SentWhere,
};
pub use own_backup::{Manifest, Named, back_up, check_backup, database_of, restore};
pub use peers::{NonceTaken, Rate, Turn};
pub use people::Person;
pub use policies::{Because, Considered, ENROLMENT_OPTIONS};
pub use rehome::{KeysToMove, Moving, RehomePreview};
pub use reports::{Filed, REPORTS_KEPT_MAX};
pub use reserve::{RESERVE_BYTES, ReserveState};
pub use retention::{Listed, Mark};
pub use scim::lists::{GroupLookup, Lookup, Members, Window};
pub use scim::{Left, ScimUser, ScimWrite};
pub use scope::{Scope, TenantScope};
pub use snapshots::{Latest, Removed};
pub use tenants::{DeletedTenant, ListedTenant};
pub use tokens::{EnrolmentToken, FoundToken, NewEnrolmentToken, Waiting};
pub use totals::Totals;
pub use uploads::{GRACE_MILLIS, Piece, SEALED_BYTES_MAX, Upload, UploadError};
pub use verify::Report;
pub use writer::Sign;

use blobs::Blobs;
use dialect::Place;
use journal::{Journal, Pen};
use readers::Readers;
use reserve::Reserve;
use sql::{Connection, OptionalExtension};
use writer::Writer;

/// Name of the row that holds the epoch.
const EPOCH: &str = "epoch";

/// Name of the row that says when the server's own data were last backed up.
const OWN_BACKUP: &str = "own_backup";

/// What the server remembers.
pub struct Store {
    place: Place,
    writer: Writer,
    readers: Readers,
    blobs: Arc<dyn Blobs>,
    busy: uploads::Busy,
    books: membership::Books,
    columns: membership::columns::AllColumns,
    epoch: u64,
    lines: Option<peers::Lines>,
    server: i64,
    journal: Arc<Journal>,
    reserve: Option<Arc<Reserve>>,
}

impl Store {
    /// Opens the database at `path`, makes it if it is not there and brings its schema up to date. A path that begins with `postgres://` is the address of
    /// a database of PostgreSQL, which must be there; several servers may share it. One that begins with `sqlite://` is the rest of it.
    ///
    /// `now` becomes the epoch of a new database: it tells receipts of a database that was set back from those of its future.
    pub fn open(path: &Path, blobs: Arc<dyn Blobs>, now: Moment) -> Result<Self, StoreError> {
        let place = Place::of(path)?;
        let connection = place.writer()?;
        dialect::migrate(&connection)?;
        let epoch = epoch(&connection, now)?;
        let lines = peers::Lines::of(&place);
        let server = if lines.is_some() { peers::number(&connection)? } else { 0 };
        let commits = Arc::default();
        let readers = Readers::new(place.clone(), Arc::clone(&commits));
        let log = place.log(&connection, &readers);
        let journal = Arc::new(Journal::default());
        let reserve = place.reserve().map(Arc::new);
        let writer = Writer::start(connection, log, Pen::new(Arc::clone(&journal)), (reserve.clone(), commits))?;
        let (books, columns) = Default::default();
        let busy = uploads::Busy::default();
        Ok(Self { place, writer, readers, blobs, busy, books, columns, epoch, lines, server, journal, reserve })
    }

    /// Whether `path` can be the place of a database, without looking there.
    pub fn check_address(path: &Path) -> Result<(), StoreError> {
        Place::of(path).map(drop)
    }

    /// Whether there is a database at `path` that a server has been at work on. Changes nothing there.
    pub fn exists(path: &Path) -> Result<bool, StoreError> {
        Place::of(path)?.exists()
    }

    /// Whether other servers may be at work on the same database.
    pub fn is_shared(&self) -> bool {
        self.place.is_shared()
    }

    /// A value of the server itself in the database at `path`, read without changing anything there. `None`: there is no database, or no such value.
    pub fn peek(path: &Path, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let place = Place::of(path)?;
        if !place.exists()? {
            return Ok(None);
        }
        let connection = place.reader()?;
        // A first start that was killed may have left a file without tables.
        if dialect::schema_version(&connection)? == 0 { Ok(None) } else { meta(&connection, name) }
    }

    /// A value of the server itself, such as its wrapped receipt key. `None`: never set.
    pub fn meta(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(|connection| meta(connection, name))
    }

    /// Sets values of the server itself, all or none, if none of them was set before; `false` if one was.
    pub fn set_meta_once(&self, values: Vec<(&'static str, Vec<u8>)>) -> Result<bool, StoreError> {
        self.writer.write(move |tx| {
            for (name, _) in &values {
                if meta(tx, name)?.is_some() {
                    return Ok(false);
                }
            }
            for (name, value) in &values {
                tx.prepare_cached("INSERT INTO meta (name, value) VALUES ($1, $2)")?.execute((name, value))?;
            }
            Ok(true)
        })
    }

    /// Notes that the server's own data were backed up, and all of it went well.
    pub fn note_own_backup(&self, at: Moment) -> Result<(), StoreError> {
        self.writer.write(move |tx| {
            let sql = "INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value";
            Ok(tx.prepare_cached(sql)?.execute((OWN_BACKUP, row::unsigned(at.0).to_be_bytes())).map(drop)?)
        })
    }

    /// When they last were. `None`: never.
    pub fn own_backup_at(&self) -> Result<Option<Moment>, StoreError> {
        let stored = self.meta(OWN_BACKUP)?.map(TryInto::try_into);
        let stored = stored.transpose().map_err(|_| StoreError::Damaged("the time of the own backup".to_owned()))?;
        Ok(stored.map(|bytes| Moment(row::signed(u64::from_be_bytes(bytes)))))
    }

    /// Whether the disk has failed: nothing is written any more, and the process should end.
    pub fn failed(&self) -> bool {
        self.writer.failed() || self.blobs.failed()
    }

    /// Whether reads work, and the writer takes and commits jobs, if only those of readers. Waits for one commit. Files are asked for apart ([`Self::files_ready`]): most requests have none, and
    /// servers that share an object store miss it all at once.
    pub fn ready(&self) -> Result<(), StoreError> {
        self.read(|connection| Ok(connection.query_row("SELECT 1", [], |_| Ok(()))?))?;
        self.writer.write_for_reading(|_| Ok(()))
    }

    /// Keeps room beside the database for what reading writes while the disk is full ([`RESERVE_BYTES`]), and says how it stands. Whoever serves calls it now and then: what there
    /// was no room for is made once there is. `None`: the database is elsewhere, and so is its disk.
    pub fn keep_reserve(&self) -> Option<ReserveState> {
        let reserve = self.reserve.as_ref()?;
        let state = reserve.state();
        if state.is_in_use || state.held_bytes < RESERVE_BYTES {
            // Without room it stays as it is, which the state says.
            drop(reserve.fill());
        }
        self.reserve()
    }

    /// How that room stands.
    pub fn reserve(&self) -> Option<ReserveState> {
        self.reserve.as_ref().map(|reserve| reserve.state())
    }

    /// Refuses while the disk is full and only what reading writes is taken.
    fn takes(&self) -> Result<(), StoreError> {
        if self.reserve.as_ref().is_some_and(|reserve| reserve.is_needed()) { Err(StoreError::Full) } else { Ok(()) }
    }

    /// Whether files can be read and written right now, as far as that is known without writing one.
    pub fn files_ready(&self) -> Result<(), StoreError> {
        self.blobs.ready()
    }

    /// Transactions that were committed and jobs that they held: how well syncs are shared.
    pub fn write_counts(&self) -> (u64, u64) {
        self.writer.counts()
    }

    /// Copies the write-ahead log into the database file, so that its length says what is stored.
    pub fn checkpoint(&self) -> Result<(), StoreError> {
        Ok(dialect::checkpoint(&self.place.writer()?)?)
    }

    /// Reads in one transaction, so that several statements see one state.
    fn read<T>(&self, work: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        self.readers.read(work)
    }

    /// The same as [`Self::read`] for what may also be refused: somebody asks for what is not there, or not theirs to see.
    fn look_up<T>(&self, work: impl FnOnce(&Connection) -> Result<T, AdminError>) -> Result<T, AdminError> {
        self.readers.read(work)
    }
}

/// The version of the schema that this program makes.
pub fn schema() -> i64 {
    i64::try_from(dialect::MIGRATIONS.len()).unwrap_or(i64::MAX)
}

fn meta(connection: &Connection, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT value FROM meta WHERE name = $1")?;
    Ok(statement.query_row([name], |row| row.get(0)).optional()?)
}

fn epoch(connection: &Connection, now: Moment) -> Result<u64, StoreError> {
    let sql = "INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";
    connection.execute(sql, (EPOCH, row::unsigned(now.0).to_be_bytes()))?;
    let stored = meta(connection, EPOCH)?.and_then(|bytes| bytes.try_into().ok());
    stored.map(u64::from_be_bytes).ok_or_else(|| StoreError::Damaged("the epoch".to_owned()))
}
