//! The server that the fleet comes to: a `rehome-server` with an organisation, its people, and tokens for their PCs.

use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use anyhow::{Context, bail};
use model::ids::PolicyId;
use model::world::{Clock, Random};
use seal::random::SystemRandom;
use server::app::Settings;
use server::gates::Bounds;
use server::world::SystemClock;
use server::{App, enrolment_token};
use store::{NewEnrolmentToken, View};

use crate::measure::Measured;

/// PCs of one person.
const PCS_EACH: usize = 4;

/// How long tokens are good, in milliseconds.
const TOKEN_MILLIS: i64 = 24 * 60 * 60 * 1000;

/// Glances (20 ms each) that the server gets to answer: a minute, for a machine with other things to do.
const GLANCES: u32 = 3_000;

/// No limits: all PCs of the fleet have one address.
const UNLIMITED: [&str; 6] = [
    "REHOME_REQUESTS_PER_MINUTE",
    "REHOME_ENROLMENTS_PER_MINUTE",
    "REHOME_TENANT_ENROLMENTS_PER_MINUTE",
    "REHOME_ADMIN_REQUESTS_PER_MINUTE",
    "REHOME_BACKUPS_PER_DAY",
    "REHOME_RESTORES_PER_HOUR",
];

/// The token for a PC.
pub fn token_of(tokens: &[String], number: usize) -> &str {
    &tokens[number / PCS_EACH]
}

/// An organisation that backs up, its people, and a token for each of them. Done beside the server, as its verbs do it: passwords that nobody types need not be stretched for each.
pub fn prepare(folder: &Path, database: Option<&str>, devices: usize) -> anyhow::Result<Vec<String>> {
    let data_dir = folder.join("data");
    let settings = Settings {
        database: database.map_or_else(|| data_dir.join("rehome.db"), PathBuf::from).into(),
        blobs: data_dir.join("blobs").display().to_string(),
        // As the server itself has it.
        journal: std::env::var_os("REHOME_JOURNAL").is_some_and(|is_kept| is_kept == "true"),
        data_dir,
        root_key: folder.join("root.key"),
        root_key_old: None,
        bounds: Bounds::OPEN,
        hosts: Vec::new(),
        site: server::login::site::Site::default(),
        passwords_refused: None,
        otlp: None,
    };
    let random = Arc::new(SystemRandom::new());
    let app = App::open(&settings, Arc::new(SystemClock), Arc::clone(&random) as Arc<_>)?;
    let world = (SystemClock.now(), &*random as &dyn Random);
    let new_id = || {
        let mut id = [0; 16];
        random.fill(&mut id);
        id
    };
    let scope = app.keyring.create_tenant(&app.store, "default", world)?;
    let terms = serde_json::json!({"name": "Backups", "enabled": true, "priority": 1000,
        "settings": {"backup.enabled": true}, "assignments": {"all_devices": true}});
    let view = View::operator(&scope);
    app.store.create_policy(&view, (PolicyId(new_id()), serde_json::from_value(terms)?), world.0)?;
    let hash = server::password::hash("nobody types this password", &*random);
    let mut tokens = Vec::new();
    for number in 0..devices.div_ceil(PCS_EACH) {
        let name = format!("person{number}");
        app.keyring.create_user(&app.store, &scope, (&name, hash.clone()), world)?;
        let user = app.store.user_named(&scope, &name)?.context("the person was just made")?;
        let token = enrolment_token::make(&*random);
        let new = NewEnrolmentToken {
            id: new_id(),
            hash: enrolment_token::hash(&token).context("a token is a token")?,
            note: String::new(),
            user: Some(user),
            approval: false,
            uses_max: u32::try_from(PCS_EACH)?,
            expires_at: world.0.plus_millis(TOKEN_MILLIS),
        };
        app.store.create_enrolment_token(&scope, new, world.0)?;
        tokens.push(token);
    }
    Ok(tokens)
}

/// A server at work. Ends with its owner.
pub struct Serving {
    program: PathBuf,
    folder: PathBuf,
    database: Option<String>,
    authority: String,
    child: Option<Child>,
}

impl Serving {
    /// Starts it at a free port, which it keeps.
    pub fn start(program: &Path, folder: &Path, database: Option<&str>) -> anyhow::Result<Self> {
        let authority = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
        let (program, folder, database) = (program.to_owned(), folder.to_owned(), database.map(str::to_owned));
        let mut server = Self { program, folder, database, authority, child: None };
        server.again()?;
        Ok(server)
    }

    /// Its host and port.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    fn command(&self, verb: &str) -> Command {
        let mut command = Command::new(&self.program);
        command.arg(verb).arg("--data-dir").arg(self.folder.join("data"));
        command.arg("--root-key").arg(self.folder.join("root.key"));
        command.args(self.database.iter().flat_map(|address| ["--database", address]));
        command
    }

    /// Starts it, and waits until it answers.
    pub fn again(&mut self) -> anyhow::Result<()> {
        let log = File::options().create(true).append(true).open(self.folder.join("server.log"))?;
        let mut command = self.command("serve");
        command.args(["--listen", &self.authority]).envs(UNLIMITED.map(|name| (name, "0")));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let child = command.spawn().with_context(|| format!("could not start {}", self.program.display()))?;
        let child = self.child.insert(child);
        let agent = ureq::Agent::new_with_defaults();
        for _ in 0..GLANCES {
            if agent.get(format!("http://{}/readyz", self.authority)).call().is_ok() {
                return Ok(());
            }
            if let Some(status) = child.try_wait()? {
                let said = std::fs::read_to_string(self.folder.join("server.log")).unwrap_or_default();
                bail!("the server ended at once ({status}): {said}");
            }
            Measured::pause(20);
        }
        bail!("the server did not answer within a minute")
    }

    /// Asks it to stop, as a service manager does, and waits for that.
    pub fn stop(&mut self) -> anyhow::Result<()> {
        let Some(mut child) = self.child.take() else { return Ok(()) };
        Command::new("kill").arg(child.id().to_string()).status().context("kill does not run")?;
        let status = child.wait()?;
        if status.success() { Ok(()) } else { bail!("the server ended with {status}") }
    }

    /// Whether the server's own check of all that it keeps finds nothing.
    pub fn check(&self) -> anyhow::Result<bool> {
        Ok(self.command("check").stdout(Stdio::null()).status()?.success())
    }

    /// The most memory that it has had since its last start.
    pub fn memory_megabytes(&self) -> Option<f64> {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.child.as_ref()?.id())).ok()?;
        let kilobytes = text.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"))?;
        Some(kilobytes.parse::<f64>().ok()? / 1_000.0)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            drop(child.kill());
            drop(child.wait());
        }
    }
}
