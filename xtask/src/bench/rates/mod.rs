//! How many durable backups and unchanged checks a second: goals 11 and 13.
//!
//! The anchor is `crates/server/examples/store_floor.rs`: one SQLite writer with group commit behind axum, without login, checks or audit. Product
//! and anchor take turns on the same disk, with `wrk` on the same cores and 32 connections. A run says how steady the disk was: when the
//! syncs of before and after differ by more than 30 %, the figures say more about the machine than about us.

pub mod atuin;
pub mod million;
pub mod postgres;
mod requests;
mod rest;

use std::fmt::Write;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, bail};

use super::measure::{Watch, cpu_seconds, median};
use super::product::Product;
use super::report::{Report, circumstances};
use super::signing::{Session, Signer};
use super::{Args, fleet};
use crate::process::{self, Guarded};
use crate::repo::{self, Binaries};
use crate::serving::Place;
use crate::{http, say, serving};
use requests::Requests;

/// Connections that `wrk` keeps busy.
const CLIENTS: u32 = 32;
/// Enrolled PCs: four for each connection, so that two requests of the same PC are never on the way at once.
const DEVICES: usize = 128;
/// Seconds of one run.
const SECONDS: u32 = 4;
/// Runs of each, in turn.
const RUNS: usize = 3;
/// How much the disk's sync time may differ between before and after.
const STEADY_PERCENT: f64 = 30.0;

/// What one run of `wrk` said.
#[derive(Clone, Copy)]
struct Rate {
    per_second: f64,
    p99_ms: f64,
    errors: f64,
    cpu_us: f64,
    written_kb: f64,
}

/// Runs product and anchor in turn.
pub fn measure(_args: &Args, report: &mut Report) -> anyhow::Result<()> {
    let floor = repo::root().join("crates/server/examples/store_floor.rs");
    if repo::which("wrk").is_none() || !floor.is_file() {
        let why = if floor.is_file() { "wrk is not installed" } else { "there is no store floor to compare with" };
        report.open(11, why);
        report.open(13, why);
        return Ok(());
    }
    let binaries = Binaries::build()?;
    let floor = fleet::example("server", "store_floor")?;
    let scratch = repo::scratch("bench-")?;
    let before = sync_ms(scratch.path())?;
    let rates = in_turn(&binaries, &floor, scratch.path())?;
    let after = sync_ms(scratch.path())?;
    let rate = |row: usize| median(per_second(&rates[row]));
    for (goal, ours, floors) in [(11, rate(1), rate(0)), (13, rate(3), rate(2))] {
        report.ratio(goal, ours / floors, &format!("{ours:.0} / {floors:.0} a second"));
    }
    let (tail, floors) = (middle(&rates[1], |rate| rate.p99_ms), middle(&rates[0], |rate| rate.p99_ms));
    report.ratio(19, tail / floors, &format!("{tail:.1} / {floors:.1} ms"));
    let (cpu, floors) = (middle(&rates[3], |rate| rate.cpu_us), middle(&rates[2], |rate| rate.cpu_us));
    report.ratio(20, cpu / floors, &format!("{cpu:.0} / {floors:.0} us"));
    report.section("rates", table(&rates, before, after));
    Ok(())
}

/// Floor's backups, our backups, floor's checks, our checks in sessions and by keys; each once in a run.
type Rates = [Vec<Rate>; 5];

/// Each run of each begins with an empty database.
fn in_turn(binaries: &Binaries, floor: &Path, folder: &Path) -> anyhow::Result<Rates> {
    let mut rates = Rates::default();
    for run in 0..RUNS {
        let product = &Product::start_unlimited(binaries, &Place::folder(&folder.join(format!("rehome-{run}"))))?;
        let devices = enroll(product)?;
        // What a server does at its start and half a minute later is no part of a request.
        rest::come_to_rest(product.server.pid())?;
        let [floor_posts, floor_checks] = run_floor(floor, &folder.join(format!("floor-{run}.db")), folder)?;
        rates[0].push(floor_posts);
        rates[1].push(run_backups(product, &devices, folder, 0)?);
        rates[2].push(floor_checks);
        rates[3].push(run_checks(product, &devices, folder, 0)?);
        rates[4].push(run_keyed(product, &devices, folder)?);
        let last = |row: usize| rates[row].last().map_or(f64::NAN, |rate: &Rate| rate.per_second);
        let (posts, checks) = (last(1) / last(0), last(3) / last(2));
        say::note(&format!(
            "run {} of {RUNS}: backups {:.0} a second, {posts:.2} of the floor; checks {checks:.2}",
            run + 1,
            last(1)
        ));
    }
    Ok(rates)
}

