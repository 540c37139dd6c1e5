//! How many durable backups a second on PostgreSQL: goal 18.
//!
//! The anchor is `pgbench` with what a backup comes to there: 8 kB more, a device's row changed, a row of audit, in one transaction, prepared, over TCP,
//! from 32 clients; on the same cluster, in turn. It checks nobody and answers nobody, so the product cannot reach it by doing the same work.

use std::fmt::Write;
use std::process::Command;

use anyhow::{Context, bail};

use super::{CLIENTS, RUNS, Rate, SECONDS, enroll, middle, own_rates, per_second, run_backups, steadiness, sync_ms};
use crate::bench::Args;
use crate::bench::measure::median;
use crate::bench::product::Product;
use crate::bench::report::{Report, circumstances};
use crate::postgres::Postgres;
use crate::repo::{self, Binaries};
use crate::serving::Place;
use crate::{process, say};

/// As the recipe sets it up; all else, durability among it, as PostgreSQL comes.
const SETTINGS: &[&str] = &["shared_buffers=512MB", "max_wal_size=4GB"];

/// The anchor's tables, and its 100,000 devices.
const TABLES: &str = "\
    create table device(id bigint primary key, last_at timestamptz, last_hash bytea, n int default 0) with (fillfactor=80);\n\
    create table backup(id bigserial primary key, device bigint, at timestamptz default now(), body bytea);\n\
    alter table backup alter body set storage external;\n\
    create index on backup(device, at);\n\
    create table audit(id bigserial primary key, at timestamptz default now(), device bigint, what text, hash bytea);\n\
    insert into device(id) select g from generate_series(1, 100000) g;\n\
    vacuum analyze;\n\
    checkpoint;\n";

/// The anchor's transaction.
const TRANSACTION: &str = "\
    \\set d random(1, 100000)\n\
    begin;\n\
    insert into backup(device, body) values (:d, :b);\n\
    update device set last_at = now(), last_hash = :h, n = n + 1 where id = :d;\n\
    insert into audit(device, what, hash) values (:d, 'backup', :h);\n\
    commit;\n";

/// Runs product and anchor in turn.
pub fn measure(_args: &Args, report: &mut Report) -> anyhow::Result<()> {
    const GOAL: u32 = 18;
    if repo::which("wrk").is_none() || repo::which("pgbench").is_none() {
        report.open(GOAL, "wrk or pgbench is not installed");
        return Ok(());
    }
    let Some(server) = Postgres::start_with(SETTINGS)? else {
        report.open(GOAL, "PostgreSQL is not installed");
        return Ok(());
    };
    let binaries = Binaries::build()?;
    let scratch = repo::scratch("bench-")?;
    let script = scratch.path().join("backup.sql");
    repo::write(&script, TRANSACTION)?;
    server.ask("create database anchor")?;
    let anchor = server.database("anchor");
    psql(&anchor, TABLES)?;
    let (mut ours, mut anchors) = (Vec::new(), Vec::new());
    let before = sync_ms(scratch.path())?;
    for run in 0..RUNS {
        let name = format!("run_{run}");
        server.ask(&format!("create database {name}"))?;
        let place = Place { folder: scratch.path().join(&name), database: Some(server.database(&name)) };
        let product = &Product::start_unlimited(&binaries, &place)?;
        let devices = enroll(product)?;
        server.ask("checkpoint")?;
        ours.push(run_backups(product, &devices, scratch.path(), 0)?);
        server.ask("checkpoint")?;
        anchors.push(pgbench(&anchor, &script)?);
        psql(&anchor, "truncate backup, audit;")?;
        say::note(&format!(
            "run {} of {RUNS}: {:.0} a second, pgbench {:.0}",
            run + 1,
            ours[run].per_second,
            anchors[run]
        ));
    }
    let after = sync_ms(scratch.path())?;
    let (rate, floor) = (middle(&ours, |rate| rate.per_second), median(anchors.clone()));
    let tail = own_rates([("pgbench", anchors), ("this project", per_second(&ours))]) + &steadiness(before, after);
    report.ratio(GOAL, rate / floor, &format!("{rate:.0} / {floor:.0} a second"));
    report.section("postgres", table(&ours, floor, &tail)?);
    Ok(())
}

fn table(ours: &[Rate], floor: f64, tail: &str) -> anyhow::Result<String> {
    let mut text = format!(
        "## Server rates on PostgreSQL\n\n{}\nA cluster as PostgreSQL makes it, with {}; each answer waits for the commit. {CLIENTS} connections, {RUNS} runs of \
         {SECONDS} s in turn, medians.\n\n| what | a second | p99 ms | server CPU us each | errors |\n| --- | --- | --- | --- | --- |\n",
        circumstances(),
        SETTINGS.join(" and ")
    );
    writeln!(text, "| pgbench, the same rows in one transaction | {floor:.0} | - | - | 0 |")?;
    let (rate, p99) = (middle(ours, |rate| rate.per_second), middle(ours, |rate| rate.p99_ms));
    let (cpu, errors) = (middle(ours, |rate| rate.cpu_us), middle(ours, |rate| rate.errors));
    writeln!(text, "| this project: backups | {rate:.0} | {p99:.1} | {cpu:.0} | {errors:.0} |")?;
    Ok(text + tail)
}

fn psql(address: &str, text: &str) -> anyhow::Result<()> {
    let output = process::capture(Command::new("psql").args(["-q", "-v", "ON_ERROR_STOP=1"]).arg(address), text)?;
    if !output.status.success() {
        bail!("psql said: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}

/// Transactions a second.
fn pgbench(address: &str, script: &std::path::Path) -> anyhow::Result<f64> {
    let hex = |byte: usize| format!("{byte:02x}");
    let bytes = |len: usize| (0..len).fold(String::from("\\x"), |text, at| text + &hex(at * 151 % 256));
    let mut command = Command::new("pgbench");
    command.args(["-n", "-M", "prepared", "-j", "1", "-c", &CLIENTS.to_string(), "-T", &SECONDS.to_string()]);
    command.arg(format!("-Db={}", bytes(8192))).arg(format!("-Dh={}", bytes(32)));
    let output = process::capture(command.arg("-f").arg(script).arg(address), "")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let rate = text.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
    rate.with_context(|| format!("pgbench said: {text}{}", String::from_utf8_lossy(&output.stderr)))
}
