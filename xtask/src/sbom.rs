//! `cargo xtask sbom`: what is in the two programs, as a bill of materials in `CycloneDX` 1.6 (<https://cyclonedx.org/docs/1.6/json/>).
//!
//! It is made from what cargo resolves and `Cargo.lock` pins, and holds no time and no random number: the same commit gives the same bytes, so anybody can make
//! it again and compare. Crates of all platforms are in it, as one file is for all of them; what takes part in building only is marked `excluded`, and what
//! only tests use is not in it. Code in C that a crate brings (SQLite, zstd) is that crate.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::{ExitCode, Stdio};

use anyhow::{Context, bail};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{repo, say};

/// The crates of the programs, with the programs' names.
const PROGRAMS: [(&str, &str); 2] = [("agent", "rehome"), ("server", "rehome-server")];

/// Where to put it
#[derive(clap::Args)]
pub struct Args {
    /// Folder for the files, one for each program
    #[arg(long, default_value = "target/sbom")]
    out: PathBuf,
}

/// Makes the files and says where they are.
#[expect(clippy::disallowed_methods, reason = "files that are made anew at each run")]
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let output = repo::cargo()
        .args(["metadata", "--format-version", "1", "--locked"])
        .stderr(Stdio::inherit())
        .output()
        .context("could not run cargo")?;
    if !output.status.success() {
        bail!("cargo metadata: {}", output.status);
    }
    let metadata: Metadata = serde_json::from_slice(&output.stdout).context("cargo metadata")?;
    let lock: Lock = toml::from_str(&std::fs::read_to_string(repo::root().join("Cargo.lock"))?)?;
    let folder = repo::root().join(&args.out);
    std::fs::create_dir_all(&folder)?;
    for (package, program) in PROGRAMS {
        let path = folder.join(format!("{program}.cdx.json"));
        let bill = bill(&metadata, &lock, (package, program))?;
        std::fs::write(&path, serde_json::to_string_pretty(&bill)? + "\n")?;
        let count = bill["components"].as_array().map_or(0, Vec::len);
        say::good(&format!("{}: {count} components", path.display()));
    }
    Ok(ExitCode::SUCCESS)
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    license: Option<String>,
    description: Option<String>,
    repository: Option<String>,
    source: Option<String>,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<Kind>,
}

#[derive(Deserialize)]
struct Kind {
    kind: Option<String>,
}

/// `Cargo.lock`, for the hashes.
#[derive(Deserialize)]
struct Lock {
    package: Vec<Locked>,
}

#[derive(Deserialize)]
struct Locked {
    name: String,
    version: String,
    checksum: Option<String>,
}

impl Dependency {
    fn is(&self, kind: Option<&str>) -> bool {
        self.dep_kinds.iter().any(|one| one.kind.as_deref() == kind)
    }
}

impl Package {
    /// The package's address (<https://github.com/package-url/purl-spec>), which is its name within the bill as well. What is ours comes from no registry.
    fn purl(&self) -> String {
        let version = self.version.replace('+', "%2B");
        match self.source {
            Some(_) => format!("pkg:cargo/{}@{version}", self.name),
            None => format!("pkg:generic/rehome/{}@{version}", self.name),
        }
    }
}

/// What a package stands on, without what only tests use.
fn below<'m>(nodes: &BTreeMap<&str, &'m Node>, id: &str) -> impl Iterator<Item = (&'m str, bool)> {
    let deps = nodes.get(id).map(|node| node.deps.iter()).unwrap_or_default();
    deps.filter(|dep| dep.is(None) || dep.is(Some("build"))).map(|dep| (dep.pkg.as_str(), dep.is(None)))
}

/// The bill of one program.
fn bill(metadata: &Metadata, lock: &Lock, (package, program): (&str, &str)) -> anyhow::Result<Value> {
    let packages: BTreeMap<&str, &Package> = metadata.packages.iter().map(|one| (one.id.as_str(), one)).collect();
    let nodes: BTreeMap<&str, &Node> = metadata.resolve.nodes.iter().map(|node| (node.id.as_str(), node)).collect();
    let root = metadata.packages.iter().find(|one| one.name == package && one.source.is_none());
    let root = root.with_context(|| format!("there is no crate `{package}`"))?;
    // What the program runs with, and what of the rest takes part in building it.
    let (mut runs, mut builds) = (BTreeSet::new(), BTreeSet::new());
    let mut to_see = vec![(root.id.as_str(), true)];
    while let Some((id, running)) = to_see.pop() {
        if runs.contains(id) || (!running && builds.contains(id)) {
            continue;
        }
        if running {
            runs.insert(id)
        } else {
            builds.insert(id)
        };
        to_see.extend(below(&nodes, id).map(|(below, normal)| (below, running && normal)));
    }
    let mut components = BTreeMap::new();
    let mut dependencies = BTreeMap::new();
    for id in runs.union(&builds) {
        let found = packages.get(id).with_context(|| format!("cargo names no package `{id}`"))?;
        let on: BTreeSet<String> =
            below(&nodes, id).filter_map(|(id, _)| packages.get(id)).map(|one| one.purl()).collect();
        dependencies.insert(found.purl(), json!({"ref": found.purl(), "dependsOn": on}));
        if *id != root.id {
            components.insert(found.purl(), component(found, lock, runs.contains(id)));
        }
    }
    Ok(json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {
            "type": "application", "bom-ref": root.purl(), "name": program, "version": root.version,
            "licenses": [{"expression": root.license}],
        }},
        "components": components.into_values().collect::<Vec<_>>(),
        "dependencies": dependencies.into_values().collect::<Vec<_>>(),
    }))
}

