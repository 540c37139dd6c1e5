//! The installed apps behind one small trait.
//!
//! Implementations: [`MemoryApps`] (a list), `registry.rs` (what the registry says of a user: packaged apps in the classes hive, programs
//! installed for this user alone; and [`machine_programs`], those for everybody), `packaged.rs` (what Windows itself says, on a live PC), `amcache.rs` (what `Amcache.hve` says of a PC). How an app can be
//! had again is found out beside it: `winget.rs` asks the package manager, `store_ids.rs` knows the commonest, `pins.rs` reads what is on Start.
//!
//! The way back is `queue/`: apps are installed one by one, as `order.rs` allows and `winget.rs` does it, for days if need be.
//!
//! Packaged apps come in four sorts, and only one of them is an app that a person installed: frameworks and resource packages come along with
//! the apps that need them and are not listed at all; what is a part of Windows is listed and never installed.

mod amcache;
mod order;
mod package;
mod packaged;
mod pins;
pub mod queue;
mod registry;
mod store_ids;
mod switched_off;
pub mod winget;

use std::collections::HashSet;
use std::path::Path;

use model::snapshot::text::{APP_BYTES_MAX, VERSION_BYTES_MAX, clean};
use model::snapshot::v1::APPS_MAX;
use model::snapshot::{App, AppKind};

pub use amcache::AmcacheApps;
pub use order::{Attempt, Installer, Order, Unavailable};
pub use package::FullName;
pub use packaged::{Listed, Packaged, Signed};
pub use registry::{PcApps, RegistryApps, machine_programs};
pub use switched_off::{SwitchedOff, switched_off};
pub use winget::Exported;

use crate::input::Input;
use crate::registry::RegistryError;

/// Lists installed apps.
pub trait Apps {
    /// The apps, sorted by kind and id, each once.
    fn list(&self) -> Result<Vec<App>, AppsError>;
}

/// Why apps could not be listed.
#[derive(Debug, thiserror::Error)]
pub enum AppsError {
    /// The registry that lists them could not be read.
    #[error("the registry could not be read: {0}")]
    Registry(#[from] RegistryError),
}

/// A list of apps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemoryApps(pub Vec<App>);

impl Apps for MemoryApps {
    fn list(&self) -> Result<Vec<App>, AppsError> {
        Ok(in_order(self.0.clone()))
    }
}

/// Everything that an input knows about apps: the user's own, and the PC's programs.
pub struct InputApps<'i>(pub &'i Input);

impl Apps for InputApps<'_> {
    fn list(&self) -> Result<Vec<App>, AppsError> {
        let Input { registry, listed, .. } = self.0;
        let mut apps = PcApps { registry: &**registry, listed }.list()?;
        if let Some(amcache) = &self.0.amcache {
            // Amcache knows the packages of every user of the PC; the user's own list, where there is one, is the better.
            let has_packages = apps.iter().any(|app| app.kind != AppKind::Desktop);
            // Of a program that both have, the registry is what counts: it is never behind, and says for whom the program is there.
            let folded = |app: &App| app.id.to_lowercase();
            let programs: HashSet<String> =
                apps.iter().filter(|app| app.kind == AppKind::Desktop).map(folded).collect();
            let is_new = |app: &App| match app.kind {
                AppKind::Desktop => !programs.contains(&folded(app)),
                _ => !has_packages,
            };
            apps.extend(AmcacheApps::new(amcache).list()?.into_iter().filter(is_new));
        }
        if let Some(exported) = &self.0.exported {
            apps = exported.join(in_order(apps));
        }
        Ok(in_order(apps))
    }
}

/// Cleans the texts, sorts by kind and id, and keeps of each app the highest version. Of more apps than a snapshot holds, parts of
/// Windows go first: nobody misses them.
fn in_order(apps: Vec<App>) -> Vec<App> {
    let mut apps: Vec<App> = apps.into_iter().map(cleaned).filter(|app| !app.id.is_empty()).collect();
    apps.sort_by(|a, b| {
        let version = |app: &App| version_numbers(app.version.as_deref().unwrap_or_default());
        (a.kind, &a.id).cmp(&(b.kind, &b.id)).then_with(|| version(b).cmp(&version(a))).then_with(|| a.cmp(b))
    });
    apps.dedup_by(|a, b| a.kind == b.kind && a.id.eq_ignore_ascii_case(&b.id));
    if apps.len() > APPS_MAX {
        apps.retain(|app| app.kind != AppKind::System);
        apps.truncate(APPS_MAX);
    }
    apps
}

fn cleaned(app: App) -> App {
    let short = |text: Option<String>, limit| text.map(|text| clean(&text, limit)).filter(|text| !text.is_empty());
    App {
        kind: app.kind,
        id: clean(&app.id, APP_BYTES_MAX),
        name: short(app.name, APP_BYTES_MAX),
        version: short(app.version, VERSION_BYTES_MAX),
        publisher: short(app.publisher, APP_BYTES_MAX),
        again: app.again.shaped(),
    }
}

/// The numbers of a dotted version, for comparing.
fn version_numbers(version: &str) -> Vec<u64> {
    version.split('.').map(|part| part.parse().unwrap_or(0)).collect()
}

/// What the folder of a package says: packages from the Store are in `WindowsApps`, those of Windows elsewhere.
fn is_store_folder(folder: &str) -> bool {
    Path::new(&folder.replace('\\', "/")).components().any(|part| part.as_os_str().eq_ignore_ascii_case("WindowsApps"))
}

#[cfg(test)]
mod tests;
