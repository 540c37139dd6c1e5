//! The person's packaged apps as Windows itself lists them: `PackageManager` of the Windows Runtime, asked as the signed-in person, which takes no elevation.
//!
//! Not under Wine, which has no such class: there, and wherever the call fails, the package repository in the registry is the source
//! (`crates/device/src/apps/registry.rs`), as it is for a disk.

use device::apps::{Packaged, Signed};
use model::policy::Hive;
use windows::ApplicationModel::{Package, PackageSignatureKind};
use windows::Management::Deployment::{PackageManager, PackageTypes};
use windows::core::{HSTRING, Result};

use crate::facts;

/// The most packages that are looked at. A person has one or two hundred.
const PACKAGES_MAX: usize = 10_000;

/// Where Windows registers the class that is asked. To call a class that is not there has the library search for files that might have it, which takes longer than
/// all other reading of apps.
const CLASS: &str =
    r"SOFTWARE\Microsoft\WindowsRuntime\ActivatableClassId\Windows.Management.Deployment.PackageManager";

/// The main packages of the person who is signed in; `None` if Windows does not tell.
pub fn packages() -> Option<Vec<Packaged>> {
    facts::open(Hive::Machine, CLASS).ok().flatten()?;
    let manager = PackageManager::new().ok()?;
    // The plain question fails on some PCs (`E_NOT_SET`), where the wider one does not: winget asks the same way.
    let questions = [PackageTypes::Main, PackageTypes::Main | PackageTypes::Framework];
    questions.into_iter().find_map(|types| list(&manager, types).ok())
}

fn list(manager: &PackageManager, types: PackageTypes) -> Result<Vec<Packaged>> {
    // No text means the person who asks.
    let found = manager.FindPackagesByUserSecurityIdWithPackageTypes(&HSTRING::new(), types)?;
    // A package that does not tell costs itself.
    Ok(found.into_iter().take(PACKAGES_MAX).filter_map(|package| describe(&package).ok().flatten()).collect())
}

/// What a package says of itself; `None` for what only comes along with others.
fn describe(package: &Package) -> Result<Option<Packaged>> {
    if package.IsFramework()? || package.IsResourcePackage()? || package.IsOptional()? {
        return Ok(None);
    }
    let signed = match package.SignatureKind()? {
        PackageSignatureKind::System => Signed::Windows,
        PackageSignatureKind::Store => Signed::Store,
        _ => Signed::Other,
    };
    let title = package.DisplayName().ok().map(|title| title.to_string_lossy()).filter(|title| !title.is_empty());
    Ok(Some(Packaged { full_name: package.Id()?.FullName()?.to_string_lossy(), title, signed }))
}