fn component(package: &Package, lock: &Lock, runs: bool) -> Value {
    let mut component = json!({
        "type": "library", "bom-ref": package.purl(), "name": package.name, "version": package.version,
        "scope": if runs { "required" } else { "excluded" }, "purl": package.purl(),
    });
    if let Some(text) = &package.description {
        component["description"] = json!(text.split_whitespace().collect::<Vec<_>>().join(" "));
    }
    if let Some(license) = &package.license {
        // Older crates write a stroke for OR (SPDX has none).
        component["licenses"] = json!([{"expression": license.replace('/', " OR ")}]);
    }
    if let Some(place) = &package.repository {
        component["externalReferences"] = json!([{"type": "vcs", "url": place}]);
    }
    let locked = lock.package.iter().find(|one| one.name == package.name && one.version == package.version);
    if let Some(checksum) = locked.and_then(|one| one.checksum.as_ref()) {
        component["hashes"] = json!([{"alg": "SHA-256", "content": checksum}]);
    }
    component
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A program that stands on `a`, which stands on `b`; `c` builds `a`, and `d` is for tests.
    fn world(swap: bool) -> (Metadata, Lock) {
        let package = |name: &str, source: Option<&str>| {
            json!({"id": format!("id of {name}"), "name": name, "version": "1.0.0+x", "license": "MIT/Apache-2.0",
                "description": "two\n  lines", "repository": null, "source": source})
        };
        let node = |name: &str, on: &[(&str, Option<&str>)]| {
            let deps: Vec<Value> = on
                .iter()
                .map(|(name, kind)| json!({"pkg": format!("id of {name}"), "dep_kinds": [{"kind": kind}]}))
                .collect();
            json!({"id": format!("id of {name}"), "deps": deps})
        };
        let mut packages: Vec<Value> = ["a", "b", "c", "d"].map(|name| package(name, Some("registry"))).into();
        packages.push(package("agent", None));
        let mut nodes = vec![
            node("agent", &[("a", None), ("d", Some("dev"))]),
            node("a", &[("b", None), ("c", Some("build"))]),
            node("b", &[]),
            node("c", &[("b", None)]),
            node("d", &[]),
        ];
        if swap {
            packages.reverse();
            nodes.reverse();
        }
        let metadata = json!({"packages": packages, "resolve": {"nodes": nodes}});
        let lock = "[[package]]\nname = \"b\"\nversion = \"1.0.0+x\"\nchecksum = \"00ff\"\n";
        (serde_json::from_value(metadata).unwrap(), toml::from_str(lock).unwrap())
    }

    #[test]
    fn what_runs_what_builds_and_nothing_else_is_in_it() {
        let (metadata, lock) = world(false);
        let bill = bill(&metadata, &lock, ("agent", "rehome")).unwrap();
        let said: Vec<(&str, &str)> = bill["components"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| (one["name"].as_str().unwrap(), one["scope"].as_str().unwrap()))
            .collect();
        assert_eq!(said, [("a", "required"), ("b", "required"), ("c", "excluded")]);
        let b = &bill["components"][1];
        assert_eq!(b["purl"], "pkg:cargo/b@1.0.0%2Bx");
        assert_eq!(b["hashes"], json!([{"alg": "SHA-256", "content": "00ff"}]));
        assert_eq!(b["licenses"][0]["expression"], "MIT OR Apache-2.0");
        assert_eq!(b["description"], "two lines");
        assert_eq!(bill["metadata"]["component"]["name"], "rehome");
        assert_eq!(bill["dependencies"][0]["dependsOn"], json!(["pkg:cargo/b@1.0.0%2Bx", "pkg:cargo/c@1.0.0%2Bx"]));
        assert!(super::bill(&metadata, &lock, ("nothing", "x")).is_err());
    }

    #[test]
    fn the_same_crates_give_the_same_bytes() {
        let bytes = |swap| {
            let (metadata, lock) = world(swap);
            bill(&metadata, &lock, ("agent", "rehome")).unwrap().to_string()
        };
        assert_eq!(bytes(false), bytes(true));
    }
}
