//! What can go wrong with the store itself.
//!
//! What a caller branches on has its own variant; everything else that SQLite or the disk says is carried as it was said. Refusals that
//! belong to one operation (a snapshot out of order, a part that is missing) are in that operation's own error.

use std::path::PathBuf;

use model::permission::Permission;

use crate::approvals::State;
use crate::misfit::{Misfit, Use};
pub use crate::sql::Error as SqlError;

/// Why the store could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database was last opened by a newer program.
    #[error("the database has schema {found}, and this program knows up to {known}")]
    NewerSchema {
        /// The schema that was found.
        found: i64,
        /// The newest that this program knows.
        known: i64,
    },
    /// The disk is full.
    #[error("the disk of the store is full")]
    Full,
    /// The database may not be written.
    #[error("the database cannot be written: its file or folder is read-only here")]
    ReadOnly,
    /// More jobs are waiting than the writer takes.
    #[error("too many writes are waiting")]
    Overloaded,
    /// Another program has held the database for longer than one waits. Nothing of it is kept; asking again helps.
    #[error("another program holds the database")]
    Locked,
    /// The writer has stopped, on request or because the disk failed; nothing is written any more.
    #[error("the store has stopped writing")]
    Stopped,
    /// The transaction did not commit. Nothing of it is kept.
    #[error("the transaction did not commit: {0}")]
    NotCommitted(String),
    /// What is stored contradicts itself.
    #[error("stored data is damaged: {0}")]
    Damaged(String),
    /// The key that wrapped a new one has been replaced meanwhile. Reading the keys again and wrapping anew helps.
    #[error("the key above was replaced in this very moment")]
    KeyMoved,
    /// A name or number is taken already.
    #[error("{what} `{name}` exists already")]
    Taken {
        /// Kind of thing.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// A name that cannot be used.
    #[error("`{0}` cannot be a name: 1 to 100 characters, no `/` and no control characters")]
    BadName(String),
    /// A file could not be read or written.
    #[error("{path}: {source}", path = .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// What was written to a file is not certainly on the disk, and never will be: a sync has failed.
    #[error("{path}: what was written could not be made durable: {source}", path = .path.display())]
    NotDurable {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// An address of a database or of an object store that cannot be used.
    #[error("{address}: {why}")]
    Address {
        /// The address, without secrets.
        address: String,
        /// What is wrong with it.
        why: String,
    },
    /// A database or object store elsewhere does not answer, or refuses. Nothing was acknowledged.
    #[error("{at} does not do what it should: {why}")]
    Storage {
        /// Its address, without secrets.
        at: String,
        /// What it said, or what the network said.
        why: String,
    },
    /// The database said no.
    #[error("database: {0}")]
    Sql(SqlError),
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode as Code;
        match error.sqlite_error_code() {
            Some(Code::DiskFull) => Self::Full,
            Some(Code::ReadOnly) => Self::ReadOnly,
            Some(Code::DatabaseBusy | Code::DatabaseLocked) => Self::Locked,
            Some(Code::NotADatabase) => Self::Damaged("the file of the database is not a database".to_owned()),
            _ => Self::Sql(error.into()),
        }
    }
}

impl From<SqlError> for StoreError {
    /// PostgreSQL's codes by their classes (its manual, appendix A): what passes by itself is [`StoreError::Storage`], whoever asked may ask again.
    fn from(error: SqlError) -> Self {
        let (state, at, why) = match error {
            SqlError::Sqlite(error) => return error.into(),
            SqlError::Postgres { state, at, why } => (state, at, why),
        };
        match state.as_str() {
            "53100" => Self::Full,
            // No connection, not let in, taken back to undo a deadlock, out of resources, stopped by its operator, ended by time, demoted.
            "" | "25006" | "25P03" | "55P03" | "57014" => Self::Storage { at, why },
            state if ["08", "28", "3D", "40", "53", "57"].iter().any(|class| state.starts_with(class)) => {
                Self::Storage { at, why }
            }
            state if state.starts_with("XX") => Self::Damaged(format!("{at}: {why}")),
            _ => Self::Sql(SqlError::Postgres { state, at, why }),
        }
    }
}

impl StoreError {
    /// Wraps what the system said about `path`; a full disk becomes [`StoreError::Full`].
    pub fn io(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        move |source| match source.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Self::Full,
            _ => Self::Io { path: path.into(), source },
        }
    }

    /// Wraps what the system said when it was to make `path` durable. A full disk is no excuse: what found no room is lost.
    pub(crate) fn not_durable(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::NotDurable { path: path.into(), source }
    }
}

/// Why an admin's act was refused. Each has its own answer.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// There is no such thing, or it is out of sight: the two must not be told apart.
    #[error("nothing that you see has that id")]
    NotFound,
    /// It was changed since it was read.
    #[error("it was changed meanwhile; its version is {version} now")]
    Changed {
        /// The version that it has.
        version: u64,
    },
    /// Nobody grants what they lack.
    #[error("that takes what you do not hold there: {}", words(.0))]
    Lacks(Vec<Permission>),
    /// A tag that the admin does not hold.
    #[error("a scope tag is not one of yours")]
    TagNotHeld,
    /// The last owner stays.
    #[error("it would leave the organisation without an owner")]
    LastOwner,
    /// Something refers to it.
    #[error("it is in use: {0}")]
    InUse(String),
    /// The same, by what, how often.
    #[error("it is in use: {0}")]
    Used(Use),
    /// Somebody decides on what they have asked for themself, or is no person.
    #[error("another person has to decide")]
    OwnRequest,
    /// It was decided before.
    #[error("it is {} already", .0.word())]
    Closed(State),
    /// A case that nobody may read in now, or not by who asks.
    #[error("the case is not open: {0}")]
    NotOpen(&'static str),
    /// An invitation that is not there, was used or withdrawn, or is out of date: not told apart.
    #[error("no invitation with that code is good")]
    InvitationRefused,
    /// Keys or files were changed in this very moment, or the disk failed: doing it again may help.
    #[error("it was changed in this very moment; it is tried again")]
    Again,
    /// The identity provider says what is in it.
    #[error("the identity provider manages it")]
    ManagedElsewhere,
    /// It does not make sense.
    #[error("{0}")]
    Invalid(String),
    /// It does not make sense, in a way that people meet in forms.
    #[error(transparent)]
    Misfit(#[from] Misfit),
    /// A rule that cannot be understood: its place, the fault and a hint.
    #[error("{0}")]
    Rule(Box<rules::RuleError>),
    /// It is on hold.
    #[error("it is on legal hold")]
    OnHold,
    /// The store itself failed, or a name is taken or no name.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<rules::RuleError> for AdminError {
    fn from(error: rules::RuleError) -> Self {
        Self::Rule(Box::new(error))
    }
}

impl From<SqlError> for AdminError {
    fn from(error: SqlError) -> Self {
        Self::Store(error.into())
    }
}

fn words(permissions: &[Permission]) -> String {
    permissions.iter().map(|permission| permission.word()).collect::<Vec<_>>().join(", ")
}
