//! Backup and restore of one person, end to end, in turn with the tools people use: goals 4, 5, 6, 9 and 10.
//!
//! Each round gives every peer a fresh repository and takes it through five steps: set up, first backup, nothing changed, one value changed
//! (several times, so that growth in whole pages averages out), restore. Only the client's steps are measured; the peers that have no server do the
//! server's work in the client, which is said in the table. Set-up is not judged.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::measure::{self, Sample};
use super::product::{self, Product};
use super::report::{Report, circumstances};
use super::source::Source;
use super::{Args, machine};
use crate::repo::{self, Binaries};
use crate::say;

/// Backups of one changed value each that growth is the mean of.
const CHANGES: u32 = 32;

/// A tool in one round: what to run, and where it stores.
pub struct Tool {
    backup: Vec<String>,
    restore: Vec<String>,
    /// Where it stores.
    pub stored: PathBuf,
    /// What its commands need in their environment.
    pub environment: Vec<(String, String)>,
    /// The product's server, kept running while its client is measured.
    pub product: Option<Product>,
}

/// A tool that may be installed.
struct Peer {
    name: &'static str,
    /// Programs it needs.
    programs: &'static [&'static str],
    /// Sets it up in an empty folder.
    set_up: fn(&Path, &Source) -> anyhow::Result<Tool>,
}

const PEERS: &[Peer] = &[
    Peer { name: "bupstash", programs: &["bupstash"], set_up: bupstash },
    Peer { name: "borg", programs: &["borg"], set_up: borg },
    Peer { name: "restic", programs: &["restic"], set_up: restic },
    Peer { name: "tar+zstd", programs: &["tar", "zstd"], set_up: tar },
];

const STEPS: [&str; 4] = ["first", "same", "one value", "restore"];

type Figures = BTreeMap<(&'static str, &'static str), Vec<Sample>>;

/// Measures all steps of all tools, `args.rounds` times in turn.
pub fn measure(args: &Args, report: &mut Report) -> anyhow::Result<()> {
    let binaries = Binaries::build()?;
    let scratch = repo::scratch("bench-")?;
    let source = Source::make(args, scratch.path())?;
    let peers: Vec<&Peer> = PEERS.iter().filter(|peer| installed(peer)).collect();
    let mut figures = Figures::new();
    for round in 0..args.rounds {
        say::note(&format!("round {} of {}, load {}", round + 1, args.rounds, machine::load()));
        let folder = scratch.path().join(format!("round-{round}"));
        let ours = rehome(&folder.join("rehome"), &source, &binaries)?;
        walk(&mut figures, "this project", &ours, &source, round)?;
        for peer in &peers {
            let room = folder.join(peer.name);
            std::fs::create_dir_all(&room).with_context(|| format!("could not make {}", room.display()))?;
            let tool = (peer.set_up)(&room, &source).with_context(|| format!("{} could not be set up", peer.name))?;
            walk(&mut figures, peer.name, &tool, &source, round)?;
        }
        std::fs::remove_dir_all(&folder).context("could not clear a round's folder")?;
    }
    judge(&figures, report);
    report.section("road", table(&figures, &source, args.rounds));
    Ok(())
}

fn installed(peer: &Peer) -> bool {
    let absent: Vec<&str> = peer.programs.iter().copied().filter(|program| repo::which(program).is_none()).collect();
    if !absent.is_empty() {
        say::skipped(&format!("{}: {} is not installed", peer.name, absent.join(", ")));
    }
    absent.is_empty()
}

impl Tool {
    /// Bytes that it stores. A server is stopped for that, so that it has put its write-ahead log in order.
    pub fn stored_bytes(&self) -> anyhow::Result<u64> {
        match &self.product {
            Some(product) => product.server.while_stopped(|| product::bytes_in(&self.stored)),
            None => Ok(product::bytes_in(&self.stored)),
        }
    }

    /// Makes one backup in this environment, and gives what it took.
    pub fn back_up_as(&self, environment: &[(String, String)]) -> anyhow::Result<Sample> {
        measure::measure(&self.backup, environment)
    }
}

