//! Two servers of PostgreSQL that know the same: one at work, and a standby that has each commit on its disk before it is answered. Both are the tests' own, in a scratch
//! folder, started as somebody unprivileged.

use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::glance;

/// `nobody` of Debian: PostgreSQL does not run as root.
const NOBODY: u32 = 65_534;

/// Both.
pub struct Pair {
    first: Server,
    standby: Server,
    folder: Folder,
}

/// A server, which goes with its owner and with all its processes.
struct Server {
    postmaster: Child,
    port: u16,
}

struct Folder {
    path: tempfile::TempDir,
    programs: PathBuf,
    is_root: bool,
}

impl Folder {
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command.current_dir(self.path.path()).stdout(Stdio::null()).stderr(Stdio::null());
        if self.is_root {
            command.uid(NOBODY).gid(NOBODY);
        }
        command
    }

    fn server(&self, data: &str, settings: &[&str]) -> Server {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = self.command("postgres");
        command.args(["-D", data, "-c", "listen_addresses=127.0.0.1", "-c", "max_connections=60"]);
        command.arg("-c").arg(format!("port={port}")).args(settings.iter().flat_map(|setting| ["-c", setting]));
        command.arg("-c").arg(format!("unix_socket_directories={}", self.path.path().display()));
        let server = Server { postmaster: command.spawn().unwrap(), port };
        glance("the server answers", || server.ask("SELECT 1").is_some());
        server
    }
}

impl Server {
    fn address(&self) -> String {
        format!("postgres://rehome@127.0.0.1:{}/postgres", self.port)
    }

    fn ask(&self, sql: &str) -> Option<String> {
        let asked = Command::new("psql").args(["-q", "-At", "-c", sql]).arg(self.address()).output().unwrap();
        asked.status.success().then(|| String::from_utf8(asked.stdout).unwrap().trim().to_owned())
    }

    /// Sends a signal to every process of it: each has a group of its own.
    fn signal(&self, signal: &str) {
        let send = |to: &[String]| drop(Command::new("kill").arg(signal).args(to).stderr(Stdio::null()).status());
        let postmaster = self.postmaster.id().to_string();
        let children = std::fs::read_to_string(format!("/proc/{postmaster}/task/{postmaster}/children"));
        let children = children.unwrap_or_default();
        send(&children.split_whitespace().map(str::to_owned).chain([postmaster]).collect::<Vec<_>>());
    }

    /// Ends every process of it at once, as a machine that loses its power does.
    fn kill(&mut self) {
        // It makes no new ones meanwhile.
        drop(Command::new("kill").arg("-STOP").arg(self.postmaster.id().to_string()).stderr(Stdio::null()).status());
        self.signal("-9");
        drop(self.postmaster.wait());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The folder of the newest version's programs, if those are there that make a standby.
fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().filter_map(Result::ok);
    let newest = versions.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok()).max()?;
    let folder = Path::new("/usr/lib/postgresql").join(newest.to_string()).join("bin");
    ["initdb", "pg_basebackup", "postgres"].iter().all(|name| folder.join(name).is_file()).then_some(folder)
}

impl Pair {
    /// Starts both. `None`: what is needed is not installed.
    pub fn start() -> Option<Self> {
        let programs = programs()?;
        // Whoever it runs as must be able to walk to it.
        let path = tempfile::Builder::new().prefix("rehome-pair-").tempdir().unwrap();
        let is_root = nobody_can_own(path.path());
        let folder = Folder { path, programs, is_root };
        let made = ["--pgdata=first", "--username=rehome", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8"];
        assert!(folder.command("initdb").args(made).status().unwrap().success());
        let first = folder.server("first", &["synchronous_standby_names=standby"]);
        let mut copy = folder.command("pg_basebackup");
        copy.args(["--pgdata=standby", "--write-recovery-conf", "--checkpoint=fast", "--dbname"]);
        // The name by which the first knows whom it waits for.
        copy.arg(format!("{}?application_name=standby", first.address()));
        assert!(copy.status().unwrap().success());
        let standby = folder.server("standby", &[]);
        glance("the standby keeps up", || {
            first.ask("SELECT sync_state FROM pg_stat_replication").as_deref() == Some("sync")
        });
        Some(Self { first, standby, folder })
    }

    /// The address of whichever of them takes writes.
    pub fn address(&self) -> PathBuf {
        let (first, standby) = (self.first.port, self.standby.port);
        PathBuf::from(format!(
            "postgres://rehome@127.0.0.1:{first},127.0.0.1:{standby}/postgres?target_session_attrs=read-write"
        ))
    }

    /// Ends the one that is at work, as if its machine had lost its power.
    pub fn kill_first(&mut self) {
        self.first.kill();
    }

    /// Has the standby take over.
    pub fn promote(&self) {
        assert_eq!(self.standby.ask("SELECT pg_promote()").as_deref(), Some("t"));
        assert!(self.folder.path.path().join("standby").is_dir());
    }
}

/// Gives a folder to `nobody`, if we are somebody who can; PostgreSQL does not run as root.
fn nobody_can_own(path: &Path) -> bool {
    std::os::unix::fs::chown(path, Some(NOBODY), Some(NOBODY)).is_ok()
}
