//! What can go wrong with the store itself.
//!
//! What a caller branches on has its own variant; everything else that SQLite or the disk says is carried as it was said. Refusals that
//! belong to one operation (a snapshot out of order, a part that is missing) are in that operation's own error.

use std::path::PathBuf;

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
    /// More jobs are waiting than the writer takes.
    #[error("too many writes are waiting")]
    Overloaded,
    /// The writer has stopped, on request or because the disk failed; nothing is written any more.
    #[error("the store has stopped writing")]
    Stopped,
    /// The transaction did not commit. Nothing of it is kept.
    #[error("the transaction did not commit: {0}")]
    NotCommitted(String),
    /// What is stored contradicts itself.
    #[error("stored data is damaged: {0}")]
    Damaged(String),
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
    /// SQLite said no.
    #[error("database: {0}")]
    Sql(rusqlite::Error),
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull) { Self::Full } else { Self::Sql(error) }
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
}