/// Takes one tool through the steps; each is repeated as often as it needs, and its growth is the mean of the repetitions.
fn walk(figures: &mut Figures, name: &'static str, tool: &Tool, source: &Source, round: u32) -> anyhow::Result<()> {
    let mut stored = tool.stored_bytes()?;
    for (step, times, words) in [
        ("first", 1, &tool.backup),
        ("same", 1, &tool.backup),
        ("one value", CHANGES, &tool.backup),
        ("restore", 1, &tool.restore),
    ] {
        let mut samples = Vec::new();
        for time in 0..times {
            if step == "one value" {
                source.change(1 + round * CHANGES + time)?;
            }
            samples.push(measure::measure(words, &tool.environment).with_context(|| format!("{name}, step {step}"))?);
        }
        let now = tool.stored_bytes()?;
        #[expect(clippy::cast_precision_loss, reason = "a repository of some MB fits a double")]
        let growth = (now as f64 - stored as f64) / f64::from(times);
        for sample in &mut samples {
            sample.growth = growth;
        }
        figures.entry((name, step)).or_default().extend(samples);
        stored = now;
    }
    Ok(())
}

/// The product, with an enrolled PC.
pub fn rehome(folder: &Path, source: &Source, binaries: &Binaries) -> anyhow::Result<Tool> {
    let product = Product::start(binaries, folder, None)?;
    let (backup, restore) = (product.backup(&source.profile), product.restore(&folder.join("restored.reg")));
    let (stored, environment) = (folder.join("server"), product.environment());
    Ok(Tool { backup, restore, stored, environment, product: Some(product) })
}

fn bupstash(folder: &Path, source: &Source) -> anyhow::Result<Tool> {
    let (repository, key, out) = (folder.join("repo"), folder.join("key"), folder.join("out"));
    set_up(&format!("bupstash init -r {} && bupstash new-key -o {}", repository.display(), key.display()), &[])?;
    let common = format!("-q -k {} -r {}", key.display(), repository.display());
    let id = folder.join("id");
    let id = id.display();
    Ok(Tool {
        backup: shell(&format!("bupstash put {common} name=s {} >{id}", source.plain.display())),
        restore: shell(&format!("bupstash restore {common} --into {} id=$(cat {id})", made(&out)?.display())),
        stored: repository,
        environment: home(folder),
        product: None,
    })
}

/// An empty repository of borg's.
pub fn borg(folder: &Path, source: &Source) -> anyhow::Result<Tool> {
    let (repository, out) = (folder.join("repo"), made(&folder.join("out"))?);
    let mut environment = home(folder);
    environment.push(("BORG_PASSPHRASE".to_owned(), "x".to_owned()));
    environment.push(("BORG_BASE_DIR".to_owned(), folder.display().to_string()));
    let shown = repository.display();
    set_up(&format!("borg init -e repokey-blake2 {shown}"), &environment)?;
    let extract = format!("cd {} && borg extract {shown}::$(borg list --last 1 --short {shown})", out.display());
    let backup = words(&format!("borg create {shown}::{{now:%f}} {}", source.plain.display()));
    Ok(Tool { backup, restore: shell(&extract), stored: repository, environment, product: None })
}

fn restic(folder: &Path, source: &Source) -> anyhow::Result<Tool> {
    let (repository, out) = (folder.join("repo"), folder.join("out"));
    let mut environment = home(folder);
    environment.push(("RESTIC_PASSWORD".to_owned(), "x".to_owned()));
    environment.push(("RESTIC_CACHE_DIR".to_owned(), folder.join("cache").display().to_string()));
    set_up(&format!("restic -q -r {} init", repository.display()), &environment)?;
    Ok(Tool {
        backup: words(&format!("restic -q -r {} backup {}", repository.display(), source.plain.display())),
        restore: words(&format!("restic -q -r {} restore latest --target {}", repository.display(), out.display())),
        stored: repository,
        environment,
        product: None,
    })
}

