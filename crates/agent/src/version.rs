//! `rehome version`: which program this is and which formats it knows.

use clap::Args;
use model::envelope::FORMAT;
use serde::Serialize;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::run::Run;

/// Print the version of the program, its catalog and its formats
#[derive(Debug, Args)]
pub struct VersionArgs {}

#[derive(Serialize)]
struct VersionDocument {
    name: &'static str,
    version: &'static str,
    catalog_version: u32,
    settings: usize,
    format: u16,
}

/// Prints the version.
pub fn run(_: &VersionArgs, run: &Run) -> Result<Exit, Failure> {
    let document = VersionDocument {
        name: "rehome",
        version: env!("CARGO_PKG_VERSION"),
        catalog_version: model::catalog::VERSION,
        settings: model::catalog::SETTINGS.len(),
        format: FORMAT,
    };
    run.screen.data(&document, || {
        let VersionDocument { version, catalog_version, settings, format, .. } = &document;
        format!("rehome {version}\ncatalog {catalog_version} with {settings} settings\nenvelope format {format}\n")
    })?;
    Ok(Exit::Success)
}
