//! How soon a restore has given back what a person may need to use the PC at all: accessibility, language and input. Two seconds are the promise.
//!
//! Two spans are measured with the program's own lines of progress: from the person's answer, which is the start of `rehome restore --yes`, and from
//! the server's, which is when the fetched backup has been opened and the plan begins.

use std::fmt::Write;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};

use super::Args;
use super::measure::{self, Watch, median};
use super::product::Product;
use super::report::{Report, circumstances};
use super::source::Source;
use crate::repo::{self, Binaries};

/// The longest span that we promise, in milliseconds.
const FIRST_STAGE_MS_MAX: f64 = 2_000.0;

/// When something was said, in milliseconds from the person's answer.
#[derive(Clone, Copy, Debug, Default)]
struct Times {
    answer_of_the_server: f64,
    first_stage: f64,
    end: f64,
}

/// Restores the same backup several times, each time into an empty registry file.
pub fn measure(args: &Args, report: &mut Report) -> anyhow::Result<()> {
    let binaries = Binaries::build()?;
    let scratch = repo::scratch("bench-")?;
    let source = Source::make(args, scratch.path())?;
    let product = Product::start(&binaries, &scratch.path().join("rehome"), None)?;
    measure::measure(&product.backup(&source.profile), &product.environment())?;
    let mut all = Vec::new();
    for round in 0..args.rounds {
        let target = scratch.path().join(format!("restored-{round}.reg"));
        all.push(restore(&product.restore_with_progress(&target), &product.environment())?);
    }
    let of = |span: fn(&Times) -> f64| median(all.iter().map(span).collect());
    let from_person = of(|times| times.first_stage);
    let from_server = of(|times| times.first_stage - times.answer_of_the_server);
    let end = of(|times| times.end);
    let worst = all.iter().map(|times| times.first_stage).fold(0.0, f64::max);
    let promised = format!("< {FIRST_STAGE_MS_MAX:.0} ms");
    let mut text = format!(
        "## The first stage of a restore\n\n{}\nHive: {}. {} rounds against a server on the same machine, each into an empty registry file.\n\n\
         | accessibility, language and input are there, durable and read back | median | promised |\n| --- | --- | --- |\n",
        circumstances(),
        source.hive_says,
        args.rounds
    );
    writeln!(
        text,
        "| from the person's answer (`--yes`) | {from_person:.0} ms, at worst {worst:.0} ms | {promised} |"
    )?;
    writeln!(text, "| from the server's answer | {from_server:.0} ms | {promised} |")?;
    writeln!(text, "| the whole restore, from the person's answer | {end:.0} ms | - |")?;
    report.section("stages", text);
    if worst >= FIRST_STAGE_MS_MAX {
        bail!("the first stage took {worst:.0} ms, and {FIRST_STAGE_MS_MAX:.0} ms are promised");
    }
    Ok(())
}

fn restore(words: &[String], environment: &[(String, String)]) -> anyhow::Result<Times> {
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).envs(environment.iter().cloned());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let watch = Watch::start();
    let mut running = command.spawn().with_context(|| format!("could not start {}", words[0]))?;
    let told = running.stderr.take().context("the restore's words are piped")?;
    let (mut times, mut said) = (Times::default(), String::new());
    for line in BufReader::new(told).lines() {
        let line = line.context("the restore's words could not be read")?;
        let at = watch.elapsed().as_secs_f64() * 1e3;
        let line_says = |field: &str, value: &serde_json::Value| -> bool {
            serde_json::from_str::<serde_json::Value>(&line).is_ok_and(|told| told[field] == *value)
        };
        if line_says("station", &"plan".into()) {
            times.answer_of_the_server = at;
        }
        if line_says("stage", &"first".into()) && line_says("complete", &true.into()) {
            times.first_stage = at;
        }
        said = line;
    }
    let status = running.wait().context("the restore could not be waited for")?;
    times.end = watch.elapsed().as_secs_f64() * 1e3;
    if !status.success() {
        bail!("`{}` failed: {said}", words.join(" "));
    }
    if times.answer_of_the_server == 0.0 || times.first_stage == 0.0 {
        bail!("the restore did not say how far it was: {said}");
    }
    Ok(times)
}