fn middle(rates: &[Rate], of: fn(&Rate) -> f64) -> f64 {
    median(rates.iter().map(of).collect())
}

fn table(rates: &Rates, before: f64, after: f64) -> String {
    let mut text = format!(
        "## Server rates\n\n{}\nSQLite in WAL mode with `synchronous=FULL`; every answer waits for the commit; each request is signed, in sessions unless said otherwise; checks of the signature, of form, owner and \
         order, and the audit row are on. {CLIENTS} connections, {RUNS} runs of {SECONDS} s in turn, medians. The floor answers after the commit too, \
         and checks nothing.\n\n",
        circumstances()
    );
    text += "| what | a second | p99 ms | server CPU us each | kB written each | errors |\n| --- | --- | --- | --- | --- | --- |\n";
    let names = [
        "store floor: backups",
        "this project: backups",
        "store floor: checks",
        "this project: checks",
        "this project: checks, each signed by the PC's key",
    ];
    for (name, rates) in names.iter().zip(rates) {
        let (rate, p99) = (middle(rates, |r| r.per_second), middle(rates, |r| r.p99_ms));
        let (cpu, errors) = (middle(rates, |r| r.cpu_us), middle(rates, |r| r.errors));
        let written = middle(rates, |r| r.written_kb);
        writeln!(text, "| {name} | {rate:.0} | {p99:.1} | {cpu:.0} | {written:.1} | {errors:.0} |")
            .expect("writing to a string does not fail");
    }
    text += &own_rates(names.iter().zip(rates).map(|(name, rates)| (*name, per_second(rates))));
    text + &steadiness(before, after)
}

fn per_second(rates: &[Rate]) -> Vec<f64> {
    rates.iter().map(|rate| rate.per_second).collect()
}

