//! Compiles `catalog/` into static tables, or stops the build with the file, the entry and what to do about it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

#[path = "src/catalog/blocked.rs"]
mod blocked;
#[path = "src/catalog/category.rs"]
#[expect(dead_code, reason = "compiled here too; the crate uses all of it")]
mod category;
#[path = "build/read.rs"]
mod read;
#[path = "src/reason.rs"]
#[expect(dead_code, reason = "compiled here too; the crate uses all of it")]
mod reason;
#[path = "src/catalog/rules.rs"]
mod rules;
#[path = "src/catalog/text.rs"]
mod text;
#[path = "src/catalog/types.rs"]
#[expect(dead_code, reason = "compiled here too; the crate uses all of it")]
mod types;
#[path = "build/write.rs"]
mod write;

/// Where the version stands, below `catalog/`.
const VERSION_FILE: &str = "version.toml";

/// Where the policies of Windows stand, below `catalog/`.
const POLICIES_FILE: &str = "policies.toml";

#[expect(clippy::disallowed_methods, reason = "cargo's own build folder: a torn file there is simply built again")]
fn main() {
    // Asked for when it runs: a build script that was copied from another checkout together with its build folder reads this one's catalog.
    let package = std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it for build scripts");
    let catalog = Path::new(&package).join("../../catalog");
    println!("cargo::rerun-if-changed={}", catalog.display());
    for source in ["build", "src/catalog", "src/reason.rs"] {
        println!("cargo::rerun-if-changed={source}");
    }
    match compile(&catalog) {
        Ok(text) => {
            let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets it for build scripts"));
            fs::write(out.join("catalog.rs"), text).expect("cargo's build folder can be written");
        }
        Err(problems) => {
            for problem in problems {
                println!("cargo::error={}", problem.replace('\n', " "));
            }
        }
    }
}

/// The generated text, or every problem found.
fn compile(catalog: &Path) -> Result<String, Vec<String>> {
    let version = version(catalog).map_err(|problem| vec![problem])?;
    let mut problems = Vec::new();
    let mut origin = BTreeMap::new();
    let mut all = read::Entries::default();
    for file in files(catalog).map_err(|problem| vec![problem])? {
        let text = fs::read_to_string(catalog.join(&file)).map_err(|error| vec![format!("catalog/{file}: {error}")])?;
        match read::read(&file, &text) {
            Ok(entries) => {
                origin.extend(entries.settings.iter().map(|setting| (setting.id.to_owned(), file.clone())));
                origin.extend(entries.left_out.iter().map(|entry| (entry.id.to_owned(), file.clone())));
                origin.extend(entries.packed.iter().map(|row| (rules::packed_entry(row), file.clone())));
                all.settings.extend(entries.settings);
                all.left_out.extend(entries.left_out);
                all.packed.extend(entries.packed);
            }
            Err(refusal) => problems.push(refusal.to_string()),
        }
    }
    let text = fs::read_to_string(catalog.join(POLICIES_FILE))
        .map_err(|error| vec![format!("catalog/{POLICIES_FILE}: {error}")])?;
    let policies = read::read_policies(POLICIES_FILE, &text).unwrap_or_else(|refusal| {
        problems.push(refusal.to_string());
        Vec::new()
    });
    origin.extend(policies.iter().map(|policy| (rules::policy_entry(policy), POLICIES_FILE.to_owned())));
    let entries =
        rules::Entries { settings: &all.settings, left_out: &all.left_out, packed: &all.packed, policies: &policies };
    for broken in rules::violations(&entries) {
        let file = origin.get(&broken.entry).map_or("?", String::as_str);
        problems.push(format!("catalog/{file}: {broken}"));
    }
    if problems.is_empty() { Ok(write::tables(version, all, policies)) } else { Err(problems) }
}

/// The TOML files of the category folders, as paths below `catalog/` with `/`, sorted.
fn files(catalog: &Path) -> Result<Vec<String>, String> {
    let mut files = Vec::new();
    for folder in names(catalog)?.into_iter().filter(|name| catalog.join(name).is_dir()) {
        for name in names(&catalog.join(&folder))? {
            if Path::new(&name).extension().is_none_or(|extension| extension != "toml") {
                return Err(format!("catalog/{folder}/{name}: a category folder holds TOML files only"));
            }
            files.push(format!("{folder}/{name}"));
        }
    }
    Ok(files)
}

fn names(folder: &Path) -> Result<Vec<String>, String> {
    let unreadable = |error: std::io::Error| format!("{}: {error}", folder.display());
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        names.push(entry.map_err(unreadable)?.file_name().to_string_lossy().into_owned());
    }
    names.sort_unstable();
    Ok(names)
}

fn version(catalog: &Path) -> Result<u32, String> {
    let wrong = |error: &dyn std::fmt::Display| format!("catalog/{VERSION_FILE}: {error}; it says `version = NUMBER`");
    let text = fs::read_to_string(catalog.join(VERSION_FILE)).map_err(|error| wrong(&error))?;
    let table: toml::Table = text.parse().map_err(|error| wrong(&error))?;
    let number = table.get("version").and_then(toml::Value::as_integer).and_then(|number| u32::try_from(number).ok());
    number.filter(|&number| number > 0 && table.len() == 1).ok_or_else(|| wrong(&"no version"))
}
