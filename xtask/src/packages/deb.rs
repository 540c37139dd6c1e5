//! The package for Debian: a tree of files and `dpkg-deb`, so that nothing else is needed to build it (deb(5), deb-control(5)).

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use super::version;
use crate::{process, repo};

/// Files of `packaging/linux` and where they go.
const FILES: &[(&str, &str, u32)] = &[
    ("server.toml", "etc/rehome/server.toml", 0o644),
    ("rehome-server.service", "usr/lib/systemd/system/rehome-server.service", 0o644),
    ("rehome-server-backup.service", "usr/lib/systemd/system/rehome-server-backup.service", 0o644),
    ("rehome-server-backup.timer", "usr/lib/systemd/system/rehome-server-backup.timer", 0o644),
    ("sysusers.conf", "usr/lib/sysusers.d/rehome-server.conf", 0o644),
    ("credentials.conf", "usr/share/doc/rehome-server/examples/credentials.conf", 0o644),
    ("credentials-backup.conf", "usr/share/doc/rehome-server/examples/credentials-backup.conf", 0o644),
];

/// Builds it from that program, in the target folder.
pub fn build(program: &Path) -> anyhow::Result<PathBuf> {
    let scratch = repo::scratch("deb-")?;
    let tree = scratch.path().join("rehome-server");
    let source = repo::root().join("packaging/linux");
    put(program, &tree.join("usr/bin/rehome-server"), 0o755)?;
    for (from, to, mode) in FILES {
        put(&source.join(from), &tree.join(to), *mode)?;
    }
    put(&repo::root().join("LICENSE"), &tree.join("usr/share/doc/rehome-server/copyright"), 0o644)?;
    papers(program, &tree)?;
    let control = fs::read_to_string(source.join("control"))?
        .replace("@VERSION@", &version()?)
        .replace("@ARCHITECTURE@", &architecture()?)
        .replace("@GLIBC@", &glibc(program)?)
        .replace("@KILOBYTES@", &(bytes(&tree)? / 1024).to_string());
    let about = tree.join("DEBIAN");
    fs::create_dir_all(&about)?;
    repo::write(&about.join("control"), control)?;
    repo::write(&about.join("conffiles"), "/etc/rehome/server.toml\n")?;
    for script in ["postinst", "prerm", "postrm"] {
        put(&source.join(script), &about.join(script), 0o755)?;
    }
    open_folders(&tree)?;
    let package = repo::target()?.join(format!("rehome-server_{}_{}.deb", version()?, architecture()?));
    let mut build = Command::new("dpkg-deb");
    build.args(["--build", "--root-owner-group", "-Zxz", "-z3"]).arg(&tree).arg(&package);
    if !process::run(&mut build, "")?.success() {
        bail!("dpkg-deb could not build the package; what it said is above");
    }
    Ok(package)
}

fn put(from: &Path, to: &Path, mode: u32) -> anyhow::Result<()> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::copy(from, to).with_context(|| format!("could not copy {}", from.display()))?;
    fs::set_permissions(to, fs::Permissions::from_mode(mode))?;
    Ok(())
}

/// Manual pages and completions, which the program writes itself.
fn papers(program: &Path, tree: &Path) -> anyhow::Result<()> {
    let manual = tree.join("usr/share/man/man1");
    fs::create_dir_all(&manual)?;
    if !process::run(repo::program(program).arg("man").arg("--out").arg(&manual), "")?.success() {
        bail!("the program wrote no manual pages");
    }
    let (status, text) = process::run_and_take(repo::program(program).args(["completions", "bash"]))?;
    if !status.success() {
        bail!("the program wrote no completions");
    }
    let folder = tree.join("usr/share/bash-completion/completions");
    fs::create_dir_all(&folder)?;
    repo::write(&folder.join("rehome-server"), text)
}

/// Scratch folders are private; those of a package are everybody's.
fn open_folders(folder: &Path) -> anyhow::Result<()> {
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755))?;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            open_folders(&entry.path())?;
        }
    }
    Ok(())
}

fn bytes(folder: &Path) -> anyhow::Result<u64> {
    let mut sum = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        sum += if entry.file_type()?.is_dir() { bytes(&entry.path())? } else { entry.metadata()?.len() };
    }
    Ok(sum)
}

/// As Debian calls this machine's.
fn architecture() -> anyhow::Result<String> {
    let (status, text) = process::run_and_take(Command::new("dpkg").arg("--print-architecture"))?;
    if !status.success() {
        bail!("dpkg does not say for what architecture it is");
    }
    Ok(String::from_utf8(text)?.trim().to_owned())
}

/// The newest version of the C library that the program asks for by a symbol.
fn glibc(program: &Path) -> anyhow::Result<String> {
    newest(&fs::read(program)?)
        .map(|(major, minor)| format!("{major}.{minor}"))
        .context("the program asks for no C library")
}

fn newest(program: &[u8]) -> Option<(u32, u32)> {
    const MARK: &[u8] = b"GLIBC_";
    let places = program.windows(MARK.len()).enumerate().filter(|(_, window)| *window == MARK);
    let versions = places.filter_map(|(index, _)| {
        let text = program.get(index + MARK.len()..)?;
        let text = text.split(|byte| !byte.is_ascii_digit() && *byte != b'.').next()?;
        let mut numbers = std::str::from_utf8(text).ok()?.split('.').map(str::parse);
        Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
    });
    versions.max()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_c_library_that_is_asked_for_counts() {
        assert_eq!(newest(b"\0GLIBC_2.2.5\0GLIBC_2.34\0GLIBC_2.9\0GLIBC_PRIVATE\0"), Some((2, 34)));
        assert_eq!(newest(b"GLIBC_"), None);
    }

    #[test]
    fn every_file_of_the_folder_goes_into_the_package() {
        let known = ["control", "postinst", "prerm", "postrm"];
        for entry in fs::read_dir(repo::root().join("packaging/linux")).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            assert!(known.contains(&name.as_str()) || FILES.iter().any(|(from, ..)| *from == name), "{name}");
        }
    }
}
