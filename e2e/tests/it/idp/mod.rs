//! Stories with a certified identity provider: npm's `oidc-provider`, started for each. `cargo xtask ci provider` installs it; a machine without says so.

pub mod browser;
mod stories;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::harness::{World, root};
use crate::not_tried::not_tried;

/// A provider at work; stops when dropped.
pub struct Provider {
    child: Child,
    pub issuer: String,
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Where `cargo xtask ci provider` puts the package.
fn package() -> Option<PathBuf> {
    let test = std::env::current_exe().expect("a test knows its own path");
    let target = test.ancestors().nth(3).map(Path::to_owned)?;
    let found = [target.join("npm"), root().join("target/npm")];
    let entry = found.map(|folder| folder.join("node_modules/oidc-provider/lib/index.js"));
    entry.into_iter().find(|path| path.is_file())
}

impl Provider {
    /// A provider that knows `world`'s server, and that the server knows as `Work`. Nothing where there is no node.
    pub fn start(world: &World) -> Option<Self> {
        let Some(package) = package() else {
            let brings = "`cargo xtask ci provider`, which needs node and npm";
            not_tried("nobody signed in at a certified identity provider: there is none here", Some(brings));
            return None;
        };
        let mut child = Command::new("node")
            .arg(root().join("e2e/tests/it/idp/provider.mjs"))
            .env("OIDC_PROVIDER", package)
            .env("REDIRECT_URI", format!("{}/login/callback", world.address()))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("node starts");
        let mut said = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let mut issuer = String::new();
        while !issuer.starts_with("http://") {
            issuer.clear();
            let read = said.read_line(&mut issuer).expect("the provider's words are text");
            assert!(read > 0, "the provider ended before it listened");
        }
        // What it says later must not block it.
        std::thread::spawn(move || std::io::copy(&mut said, &mut std::io::sink()));
        let provider = Self { child, issuer: issuer.trim().to_owned() };
        let add = [
            "provider",
            "add",
            "Work",
            "--issuer",
            &provider.issuer,
            "--client-id",
            "rehome",
            "--secret-stdin",
            "--role",
            "groups=staff:admin",
        ];
        world.server_command(&add, "a secret of 32 characters, at least").ok();
        Some(provider)
    }
}
