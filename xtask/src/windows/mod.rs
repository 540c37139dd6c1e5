//! `cargo xtask windows`: builds `rehome.exe` and `rehome-backup.exe` on Linux, for 64-bit Windows.
//!
//! On an ordinary machine `rustup target add` brings the target's standard library and nothing else is needed. Where rustup cannot download,
//! the library is built from its source ([`std_source`]); docs/decisions/0007 says why that is allowed and what it costs. Build
//! results lie in a folder of the target's own, so that builds for Linux stay warm.

mod imports;
mod std_source;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, bail};

use crate::{process, repo, say};

/// The target: 64-bit Windows, linked with mingw.
const TARGET: &str = "x86_64-pc-windows-gnu";
/// mingw's C compiler, which also links.
pub const LINKER: &str = "x86_64-w64-mingw32-gcc";
/// The Debian package that has it.
const LINKER_PACKAGE: &str = "gcc-mingw-w64-x86-64";
/// mingw's tool that says what a program loads; it comes with the compiler.
const OBJDUMP: &str = "x86_64-w64-mingw32-objdump";
/// The person's window.
pub const WINDOW: &str = "rehome-backup.exe";
/// The programs, and the most that each may weigh, in bytes: they come over the network to every PC. The window brings the tables of Unicode and a
/// renderer along.
const PROGRAMS: [(&str, u64); 2] = [("rehome.exe", 8_000_000), (WINDOW, 28_000_000)];

/// How to build
#[derive(clap::Args)]
pub struct Args {
    /// Build the standard library from its source even if rustup has it
    #[arg(long)]
    build_std: bool,
}

/// Crates whose speed nobody feels: the words of a command line, completions, manual pages, bars, times as people read them, wrappers of calls that are made once, and what reads
/// the heads of some answers of the server, which the network takes a thousand times as long for.
const COLD: &[&str] = &[
    "anstream",
    "anstyle-parse",
    "clap_builder",
    "clap_complete",
    "clap_lex",
    "clap_mangen",
    "console",
    "httparse",
    "indicatif",
    "jiff",
    "jiff-core",
    "roff",
    "rpassword",
    "rustls-platform-verifier",
    "ureq",
    "ureq-proto",
    "windows",
];

/// What the window's toolkit decodes pictures with; the window has none but its icon, which is drawn.
const IDLE: &[&str] = &["image", "image-webp", "moxcms", "pxfm"];

/// Builds, and says where the program is.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    process::listen_for_stop()?;
    let program = build(args.build_std)?;
    for (name, _) in PROGRAMS {
        let program = program.with_file_name(name);
        say::good(&format!("{} ({} kB)", program.display(), program.metadata()?.len() / 1000));
    }
    Ok(ExitCode::SUCCESS)
}

/// Builds the programs and the shim that old Wine needs beside them; gives the path of `rehome.exe`.
pub fn build(build_std: bool) -> anyhow::Result<PathBuf> {
    want_program(LINKER, LINKER_PACKAGE)?;
    let mut agent = repo::cargo();
    // Takes a minute longer than the thin kind that the other builds use, and the program is a twentieth smaller.
    agent.env("CARGO_PROFILE_RELEASE_LTO", "fat");
    // What runs once in a while, or waits for people, need not be fast: it is made small.
    for cold in COLD {
        agent.arg("--config").arg(format!("profile.release.package.{cold}.opt-level=\"z\""));
    }
    compile(agent, "agent", &[], build_std)?;
    let mut window = repo::cargo();
    // It waits for a person or for the agent. Its toolkit is several times the size of all of ours, so every change of it would be waited for by those who build it.
    for (setting, value) in [("LTO", "off"), ("CODEGEN_UNITS", "16"), ("OPT_LEVEL", "1")] {
        window.env(format!("CARGO_PROFILE_RELEASE_{setting}"), value);
    }
    for idle in IDLE {
        window.arg("--config").arg(format!("profile.release.package.{idle}.opt-level=0"));
    }
    // The example walks through the window's pages under Wine (`e2e/tests/it/wine/states.rs`).
    compile(window, "window", &["--bins", "--example", "states"], build_std)?;
    let folder = folder()?;
    for (name, bytes_max) in PROGRAMS {
        let program = folder.join(name);
        let bytes = program.metadata().with_context(|| format!("{} is not there", program.display()))?.len();
        if bytes > bytes_max {
            bail!("{name} has {bytes} bytes, more than {bytes_max}: find out what made it grow");
        }
    }
    imports::lower(&folder.join("rehome.exe"))?;
    imports::check(&folder.join("rehome.exe"))?;
    shim(&folder)?;
    Ok(folder.join("rehome.exe"))
}

