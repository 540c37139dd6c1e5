//! The apps that a user's registry knows.
//!
//! Packaged apps: below `AppModel\Repository` of the classes hive, `Families` has a key for each family of the user with a key for each
//! package, whose `Flags` tell main packages from frameworks and resource packages; `Packages` says where a package lies and what it is
//! called (observed in hives of Windows 10 1709 and 1809; nothing of it is documented). Programs: the `Uninstall` key, as the control
//! panel lists it (Microsoft, "Uninstall Registry Key"): in the person's half of the registry those installed for them alone, in the PC's half those
//! for everybody, with one list of its own for programs of 32 bits.

use model::catalog::Root;
use model::policy::Hive;
use model::snapshot::{Again, App, AppKind, AppScope};

use super::{Apps, AppsError, FullName, Listed, in_order, is_store_folder, packaged, pins, store_ids};
use crate::codec::text_of;
use crate::facts::Places;
use crate::registry::{RawValue, Registry, RegistryError};

const REPOSITORY: &str = r"Local Settings\Software\Microsoft\Windows\CurrentVersion\AppModel\Repository";

const UNINSTALL: &str = r"Software\Microsoft\Windows\CurrentVersion\Uninstall";

/// The list of programs of 32 bits, in the PC's half.
const UNINSTALL_32: &str = r"Software\WOW6432Node\Microsoft\Windows\CurrentVersion\Uninstall";

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

    /// Each package is looked for in the one list of all packages first: to list the packages of each family takes four calls of Windows more for each.
    fn packaged(&self) -> Result<Vec<App>, AppsError> {
        let families = self.registry.subkeys(Root::Classes, &format!(r"{REPOSITORY}\Families"))?;
        // The list lacks what it lacks: those families are asked themselves.
        let listed = self.registry.subkeys(Root::Classes, &format!(r"{REPOSITORY}\Packages")).unwrap_or_default();
        let family_of = |package: &str| FullName::parse(package).map(|full| full.family().to_ascii_lowercase());
        let mut listed: Vec<_> =
            listed.iter().filter_map(|package| Some((family_of(package)?, package.as_str()))).collect();
        listed.sort_unstable();
        let mut apps = Vec::new();
        for family in &families {
            let folded = family.to_ascii_lowercase();
            let after = &listed[listed.partition_point(|(of, _)| *of < folded)..];
            let of_family = after.iter().take_while(|(of, _)| *of == folded);
            // What only comes along with others is most of what there is: nothing more is asked of it.
            let mains = of_family.filter(|(_, package)| !is_resource(package));
            let flagged: Option<Vec<_>> =
                mains.map(|(_, package)| Some((package, self.flags(family, package)?))).collect();
            match flagged {
                Some(flagged) if !flagged.is_empty() => {
                    let app = |(package, flags): (&&str, u32)| self.package(family, package, Some(flags));
                    apps.extend(flagged.into_iter().filter_map(app));
                }
                _ => apps.extend(self.packages_of(family)),
            }
        }
        Ok(apps)
    }

    /// The apps of a family by its own list. One that lies in a damaged place costs itself.
    fn packages_of(&self, family: &str) -> Vec<App> {
        let packages =
            self.registry.subkeys(Root::Classes, &format!(r"{REPOSITORY}\Families\{family}")).unwrap_or_default();
        let mains = packages.iter().filter(|package| !is_resource(package));
        mains.filter_map(|package| self.package(family, package, self.flags(family, package))).collect()
    }

    fn flags(&self, family: &str, package: &str) -> Option<u32> {
        let [flags] = self.read(&format!(r"{REPOSITORY}\Families\{family}\{package}"), ["Flags"]);
        number(flags)
    }

    /// The app that a package is; `None` for frameworks and what is no package at all.
    fn package(&self, family: &str, package: &str, stored: Option<u32>) -> Option<App> {
        let full = FullName::parse(package).filter(|full| full.family().eq_ignore_ascii_case(family))?;
        let flags = stored.unwrap_or(flags::MAIN);
        if flags & flags::MAIN == 0 || flags & (flags::FRAMEWORK | flags::RESOURCE) != 0 {
            return None;
        }
        let key = format!(r"{REPOSITORY}\Packages\{package}");
        let [folder, title] = self.read(&key, ["PackageRootFolder", "DisplayName"]);
        // Asked only where no flags have said it.
        let is_framework = || number(self.read(&key, ["Framework"]).into_iter().next().flatten()) == Some(1);
        if stored.is_none() && is_framework() {
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
            again: Again { store_id: store_ids::of(&full.family()).map(str::to_owned), ..Again::default() },
        })
    }

    fn programs(&self) -> Result<Vec<App>, AppsError> {
        let ids = self.registry.subkeys(Root::User, UNINSTALL)?;
        let read = |id: &str, name: &str| {
            Ok(self.registry.read(Root::User, &format!(r"{UNINSTALL}\{id}"), &[name])?.pop().flatten())
        };
        Ok(ids.iter().filter_map(|id| program(id, AppScope::User, &read)).collect())
    }

    fn read<const N: usize>(&self, key: &str, names: [&str; N]) -> [Option<RawValue>; N] {
        let found = self.registry.read(Root::Classes, key, &names).ok().and_then(|found| found.try_into().ok());
        found.unwrap_or([const { None }; N])
    }
}