fn tar(folder: &Path, source: &Source) -> anyhow::Result<Tool> {
    let (repository, out) = (made(&folder.join("repo"))?, made(&folder.join("out"))?);
    let (here, from, to) = (repository.display(), source.plain.display(), out.display());
    Ok(Tool {
        backup: shell(&format!("tar c -C {from} . | zstd -q -3 -f -o {here}/$$.tar.zst && sync -f {here}")),
        restore: shell(&format!("zstd -dqc $(ls -t {here}/*.zst | head -1) | tar x -C {to}")),
        stored: repository.clone(),
        environment: home(folder),
        product: None,
    })
}

fn judge(figures: &Figures, report: &mut Report) {
    let of = |name, step| figures.get(&(name, step)).map(|samples| measure::medians(samples));
    let mut ratio = |goal: u32, step: &'static str, peer: &'static str, unit: &str, figure: fn(&Sample) -> f64| match (
        of("this project", step),
        of(peer, step),
    ) {
        (Some(ours), Some(theirs)) => report.ratio(
            goal,
            figure(&ours) / figure(&theirs),
            &format!("{:.4} / {:.4} {unit}", figure(&ours), figure(&theirs)),
        ),
        _ => report.open(goal, &format!("{peer} is not installed")),
    };
    ratio(4, "first", "bupstash", "s", |sample| sample.cpu_s);
    ratio(5, "same", "bupstash", "s", |sample| sample.cpu_s);
    ratio(6, "one value", "borg", "bytes", |sample| sample.growth);
    ratio(9, "restore", "bupstash", "s", |sample| sample.cpu_s);
    let peak = |name| STEPS.iter().filter_map(|step| of(name, step)).map(|sample| sample.peak_mib).reduce(f64::max);
    match (peak("this project"), peak("bupstash")) {
        (Some(ours), Some(theirs)) => report.ratio(10, ours / theirs, &format!("{ours:.1} / {theirs:.1} MiB")),
        _ => report.open(10, "bupstash is not installed"),
    }
}

fn table(figures: &Figures, source: &Source, rounds: u32) -> String {
    let mut text = format!(
        "## Backup and restore\n\n{}\nHive: {}. Medians of {rounds} rounds in turn; \"one value\" is the median of {CHANGES} changes a round. Peers: {}.\n\n",
        circumstances(),
        source.hive_says,
        PEERS
            .iter()
            .flat_map(|peer| peer.programs)
            .map(|program| machine::version(program))
            .collect::<Vec<_>>()
            .join(", ")
    );
    text += "| tool | step | CPU s | wall s | peak MiB | stored bytes |\n| --- | --- | --- | --- | --- | --- |\n";
    for name in std::iter::once("this project").chain(PEERS.iter().map(|peer| peer.name)) {
        for step in STEPS {
            let Some(samples) = figures.get(&(name, step)) else { continue };
            let Sample { cpu_s, wall_s, peak_mib, growth } = measure::medians(samples);
            writeln!(text, "| {name} | {step} | {cpu_s:.4} | {wall_s:.4} | {peak_mib:.1} | {growth:.0} |")
                .expect("writing to a string does not fail");
        }
    }
    text += "\nThe rehearsal that follows a new backup is left out, as no peer opens what it has stored; its bytes stand under Network. This project's client talks to a server of its own over loopback HTTP, and its stored bytes are all that the server's folder grew by, \
        database, indexes, audit and archive, measured with the server stopped; the peers write to a folder themselves. A step's growth is the mean \
        over its repetitions.\n";
    text
}

/// Runs a line of the shell that is not measured.
pub fn set_up(line: &str, environment: &[(String, String)]) -> anyhow::Result<()> {
    measure::measure(&shell(line), environment).map(drop)
}

fn home(folder: &Path) -> Vec<(String, String)> {
    ["HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"].map(|name| (name.to_owned(), folder.display().to_string())).to_vec()
}

fn made(folder: &Path) -> anyhow::Result<PathBuf> {
    std::fs::create_dir_all(folder).with_context(|| format!("could not make {}", folder.display()))?;
    Ok(folder.to_owned())
}

/// A command whose words have no spaces: the scratch folder's path must not have any either.
fn words(line: &str) -> Vec<String> {
    line.split(' ').map(str::to_owned).collect()
}

fn shell(line: &str) -> Vec<String> {
    vec!["sh".to_owned(), "-c".to_owned(), line.to_owned()]
}
