//! `rehome-server migrate`: from SQLite to PostgreSQL.

use std::io::ErrorKind;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::ExitCode;

use model::reason::Reason;

use super::{Failure, print, say};
use crate::app::Database;
use crate::config::Config;

/// Move all data to a new database of PostgreSQL, and compare it there
#[derive(clap::Args)]
pub(super) struct Migrate {
    /// The database of SQLite; the one in force unless given
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// The database of PostgreSQL, which nobody has written to: `postgres://...`, as for `--database`
    #[arg(long, value_name = "ADDRESS")]
    to: PathBuf,
}

pub(super) fn run(config: &Config, asked: Migrate) -> Result<ExitCode, Failure> {
    // Held until the end: a server that started meanwhile would confirm what is not copied.
    let _held = match TcpListener::bind(config.listen) {
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            let text = format!("a server is at work at {}", config.listen);
            return Err(Failure::new(7, Reason::Busy, text)
                .hint("stop it first: what it confirms while its data is copied would be missing there"));
        }
        listener => listener.ok(),
    };
    let from = asked.from.map_or_else(|| config.settings.database.clone(), Database::from);
    let to = Database::from(asked.to);
    say(&format!("copying {from} to {to}"));
    let copied = store::copy_database(from.place(), to.place())?;
    let lines: Vec<String> = copied
        .iter()
        .map(|table| format!("{}\t{} rows\t{}", table.name, table.rows, model::ids::to_hex(&table.hash[..8])))
        .collect();
    let rows: u64 = copied.iter().map(|table| table.rows).sum();
    print(&lines)?;
    say(&format!("{rows} rows of {} tables are the same on both sides", copied.len()));
    say("start the server with `--database` and the new address; files and the root key stay where they are");
    Ok(ExitCode::SUCCESS)
}
