//! The product as the bench drives it: one server, one PC, through the binaries.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::process;
use crate::repo::{self, Binaries};
use crate::serving::{Invitation, Place, Server, Tls};

/// A server and an enrolled PC.
pub struct Product {
    /// The server.
    pub server: Server,
    /// Where it keeps everything.
    pub folder: PathBuf,
    /// Who may enrol.
    pub invitation: Invitation,
    state: PathBuf,
    agent: PathBuf,
    authority: Option<PathBuf>,
}

/// Every limit on how often somebody may ask, taken away.
const UNLIMITED: [&str; 10] = [
    "--enrolments-per-minute",
    "0",
    "--tenant-enrolments-per-minute",
    "0",
    "--requests-per-minute",
    "0",
    "--backups-per-day",
    "0",
    "--restores-per-hour",
    "0",
];

impl Product {
    /// Starts the server in an empty folder and enrols one PC.
    pub fn start(binaries: &Binaries, folder: &Path, tls: Option<&Tls<'_>>) -> anyhow::Result<Self> {
        let words = ["--backups-per-day", "0", "--restores-per-hour", "0", "--enrolments-per-minute", "0"];
        Self::start_with(binaries, &Place::folder(folder), tls, &words)
    }

    /// The same without limits on how often somebody may ask: the load of a fleet comes from one address here.
    pub fn start_unlimited(binaries: &Binaries, place: &Place) -> anyhow::Result<Self> {
        Self::start_with(binaries, place, None, &UNLIMITED)
    }

    fn start_with(binaries: &Binaries, place: &Place, tls: Option<&Tls<'_>>, words: &[&str]) -> anyhow::Result<Self> {
        let folder = place.folder.as_path();
        std::fs::create_dir_all(folder).with_context(|| format!("could not make {}", folder.display()))?;
        let server = Server::start(&binaries.server, place, tls, words)?;
        let invitation = server.invite("example", "bench")?;
        let authority = tls.map(|tls| tls.certificate.to_owned());
        let (state, agent) = (folder.join("pc"), binaries.agent.clone());
        std::fs::create_dir_all(&state).context("could not make the PC's state folder")?;
        let product = Self { server, folder: folder.to_owned(), invitation, state, agent, authority };
        product.enroll(&product.state, "PC")?;
        Ok(product)
    }

    /// Enrols one more PC with its state in `state`.
    pub fn enroll(&self, state: &Path, name: &str) -> anyhow::Result<()> {
        let mut command = repo::program(&self.agent);
        command.env("REHOME_STATE_DIR", state).args([
            "enroll",
            "--server",
            &self.server.address(),
            "--user",
            &self.invitation.user,
        ]);
        command.args(["--password-stdin", "--device-name", name]);
        if let Some(authority) = &self.authority {
            command.arg("--ca-cert").arg(authority);
        }
        let output = process::capture(&mut command, &self.invitation.password)?;
        if !output.status.success() {
            bail!("`rehome enroll` said: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(())
    }

    /// The command that backs up a profile folder, and no more: the peers do not open what they have stored either.
    pub fn backup(&self, profile: &Path) -> Vec<String> {
        self.words(&["backup", "--quiet", "--no-rehearsal", "--from", &profile.display().to_string()])
    }

    /// The command that fetches what was stored and opens it.
    pub fn rehearse(&self) -> Vec<String> {
        self.words(&["rehearse", "--quiet"])
    }

    /// The command that restores everything into an empty registry file.
    pub fn restore(&self, target: &Path) -> Vec<String> {
        self.words(&["restore", "--quiet", "--from-device", "PC", "--to", &target.display().to_string(), "--yes"])
    }

    /// The same, which says how far it is, one JSON document a line.
    pub fn restore_with_progress(&self, target: &Path) -> Vec<String> {
        self.words(&["restore", "--json-lines", "--from-device", "PC", "--to", &target.display().to_string(), "--yes"])
    }

    /// Enrols one more PC, and says what the commands need in their environment to be it.
    pub fn another(&self, name: &str) -> anyhow::Result<Vec<(String, String)>> {
        let state = self.folder.join(name);
        std::fs::create_dir_all(&state).context("could not make a PC's state folder")?;
        self.enroll(&state, name)?;
        Ok(vec![("REHOME_STATE_DIR".to_owned(), state.display().to_string())])
    }

    /// What the commands need in their environment.
    pub fn environment(&self) -> Vec<(String, String)> {
        vec![("REHOME_STATE_DIR".to_owned(), self.state.display().to_string())]
    }

    fn words(&self, words: &[&str]) -> Vec<String> {
        std::iter::once(self.agent.display().to_string()).chain(words.iter().map(|word| (*word).to_owned())).collect()
    }
}

/// Bytes of all files below a folder; 0 if it is not there.
pub fn bytes_in(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(meta) if meta.is_dir() => bytes_in(&entry.path()),
            Ok(meta) => meta.len(),
            Err(_) => 0,
        })
        .sum()
}
