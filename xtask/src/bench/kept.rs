//! What a PC's history takes when retention has gone over it: goal 16.
//!
//! Product and borg take the same 45 backups, a year of one every eight days, one value changed in each; then both let go of what the same rule does not keep
//! (the newest eight, and the newest of each of twelve months), and borg compacts its repository. All happens in one sitting, so both keep the newest eight. The picture that
//! both store once says nothing about a history: what is compared is what came after the first backup.

use std::fmt::Write;

use anyhow::Context;

use super::Args;
use super::report::{Report, circumstances};
use super::road::{self, Tool};
use super::source::Source;
use crate::repo::{self, Binaries};

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
    let firsts = [first(&ours)?, first(&borg)?];
    for number in 0..CHANGES {
        source.change(1 + number)?;
        ours.back_up()?;
        borg.back_up()?;
    }
    let product = ours.product.as_ref().context("the product has a server")?;
    product.server.retain("example", &RULES)?;
    let repository = borg.stored.display();
    let rules = RULES.join(" ");
    road::set_up(&format!("borg prune {rules} {repository} && borg compact {repository}"), &borg.environment)?;
    let grown = [ours.stored_bytes()?.saturating_sub(firsts[0]), borg.stored_bytes()?.saturating_sub(firsts[1])];
    #[expect(clippy::cast_precision_loss, reason = "some kB fit a double")]
    let [us, them] = grown.map(|bytes| bytes as f64);
    report.ratio(GOAL, us / them, &format!("{us:.0} / {them:.0} bytes"));
    let mut text = format!(
        "## What a history takes\n\n{}\n{CHANGES} backups of one changed value after the first, then retention with `{rules}`; borg also `compact`. The product's figure is \
         its whole data folder, audit included, with the server stopped.\n\n| tool | first backup | beyond it, after retention |\n| --- | --- | --- |\n",
        circumstances()
    );
    for (name, first, grown) in [("this project", firsts[0], grown[0]), ("borg", firsts[1], grown[1])] {
        writeln!(text, "| {name} | {first} | {grown} |")?;
    }
    report.section("kept", text);
    Ok(())
}

fn first(tool: &Tool) -> anyhow::Result<u64> {
    tool.back_up()?;
    tool.stored_bytes()
}
