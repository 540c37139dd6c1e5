//! The same backups beside a real peer: goal 12.
//!
//! `atuin-server` keeps encrypted records of people's PCs in SQLite, behind a token, with its own settings (WAL, `synchronous` as SQLite has it): one new
//! record of 8 kB a request. It takes turns with the product on the same disk, with `wrk` on the same cores.

use std::fmt::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{
    CLIENTS, RUNS, Rate, SECONDS, enroll, middle, own_rates, per_second, run_backups, steadiness, sync_ms, wrk,
};
use crate::bench::Args;
use crate::bench::product::Product;
use crate::bench::report::{Report, circumstances};
use crate::process::{self, Guarded};
use crate::repo::{self, Binaries};
use crate::serving::{self, Place};
use crate::{http, say};

/// One record a request, each with ids of its own. The bench puts the token and the record's content in front.
const SCRIPT: &str = r#"math.randomseed(os.time())
local r = math.random
local function id() return string.format("%08x-%04x-7%03x-8%03x-%06x%06x", r(0, 4294967295), r(0, 65535), r(0, 4095), r(0, 4095), r(0, 16777215), r(0, 16777215)) end
request = function()
  return wrk.format("POST", "/api/v0/record", { ["Content-Type"] = "application/json", ["Authorization"] = "Token " .. TOKEN },
    '[{"id":"' .. id() .. '","idx":0,"host":{"id":"' .. id() .. '","name":""},"timestamp":1700000000000000000,"version":"v0","tag":"kv","data":{"data":"' .. BODY .. '","content_encryption_key":"abc"}}]')
end
"#;

/// Runs product and peer in turn.
pub fn measure(_args: &Args, report: &mut Report) -> anyhow::Result<()> {
    const GOAL: u32 = 12;
    let Some(peer) = repo::which("atuin-server").filter(|_| repo::which("wrk").is_some()) else {
        report.open(GOAL, "wrk or atuin-server is not installed (`cargo install atuin-server --locked`)");
        return Ok(());
    };
    let binaries = Binaries::build()?;
    let scratch = repo::scratch("bench-")?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let before = sync_ms(scratch.path())?;
    for run in 0..RUNS {
        let product =
            &Product::start_unlimited(&binaries, &Place::folder(&scratch.path().join(format!("rehome-{run}"))))?;
        let devices = enroll(product)?;
        ours.push(run_backups(product, &devices, scratch.path(), 0)?);
        theirs.push(run_peer(&peer, &scratch.path().join(format!("atuin-{run}")))?);
        let [us, them] = [ours[run], theirs[run]].map(|rate| rate.per_second);
        say::note(&format!("run {} of {RUNS}: {us:.0} a second, atuin-server {them:.0}", run + 1));
    }
    let after = sync_ms(scratch.path())?;
    let [us, them] = [&ours, &theirs].map(|rates| middle(rates, |rate| rate.per_second));
    report.ratio(GOAL, us / them, &format!("{us:.0} / {them:.0} a second"));
    let mut text = format!(
        "## Beside a real peer\n\n{}\n`atuin-server` on SQLite with its own settings, one new record of 8 kB a request; {CLIENTS} connections, {RUNS} runs of \
         {SECONDS} s in turn, medians.\n\n| what | a second | p99 ms | server CPU us each | errors |\n| --- | --- | --- | --- | --- |\n",
        circumstances()
    );
    for (name, rates) in [("atuin-server: records", &theirs), ("this project: backups", &ours)] {
        let of = |figure: fn(&Rate) -> f64| middle(rates, figure);
        let (rate, p99, cpu, errors) = (of(|r| r.per_second), of(|r| r.p99_ms), of(|r| r.cpu_us), of(|r| r.errors));
        writeln!(text, "| {name} | {rate:.0} | {p99:.1} | {cpu:.0} | {errors:.0} |")?;
    }
    text += &own_rates([("atuin-server", per_second(&theirs)), ("this project", per_second(&ours))]);
    report.section("peer", text + &steadiness(before, after));
    Ok(())
}

fn run_peer(program: &Path, folder: &Path) -> anyhow::Result<Rate> {
    std::fs::create_dir_all(folder).with_context(|| format!("could not make {}", folder.display()))?;
    let listen = format!("127.0.0.1:{}", serving::free_port()?);
    let (host, port) = listen.split_once(':').expect("an address has a port");
    let settings = format!(
        "host = \"{host}\"\nport = {port}\nopen_registration = true\ndb_uri = \"sqlite://{}/a.db\"\n",
        folder.display()
    );
    repo::write(&folder.join("server.toml"), settings)?;
    let mut command = Command::new(program);
    command.arg("start").env("ATUIN_CONFIG_DIR", folder).stdout(Stdio::null()).stderr(Stdio::null());
    let mut server = Guarded::spawn(&mut command)?;
    while std::net::TcpStream::connect(&listen).is_err() {
        if let Some(status) = server.ended()? {
            bail!("atuin-server ended with {status}");
        }
        process::pause()?;
    }
    let who = serde_json::json!({"email": "a@b.c", "username": "bench", "password": "benchpass1"}).to_string();
    let json = [("content-type".to_owned(), "application/json".to_owned())];
    let answer = http::post(&listen, "/register", (&json, &who))?;
    let told: serde_json::Value = serde_json::from_str(&answer.body).context("atuin-server answered no JSON")?;
    let token = told["session"].as_str().context("atuin-server opened no session")?;
    let mut bytes = vec![0; 6144];
    std::io::Read::read_exact(&mut std::fs::File::open("/dev/urandom")?, &mut bytes)?;
    let script = folder.join("record.lua");
    repo::write(&script, format!("TOKEN = \"{token}\"\nBODY = \"{}\"\n{SCRIPT}", STANDARD.encode(bytes)))?;
    wrk(&format!("http://{listen}"), &script, server.child().id())
}
