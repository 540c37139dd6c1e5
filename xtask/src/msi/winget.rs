//! The winget manifest: three YAML files, filled in from the package that they name.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use super::FOLDER;
use crate::{process, repo};

/// Writes the manifest into a folder beside the package, and says which files.
pub fn write(package: &Path, version: &str, url: &str) -> anyhow::Result<Vec<PathBuf>> {
    let name = package.file_name().and_then(|name| name.to_str()).context("the package's name is text")?;
    let address = format!("{}/{name}", url.trim_end_matches('/'));
    let (sha256, product_code, upgrade_code) =
        (sha256(package)?, property(package, "ProductCode")?, property(package, "UpgradeCode")?);
    let fill = [
        ("version", version),
        ("url", &address),
        ("sha256", &sha256),
        ("product_code", &product_code),
        ("upgrade_code", &upgrade_code),
    ];
    let folder = package.with_file_name("winget");
    std::fs::create_dir_all(&folder)?;
    let mut written = Vec::new();
    for entry in std::fs::read_dir(repo::root().join(FOLDER).join("winget"))? {
        let template = entry?.path();
        let mut text = std::fs::read_to_string(&template)?;
        for (word, value) in fill {
            text = text.replace(&format!("{{{{{word}}}}}"), value);
        }
        if text.contains("{{") {
            bail!("{} has a word that nothing fills in", template.display());
        }
        let to = folder.join(template.file_name().expect("a file has a name"));
        repo::write(&to, text)?;
        written.push(to);
    }
    written.sort();
    Ok(written)
}

fn sha256(file: &Path) -> anyhow::Result<String> {
    let said = process::capture(Command::new("sha256sum").arg(file), "")?;
    let digits = String::from_utf8(said.stdout)?.split_whitespace().next().unwrap_or_default().to_uppercase();
    if digits.len() == 64 { Ok(digits) } else { bail!("sha256sum said nothing of {}", file.display()) }
}

/// A property of the package.
fn property(package: &Path, name: &str) -> anyhow::Result<String> {
    let said = process::capture(Command::new("msiinfo").arg("export").arg(package).arg("Property"), "")?;
    let table = String::from_utf8_lossy(&said.stdout).into_owned();
    let row = table.lines().find_map(|line| line.trim_end().strip_prefix(name)?.strip_prefix('\t'));
    row.map(str::to_owned).with_context(|| format!("{} has no property {name}", package.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the published schema of version 1.10.0 demands of each of the three files, and the fields that it knows of those we use.
    const FILES: [(&str, &str, &[&str], &[&str]); 3] = [
        (
            "Rehome.Agent.yaml",
            "version",
            &["PackageIdentifier", "PackageVersion", "DefaultLocale", "ManifestType", "ManifestVersion"],
            &[],
        ),
        (
            "Rehome.Agent.installer.yaml",
            "installer",
            &["PackageIdentifier", "PackageVersion", "Installers", "ManifestType", "ManifestVersion"],
            &[
                "Platform",
                "MinimumOSVersion",
                "InstallerType",
                "Scope",
                "InstallModes",
                "UpgradeBehavior",
                "Commands",
                "ElevationRequirement",
                "InstallerSwitches",
                "ProductCode",
                "AppsAndFeaturesEntries",
            ],
        ),
        (
            "Rehome.Agent.locale.en-US.yaml",
            "defaultLocale",
            &[
                "PackageIdentifier",
                "PackageVersion",
                "PackageLocale",
                "Publisher",
                "PackageName",
                "License",
                "ShortDescription",
                "ManifestType",
                "ManifestVersion",
            ],
            &["Description", "Moniker", "Tags"],
        ),
    ];

    #[test]
    fn each_file_of_the_manifest_has_what_the_schema_demands_and_nothing_that_it_does_not_know() {
        let folder = repo::root().join(FOLDER).join("winget");
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), FILES.len());
        for (name, kind, demanded, known) in FILES {
            let text = std::fs::read_to_string(folder.join(name)).unwrap();
            let fields: Vec<_> = text
                .lines()
                .filter(|line| line.starts_with(|first: char| first.is_ascii_uppercase()))
                .map(|line| line.split(':').next().unwrap())
                .collect();
            for field in demanded {
                assert_eq!(fields.iter().filter(|there| there == &field).count(), 1, "{name}: {field}");
            }
            for field in &fields {
                assert!(demanded.contains(field) || known.contains(field), "{name}: {field}");
            }
            assert!(text.contains(&format!("\nManifestType: {kind}\nManifestVersion: 1.10.0\n")), "{name}");
            assert!(text.contains("PackageIdentifier: Rehome.Agent\nPackageVersion: {{version}}\n"), "{name}");
        }
        let installer = std::fs::read_to_string(folder.join("Rehome.Agent.installer.yaml")).unwrap();
        for line in ["- Architecture: x64", "  InstallerUrl: {{url}}", "  InstallerSha256: {{sha256}}"] {
            assert!(installer.lines().any(|there| there == line), "{line}");
        }
    }

    #[test]
    fn the_upgrade_code_never_changes() {
        let package = std::fs::read_to_string(repo::root().join(FOLDER).join("rehome.wxs")).unwrap();
        assert!(package.contains("UpgradeCode=\"7B5A3E0C-52C3-4C58-9A55-1D2F4B6C9E71\""), "each PC knows us by it");
    }
}
