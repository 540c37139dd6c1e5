//! A server with many PCs in its database, made by `crates/server/examples/rules_fleet.rs`, and questions with a service account's token.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde_json::Value;

use super::product::Product;
use crate::http::{self, Answer};
use crate::repo::{self, Binaries};
use crate::serving::Place;
use crate::{process, say};

/// Starts a server in `folder` and puts so many PCs into its database; `with_people`: each with a person of its own, and most with a backup.
pub fn make(folder: &Path, pcs: u32, with_people: bool) -> anyhow::Result<Product> {
    let maker = example("server", "rules_fleet")?;
    let product = Product::start_unlimited(&Binaries::build()?, &Place::folder(&folder.join("rehome")))?;
    say::note(&format!("making {pcs} PCs"));
    let mut fleet = repo::program(&maker);
    fleet.arg(product.folder.join("server/rehome.db")).arg(pcs.to_string()).args(with_people.then_some("people"));
    let output = process::capture(&mut fleet, "")?;
    if !output.status.success() {
        bail!("the maker of the fleet said: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(product)
}

/// Builds an example in release, and says where it is.
pub fn example(package: &str, name: &str) -> anyhow::Result<PathBuf> {
    let mut cargo = repo::cargo();
    cargo.args(["build", "--release", "--locked", "--quiet", "--package", package, "--example", name]);
    if !process::run(&mut cargo, "")?.success() {
        bail!("the example {name} of {package} does not build");
    }
    Ok(repo::target()?.join("release/examples").join(name))
}

/// Posts a document to the API.
pub fn post(product: &Product, token: &str, (path, body): (&str, &Value)) -> anyhow::Result<Answer> {
    let fields = [
        ("authorization".to_owned(), format!("Bearer {token}")),
        ("content-type".to_owned(), "application/json".to_owned()),
    ];
    http::post(product.server.listen(), path, (&fields, &body.to_string())).with_context(|| format!("{path} was asked"))
}
