//! What a million enrolled PCs cost: the same requests, the same pages, beside a thousand.
//!
//! The fleet is rows in the database (`crates/server/examples/rules_fleet.rs`); 128 PCs more are enrolled as PCs are, and ask. A figure at half the load is what people and PCs wait
//! for on an ordinary day: `wrk` then pauses between a connection's requests.

use std::fmt::Write;
use std::path::Path;

use anyhow::Context;

use super::{CLIENTS, Device, Rate, SECONDS, ask, enroll, requests, rest, run_backups, run_checks};
use crate::bench::product::Product;
use crate::bench::report::{Report, circumstances};
use crate::bench::start::resident_mb;
use crate::bench::{Args, fleet, pages};
use crate::{http, repo, say};

/// Enrolled PCs, few and many.
const SIZES: [u32; 2] = [1_000, 1_000_000];

/// What is promised with many, in milliseconds: check-ins and backups, 99 of 100, at half the top load; a page of the console.
const CHECK_IN_MAX: f64 = 20.0;
const BACKUP_MAX: f64 = 100.0;
const PAGE_MAX: f64 = 200.0;

/// Memory of the server, in MB.
const MEMORY_MAX: f64 = 300.0;

/// A kind of request.
type Kind = fn(&Product, &[Device], &Path, u32) -> anyhow::Result<Rate>;

const KINDS: [(&str, Kind); 3] = [("check-in", run_check_ins), ("backup", run_backups), ("check", run_checks)];

/// Measures both sizes.
pub fn measure(args: &Args, report: &mut Report) -> anyhow::Result<()> {
    if repo::which("wrk").is_none() {
        say::skipped("a million PCs: wrk is not installed");
        return Ok(());
    }
    let mut text = format!(
        "## A million PCs\n\n{}\nOne server, SQLite, {CLIENTS} connections, runs of {SECONDS} s; CPU is the server's, each request.\n\n\
         | what | PCs | a second | CPU us | p99 ms | p99 ms at half the load |\n| --- | --- | --- | --- | --- | --- |\n",
        circumstances()
    );
    let (mut notes, mut alone) = (String::new(), String::new());
    for pcs in SIZES {
        let scratch = repo::scratch("bench-")?;
        let product = fleet::make(scratch.path(), pcs, true)?;
        let devices = enroll(&product)?;
        // At a start everything is due that is done rarely, now with all of them there.
        product.server.while_stopped(|| ())?;
        let by_itself = rest::come_to_rest(product.server.pid())?;
        writeln!(
            alone,
            "With {pcs} PCs the server took {:.1} s of a core for what is due at its start, once an hour or once a day, which was waited for, and then {:.2} % of one.",
            by_itself.first_s,
            by_itself.later * 100.0
        )?;
        for (what, kind) in KINDS {
            let full = kind(&product, &devices, scratch.path(), 0)?;
            // Rounded up, so that it is half or a little less.
            let each_ms = 1e3 * f64::from(CLIENTS) / full.per_second;
            let pause = format!("{:.0}", (2.0 * each_ms).ceil()).parse().context("a pause is some milliseconds")?;
            let half = kind(&product, &devices, scratch.path(), pause)?;
            let (rate, cpu) = (full.per_second, full.cpu_us);
            writeln!(
                text,
                "| {what} | {pcs} | {rate:.0} | {cpu:.0} | {:.1} | {:.1} ({:.0} a second) |",
                full.p99_ms, half.p99_ms, half.per_second
            )?;
            say::note(&format!(
                "{what}, {pcs} PCs: {rate:.0} a second, {cpu:.0} us; p99 {:.1} ms at half",
                half.p99_ms
            ));
        }
        if pcs == SIZES[1] {
            let table = pages::table(&product, args, PAGE_MAX)?;
            let memory = resident_mb(product.server.pid())?;
            notes = format!(
                "\nPromised with a million, at half the load: check-ins {CHECK_IN_MAX:.0} ms, backups {BACKUP_MAX:.0} ms. Memory of the server after all this and the pages below: \
                 {memory:.0} MB of {MEMORY_MAX:.0}.\n\n{table}"
            );
        }
    }
    report.section("million", format!("{text}\n{alone}{notes}"));
    Ok(())
}

/// Check-ins in which nothing is new.
fn run_check_ins(product: &Product, devices: &[Device], folder: &Path, pause_ms: u32) -> anyhow::Result<Rate> {
    let (listen, path) = (product.server.listen(), "/api/v1/check-in");
    let json = [("content-type", "application/json")];
    let facts = serde_json::json!({"name": "PC", "build": 26100, "revision": 4946, "edition": "Enterprise",
        "architecture": "AMD64", "maker": "Contoso", "model": "Book 5", "join": "entra", "agent": "0.1.0"});
    let body = serde_json::json!({"facts_mark": "bench", "facts": facts, "policy_mark": ""}).to_string();
    let mut marks = Vec::new();
    for device in devices {
        let fields = device.signer.sign(("POST", listen, path), &json, Some(body.as_bytes()))?;
        let answer = http::post(listen, path, (&fields, &body))?;
        let said: serde_json::Value = serde_json::from_str(&answer.body).context("a check-in is answered in JSON")?;
        let mark = said["policy"]["mark"].as_str().with_context(|| format!("a check-in answered {said}"))?;
        marks.push(mark.to_owned());
    }
    ask(product, &folder.join("check-in.lua"), requests::check_ins(product, devices, &marks, folder)?, pause_ms)
}
