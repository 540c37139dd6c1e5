//! The package, tried out: installed below a folder by dpkg itself, and the server started with the words of its unit, a socket in place of the service manager.

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, bail};

use crate::process::{self, Guarded};
use crate::{repo, say};

/// How long the server may take until it says that it is ready.
const READY: Duration = Duration::from_mins(1);

/// Installs, verifies, runs, stops, removes. What could not be done here, if anything.
pub fn try_out(package: &Path) -> anyhow::Result<Option<String>> {
    let scratch = repo::scratch("installed-")?;
    let root = scratch.path().join("root");
    for folder in ["var/lib/dpkg/info", "var/lib/dpkg/updates", "var/log"] {
        fs::create_dir_all(root.join(folder))?;
    }
    for file in ["var/lib/dpkg/status", "var/lib/dpkg/available"] {
        repo::write(&root.join(file), "")?;
    }
    dpkg(&root, &["--install"], Some(package))?;
    let keys = root.join("etc/rehome/keys");
    if !keys.is_dir() {
        bail!("the package made no folder for keys");
    }
    let missing = verify(&root)?;
    serve(&root)?;
    dpkg(&root, &["--purge", "rehome-server"], None)?;
    if root.join("usr/bin/rehome-server").exists() || root.join("etc/rehome/server.toml").exists() {
        bail!("the package left what is its own");
    }
    if !keys.join("root.key").is_file() {
        bail!("the package took the root key with it");
    }
    say::good("the package installs, runs and goes; data and keys stay");
    Ok(missing)
}

/// Below the folder, with its scripts but without the other packages that it needs.
fn dpkg(root: &Path, words: &[&str], package: Option<&Path>) -> anyhow::Result<()> {
    let mut command = Command::new("dpkg");
    command.arg(format!("--root={}", root.display())).args([
        "--force-not-root",
        "--force-script-chrootless",
        "--force-depends",
    ]);
    command.args(words).args(package);
    if !process::run(&mut command, "")?.success() {
        bail!("dpkg {} failed; what it said is above", words.join(" "));
    }
    Ok(())
}

fn unit(root: &Path) -> PathBuf {
    root.join("usr/lib/systemd/system/rehome-server.service")
}

/// systemd's own opinion of the unit, where it is installed: that it can be read, and how exposed it leaves the server.
fn verify(root: &Path) -> anyhow::Result<Option<String>> {
    if repo::which("systemd-analyze").is_none() {
        return Ok(Some("the unit was not verified: no systemd-analyze here".to_owned()));
    }
    let mut analyze = Command::new("systemd-analyze");
    analyze.args(["security", "--offline=yes", "--no-pager", "--threshold=20"]).arg(unit(root));
    let output = process::capture(&mut analyze, "")?;
    let said = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        bail!(
            "systemd finds the unit too exposed, or cannot read it:\n{said}{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    let verdict = said.lines().find(|line| line.contains("Overall exposure")).unwrap_or("verified");
    say::good(verdict.trim_start_matches(['→', ' ']));
    let real = Path::new("/run/systemd/system").is_dir();
    Ok((!real).then(|| "the unit was started by hand: no systemd runs here".to_owned()))
}

/// Starts what the unit starts, with its folders below `root`, and waits until it says that it is ready; then stops it as systemd does.
fn serve(root: &Path) -> anyhow::Result<()> {
    let text = fs::read_to_string(unit(root))?;
    let line = text.lines().find_map(|line| line.strip_prefix("ExecStart=")).context("the unit starts nothing")?;
    let mut words = line.split(' ');
    let program = root.join(words.next().context("the unit starts nothing")?.trim_start_matches('/'));
    // The installed file with its folders moved below the root, and free ports.
    let config = root.join("etc/rehome/server.toml");
    let moved = fs::read_to_string(&config)?
        .replace("\"/var/", &format!("\"{}/var/", root.display()))
        .replace("\"/etc/", &format!("\"{}/etc/", root.display()))
        .replace(":8640\"", ":0\"")
        .replace(":9464\"", ":0\"");
    let config = root.join("moved.toml");
    repo::write(&config, moved)?;
    let socket = root.join("notify");
    let manager = UnixDatagram::bind(&socket)?;
    manager.set_read_timeout(Some(READY))?;
    let mut command = repo::program(&program);
    command.args(words).env("REHOME_CONFIG", &config).env("NOTIFY_SOCKET", &socket);
    command.env("WATCHDOG_USEC", "200000");
    let mut server = Guarded::spawn(&mut command)?;
    for word in ["READY=1", "WATCHDOG=1"] {
        wait_for(&manager, word)?;
    }
    server.stop();
    wait_for(&manager, "STOPPING=1")
}

/// Until the server has said it; other words in between do not matter.
fn wait_for(manager: &UnixDatagram, word: &str) -> anyhow::Result<()> {
    let mut bytes = [0; 512];
    loop {
        let length = manager.recv(&mut bytes).with_context(|| format!("the server never said {word}"))?;
        if String::from_utf8_lossy(&bytes[..length]).contains(word) {
            return Ok(());
        }
    }
}
