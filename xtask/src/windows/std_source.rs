//! The source of the standard library, where rustup cannot bring it: from the Linux distribution's package `rust-src`.
//!
//! Debian's backports carry it in the compiler's own version. The package comes from the machine's own package source with the suite
//! exchanged, in a private state folder, so that nothing of the machine's own package lists changes; it is unpacked, not installed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use crate::{process, repo, say};

/// The suite that has newer packages than the stable release.
const SUITE: &str = "trixie-backports";
/// Where Debian keeps its keys; apt wants one to trust the suite.
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// Makes sure that the compiler's folder has the library's source.
pub fn provide() -> anyhow::Result<()> {
    let place = repo::sysroot()?.join("lib/rustlib/src/rust");
    if place.join("library/Cargo.lock").is_file() {
        return Ok(());
    }
    if repo::which("rustup").is_some() {
        let added =
            process::run(Command::new("rustup").current_dir(repo::root()).args(["component", "add", "rust-src"]), "");
        if added.is_ok_and(|status| status.success()) && place.join("library/Cargo.lock").is_file() {
            return Ok(());
        }
    }
    from_package(&place).context(
        "the standard library for Windows could be had neither from rustup nor as the package `rust-src`; \
         try `rustup target add x86_64-pc-windows-gnu` on a machine that may download",
    )
}

fn from_package(place: &Path) -> anyhow::Result<()> {
    if repo::which("apt-get").is_none() || repo::which("dpkg").is_none() {
        bail!("this is no Debian");
    }
    let scratch = repo::scratch("rust-src-")?;
    let apt = private_apt(scratch.path())?;
    if !process::run(apt("apt-get").args(["update", "-qq"]), "")?.success() {
        bail!("the package lists of {SUITE} could not be fetched");
    }
    let wanted = version(&apt)?;
    say::note(&format!("taking rust-src {wanted} from {SUITE}"));
    let mut download = apt("apt-get");
    download.current_dir(scratch.path()).args(["download", "-qq", &format!("rust-src={wanted}")]);
    if !process::run(&mut download, "")?.success() {
        bail!("rust-src {wanted} could not be fetched");
    }
    let package = newest_with(scratch.path(), "deb").context("no package was left by apt-get download")?;
    let unpacked = scratch.path().join("unpacked");
    if !process::run(Command::new("dpkg").arg("-x").arg(package).arg(&unpacked), "")?.success() {
        bail!("the package could not be unpacked");
    }
    let library = library_in(&unpacked.join("usr"))?;
    fs::create_dir_all(place)?;
    let copied = process::run(Command::new("cp").arg("-r").arg(library).arg(place.join("library")), "")?;
    if copied.success() { Ok(()) } else { bail!("the source could not be copied to {}", place.display()) }
}

/// Commands of apt that see [`SUITE`] alone, with their state in `folder`.
fn private_apt(folder: &Path) -> anyhow::Result<impl Fn(&str) -> Command> {
    for name in ["state/lists/partial", "cache/archives/partial"] {
        fs::create_dir_all(folder.join(name))?;
    }
    let list = folder.join("source.sources");
    repo::write(
        &list,
        format!("Types: deb\nURIs: {}\nSuites: {SUITE}\nComponents: main\nSigned-By: {KEYRING}\n", own_source()?),
    )?;
    let options = [
        format!("Dir::Etc::SourceList={}", list.display()),
        "Dir::Etc::SourceParts=-".to_owned(),
        format!("Dir::State={}", folder.join("state").display()),
        format!("Dir::Cache={}", folder.join("cache").display()),
        "APT::Sandbox::User=".to_owned(),
    ];
    Ok(move |program: &str| {
        let mut command = Command::new(program);
        for option in &options {
            command.arg("-o").arg(option);
        }
        command
    })
}

/// The address that this machine takes its Debian packages from.
fn own_source() -> anyhow::Result<String> {
    let mut texts: Vec<String> = fs::read_to_string("/etc/apt/sources.list").into_iter().collect();
    for entry in fs::read_dir("/etc/apt/sources.list.d").into_iter().flatten() {
        texts.extend(fs::read_to_string(entry?.path()));
    }
    texts.iter().find_map(|text| source_in(text)).context("no Debian source is set up on this machine")
}

/// The first source of Debian's main archive in a file of sources, of either form.
fn source_in(text: &str) -> Option<String> {
    let addresses = text.lines().filter_map(|line| {
        let line = line.trim();
        let rest = line.strip_prefix("URIs:").or_else(|| line.strip_prefix("deb "))?;
        rest.split_whitespace().find(|word| word.contains("://"))
    });
    addresses
        .map(|address| address.trim_end_matches('/'))
        .find(|address| address.ends_with("/debian"))
        .map(ToOwned::to_owned)
}

/// The package's version that has the compiler's own.
fn version(apt: &impl Fn(&str) -> Command) -> anyhow::Result<String> {
    let said = process::capture(Command::new("rustc").arg("--version"), "")?;
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    let compiler = said.split_whitespace().nth(1).context("the compiler does not say its version")?;
    let listed = process::capture(apt("apt-cache").args(["madison", "rust-src"]), "")?;
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    let versions = listed.lines().filter_map(|line| line.split('|').nth(1)).map(str::trim);
    versions
        .into_iter()
        .find(|version| version.starts_with(&format!("{compiler}+")))
        .map(ToOwned::to_owned)
        .with_context(|| format!("{SUITE} has no rust-src {compiler}"))
}

fn newest_with(folder: &Path, ending: &str) -> Option<PathBuf> {
    let entries = fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path());
    entries.into_iter().find(|path| path.extension().is_some_and(|found| found == ending))
}

/// The folder `library` of the unpacked package, whatever release it is called after.
fn library_in(usr: &Path) -> anyhow::Result<PathBuf> {
    for entry in fs::read_dir(usr.join("src"))?.flatten() {
        let library = entry.path().join("library");
        if library.join("Cargo.lock").is_file() {
            return Ok(library);
        }
    }
    bail!("the package has no folder `library`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machines_own_source_is_found_in_both_forms() {
        let new = "Types: deb\nURIs: mirror://one.test/debian/\nSuites: bookworm\n";
        let old = "# deb x://commented.test/debian a b\ndeb [arch=amd64] https://two.test/debian bookworm main\n";
        assert_eq!(source_in(new).as_deref(), Some("mirror://one.test/debian"));
        assert_eq!(source_in(old).as_deref(), Some("https://two.test/debian"));
        assert_eq!(source_in("URIs: https://two.test/debian-security\n"), None);
    }
}
