//! A `rehome-server` of our own for a while: on a free loopback port, in a folder that its owner gives, gone when its owner goes.

use std::cell::RefCell;
use std::ffi::OsString;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, bail};

use crate::process::{self, Guarded};
use crate::{http, repo};

/// What an administrator says so that PCs back up: nothing is taken until a policy switches it on.
pub const POLICY: [&str; 7] =
    ["policy", "create", "Enable Windows Backup", "--set", "backup.enabled=true", "--all-devices", "--enable"];

/// How many glances (10 ms each) the server gets to answer: 20 s, for a slow disk under load.
const START_GLANCES: u32 = 2000;

/// What a person needs to connect a PC.
pub struct Invitation {
    /// Account name, with its organisation.
    pub user: String,
    /// Account password.
    pub password: String,
}

/// Certificate and key of a server that speaks TLS; PEM files.
pub struct Tls<'a> {
    /// The certificate.
    pub certificate: &'a Path,
    /// Its private key.
    pub key: &'a Path,
}

/// Where a server keeps everything.
#[derive(Clone)]
pub struct Place {
    /// Its data, its root key and its log.
    pub folder: PathBuf,
    /// Its database; `None`: a file in the folder.
    pub database: Option<String>,
}

impl Place {
    /// A folder for everything.
    pub fn folder(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), database: None }
    }

    /// What every verb of the server is told.
    fn words(&self) -> Vec<OsString> {
        let folder = &self.folder;
        let mut words = vec![
            "--data-dir".into(),
            folder.join("server").into(),
            "--root-key".into(),
            folder.join("root.key").into(),
        ];
        words.extend(self.database.iter().flat_map(|address| ["--database".into(), address.into()]));
        words
    }
}

/// A running `rehome-server`.
pub struct Server {
    process: RefCell<Guarded>,
    program: PathBuf,
    place: Place,
    listen: String,
    /// What it was started with.
    words: Vec<OsString>,
    tls: bool,
}

impl Server {
    /// Starts `program` with its data in `place` and waits until it answers. `words` are added to its command line.
    pub fn start(program: &Path, place: &Place, tls: Option<&Tls<'_>>, words: &[&str]) -> anyhow::Result<Self> {
        let listen = format!("127.0.0.1:{}", free_port()?);
        let mut line: Vec<OsString> = ["serve", "--listen", &listen].map(OsString::from).to_vec();
        if let Some(tls) = tls {
            line.extend(["--tls-cert".into(), tls.certificate.into(), "--tls-key".into(), tls.key.into()]);
        }
        line.extend(words.iter().map(OsString::from));
        let process = RefCell::new(spawn(program, place, &line)?);
        let (program, place) = (program.to_owned(), place.clone());
        let server = Self { process, program, place, listen, words: line, tls: tls.is_some() };
        server.wait_until_it_answers()?;
        Ok(server)
    }

    /// Stops it in good order, runs `meanwhile`, and starts it again at the same address.
    pub fn while_stopped<T>(&self, meanwhile: impl FnOnce() -> T) -> anyhow::Result<T> {
        self.process.borrow_mut().stop();
        let result = meanwhile();
        *self.process.borrow_mut() = spawn(&self.program, &self.place, &self.words)?;
        self.wait_until_it_answers()?;
        Ok(result)
    }

    /// A connection alone says little: the system accepts it before the server has made its first tenant. Over TLS it has to do, and the
    /// agent's own patience does the rest.
    fn wait_until_it_answers(&self) -> anyhow::Result<()> {
        for _ in 0..START_GLANCES {
            self.check()?;
            let ready = if self.tls {
                std::net::TcpStream::connect(&self.listen).is_ok()
            } else {
                http::get(&self.listen, "/readyz", &[]).is_ok_and(|answer| answer.status == 200)
            };
            if ready {
                return Ok(());
            }
            process::pause()?;
        }
        bail!("the server did not answer in 20 s: {}", self.last_words())
    }

    /// Its address as a device is told it.
    pub fn address(&self) -> String {
        match self.listen.split_once(':') {
            Some((_, port)) if self.tls => format!("https://localhost:{port}"), // the name that its certificate bears
            _ => format!("http://{}", self.listen),
        }
    }

