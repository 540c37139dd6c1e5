//! `rehome-server config validate`: what would keep a server from starting, all of it at once, without starting or making anything.
//!
//! It looks at what is on this machine. Whether a database or an object store elsewhere answers is asked by the start itself and by `/readyz`: a configuration is
//! not wrong because something is away.

use std::path::Path;
use std::process::ExitCode;

use model::reason::Reason;
use store::Store;

use super::{Failure, print, say};
use crate::config::Config;
use crate::keyring::provider::Kind;
use crate::listen;
use crate::password::leaked::Leaked;

/// Exit code of a configuration that cannot be used.
const CONFIG: u8 = 2;

pub(super) fn run(config: &Config) -> Result<ExitCode, Failure> {
    let findings = findings(config);
    if findings.is_empty() {
        say("the configuration can be used");
        return Ok(ExitCode::SUCCESS);
    }
    print(&findings)?;
    let text =
        format!("{} things in the configuration cannot be used; they are listed on standard output", findings.len());
    Err(Failure::new(CONFIG, Reason::ConfigInvalid, text)
        .hint("`rehome-server config show --origin` says where each value comes from"))
}

fn findings(config: &Config) -> Vec<String> {
    let settings = &config.settings;
    let mut findings = Vec::new();
    if let Some((certificate, key)) = config.tls.as_ref().filter(|_| !config.self_signed)
        && let Err(error) = listen::Tls::open(certificate, key)
    {
        findings.push(format!("tls_cert, tls_key: {error}"));
    }
    if let Some(list) = &settings.passwords_refused
        && let Err(error) = Leaked::open(list)
    {
        findings.push(format!("passwords_refused: {}: {error}", list.display()));
    }
    if settings.data_dir.exists() && !settings.data_dir.is_dir() {
        findings.push(format!("data_dir: {} is not a folder", settings.data_dir.display()));
    }
    for (name, key) in [("root_key", Some(&settings.root_key)), ("root_key_old", settings.root_key_old.as_ref())] {
        findings.extend(key.and_then(|key| root_key(key, &settings.data_dir)).map(|wrong| format!("{name}: {wrong}")));
    }
    if let Err(error) = Store::check_address(settings.database.place()) {
        findings.push(format!("database: {error}"));
    }
    if config.metrics == Some(config.listen) && config.listen.port() != 0 {
        findings.push(format!("metrics_listen: {} is where the server itself listens", config.listen));
    }
    findings
}

/// What is wrong with a root key's place. A file that is not there yet is made at the first start; tokens and services are asked by the start.
fn root_key(key: &Path, data: &Path) -> Option<String> {
    if Kind::of(key) != Kind::File {
        return None;
    }
    if key.starts_with(data) {
        return Some(format!("{} must lie outside the data folder", key.display()));
    }
    if key.is_dir() {
        return Some(format!("{} is a folder", key.display()));
    }
    None
}
