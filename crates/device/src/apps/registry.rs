//! The apps that a user's registry knows.
//!
//! Packaged apps: below `AppModel\Repository` of the classes hive, `Families` has a key for each family of the user with a key for each
//! package, whose `Flags` tell main packages from frameworks and resource packages; `Packages` says where a package lies and what it is
//! called (observed in hives of Windows 10 1709 and 1809; nothing of it is documented). Programs: the `Uninstall` key, as the control
//! panel lists it (Microsoft, "Uninstall Registry Key").

use model::catalog::Root;
use model::snapshot::{App, AppKind};

use super::{Apps, AppsError, FullName, in_order, is_store_folder};
use crate::codec::text_of;
use crate::registry::{RawValue, Registry};

const REPOSITORY: &str = r"Local Settings\Software\Microsoft\Windows\CurrentVersion\AppModel\Repository";

const UNINSTALL: &str = r"Software\Microsoft\Windows\CurrentVersion\Uninstall";

/// Bits of `Flags` of a package in its family.
mod flags {
    pub const MAIN: u32 = 1;
    pub const FRAMEWORK: u32 = 2;
    pub const RESOURCE: u32 = 4;
}

/// Apps as a user's registry lists them.
pub struct RegistryApps<'r> {
    registry: &'r dyn Registry,
}

impl<'r> RegistryApps<'r> {
    /// The apps of this registry.
    pub fn new(registry: &'r dyn Registry) -> Self {
        Self { registry }
    }

    fn packaged(&self) -> Result<Vec<App>, AppsError> {
        let families = format!(r"{REPOSITORY}\Families");
        let mut apps = Vec::new();
        for family in self.registry.subkeys(Root::Classes, &families)? {
            // A family that lies in a damaged place costs itself.
            let packages = self.registry.subkeys(Root::Classes, &format!(r"{families}\{family}")).unwrap_or_default();
            apps.extend(packages.iter().filter_map(|package| self.package(&family, package)));
        }
        Ok(apps)
    }

    /// The app that a package is; `None` for frameworks, resource packages and what is no package at all.
    fn package(&self, family: &str, package: &str) -> Option<App> {
        let full = FullName::parse(package).filter(|full| full.family().eq_ignore_ascii_case(family))?;
        let [flags] = self.read(&format!(r"{REPOSITORY}\Families\{family}\{package}"), ["Flags"]);
        let [folder, title, framework] =
            self.read(&format!(r"{REPOSITORY}\Packages\{package}"), ["PackageRootFolder", "DisplayName", "Framework"]);
        let flags = number(flags).unwrap_or(flags::MAIN);
        let comes_along = flags & (flags::FRAMEWORK | flags::RESOURCE) != 0 || number(framework) == Some(1);
        if flags & flags::MAIN == 0 || comes_along || full.is_resource() {
            return None;
        }
        let is_part = full.is_of_windows() || text(folder).is_some_and(|folder| !is_store_folder(&folder));
        Some(App {
            kind: if is_part { AppKind::System } else { AppKind::Store },
            // Taken from the full name, whose parts were checked, so that it has the shape of a family name whatever the key is called.
            id: full.family(),
            name: text(title).filter(|title| is_title(title)),
            version: Some(full.version.to_owned()),
            publisher: Some(full.publisher.to_owned()),
        })
    }

    fn programs(&self) -> Result<Vec<App>, AppsError> {
        let ids = self.registry.subkeys(Root::User, UNINSTALL)?;
        Ok(ids.into_iter().filter_map(|id| self.program(id)).collect())
    }

    /// The program of an uninstall key, by the rules of the control panel's list: parts and updates of others are not shown.
    fn program(&self, id: String) -> Option<App> {
        let names = ["DisplayName", "DisplayVersion", "Publisher", "SystemComponent", "ParentKeyName", "ReleaseType"];
        let key = format!(r"{UNINSTALL}\{id}");
        let values = self.registry.read(Root::User, &key, &names).ok()?;
        let [name, version, publisher, component, parent, release] = values.try_into().ok()?;
        let is_update = text(release).is_some_and(|release| release.contains("Update") || release == "Hotfix");
        if number(component) == Some(1) || text(parent).is_some() || is_update {
            return None;
        }
        let name = text(name).filter(|name| is_title(name))?;
        Some(App { kind: AppKind::Desktop, id, name: Some(name), version: text(version), publisher: text(publisher) })
    }

    fn read<const N: usize>(&self, key: &str, names: [&str; N]) -> [Option<RawValue>; N] {
        let found = self.registry.read(Root::Classes, key, &names).ok().and_then(|found| found.try_into().ok());
        found.unwrap_or([const { None }; N])
    }
}

impl Apps for RegistryApps<'_> {
    fn list(&self) -> Result<Vec<App>, AppsError> {
        let mut apps = self.packaged()?;
        apps.extend(self.programs()?);
        Ok(in_order(apps))
    }
}

/// Whether a title is text for people, and not a pointer to text in the app's resources, which only that PC can follow.
pub(super) fn is_title(title: &str) -> bool {
    !title.starts_with('@') && !title.starts_with("ms-resource:")
}

/// The text of a `REG_SZ`; `None` if there is none or it is empty.
pub(super) fn text(raw: Option<RawValue>) -> Option<String> {
    let text = text_of(&raw.filter(|raw| raw.reg_type == 1)?.bytes)?;
    (!text.trim().is_empty()).then(|| text.trim().to_owned())
}

/// The number of a `REG_DWORD`.
pub(super) fn number(raw: Option<RawValue>) -> Option<u32> {
    raw.filter(|raw| raw.reg_type == 4)?.bytes.as_slice().try_into().ok().map(u32::from_le_bytes)
}
