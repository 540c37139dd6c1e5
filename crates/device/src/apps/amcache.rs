//! The apps that Windows itself has taken note of on a PC: `Windows\AppCompat\Programs\Amcache.hve`.
//!
//! The key `Root\InventoryApplication` has a key for each program and packaged app of the machine (since Windows 10 1709; observed in a hive
//! of 21H2, nothing of it is documented). `Source` is `AppxPackage` for packages, `AddRemoveProgram` and `Msi` for programs; `HiddenArp` marks
//! those that the control panel does not list.

use model::snapshot::{Again, App, AppKind};

use super::registry::{is_title, number, text};
use super::{Apps, AppsError, FullName, in_order, is_store_folder, store_ids};
use crate::registry::hive::HiveFile;

const INVENTORY: &str = r"Root\InventoryApplication";

const NAMES: [&str; 8] =
    ["Source", "Name", "Version", "Publisher", "PackageFullName", "RootDirPath", "HiddenArp", "RegistryKeyPath"];

/// Apps as a PC's `Amcache.hve` lists them.
pub struct AmcacheApps<'h> {
    hive: &'h HiveFile,
}

impl<'h> AmcacheApps<'h> {
    /// The apps of this hive.
    pub fn new(hive: &'h HiveFile) -> Self {
        Self { hive }
    }

    fn app(&self, key: &str) -> Option<App> {
        let values = self.hive.read(&format!(r"{INVENTORY}\{key}"), &NAMES).ok()?;
        let [source, name, version, publisher, package, folder, hidden, place] = values.try_into().ok()?;
        if text(source).as_deref() == Some("AppxPackage") {
            return packaged(&text(package)?, text(folder).as_deref());
        }
        // The last part of the uninstall key's path is what names a program in the registry, too.
        let id = text(place)?.rsplit('\\').next()?.to_owned();
        let name = text(name).filter(|name| is_title(name) && number(hidden) != Some(1))?;
        let (version, publisher) = (text(version), text(publisher));
        Some(App { kind: AppKind::Desktop, id, name: Some(name), version, publisher, again: Again::default() })
    }
}

fn packaged(package: &str, folder: Option<&str>) -> Option<App> {
    let full = FullName::parse(package).filter(|full| !full.is_resource())?;
    let is_part = full.is_of_windows() || folder.is_some_and(|folder| !is_store_folder(folder));
    Some(App {
        kind: if is_part { AppKind::System } else { AppKind::Store },
        id: full.family(),
        name: None,
        version: Some(full.version.to_owned()),
        publisher: Some(full.publisher.to_owned()),
        again: Again { store_id: store_ids::of(&full.family()).map(str::to_owned), ..Again::default() },
    })
}

impl Apps for AmcacheApps<'_> {
    fn list(&self) -> Result<Vec<App>, AppsError> {
        let keys = self.hive.subkeys(INVENTORY)?;
        Ok(in_order(keys.iter().filter_map(|key| self.app(key)).collect()))
    }
}