/// Whether a package has only languages or pictures of another.
fn is_resource(package: &str) -> bool {
    FullName::parse(package).is_some_and(|full| full.is_resource())
}

impl Apps for RegistryApps<'_> {
    fn list(&self) -> Result<Vec<App>, AppsError> {
        let mut apps = self.packaged()?;
        let pinned = pins::families(self.registry);
        for app in &mut apps {
            app.again.pinned = pinned.contains(&app.id.to_ascii_lowercase());
        }
        apps.extend(self.programs()?);
        Ok(in_order(apps))
    }
}

/// The programs that are installed for everybody on a PC: the lists of 64 and of 32 bits. One that cannot be read is left out, unless the other is empty.
pub fn machine_programs(places: &dyn Places) -> Result<Vec<App>, AppsError> {
    let (mut apps, mut damage) = (Vec::new(), None);
    for key in [UNINSTALL, UNINSTALL_32] {
        let read = |id: &str, name: &str| places.value(Hive::Machine, &format!(r"{key}\{id}"), name);
        match places.subkeys(Hive::Machine, key) {
            Ok(ids) => apps.extend(ids.iter().filter_map(|id| program(id, AppScope::Machine, &read))),
            Err(found) => damage = damage.or(Some(found)),
        }
    }
    match damage {
        Some(damage) if apps.is_empty() => Err(damage.into()),
        _ => Ok(in_order(apps)),
    }
}

/// The apps of a live PC: the person's, and the programs for everybody.
pub struct PcApps<'a> {
    /// The person's registry.
    pub registry: &'a dyn Registry,
    /// What the PC lists beside it.
    pub listed: &'a Listed,
}

impl Apps for PcApps<'_> {
    fn list(&self) -> Result<Vec<App>, AppsError> {
        let mut apps = RegistryApps::new(self.registry).list()?;
        if let Some(packages) = &self.listed.packages {
            apps = packaged::instead(apps, packages);
        }
        apps.extend_from_slice(&self.listed.programs);
        Ok(in_order(apps))
    }
}

/// Reads a value of an uninstall key.
type ReadValue<'r> = dyn Fn(&str, &str) -> Result<Option<RawValue>, RegistryError> + 'r;

/// The program of an uninstall key, by the rules of the control panel's list: parts and updates of others are not shown. A key that cannot be read
/// costs itself.
fn program(id: &str, scope: AppScope, read: &ReadValue<'_>) -> Option<App> {
    let value = |name: &str| read(id, name).ok().flatten();
    let name = text(value("DisplayName")).filter(|name| is_title(name))?;
    let is_update = text(value("ReleaseType")).is_some_and(|kind| kind.contains("Update") || kind == "Hotfix");
    if number(value("SystemComponent")) == Some(1) || text(value("ParentKeyName")).is_some() || is_update {
        return None;
    }
    let (version, publisher) = (text(value("DisplayVersion")), text(value("Publisher")));
    let again = Again { scope: Some(scope), ..Again::default() };
    Some(App { kind: AppKind::Desktop, id: id.to_owned(), name: Some(name), version, publisher, again })
}

/// Whether a title is text for people, and not a pointer to text in the app's resources, which only that PC can follow.
pub(super) fn is_title(title: &str) -> bool {
    !title.starts_with('@') && !title.starts_with("ms-resource:")
}

/// The text of a `REG_SZ`, or of a `REG_EXPAND_SZ` as it stands there: only its own PC knows its variables. `None` if there is none or it is empty.
pub(super) fn text(raw: Option<RawValue>) -> Option<String> {
    let text = text_of(&raw.filter(|raw| matches!(raw.reg_type, 1 | 2))?.bytes)?;
    (!text.trim().is_empty()).then(|| text.trim().to_owned())
}

/// The number of a `REG_DWORD`.
pub(super) fn number(raw: Option<RawValue>) -> Option<u32> {
    raw.filter(|raw| raw.reg_type == 4)?.bytes.as_slice().try_into().ok().map(u32::from_le_bytes)
}
