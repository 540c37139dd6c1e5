//! Where a test's database is: a file, or a database of its own on the server that `REHOME_TEST_POSTGRES` names. `cargo xtask ci postgres` starts a server
//! and runs the same suite with it; whoever has one running names it (`docs/scale.md`).

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, OnceLock};

/// The address of a server, with a database that is there: `postgres://rehome@127.0.0.1:5433/postgres`.
pub const SERVER: &str = "REHOME_TEST_POSTGRES";

/// Whether this run is with PostgreSQL. Tests that reach into the file of SQLite end at once then.
pub fn elsewhere() -> bool {
    std::env::var_os(SERVER).is_some()
}

/// What a statement gives, as psql prints it.
#[allow(dead_code, clippy::allow_attributes, reason = "each test program uses its share of this")]
pub fn ask(place: &Path, sql: &str) -> String {
    let asked =
        Command::new("psql").args(["-q", "-At", "-v", "ON_ERROR_STOP=1", "-c", sql]).arg(place).output().unwrap();
    assert!(asked.status.success(), "{}", String::from_utf8_lossy(&asked.stderr));
    String::from_utf8(asked.stdout).unwrap().trim().to_owned()
}

/// What `Store::open` is given for the database that belongs to this path, the same each time.
pub fn place(path: &Path) -> PathBuf {
    let Ok(server) = std::env::var(SERVER) else { return path.to_owned() };
    let (base, _) = server.rsplit_once('/').expect("an address names a database");
    let migrated = MIGRATED.get_or_init(|| migrated(&server));
    let name = format!("t{}", &blake3::hash(path.as_os_str().as_encoded_bytes()).to_hex()[..24]);
    let place = PathBuf::from(format!("{base}/{name}"));
    let mut made = MADE.lock().unwrap();
    if made.insert(name.clone()) {
        drop(made);
        ask(Path::new(&server), &format!("CREATE DATABASE {name} TEMPLATE {migrated}"));
    }
    place
}

/// The database that the others are copied from.
static MIGRATED: OnceLock<String> = OnceLock::new();

/// Databases that this program has made.
static MADE: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// A database with all our tables and no row: to copy it takes a tenth of what making them takes.
fn migrated(server: &str) -> String {
    let name = format!("migrated{}", std::process::id());
    ask(Path::new(server), &format!("CREATE DATABASE {name}"));
    let (base, _) = server.rsplit_once('/').expect("an address names a database");
    let place = PathBuf::from(format!("{base}/{name}"));
    drop(store::Store::open(&place, Arc::new(store::blobs::MemoryBlobs::default()), model::world::Moment(0)).unwrap());
    ask(&place, "DELETE FROM meta");
    name
}
