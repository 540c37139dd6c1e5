//! Where a test's database is: a file, or a database of its own on the server that `REHOME_TEST_POSTGRES` names. Whoever has one
//! running runs the same suite with it (`docs/scale.md`); CI does not start one yet.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The address of a server, with a database that is there: `postgres://rehome@127.0.0.1:5433/postgres`.
pub const SERVER: &str = "REHOME_TEST_POSTGRES";

/// Whether this run is with PostgreSQL. Tests that reach into the file of SQLite end at once then.
pub fn elsewhere() -> bool {
    std::env::var_os(SERVER).is_some()
}

/// What `Store::open` is given for the database that belongs to this path, the same each time.
pub fn place(path: &Path) -> PathBuf {
    let Ok(server) = std::env::var(SERVER) else { return path.to_owned() };
    let name = format!("t{}", &blake3::hash(path.as_os_str().as_encoded_bytes()).to_hex()[..24]);
    // Fails where it is there already, as it is when a test opens it again; if it is not there after all, opening it says so.
    let made = Command::new("psql")
        .args(["-q", "-c", &format!("CREATE DATABASE {name}"), &server])
        .stderr(Stdio::null())
        .status();
    made.expect("psql is installed");
    let (base, _) = server.rsplit_once('/').expect("an address names a database");
    PathBuf::from(format!("{base}/{name}"))
}
