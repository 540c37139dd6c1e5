//! Where things are: the checkout, cargo, the built binaries.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

/// The root of the checkout.
pub fn root() -> PathBuf {
    let here =
        std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    here.parent().expect("xtask is a folder of the checkout").to_owned()
}

/// A cargo command that runs in the root of the checkout.
pub fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // `.cargo/config.toml` sets it, and `cargo run` hands it to us; a cargo that finds it set builds SQLite anew, and one that does not, again.
    command.current_dir(root()).env_remove("LIBSQLITE3_FLAGS");
    command
}

/// One of our own programs, without the settings that the person's own environment may have for it.
pub fn program(path: &Path) -> Command {
    let mut command = Command::new(path);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("REHOME_") {
            command.env_remove(name);
        }
    }
    command
}

/// The version of one of the workspace's packages.
pub fn version(package: &str) -> anyhow::Result<String> {
    let metadata = metadata()?;
    let packages = metadata["packages"].as_array().context("cargo metadata lists no packages")?;
    let found = packages.iter().find(|one| one["name"] == package);
    let version = found.and_then(|one| one["version"].as_str());
    Ok(version.with_context(|| format!("cargo metadata has no version of the package `{package}`"))?.to_owned())
}

/// Installs packages of Python into a folder of their own; `false` where that cannot be done.
pub fn pip(folder: &Path, packages: &[&str], more: &[&str]) -> anyhow::Result<bool> {
    if which("python3").is_none() {
        return Ok(false);
    }
    let mut install = Command::new("python3");
    install.args(["-m", "pip", "install", "--quiet", "--target"]).arg(folder).args(more).args(packages);
    Ok(crate::process::run(&mut install, "")?.success())
}

/// What `cargo metadata` says about the workspace's own packages.
pub fn metadata() -> anyhow::Result<serde_json::Value> {
    let output = cargo()
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .output()
        .context("could not run cargo metadata")?;
    if !output.status.success() {
        bail!("cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    serde_json::from_slice(&output.stdout).context("cargo metadata gave no JSON")
}

/// The folder that the compiler lives in.
pub fn sysroot() -> anyhow::Result<PathBuf> {
    let mut compiler = Command::new("rustc");
    let printed = crate::process::capture(compiler.current_dir(root()).args(["--print", "sysroot"]), "")?;
    Ok(PathBuf::from(String::from_utf8(printed.stdout).context("the compiler's folder is no text")?.trim()))
}

/// The folder that cargo builds into.
pub fn target() -> anyhow::Result<PathBuf> {
    let metadata = metadata()?;
    let folder = metadata["target_directory"].as_str().context("cargo metadata names no target folder")?;
    std::fs::create_dir_all(folder).with_context(|| format!("could not make {folder}"))?;
    Ok(PathBuf::from(folder))
}

/// The binaries of the product.
pub struct Binaries {
    /// `rehome`
    pub agent: PathBuf,
    /// `rehome-server`
    pub server: PathBuf,
}

impl Binaries {
    /// Builds those that ship, with cargo's own progress, and says where they are.
    pub fn build() -> anyhow::Result<Self> {
        // Guarded, so that Ctrl-C and SIGTERM end the build too.
        let mut build = cargo();
        build.args(["build", "--release", "--locked", "--package", "agent", "--package", "server"]);
        if !crate::process::run(&mut build, "")?.success() {
            bail!("the build failed; the compiler's message is above");
        }
        Ok(Self::within(&target()?.join("release")))
    }

    /// Those that `cargo test --workspace` has built.
    pub fn of_tests() -> anyhow::Result<Self> {
        let binaries = Self::within(&target()?.join("debug"));
        for program in [&binaries.agent, &binaries.server] {
            if !program.is_file() {
                bail!("{} is not there: `cargo test --workspace --no-run` builds it", program.display());
            }
        }
        Ok(binaries)
    }

    fn within(folder: &Path) -> Self {
        Self { agent: folder.join("rehome"), server: folder.join("rehome-server") }
    }
}

/// A private folder beside the build, which goes with its owner: nobody else on the machine can look into it.
pub fn scratch(prefix: &str) -> anyhow::Result<tempfile::TempDir> {
    use std::os::unix::fs::PermissionsExt;
    tempfile::Builder::new()
        .prefix(prefix)
        .permissions(std::fs::Permissions::from_mode(0o700))
        .tempdir_in(target()?)
        .context("could not make a scratch folder in the target folder")
}

/// Writes a file of the chores' own, and names it if that fails.
#[expect(
    clippy::disallowed_methods,
    reason = "scratch files and generated pages: nothing is lost that a second run does not make again"
)]
pub fn write(path: &Path, bytes: impl AsRef<[u8]>) -> anyhow::Result<()> {
    std::fs::write(path, bytes).with_context(|| format!("could not write {}", path.display()))
}

/// Where a program of that name is, if `PATH` leads to it.
pub fn which(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let administrators = ["/usr/sbin", "/sbin"].map(PathBuf::from); // where Debian keeps nginx, and users' PATH lacks it
    std::env::split_paths(&path).chain(administrators).map(|folder| folder.join(program)).find(|file| is_program(file))
}

fn is_program(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}
