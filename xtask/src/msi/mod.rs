//! `cargo xtask msi`: the installer of the agent, built on Linux with wixl, and the winget manifest that names it.
//!
//! wixl knows a part of the language that such packages are described in; what it does not know is put into the package afterwards, statement by statement, from
//! `packaging/windows/finish.sql`. The package says by its product code which build it is, so the manifest is filled in from the package.

mod winget;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, bail};

use crate::{process, repo, say, windows};

/// Where what goes into the package lies.
const FOLDER: &str = "packaging/windows";

/// The most that the package may weigh, in bytes: the programs are compressed in it.
const BYTES_MAX: u64 = 16 << 20;

/// How to build
#[derive(clap::Args)]
pub struct Args {
    /// Address of the folder that the package will be downloaded from
    #[arg(long, value_name = "URL", default_value = "https://downloads.example.com/rehome")]
    url: String,
}

/// Builds program, package and manifest, and says where they are.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    process::listen_for_stop()?;
    let package = build_with_next(&windows::build(false)?)?;
    say::good(&format!("{} ({} kB)", package.display(), package.metadata()?.len() / 1000));
    for file in winget::write(&package, &version()?, &args.url)? {
        say::good(&file.display().to_string());
    }
    Ok(ExitCode::SUCCESS)
}

/// Builds the package and, for the story of an upgrade under Wine, the same program once more as the next version.
pub fn build_with_next(program: &Path) -> anyhow::Result<PathBuf> {
    let version = version()?;
    let package = build(program, &version)?;
    let next = build(program, &next(&version)?)?;
    let folder = windows::folder()?.join("wine");
    for (from, to) in [(&package, "rehome.msi"), (&next, "rehome-next.msi")] {
        std::fs::copy(from, folder.join(to)).with_context(|| format!("could not copy {}", from.display()))?;
    }
    Ok(package)
}

/// The package of a program, beside it.
fn build(program: &Path, version: &str) -> anyhow::Result<PathBuf> {
    windows::want_program("wixl", "wixl")?;
    windows::want_program("msibuild", "msitools")?;
    let stage = repo::scratch("msi-")?;
    let source = repo::root().join(FOLDER);
    let licence = repo::root().join("LICENSE");
    let files: [(&Path, &str); 5] = [
        (&source.join("rehome.wxs"), "rehome.wxs"),
        (&source.join("rehome.ico"), "rehome.ico"),
        (program, "rehome.exe"),
        (&program.with_file_name(windows::WINDOW), windows::WINDOW),
        (&licence, "LICENSE.txt"),
    ];
    for (from, to) in files {
        std::fs::copy(from, stage.path().join(to)).with_context(|| format!("could not copy {}", from.display()))?;
    }
    let mut wixl = Command::new("wixl");
    wixl.current_dir(stage.path()).args(["--arch", "x64", "--output", "rehome.msi"]);
    wixl.arg("--define").arg(format!("Version={version}")).arg("rehome.wxs");
    if !process::run(&mut wixl, "")?.success() {
        bail!("wixl could not build the package; what it said is above");
    }
    for statement in std::fs::read_to_string(source.join("finish.sql"))?.lines() {
        let finished =
            process::run(Command::new("msibuild").current_dir(stage.path()).args(["rehome.msi", "-q", statement]), "")?;
        if !finished.success() {
            bail!("the package does not take: {statement}");
        }
    }
    let package = program.with_file_name(format!("rehome-{version}-x64.msi"));
    std::fs::copy(stage.path().join("rehome.msi"), &package)?;
    let bytes = package.metadata()?.len();
    if bytes > BYTES_MAX {
        bail!("the package has {bytes} bytes, more than {BYTES_MAX}: find out what made it grow");
    }
    Ok(package)
}

/// The version of the agent.
fn version() -> anyhow::Result<String> {
    repo::version("agent")
}

/// The version after: Windows Installer compares the first three numbers.
fn next(version: &str) -> anyhow::Result<String> {
    let (rest, last) = version.rsplit_once('.').context("a version has three numbers")?;
    Ok(format!("{rest}.{}", last.parse::<u16>()? + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_version_is_one_more() {
        assert_eq!(next("0.1.9").unwrap(), "0.1.10");
        assert!(next("0.1.0-beta").is_err() && next("1").is_err());
    }

    #[test]
    fn every_property_of_the_guide_is_one_that_a_caller_may_set() {
        let guide = std::fs::read_to_string(repo::root().join("docs/guides/deploy-windows.md")).unwrap();
        let finish = std::fs::read_to_string(repo::root().join(FOLDER).join("finish.sql")).unwrap();
        let rows = guide.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
        let documented: Vec<_> =
            rows.map(|(name, _)| name).filter(|name| name.bytes().all(|b| b.is_ascii_uppercase())).collect();
        let line = finish.lines().find(|line| line.contains("'SecureCustomProperties'")).unwrap();
        let names = line.split('\'').nth(1).unwrap().split(';');
        let settable: Vec<_> = names.filter(|name| !name.starts_with("WIX_")).collect();
        assert_eq!(documented, settable);
    }
}
