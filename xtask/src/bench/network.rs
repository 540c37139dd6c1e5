//! Bytes on the wire: goals 7 and 8.
//!
//! Counted on the loopback interface of a network namespace of our own, both directions, TCP and IP headers included, so that nothing else on
//! the machine is counted. That needs root (`unshare -n`). The bench runs itself again inside; the inner run prints one line a step.

use std::fmt::Write;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, bail};

use super::Args;
use super::product::Product;
use super::report::{Report, circumstances};
use super::source::Source;
use crate::process::Guarded;
use crate::repo::{self, Binaries};
use crate::serving::{self, Tls};
use crate::{process, say};

/// Restic 0.14's "one value changed" over plain HTTP, in bytes: goal 8's yardstick. Measured once with `rclone serve restic`, which few machines
/// have; the figure repeats to a few per cent (7,051 bytes for "nothing changed", 13,905 for one value).
const RESTIC_ONE_VALUE_BYTES: f64 = 13_905.0;
/// nginx's answer "304 Not Modified" to one GET on a new TLS 1.3 connection with a self-signed P-256 certificate, in bytes, for machines without nginx.
const HTTPS_304_BYTES: f64 = 3_179.0;

/// Runs the count in a namespace of its own.
pub fn measure(args: &Args, report: &mut Report) -> anyhow::Result<()> {
    if let Some(why) = missing() {
        report.open(7, &why);
        report.open(8, &why);
        return Ok(());
    }
    Binaries::build()?;
    let mut command = Command::new("unshare");
    command.arg("-n").arg(std::env::current_exe().context("this program does not know where it is")?);
    command.args(["bench", "--inside"]).current_dir(repo::root());
    if let Some(hive) = &args.hive {
        command.arg("--hive").arg(hive);
    }
    let output = process::capture(&mut command, "")?;
    if !output.status.success() {
        bail!("counting bytes failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let steps: Vec<(&str, f64)> = text
        .lines()
        .filter_map(|line| line.split_once('\t'))
        .filter_map(|(name, bytes)| Some((name, bytes.parse().ok()?)))
        .collect();
    let bytes = |name: &str| steps.iter().find(|(step, _)| *step == name).map(|(_, bytes)| *bytes);
    let anchor = bytes("nginx: one HTTPS 304");
    let floor = anchor.unwrap_or(HTTPS_304_BYTES);
    let whose = if anchor.is_some() { "measured" } else { "recorded, as nginx is not installed" };
    if let (Some(same), Some(one)) = (bytes("TLS: nothing changed"), bytes("TLS: one value changed")) {
        report.ratio(7, same / floor, &format!("{same:.0} / {floor:.0} bytes {whose}"));
        report.ratio(
            8,
            one / RESTIC_ONE_VALUE_BYTES,
            &format!("{one:.0} / {RESTIC_ONE_VALUE_BYTES:.0} bytes recorded"),
        );
    }
    let mut table = format!("## Network\n\n{}\n| step | bytes, both directions |\n| --- | --- |\n", circumstances());
    for (name, bytes) in &steps {
        writeln!(table, "| {name} | {bytes:.0} |")?;
    }
    report.section("network", table);
    Ok(())
}

fn missing() -> Option<String> {
    let root = nix::unistd::geteuid().is_root();
    let tool = ["unshare", "ip", "openssl"].into_iter().find(|program| repo::which(program).is_none());
    match tool {
        Some(program) => Some(format!("{program} is not installed")),
        None => (!root).then(|| "counting bytes needs root, for a network namespace".to_owned()),
    }
}

/// The inner run: takes plain HTTP and TLS through the steps and prints what each moved.
pub fn inside(args: &Args) -> anyhow::Result<ExitCode> {
    run(Command::new("ip").args(["link", "set", "lo", "up"]))?;
    let scratch = repo::scratch("bench-")?;
    let release = repo::target()?.join("release");
    let binaries = Binaries { agent: release.join("rehome"), server: release.join("rehome-server") };
    let source = Source::make(args, scratch.path())?;
    let (certificate, key) = (scratch.path().join("cert.pem"), scratch.path().join("key.pem"));
    certify(&certificate, &key)?;
    steps("plain", &Product::start(&binaries, &scratch.path().join("plain"), None)?, &source, 0)?;
    let tls = Tls { certificate: &certificate, key: &key };
    steps("TLS", &Product::start(&binaries, &scratch.path().join("tls"), Some(&tls))?, &source, 100)?;
    anchor(scratch.path(), &tls)?;
    Ok(ExitCode::SUCCESS)
}

fn steps(name: &str, product: &Product, source: &Source, round: u32) -> anyhow::Result<()> {
    for (step, change) in [("first backup", 0), ("nothing changed", 0), ("one value changed", 1)] {
        source.change(round + change)?;
        ask(&format!("{name}: {step}"), product, &product.backup(&source.profile))?;
    }
    ask(&format!("{name}: rehearsal of the newest"), product, &product.rehearse())?;
    ask(&format!("{name}: restore"), product, &product.restore(&product.folder.join("restored.reg")))
}

fn ask(name: &str, product: &Product, words: &[String]) -> anyhow::Result<()> {
    counted(name, Command::new(&words[0]).args(&words[1..]).envs(product.environment()))
}

/// nginx answering 304 over TLS 1.3, asked once.
fn anchor(folder: &Path, tls: &Tls<'_>) -> anyhow::Result<()> {
    let (Some(nginx), Some(_)) = (repo::which("nginx"), repo::which("curl")) else {
        say::skipped("the HTTPS 304 anchor: nginx or curl is not installed; the recorded figure is used");
        return Ok(());
    };
    let port = serving::free_port()?;
    let (here, cert, key) = (folder.display(), tls.certificate.display(), tls.key.display());
    let paths: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("{name}_temp_path {here}/{name};"))
        .concat();
    let config = format!(
        "daemon off; pid {here}/nginx.pid; error_log /dev/null; events {{}} http {{ access_log off; {paths} server {{ listen 127.0.0.1:{port} ssl; \
         ssl_certificate {cert}; ssl_certificate_key {key}; ssl_protocols TLSv1.3; location / {{ return 304; }} }} }}"
    );
    let file = folder.join("nginx.conf");
    repo::write(&file, &config)?;
    let mut server = Guarded::spawn(Command::new(nginx).arg("-c").arg(&file))?;
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        if let Some(status) = server.ended()? {
            bail!("nginx ended with {status}");
        }
        process::pause()?;
    }
    let etag = r#"If-None-Match: "0123456789abcdef0123456789abcdef""#;
    let mut curl = Command::new("curl");
    curl.args(["-s", "--cacert"]).arg(tls.certificate).args([
        "-H",
        etag,
        &format!("https://localhost:{port}/api/v1/backup"),
    ]);
    counted("nginx: one HTTPS 304", &mut curl)
}