/// The rate of each run, which the table has the medians of.
fn own_rates(all: impl IntoIterator<Item = (&'static str, Vec<f64>)>) -> String {
    let runs = |rates: Vec<f64>| rates.iter().map(|rate| format!("{rate:.0}")).collect::<Vec<_>>().join(", ");
    let all: Vec<_> = all.into_iter().map(|(name, rates)| format!("{name} {}", runs(rates))).collect();
    format!("\nEach run, a second: {}.\n", all.join("; "))
}

/// What is to be thought of a run with these times of a sync before and after.
fn steadiness(before: f64, after: f64) -> String {
    let drift = (after / before - 1.0).abs() * 100.0;
    let steady = if drift > STEADY_PERCENT { "**not steady: do not judge by this run**" } else { "steady" };
    format!("\nOne 4 kB append and sync took {before:.2} ms before and {after:.2} ms after: {steady}.\n")
}

/// A PC as the scripts need it.
struct Device {
    signer: Signer,
    profile: String,
    /// tenant, user, device, profile, key: hexadecimal digits.
    ids: [String; 5],
}

fn enroll(product: &Product) -> anyhow::Result<Vec<Device>> {
    say::note(&format!("enrolling {DEVICES} PCs"));
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    (0..DEVICES)
        .map(|number| {
            let who = &product.invitation;
            let signer = Signer::new()?;
            let body = serde_json::json!({"user": who.user, "password": who.password, "device_name": format!("PC {number}"),
                "public_key": signer.public_key(), "key_level": "file"});
            let (listen, body) = (product.server.listen(), body.to_string());
            let json = [("content-type", "application/json")];
            let fields = signer.sign(("POST", listen, "/api/v1/enroll"), &json, Some(body.as_bytes()))?;
            let answer = http::post(listen, "/api/v1/enroll", (&fields, &body))?;
            if !(200..300).contains(&answer.status) {
                bail!("enrolment answered {}: {}", answer.status, answer.body);
            }
            let json: serde_json::Value = serde_json::from_str(&answer.body).context("enrolment answered no JSON")?;
            let ids =
                [&json["tenant"], &json["user"], &json["device"], &json["profile"], &json["keys"]["current"]].map(text);
            Ok(Device { signer, profile: ids[3].clone(), ids })
        })
        .collect()
}

/// The number and the tag of each device's newest snapshot; 0 and nothing if it has none.
fn newest(product: &Product, device: &Device) -> anyhow::Result<(u64, String)> {
    let (listen, path) = (product.server.listen(), format!("/api/v1/profiles/{}/latest", device.profile));
    let answer = http::get(listen, &path, &device.signer.sign(("GET", listen, &path), &[], None)?)?;
    let tag = answer.header("etag").unwrap_or_default().to_owned();
    let number = tag.trim_matches('"').split('.').next().and_then(|digits| digits.parse().ok()).unwrap_or(0);
    Ok((number, tag))
}

/// Opens a session, as a device's second request does.
fn session(product: &Product, device: &Device) -> anyhow::Result<Session> {
    let (listen, path) = (product.server.listen(), "/api/v1/profiles");
    let (offer, half) = device.signer.offer()?;
    let fields = device.signer.sign(("GET", listen, path), &[("rehome-session", &half)], None)?;
    let answer = http::get(listen, path, &fields)?;
    let half = answer.header("rehome-session").context("the server opened no session")?;
    device.signer.session(offer, half)
}

/// Backups of something new each. `pause_ms`: how long a connection waits before its next request.
fn run_backups(product: &Product, devices: &[Device], folder: &Path, pause_ms: u32) -> anyhow::Result<Rate> {
    ask(product, &folder.join("backup.lua"), requests::backups(product, devices, folder)?, pause_ms)
}

/// Checks that nothing has changed, in sessions.
fn run_checks(product: &Product, devices: &[Device], folder: &Path, pause_ms: u32) -> anyhow::Result<Rate> {
    ask(product, &folder.join("check.lua"), requests::checks(product, devices, folder)?, pause_ms)
}

/// Checks of which each is signed by a device's own key, as a PC's only request of the day is.
fn run_keyed(product: &Product, devices: &[Device], folder: &Path) -> anyhow::Result<Rate> {
    ask(product, &folder.join("keyed-check.lua"), requests::keyed(product, devices, folder)?, 0)
}

/// The floor's two paths: `POST /backup/N` with 8 kB, `GET /state/N`, N below 100,000.
fn run_floor(program: &Path, database: &Path, folder: &Path) -> anyhow::Result<[Rate; 2]> {
    let port = serving::free_port()?;
    let mut command = Command::new(program);
    let mut floor =
        Guarded::spawn(command.arg(database).arg(port.to_string()).stdout(Stdio::null()).stderr(Stdio::null()))?;
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        if let Some(status) = floor.ended()? {
            bail!("the store floor ended with {status}");
        }
        process::pause()?;
    }
    let (post, check) = (folder.join("floor-post.lua"), folder.join("floor-check.lua"));
    let body = "math.randomseed(os.time())\nlocal out = {}\nfor place = 1, 8192 do out[place] = string.char(math.random(0, 255)) end\nlocal body = table.concat(out)\n";
    repo::write(
        &post,
        format!(
            "{body}request = function() return wrk.format(\"POST\", \"/backup/\" .. math.random(0, 99999), nil, body) end\n"
        ),
    )?;
    repo::write(
        &check,
        "math.randomseed(os.time())\nrequest = function() return wrk.format(\"GET\", \"/state/\" .. math.random(0, 99999)) end\n",
    )?;
    let (address, pid) = (format!("http://127.0.0.1:{port}"), floor.child().id());
    Ok([wrk(&address, &post, pid)?, wrk(&address, &check, pid)?])
}