    /// Host and port it listens on.
    pub fn listen(&self) -> &str {
        &self.listen
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.process.borrow_mut().child().id()
    }

    /// Makes an organisation that backs up, and an account for one person in it.
    pub fn invite(&self, tenant: &str, user: &str) -> anyhow::Result<Invitation> {
        self.administer(&["tenant", "create", tenant], "")?;
        let password = password()?;
        self.administer(&["user", "create", user, "--tenant", tenant, "--password-stdin"], &password)?;
        self.administer(&[POLICY.as_slice(), &["--tenant", tenant]].concat(), "")?;
        Ok(Invitation { user: format!("{tenant}/{user}"), password })
    }

    /// Makes an account an owner of its organisation.
    pub fn make_owner(&self, tenant: &str, user: &str) -> anyhow::Result<()> {
        self.administer(&["role", "assign", "owner", "--user", user, "--tenant", tenant], "").map(drop)
    }

    /// Makes a service account and gives its token.
    pub fn token(&self, tenant: &str, role: &str) -> anyhow::Result<String> {
        let told = self.administer(&["apitoken", "create", "bench", "--role", role, "--tenant", tenant], "")?;
        Ok(told.lines().last().unwrap_or_default().trim().to_owned())
    }

    /// Sets an organisation's own retention rules.
    pub fn retain(&self, tenant: &str, rules: &[&str]) -> anyhow::Result<()> {
        let set: Vec<&str> =
            ["retention", "set", "--tenant", tenant].into_iter().chain(rules.iter().copied()).collect();
        self.administer(&set, "").map(drop)
    }

    /// Lets go of what an organisation's rules do not keep, now instead of once a day.
    pub fn let_go(&self, tenant: &str) -> anyhow::Result<()> {
        self.administer(&["retention", "run", "--tenant", tenant], "").map(drop)
    }

    /// Runs a verb of the command line and gives what it printed.
    fn administer(&self, words: &[&str], input: &str) -> anyhow::Result<String> {
        let mut command = repo::program(&self.program);
        command.args(words).args(self.place.words());
        let output = process::capture(&mut command, input)?;
        if !output.status.success() {
            bail!("`rehome-server {}` said: {}", words.join(" "), String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Fails if it has ended by itself.
    pub fn check(&self) -> anyhow::Result<()> {
        match self.process.borrow_mut().ended()? {
            Some(status) => bail!("the server ended by itself with {status}: {}", self.last_words()),
            None => Ok(()),
        }
    }

    fn last_words(&self) -> String {
        let text = std::fs::read_to_string(self.place.folder.join("server.log")).unwrap_or_default();
        let last: Vec<&str> = text.lines().rev().take(5).collect();
        last.into_iter().rev().collect::<Vec<_>>().join("\n")
    }
}

fn spawn(program: &Path, place: &Place, words: &[OsString]) -> anyhow::Result<Guarded> {
    let log = std::fs::File::create(place.folder.join("server.log")).context("could not make the server's log")?;
    let mut command = repo::program(program);
    command.args(words).args(place.words()).stdin(Stdio::null());
    command.stdout(log.try_clone().context("could not share the server's log")?).stderr(log);
    Guarded::spawn(&mut command)
}

/// A port that was free a moment ago. Another program could take it in between; then the server says so and we end.
pub fn free_port() -> anyhow::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port on the loopback address")?;
    Ok(listener.local_addr().context("a listener without an address")?.port())
}

/// A password that nobody else on the machine knows: the server listens on loopback, where other users may try.
fn password() -> anyhow::Result<String> {
    use std::io::Read;
    let mut bytes = [0; 16];
    let mut source = std::fs::File::open("/dev/urandom").context("no /dev/urandom")?;
    source.read_exact(&mut bytes).context("could not read /dev/urandom")?;
    Ok(format!("{:032x}", u128::from_le_bytes(bytes)))
}

#[cfg(test)]
mod tests {
    #[test]
    fn two_servers_get_two_ports_and_two_passwords() {
        assert_ne!(super::password().unwrap(), super::password().unwrap());
        assert_eq!(super::password().unwrap().len(), 32);
        assert_ne!(super::free_port().unwrap(), 0);
    }
}