/// Runs a command and prints what crossed the loopback meanwhile.
fn counted(name: &str, command: &mut Command) -> anyhow::Result<()> {
    let before = received()?;
    run(command).with_context(|| name.to_owned())?;
    // The last acknowledgements of a closing connection.
    for _ in 0..5 {
        process::pause()?;
    }
    anstream::println!("{name}\t{}", received()? - before);
    Ok(())
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let output = process::capture(command, "")?;
    if !output.status.success() {
        bail!(
            "{} ended with {}: {}",
            command.get_program().display(),
            output.status,
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(())
}

/// Bytes that the loopback has received, which on a loopback is what was sent in both directions.
fn received() -> anyhow::Result<u64> {
    let text = std::fs::read_to_string("/proc/net/dev").context("no /proc/net/dev")?;
    let line = text.lines().find_map(|line| line.trim().strip_prefix("lo:")).context("no loopback interface")?;
    line.split_whitespace()
        .next()
        .and_then(|field| field.parse().ok())
        .context("the loopback's counter is not a number")
}

/// A self-signed P-256 certificate for `localhost`, valid for two days.
fn certify(certificate: &Path, key: &Path) -> anyhow::Result<()> {
    let mut openssl = Command::new("openssl");
    openssl.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]);
    openssl.args([
        "-subj",
        "/CN=localhost",
        "-addext",
        "subjectAltName=DNS:localhost",
        "-addext",
        "basicConstraints=critical,CA:FALSE",
    ]);
    run(openssl.arg("-keyout").arg(key).arg("-out").arg(certificate))
}
