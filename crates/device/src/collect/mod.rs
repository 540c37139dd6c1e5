//! Station "collect": what this person has set on this PC.
//!
//! Every setting of the catalog that the PC's Windows has gets a reading: its value, that it is stored but is the default, that nothing is
//! stored, or why what is stored may not be carried. Nothing stops a backup half-way: a key that Windows does not give, or that lies in a
//! damaged part of a hive, costs its own settings and no more. Only reading is possible here; there is nothing to write with.

mod files;
mod left_out;
mod once;
mod readings;

use std::collections::BTreeMap;
use std::io;

use model::catalog::{self, FileRole, Root};
use model::envelope::BLOB_BYTES_MAX;
use model::ids::BlobId;
use model::reason::Reason;
use model::snapshot::{DeviceFacts, Reading, Snapshot};
use model::value::FileRef;

use crate::apps::Apps;
use crate::own_files::{Content, OwnFiles};
use crate::registry::Registry;

use once::Once;

/// Where a backup reads from.
pub struct Sources<'a> {
    /// The user's registry.
    pub registry: &'a dyn Registry,
    /// The installed apps.
    pub apps: &'a dyn Apps,
    /// What is known of the PC. An unknown build reads the settings of every build.
    pub facts: DeviceFacts,
    /// Where the files are that are settings.
    pub files: &'a OwnFiles,
    /// The content id and the size of a file: a hash keyed by the user's key.
    pub blob_id: BlobIdOf<'a>,
}

/// What a backup found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collected {
    /// The readings and apps.
    pub snapshot: Snapshot,
    /// The files that the readings name.
    pub files: Vec<CollectedFile>,
    /// What could not be read, a sentence each: the snapshot is not whole.
    pub warnings: Vec<String>,
}

/// Reads a file to its end and gives its content id and size.
pub type BlobIdOf<'a> = &'a dyn Fn(&mut dyn io::Read) -> io::Result<(BlobId, u64)>;

/// A file that a reading names. It is read once to be hashed, and once more only if the server does not have it yet; whoever seals it compares what is read
/// then with the hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CollectedFile {
    /// Which file it is.
    pub role: FileRole,
    /// Its id and size.
    pub file: FileRef,
    /// The bytes that it begins with: what says of which kind it is, and from which file a restore made it.
    pub head: Vec<u8>,
    content: Content,
}

impl CollectedFile {
    /// Its bytes, from the start.
    pub fn open(&self) -> io::Result<Box<dyn io::Read + '_>> {
        Ok(match &self.content {
            Content::There(place) => Box::new(place.open(BLOB_BYTES_MAX)?),
            Content::Here(bytes) => Box::new(bytes.as_slice()),
        })
    }
}

pub(crate) use left_out::hold_back_here;

/// Reads everything that the catalog knows.
pub fn collect(sources: &Sources<'_>) -> Collected {
    let build = sources.facts.build.unwrap_or(0);
    let fitting: Vec<_> = catalog::SETTINGS.iter().filter(|setting| setting.on_build(build)).collect();
    let of_settings = fitting.iter().filter_map(|setting| Some((Root::User, setting.key()?, setting.name()?)));
    let of_left_out = catalog::left_out().iter().filter(|entry| entry.named_by.is_none()).map(left_out::place);
    let registry = Once::new(sources.registry, of_settings.chain(of_left_out).chain(files::PLACES));
    let mut warnings = Vec::new();
    let mut readings = readings::of(&registry, &fitting);
    let files::Found { files, readings: of_files, warnings: of_words } = files::of(sources, &registry, &fitting);
    readings.extend(of_files);
    let not_carried = left_out::of(&registry, catalog::left_out(), &mut readings);
    warnings.extend(unread(&readings));
    let apps = sources.apps.list().unwrap_or_else(|error| {
        warnings.push(format!("the list of apps is missing: {error}"));
        Vec::new()
    });
    warnings.extend(of_words);
    let snapshot =
        Snapshot { catalog_version: catalog::VERSION, device: sources.facts.clone(), readings, not_carried, apps };
    Collected { snapshot, files, warnings }
}

/// A sentence for each reason that kept settings from being read at all. A value that is read and not understood is none: that is said of
/// the setting itself, and happens on sound PCs.
fn unread(readings: &BTreeMap<String, Reading>) -> impl Iterator<Item = String> {
    [Reason::Damaged, Reason::AccessDenied].into_iter().filter_map(|reason| {
        let settings = readings.values().filter(|reading| **reading == Reading::Refused { reason }).count();
        let settings = match settings {
            0 => return None,
            1 => "1 setting".to_owned(),
            many => format!("{many} settings"),
        };
        Some(format!("{settings} could not be read: {}", reason.title()))
    })
}

#[cfg(test)]
mod real_tests;
#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests write their own inputs")]
mod tests;
