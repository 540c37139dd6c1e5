//! A PostgreSQL of the tests' own: a cluster in a scratch folder, started as somebody unprivileged and gone with its owner. The one that a machine may have
//! installed is left alone.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};

use crate::{process, repo, serving};

/// `nobody` of Debian: PostgreSQL does not run as root.
const NOBODY: u32 = 65_534;

/// Glances until it answers: half a minute.
const GLANCES_MAX: u32 = 3_000;

/// A server at work.
pub struct Postgres {
    _server: process::Guarded,
    _folder: tempfile::TempDir,
    /// Where it is: the address of a database that is there.
    pub address: String,
}

/// The folder of the newest version's programs, if one is installed. Debian keeps them out of `PATH`.
fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().filter_map(Result::ok);
    let newest = versions.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok()).max();
    let debian = newest.map(|version| PathBuf::from(format!("/usr/lib/postgresql/{version}/bin")));
    debian
        .or_else(|| repo::which("initdb")?.parent().map(Path::to_owned))
        .filter(|folder| folder.join("initdb").is_file())
}

impl Postgres {
    /// Starts one that writes to the disk as it always does. `None`: none is installed.
    pub fn start() -> anyhow::Result<Option<Self>> {
        Self::start_with(&[])
    }

    /// The same with settings of `postgresql.conf`, as `NAME=VALUE`.
    pub fn start_with(settings: &[&str]) -> anyhow::Result<Option<Self>> {
        let Some(programs) = programs().filter(|_| repo::which("psql").is_some()) else { return Ok(None) };
        // Not below the build: whoever it runs as must be able to walk to it.
        let folder =
            tempfile::Builder::new().prefix("rehome-postgres-").tempdir().context("could not make a folder")?;
        let is_root = nix::unistd::geteuid().is_root();
        if is_root {
            std::os::unix::fs::chown(folder.path(), Some(NOBODY), Some(NOBODY))?;
        }
        let command = |name: &str| {
            let mut command = Command::new(programs.join(name));
            command.current_dir(folder.path()).stdout(Stdio::null());
            if is_root {
                command.uid(NOBODY).gid(NOBODY);
            }
            command
        };
        // A language with an order of its own, so that whatever is sorted by bytes says so itself.
        let mut init = command("initdb");
        init.args(["--pgdata=data", "--username=rehome", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8"]);
        if !process::run(&mut init, "")?.success() {
            bail!("initdb could not make a cluster");
        }
        let port = serving::free_port()?;
        let mut server = command("postgres");
        server.args(["-D", "data", "-c", "listen_addresses=127.0.0.1", "-c", "max_connections=400"]);
        server.arg("-c").arg(format!("port={port}")).args(settings.iter().flat_map(|setting| ["-c", setting]));
        server.arg("-c").arg(format!("unix_socket_directories={}", folder.path().display()));
        server.stderr(Stdio::null());
        let mut server = process::Guarded::spawn(&mut server)?;
        let address = format!("postgres://rehome@127.0.0.1:{port}/postgres");
        for _ in 0..GLANCES_MAX {
            if answers(&address)? {
                return Ok(Some(Self { _server: server, _folder: folder, address }));
            }
            if let Some(status) = server.ended()? {
                bail!("PostgreSQL ended at once: {status}");
            }
            process::pause()?;
        }
        bail!("PostgreSQL does not answer at {address}")
    }

    /// Has it carry out one statement.
    pub fn ask(&self, statement: &str) -> anyhow::Result<()> {
        let output = process::capture(Command::new("psql").args(["-q", "-c", statement]).arg(&self.address), "")?;
        if !output.status.success() {
            bail!("PostgreSQL refused `{statement}`: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(())
    }

    /// The address of another of its databases.
    pub fn database(&self, name: &str) -> String {
        let (server, _) = self.address.rsplit_once('/').expect("an address names a database");
        format!("{server}/{name}")
    }
}

fn answers(address: &str) -> anyhow::Result<bool> {
    let mut ask = Command::new("psql");
    ask.args(["-q", "-c", "SELECT 1"]).arg(address).stdout(Stdio::null()).stderr(Stdio::null());
    Ok(process::run(&mut ask, "")?.success())
}
