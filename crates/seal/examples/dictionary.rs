//! Writes the dictionary of part coding 2 to standard output: the parts of a PC on which nothing was ever set.
//!
//! It was run once, with catalog version 1, and what it gave is frozen as `src/dictionary-1.bin` (`docs/format.md` section 6). A later catalog keeps
//! that file: settings that it does not know merely compress less well. Another dictionary would be another coding.

use std::io::Write;

use model::catalog;
use model::snapshot::{DeviceFacts, Reading, Snapshot};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let snapshot = Snapshot {
        catalog_version: catalog::VERSION,
        device: DeviceFacts::default(),
        readings: catalog::SETTINGS.iter().map(|setting| (setting.id.to_owned(), Reading::Absent)).collect(),
        not_carried: std::collections::BTreeMap::new(),
        apps: Vec::new(),
    };
    for part in model::snapshot::v1::encode(&snapshot)? {
        std::io::stdout().write_all(&part.bytes)?;
    }
    Ok(())
}
