//! Who may use whom: the drawing of ARCHITECTURE.md, as a table.
//!
//! Development dependencies count too: a test that needs both halves of the road belongs in `e2e`, where everybody looks for it.

use super::Finding;

/// A package of the workspace.
pub struct Package {
    /// Its name.
    pub name: String,
    /// The folder of its manifest, from the root of the checkout.
    pub folder: String,
    /// What its manifest asks for.
    pub dependencies: Vec<Dependency>,
}

/// One line of a manifest.
pub struct Dependency {
    /// Package name.
    pub name: String,
    /// Whether only tests and examples use it.
    pub development: bool,
}

/// Each crate of ours with those it may use.
const ARROWS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("hive", &[]),
    ("rules", &[]),
    ("seal", &["model"]),
    ("store", &["model", "rules"]),
    ("device", &["model", "hive", "seal"]),
    ("server", &["model", "rules", "store", "seal"]),
    ("win32", &["device", "model"]),
    ("agent", &["device", "model", "seal", "win32"]),
    ("window", &["model", "win32"]),
    ("xtask", &[]),
];

/// Whole-system stories may reach everything of ours.
const OUTSIDE: &[&str] = &["e2e"];

/// Packages from elsewhere that only some crates may use outside tests: name prefix, who may, and why.
const CONFINED: &[(&str, &[&str], &str)] = &[
    ("windows", &["win32"], "the Windows API stays in win32"),
    ("winapi", &["win32"], "the Windows API stays in win32"),
    ("rusqlite", &["store"], "SQL stays in store"),
    ("sqlx", &["store"], "SQL stays in store"),
    (
        "ureq",
        &["device", "server", "store"],
        "HTTP clients stay in device, in the server's ways to identity providers and key services, and in the store's to object stores",
    ),
    ("reqwest", &[], "there is one HTTP client, ureq (docs/decisions/0030-signing-in.md)"),
];

/// Reads `cargo metadata`.
pub fn packages(metadata: &serde_json::Value) -> Vec<Package> {
    let root = metadata["workspace_root"].as_str().unwrap_or_default();
    let list = |value: &serde_json::Value| value.as_array().cloned().unwrap_or_default();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    list(&metadata["packages"])
        .iter()
        .map(|package| Package {
            name: text(&package["name"]),
            folder: text(&package["manifest_path"])
                .trim_start_matches(root)
                .trim_start_matches('/')
                .trim_end_matches("/Cargo.toml")
                .to_owned(),
            dependencies: list(&package["dependencies"])
                .iter()
                .map(|line| Dependency { name: text(&line["name"]), development: line["kind"].as_str() == Some("dev") })
                .collect(),
        })
        .collect()
}

/// Findings against the tables above.
pub fn check(packages: &[Package]) -> Vec<Finding> {
    let ours: Vec<&str> = packages.iter().map(|package| package.name.as_str()).collect();
    let mut findings = Vec::new();
    for package in packages {
        let manifest = format!("{}/Cargo.toml", package.folder);
        let row = ARROWS.iter().find(|(name, _)| *name == package.name);
        if row.is_none() && !OUTSIDE.contains(&package.name.as_str()) {
            let text = "a crate that the table of xtask/src/tidy/arrows.rs does not know: draw its arrows there and in ARCHITECTURE.md";
            findings.push(Finding::new(&manifest, 0, text));
        }
        for dependency in &package.dependencies {
            let ours = ours.contains(&dependency.name.as_str()) && dependency.name != package.name;
            if let Some((name, allowed)) =
                row.filter(|(_, allowed)| ours && !allowed.contains(&dependency.name.as_str()))
            {
                let may = if allowed.is_empty() { "nothing of ours".to_owned() } else { allowed.join(", ") };
                let text =
                    format!("`{name}` may use {may}, not `{}`: turn the arrow round or move the code", dependency.name);
                findings.push(Finding::new(&manifest, 0, text));
            }
            findings.extend(confined(package, dependency).map(|text| Finding::new(&manifest, 0, text)));
        }
    }
    findings
}

fn confined(package: &Package, dependency: &Dependency) -> Option<String> {
    let matches = |prefix: &str| dependency.name == prefix || dependency.name.starts_with(&format!("{prefix}-"));
    let (_, _, why) = CONFINED
        .iter()
        .find(|(prefix, who, _)| !dependency.development && matches(prefix) && !who.contains(&package.name.as_str()))?;
    Some(format!("`{}` may not use `{}`: {why}", package.name, dependency.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workspace(uses: &[(&str, &[&str])]) -> Vec<Package> {
        let package = |(name, uses): &(&str, &[&str])| Package {
            name: (*name).to_owned(),
            folder: format!("crates/{name}"),
            dependencies: uses.iter().map(|name| Dependency { name: (*name).to_owned(), development: false }).collect(),
        };
        uses.iter().map(package).collect()
    }

    #[test]
    fn the_drawn_arrows_pass() {
        let drawn = workspace(&[
            ("model", &["serde"]),
            ("store", &["model", "rusqlite"]),
            ("device", &["model", "ureq"]),
            ("e2e", &["model", "device", "store"]),
        ]);
        assert_eq!(check(&drawn), []);
    }

    #[test]
    fn a_server_that_reaches_the_device_is_found() {
        let found = check(&workspace(&[("device", &[]), ("server", &["device"])]));
        assert_eq!(found.len(), 1);
        assert_eq!(
            found[0].to_string(),
            "crates/server/Cargo.toml: `server` may use model, rules, store, seal, not `device`: turn the arrow round or move the code"
        );
    }

    #[test]
    fn a_model_that_uses_anything_of_ours_is_found() {
        assert_eq!(check(&workspace(&[("hive", &[]), ("model", &["hive"])])).len(), 1);
    }

    #[test]
    fn the_windows_api_and_sql_are_found_outside_their_crates() {
        assert_eq!(
            check(&workspace(&[
                ("agent", &["windows-sys"]),
                ("server", &["rusqlite"]),
                ("win32", &["windows-registry"])
            ]))
            .len(),
            2
        );
    }

    #[test]
    fn a_crate_nobody_drew_is_found() {
        assert_eq!(check(&workspace(&[("misc", &[])])).len(), 1);
    }

    #[test]
    fn cargo_metadata_is_understood() {
        let metadata = serde_json::json!({"workspace_root": "/x", "packages": [{"name": "seal", "manifest_path": "/x/crates/seal/Cargo.toml",
            "dependencies": [{"name": "model", "kind": null}, {"name": "insta", "kind": "dev"}]}]});
        let packages = packages(&metadata);
        assert_eq!(packages[0].folder, "crates/seal");
        assert!(!packages[0].dependencies[0].development && packages[0].dependencies[1].development);
    }
}
