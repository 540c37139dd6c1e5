//! What a PC's history takes when retention has gone over it: goal 16.
//!
//! Product and borg take the same 45 backups, a year of one every eight days, one value changed in each; after each, both let go of what the same rule does not
//! keep (the newest eight, and the newest of each of twelve months), as the product's server does once a day, and at the end borg compacts its repository. All happens in
//! one sitting, so both keep the newest eight. The picture that both store once says nothing about a history: what is compared is what came after the first backup.
//!
//! The product's database grows in pages of 4 kB and keeps those that are free for the next who needs one, so several PCs share one here, as they do in life;
//! the figure is that of one.

use std::fmt::Write;

use anyhow::Context;

use super::Args;
use super::report::{Report, circumstances};
use super::road;
use super::source::Source;
use crate::repo::{self, Binaries};

/// PCs that share the product's database.
const PCS: u32 = 64;
/// Backups after the first.
const CHANGES: u32 = 45;
/// What both are told to keep.
const RULES: [&str; 4] = ["--keep-last", "8", "--keep-monthly", "12"];

/// Backs up, lets go, and weighs.
pub fn measure(args: &Args, report: &mut Report) -> anyhow::Result<()> {
    const GOAL: u32 = 16;
    if repo::which("borg").is_none() {
        report.open(GOAL, "borg is not installed");
        return Ok(());
    }
    let binaries = Binaries::build()?;
    let scratch = repo::scratch("bench-")?;
    let source = Source::make(args, scratch.path())?;
    let folder = |name: &str| -> anyhow::Result<std::path::PathBuf> {
        let folder = scratch.path().join(name);
        std::fs::create_dir_all(&folder).with_context(|| format!("could not make {}", folder.display()))?;
        Ok(folder)
    };
    let (ours, borg) = (road::rehome(&folder("rehome")?, &source, &binaries)?, road::borg(&folder("borg")?, &source)?);
    let product = ours.product.as_ref().context("the product has a server")?;
    let mut pcs = vec![product.environment()];
    for number in 1..PCS {
        pcs.push(product.another(&format!("PC {number}"))?);
    }
    let back_up = || -> anyhow::Result<()> {
        pcs.iter().try_for_each(|pc| ours.back_up_as(pc).map(drop))?;
        borg.back_up_as(&borg.environment).map(drop)
    };
    let rules = RULES.join(" ");
    let repository = borg.stored.display();
    product.server.retain("example", &RULES)?;
    back_up()?;
    let firsts = [ours.stored_bytes()?, borg.stored_bytes()?];
    for number in 0..CHANGES {
        source.change(1 + number)?;
        back_up()?;
        product.server.let_go("example")?;
        road::set_up(&format!("borg prune {rules} {repository}"), &borg.environment)?;
    }
    road::set_up(&format!("borg compact {repository}"), &borg.environment)?;
    let grown = [(ours.stored_bytes()? - firsts[0]) / u64::from(PCS), borg.stored_bytes()?.saturating_sub(firsts[1])];
    #[expect(clippy::cast_precision_loss, reason = "some kB fit a double")]
    let [us, them] = grown.map(|bytes| bytes as f64);
    report.ratio(GOAL, us / them, &format!("{us:.0} / {them:.0} bytes"));
    let mut text = format!(
        "## What a history takes\n\n{}\n{CHANGES} backups of one changed value after the first, retention with `{rules}` after each; borg also `compact` at the end. The product's figure is \
         the {PCS}th part of what its whole data folder grew by with {PCS} PCs, audit included, with the server stopped.\n\n| tool | first backup | beyond it, after retention |\n| --- | --- | --- |\n",
        circumstances()
    );
    for (name, first, grown) in [("this project", firsts[0], grown[0]), ("borg", firsts[1], grown[1])] {
        writeln!(text, "| {name} | {first} | {grown} |")?;
    }
    report.section("kept", text);
    Ok(())
}
