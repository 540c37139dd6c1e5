//! A journal for tests: keys that are wrapped by adding a number, and what is rebuilt of it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use model::world::Moment;
use store::blobs::Logs;
use store::{JournalKey, JournalKeys, Rebuilt, Store, StoreError, Tended, Tending};

use super::NOW;

/// Keys of a root key with that number, and a clock.
pub struct Keys {
    pub root: u8,
    pub now: AtomicI64,
}

/// Counts what has to be new each time, in whichever process it is made.
fn number() -> u64 {
    static MADE: AtomicU64 = AtomicU64::new(0);
    (u64::from(std::process::id()) << 32) + MADE.fetch_add(1, Ordering::SeqCst)
}

impl Keys {
    pub fn new(root: u8) -> Self {
        Self { root, now: AtomicI64::new(NOW.0) }
    }
}

impl JournalKeys for Keys {
    fn new_key(&self) -> Result<JournalKey, StoreError> {
        let secret = super::id32("journal key", number());
        let wrapped = [self.root].into_iter().chain(secret.map(|byte| byte.wrapping_add(self.root))).collect();
        Ok(JournalKey { secret, wrapped })
    }

    fn open_key(&self, wrapped: &[u8]) -> Result<[u8; 32], StoreError> {
        match wrapped.split_first() {
            Some((root, rest)) if *root == self.root => {
                Ok(<[u8; 32]>::try_from(rest).unwrap().map(|byte| byte.wrapping_sub(self.root)))
            }
            _ => Err(StoreError::Damaged("another root key wrapped it".to_owned())),
        }
    }

    fn is_current(&self, wrapped: &[u8]) -> bool {
        wrapped.first() == Some(&self.root)
    }

    fn root_keys(&self) -> Result<Vec<String>, StoreError> {
        Ok(vec![self.root.to_string()])
    }

    fn fill(&self, bytes: &mut [u8]) {
        bytes.copy_from_slice(&super::id32("chance", number())[..bytes.len()]);
    }

    fn now(&self) -> Moment {
        Moment(self.now.load(Ordering::SeqCst))
    }
}

/// Looks after the journal, with scratch files in `scratch`.
pub fn tend(store: &Store, scratch: &Path) -> Result<Tended, StoreError> {
    store.tend_journal(&Tending { program: "test", scratch })
}

/// Keeps a journal from now on, with a base to begin with.
pub fn keep(store: &Store, logs: &Arc<dyn Logs>, keys: &Arc<Keys>, scratch: &Path) {
    store.keep_journal(Arc::clone(logs), Arc::clone(keys) as Arc<dyn JournalKeys>);
    tend(store, scratch).unwrap();
}

/// Makes a database of it in a file.
pub fn rebuild(logs: &Arc<dyn Logs>, keys: &Arc<Keys>, to: &Path) -> Result<Rebuilt, StoreError> {
    store::rebuild((&**logs, &**keys), to, to.parent().unwrap())
}

/// All rows of a database. `journal` is left out: where it stands is said by its own tests.
pub fn rows(file: &Path) -> Vec<String> {
    let connection = rusqlite::Connection::open(file).unwrap();
    let mut tables = connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").unwrap();
    let tables: Vec<String> = tables.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
    let mut all = Vec::new();
    for table in tables.iter().filter(|table| !table.starts_with("sqlite_") && *table != "journal") {
        let mut statement = connection.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let columns = statement.column_count();
        let mut found = statement.query([]).unwrap();
        while let Some(row) = found.next().unwrap() {
            let values: Vec<rusqlite::types::Value> = (0..columns).map(|index| row.get(index).unwrap()).collect();
            all.push(format!("{table}: {values:?}"));
        }
    }
    all.sort_unstable();
    all
}

/// The database of a store at work as one file of SQLite, whatever it is.
pub fn copy(place: &Path, blobs: &dyn store::blobs::Blobs, to: &Path) -> PathBuf {
    std::fs::create_dir(to).unwrap();
    let named = store::Named { program: "test", root_keys: Vec::new(), now: NOW };
    store::back_up(place, blobs, to, named).unwrap();
    store::database_of(to)
}
