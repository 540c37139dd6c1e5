//! Goals 14 and 15: two hundred rules over a million PCs, and what an editor waits for while somebody writes a rule.
//!
//! The engine is held against two floors in the same process and in turn (`crates/rules/examples/rules_bench.rs`): the interpreter that most would write first, and plain loops over columns,
//! which is about what the machine can do. The preview is asked of the server itself, over HTTP, with a million PCs in its database.

use std::fmt::Write;
use std::path::Path;

use anyhow::{Context, bail};

use super::measure::{Watch, median};
use super::report::{Report, circumstances};
use super::start::resident_mb;
use super::{Args, fleet};
use crate::{process, repo, say};

const PCS: u32 = 1_000_000;
const RULES: u32 = 200;

/// What a server may take with a million PCs enrolled.
const MEMORY_MB_MAX: f64 = 300.0;

/// Rules that are asked for in previews: by one value, by the beginning of a version, by several, by names, which are different for each PC.
const PREVIEWS: [&str; 4] = [
    "device.deviceModel -eq \"Model 7\"",
    "device.deviceOSVersion -startsWith \"10.0.26100.\" -and device.operatingSystemSKU -ne \"Enterprise\"",
    "device.deviceManufacturer -in [\"Maker 1\", \"Maker 2\"] -or device.deviceOSVersion -ge 10.0.26200",
    "device.displayName -contains \"77\"",
];

/// Measures both.
pub fn measure(args: &Args, report: &mut Report) -> anyhow::Result<()> {
    let yardstick = fleet::example("rules", "rules_bench")?;
    let mut text = format!("## Rules\n\n{}\n", circumstances());
    let engine = engine(&yardstick, args)?;
    let column = |at: usize| median(engine.iter().map(|round| round[at]).collect());
    let (interpreter, floor, product, alone) = (column(0), column(1), column(2), column(3));
    writeln!(
        text,
        "{RULES} rules of three comparisons each over {PCS} PCs, one core, medians of {} rounds in turn; the engine's time includes compiling the rules.\n\n\
         | what | ns for a pair of PC and rule |\n| --- | --- |\n\
         | interpreter over rows of texts | {interpreter:.2} |\n| plain loops over columns | {floor:.2} |\n| the engine | {product:.2} |\n\n\
         Rounds (interpreter, columns, engine; one rule alone in ms): {}.\n",
        engine.len(),
        engine.iter().map(|[a, b, c, d]| format!("{a:.2} {b:.2} {c:.2} {d:.2}")).collect::<Vec<_>>().join("; ")
    )?;
    report.ratio(14, product / floor, &format!("{product:.2} / {floor:.2} ns a pair"));
    // Kept if what follows cannot be measured here.
    report.section("rules", text.clone());
    report.open(15, "the server's previews were not measured in this run");
    let (previews, resident) = previews(args)?;
    writeln!(
        text,
        "Previews of one rule over {PCS} PCs, as an editor asks: `POST /api/v1/rules/preview` over HTTP on the same machine, a new connection each; one rule alone in the engine took {alone:.1} ms. \
         The interpreter would take {:.0} ms for the same pairs.\n\n| rule | median | worst |\n| --- | --- | --- |",
        interpreter * f64::from(PCS) / 1e6
    )?;
    for (rule, times) in PREVIEWS.iter().zip(&previews) {
        let worst = times.iter().copied().fold(0.0, f64::max);
        writeln!(text, "| `{rule}` | {:.1} ms | {worst:.1} ms |", median(times.clone()))?;
    }
    writeln!(
        text,
        "\nResident memory of the server with all facts of these PCs: {resident:.0} MB; promised are {MEMORY_MB_MAX:.0}."
    )?;
    let slowest = previews.iter().map(|times| median(times.clone())).fold(0.0, f64::max);
    let floor = interpreter * f64::from(PCS) / 1e6;
    report.ratio(15, slowest / floor, &format!("{slowest:.1} ms, the slowest of the four / {floor:.1} ms"));
    report.section("rules", text);
    Ok(())
}

/// Rounds of the yardstick.
fn engine(yardstick: &Path, args: &Args) -> anyhow::Result<Vec<[f64; 4]>> {
    let mut command = repo::program(yardstick);
    command.args([PCS.to_string(), RULES.to_string(), args.rounds.to_string()]);
    let output = process::capture(&mut command, "")?;
    if !output.status.success() {
        bail!("the yardstick of rules said: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let text = String::from_utf8(output.stdout).context("the yardstick prints text")?;
    let round = |line: &str| -> anyhow::Result<[f64; 4]> {
        let figures: Vec<f64> = line.split(' ').map(str::parse).collect::<Result<_, _>>()?;
        figures.try_into().map_err(|_| anyhow::anyhow!("the yardstick said `{line}`"))
    };
    text.lines().map(round).collect()
}

/// Milliseconds of previews, by rule, and the server's memory after them, in MB.
fn previews(args: &Args) -> anyhow::Result<(Vec<Vec<f64>>, f64)> {
    let scratch = repo::scratch("bench-")?;
    let product = fleet::make(scratch.path(), PCS, false)?;
    let token = product.server.token("example", "gitops")?;
    let ask = |rule: &str| -> anyhow::Result<f64> {
        let body = serde_json::json!({"kind": "device", "rule": rule});
        let watch = Watch::start();
        let answer = fleet::post(&product, &token, ("/api/v1/rules/preview", &body))?;
        let took = watch.elapsed().as_secs_f64() * 1e3;
        if answer.status != 200 {
            bail!("the server answered a preview with {}: {}", answer.status, answer.body);
        }
        let said: serde_json::Value = serde_json::from_str(&answer.body).context("a preview is a document")?;
        if said["of"].as_u64() < Some(u64::from(PCS)) {
            bail!("the preview looked at {} PCs, not at {PCS}", said["of"]);
        }
        Ok(took)
    };
    say::note(&format!("the first preview, which reads all PCs: {:.1} s", ask(PREVIEWS[0])? / 1e3));
    let mut times = vec![Vec::new(); PREVIEWS.len()];
    for _ in 0..args.rounds {
        for (rule, times) in PREVIEWS.iter().zip(&mut times) {
            times.push(ask(rule)?);
        }
    }
    Ok((times, resident_mb(product.server.pid())?))
}