/// Writes a script and has `wrk` run it against the product.
fn ask(product: &Product, script: &Path, requests: Requests, pause_ms: u32) -> anyhow::Result<Rate> {
    let mut lua = requests.script()?;
    if pause_ms > 0 {
        write!(lua, "\ndelay = function() return {pause_ms} end\n")?;
    }
    repo::write(script, lua)?;
    wrk(&format!("http://{}", product.server.listen()), script, product.server.pid())
}

fn wrk(address: &str, script: &Path, server: u32) -> anyhow::Result<Rate> {
    let (before, written_before) = (cpu_seconds(server)?, written_bytes(server)?);
    let mut command = Command::new("wrk");
    command
        .args(["-t1", &format!("-c{CLIENTS}"), &format!("-d{SECONDS}s"), "--latency", "--timeout", "5s", "-s"])
        .arg(script)
        .arg(address);
    let output = process::capture(&mut command, "")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let field = |name: &str| {
        text.lines().find_map(|line| line.trim().strip_prefix(name)?.trim().split(' ').next().map(str::to_owned))
    };
    let per_second = field("Requests/sec:").and_then(|rate| rate.parse().ok());
    let Some(per_second) = per_second.filter(|_| output.status.success()) else { bail!("wrk said: {text}") };
    let p99_ms = field("99%").map_or(f64::NAN, |time| milliseconds(&time));
    let errors = text
        .lines()
        .find(|line| line.contains("Non-2xx"))
        .and_then(|line| line.rsplit(' ').next()?.parse().ok())
        .unwrap_or(0.0);
    // wrk counts a 304 as an error; a check that was answered so is what we ask for.
    let checks = script.file_name().is_some_and(|name| name.to_string_lossy().ends_with("check.lua"));
    let cpu_us = (cpu_seconds(server)? - before) * 1e6 / (per_second * f64::from(SECONDS));
    let written_kb = (written_bytes(server)? - written_before) / 1e3 / (per_second * f64::from(SECONDS));
    Ok(Rate { per_second, p99_ms, errors: if checks { 0.0 } else { errors }, cpu_us, written_kb })
}

/// `14.32ms`, `1.02s`, `812.00us`.
fn milliseconds(time: &str) -> f64 {
    let unit = time.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(time.len());
    let number: f64 = time[..unit].parse().unwrap_or(f64::NAN);
    number
        * match &time[unit..] {
            "us" => 1e-3,
            "ms" => 1.0,
            "s" => 1e3,
            _ => f64::NAN,
        }
}

/// Bytes that a process has handed to `write` and its kin so far, answers included.
fn written_bytes(pid: u32) -> anyhow::Result<f64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/io")).context("the server is gone")?;
    let bytes = text.lines().find_map(|line| line.strip_prefix("wchar:")?.trim().parse().ok());
    bytes.context("the system does not say what a process writes")
}

/// The median time of an append of 4 kB with its sync, in milliseconds.
fn sync_ms(folder: &Path) -> anyhow::Result<f64> {
    let mut file = std::fs::File::create(folder.join("sync")).context("could not make a file to sync")?;
    let mut times = Vec::new();
    for _ in 0..200 {
        let watch = Watch::start();
        file.write_all(&[7; 4096]).and_then(|()| file.sync_data()).context("could not sync")?;
        times.push(watch.elapsed().as_secs_f64() * 1e3);
    }
    Ok(median(times))
}

#[cfg(test)]
mod tests {
    use super::milliseconds;

    #[test]
    fn times_of_wrk_are_read_in_every_unit() {
        for (text, expected) in [("14.50ms", 14.5), ("1.25s", 1250.0), ("812.00us", 0.812)] {
            assert!((milliseconds(text) - expected).abs() < 1e-9, "{text}");
        }
        assert!(milliseconds("soon").is_nan());
    }
}
