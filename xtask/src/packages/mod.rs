//! `cargo xtask packages`: what the server comes to machines in. The package for Debian is built, installed below a folder and run as its unit says; the chart is rendered
//! with Helm's own library and held against Kubernetes' schemas; the recipe of the image is read.
//!
//! What this cannot show: a real systemd as process 1, a cluster, and an image that was built (no registry can be relied on here). It says so.

mod deb;
mod installed;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::bail;

use crate::{process, repo, say};

/// The versions that the chart is checked with.
const PYTHON: [&str; 2] = ["helm-python-sdk==0.2.2", "kubernetes-validate==1.37.0"];

/// What to build
#[derive(clap::Args)]
pub struct Args {
    /// The program to pack; built in release if it is not named
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
}

/// Builds and checks, and says where the package is.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    process::listen_for_stop()?;
    let program = match &args.program {
        Some(program) => program.clone(),
        None => repo::Binaries::build()?.server,
    };
    match check(&program)? {
        None => Ok(ExitCode::SUCCESS),
        Some(missing) => {
            say::skipped(&missing);
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// All of it with that program. What could not be done here, if anything.
pub fn check(program: &Path) -> anyhow::Result<Option<String>> {
    let mut missing = Vec::new();
    recipe()?;
    if repo::which("dpkg-deb").is_none() || repo::which("dpkg").is_none() {
        missing.push("no package was built: no dpkg here".to_owned());
    } else {
        let package = deb::build(program)?;
        say::good(&format!("{} ({} kB)", package.display(), package.metadata()?.len() / 1000));
        missing.extend(installed::try_out(&package)?);
    }
    missing.extend(chart(program)?);
    Ok((!missing.is_empty()).then(|| missing.join("; ")))
}

/// What the image's recipe promises.
fn recipe() -> anyhow::Result<()> {
    let text = std::fs::read_to_string(repo::root().join("packaging/oci/Containerfile"))?;
    for line in [
        "USER 65532:65532",
        "STOPSIGNAL SIGTERM",
        "ENTRYPOINT [\"/usr/bin/rehome-server\"]",
        "VOLUME [\"/data/server\", \"/data/keys\"]",
    ] {
        if !text.lines().any(|found| found == line) {
            bail!("packaging/oci/Containerfile lacks `{line}`");
        }
    }
    if !text.contains("HEALTHCHECK ") || !text.contains("\"healthcheck\"]") {
        bail!("packaging/oci/Containerfile has no check of health");
    }
    say::good("the image's recipe says what it should (it was not built)");
    Ok(())
}

/// Renders the chart, and asks the program whether it takes the configurations in it.
fn chart(program: &Path) -> anyhow::Result<Option<String>> {
    let folder = repo::root().join("target/helm");
    let is_there = ["helm_python", "kubernetes_validate"].iter().all(|name| folder.join(name).is_dir());
    if !is_there && !repo::pip(&folder, &PYTHON, &[])? {
        let what = PYTHON.join(" and ");
        return Ok(Some(format!("the chart was not rendered: {what} could not be installed with python3's pip")));
    }
    let scratch = repo::scratch("chart-")?;
    let mut render = Command::new("python3");
    render.arg(repo::root().join("packaging/helm/check.py")).arg(scratch.path()).env("PYTHONPATH", &folder);
    if !process::run(&mut render, "")?.success() {
        bail!("the chart does not hold; what was found is above");
    }
    let mut asked = 0;
    for entry in std::fs::read_dir(scratch.path())? {
        let path = entry?.path();
        // The certificate that one of them names is in no folder of this machine.
        let text = std::fs::read_to_string(&path)?;
        let text: Vec<&str> = text.lines().filter(|line| !line.starts_with("tls_")).collect();
        repo::write(&path, text.join("\n"))?;
        let mut validate = repo::program(program);
        validate.args(["config", "validate", "--config"]).arg(&path);
        if !process::run(&mut validate, "")?.success() {
            bail!("the program does not take the chart's configuration {}", path.display());
        }
        asked += 1;
    }
    if asked == 0 {
        bail!("the chart has no configuration");
    }
    say::good(
        "the chart renders, Kubernetes' schemas take it, and the program its configuration (no cluster was asked)",
    );
    Ok(None)
}

/// The version of the server.
fn version() -> anyhow::Result<String> {
    repo::version("server")
}