/// Compiles one package for the target, its library and programs or what is named.
fn compile(mut cargo: Command, package: &str, what: &[&str], build_std: bool) -> anyhow::Result<()> {
    cargo.env("CARGO_TARGET_X86_64_PC_WINDOWS_GNU_LINKER", LINKER);
    cargo.args(["build", "--release", "--locked", "--target", TARGET, "--package", package]).args(what);
    if build_std || !rustup_has_target()? {
        std_source::provide()?;
        // Unstable flags on a stable compiler: docs/decisions/0007.
        cargo.env("RUSTC_BOOTSTRAP", "1").arg("-Zbuild-std=std,panic_abort");
    }
    if !process::run(&mut cargo, "")?.success() {
        bail!("the build for Windows failed; the compiler's message is above");
    }
    Ok(())
}

/// Lints what only Windows compiles; `false` if there is something to mend, `None` where the target's standard library is not installed: building
/// that for a lint alone takes longer than the lint is worth, and a machine that has it lints the same lines.
pub fn lint() -> anyhow::Result<Option<bool>> {
    if !rustup_has_target()? {
        return Ok(None);
    }
    want_program(LINKER, LINKER_PACKAGE)?; // C parts of what the crates use are compiled even for a lint
    let mut cargo = repo::cargo();
    cargo.args([
        "clippy",
        "--locked",
        "--target",
        TARGET,
        "--package",
        "agent",
        "--package",
        "win32",
        "--features",
        "win32/desktop",
        "--",
        "--deny",
        "warnings",
    ]);
    Ok(Some(process::run(&mut cargo, "")?.success()))
}

/// The folder that the build puts programs into.
pub fn folder() -> anyhow::Result<PathBuf> {
    Ok(repo::target()?.join(TARGET).join("release"))
}

/// Whether the compiler has the target's standard library, after asking rustup for it.
fn rustup_has_target() -> anyhow::Result<bool> {
    let library = repo::sysroot()?.join("lib/rustlib").join(TARGET).join("lib");
    if library.is_dir() {
        return Ok(true);
    }
    if repo::which("rustup").is_none() {
        return Ok(false);
    }
    say::note(&format!("rustup target add {TARGET}"));
    // Said by rustup itself, and no failure of ours: there is another way.
    let added = process::run(Command::new("rustup").current_dir(repo::root()).args(["target", "add", TARGET]), "");
    Ok(added.is_ok_and(|status| status.success()) && library.is_dir())
}

/// `bcryptprimitives.dll` for Wine 8, which lacks it, in a folder beside the program so that no installer takes it along.
fn shim(folder: &Path) -> anyhow::Result<()> {
    let to = folder.join("wine");
    std::fs::create_dir_all(&to)?;
    let source = repo::root().join("xtask/src/windows/bcryptprimitives.c");
    let mut compiler = Command::new(LINKER);
    compiler.args(["-shared", "-O1", "-s", "-o"]).arg(to.join("bcryptprimitives.dll")).arg(source).arg("-ladvapi32");
    if !process::run(&mut compiler, "")?.success() {
        bail!("mingw could not build the shim for Wine");
    }
    Ok(())
}

/// Installs the Debian package of a program that is missing, if we may; otherwise says what to type.
pub fn want_program(program: &str, package: &str) -> anyhow::Result<()> {
    if repo::which(program).is_some() {
        return Ok(());
    }
    if nix::unistd::geteuid().is_root() && repo::which("apt-get").is_some() {
        say::note(&format!("apt-get install {package}"));
        apt(&["update", "-qq"])?;
        apt(&["install", "-y", "-qq", "--no-install-recommends", package])?;
        if repo::which(program).is_some() {
            return Ok(());
        }
    }
    bail!("`{program}` is not installed: sudo apt-get install {package}")
}

/// Runs apt-get without questions.
fn apt(words: &[&str]) -> anyhow::Result<bool> {
    let mut apt = Command::new("apt-get");
    Ok(process::run(apt.env("DEBIAN_FRONTEND", "noninteractive").args(words), "")?.success())
}
