//! The Windows program under Wine beside the Linux program on a hive with the same registry: what a backup costs the PC.
//!
//! Both back up the same values to the same server, in turn. Counted is the time of the program's own process, user and system, less that of a run of the
//! same program that does nothing (`--version`): what Wine takes to start a program, and what a program takes to be loaded, is no work of a backup.
//! Reading the registry is done by Wine's server, another process, whose time is told apart: on Windows it is the kernel's.

use std::fmt::Write;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};

use super::measure::{self, median};
use super::product::Product;
use super::report::{Report, circumstances};
use super::{Args, machine};
use crate::repo::{self, Binaries};
use crate::{process, say, windows};

/// The goal of this part: 17, as 14 to 16 are others of the field (rules, previews, storage) that have no figure here yet.
const GOAL: u32 = 17;
/// The most that a backup under Wine may cost, as a multiple of the same on Linux.
const TIMES_MAX: f64 = 2.0;
/// Where the program lies in the prefix.
const PROGRAM: &str = r"C:\rehome.exe";
/// The value that is another one before each "one value changed".
const CHANGED: (&str, &str) = (r"HKCU\Control Panel\Desktop", "CaretTimeout");
/// Ticks of a second in which the system counts the time of processes (`USER_HZ`, fixed on x86-64).
const TICKS: f64 = 100.0;
/// The fields of `/proc/PID/stat` behind the name that are user and system time.
const TIMES: [usize; 2] = [11, 12];

/// CPU seconds of one step, a round each.
#[derive(Default)]
struct Figures {
    empty: Vec<f64>,
    changed: Vec<f64>,
    same: Vec<f64>,
    /// Of Wine's server, for each `changed`.
    server: Vec<f64>,
}

/// Measures both, `args.rounds` times in turn.
pub fn measure(args: &Args, report: &mut Report) -> anyhow::Result<()> {
    let program = windows::folder()?.join("rehome.exe");
    if repo::which("wine").is_none() || !program.is_file() {
        report.open(GOAL, "there is no Wine here, or no rehome.exe: `cargo xtask windows` builds it");
        return Ok(());
    }
    let binaries = Binaries::build()?;
    let scratch = repo::scratch("bench-")?;
    let product = Product::start(&binaries, &scratch.path().join("server"), None)?;
    let pc = Prefix::make(&scratch.path().join("prefix"), &program, &product)?;
    let (mut linux, mut wine) = (Figures::default(), Figures::default());
    for round in 0..=args.rounds {
        say::note(&format!("round {round} of {}, load {}", args.rounds, machine::load()));
        pc.change(round)?;
        let profile = pc.profile(scratch.path())?;
        let on_linux = |words: Vec<String>| anyhow::Ok(measure::measure(&words, &product.environment())?.cpu_s);
        let here = [
            on_linux(vec![binaries.agent.display().to_string(), "--version".to_owned()])?,
            on_linux(product.backup(&profile))?,
            on_linux(product.backup(&profile))?,
        ];
        let empty = pc.measure(&["--version"])?.0;
        let (changed, server) = pc.measure(&["backup", "--quiet", "--no-rehearsal"])?;
        let same = pc.measure(&["backup", "--quiet", "--no-rehearsal"])?.0;
        // The first round makes files and caches warm.
        if round > 0 {
            linux.take(here, 0.0);
            wine.take([empty, changed, same], server);
        }
    }
    let cost = |all: &[f64], empty: &[f64]| median(all.to_vec()) - median(empty.to_vec());
    let (on_wine, on_linux) = (cost(&wine.changed, &wine.empty), cost(&linux.changed, &linux.empty));
    report.ratio(GOAL, on_wine / on_linux, &format!("{on_wine:.4} / {on_linux:.4} s"));
    report.section("wine", page(args, &linux, &wine)?);
    Ok(())
}

fn page(args: &Args, linux: &Figures, wine: &Figures) -> anyhow::Result<String> {
    let mut text = format!("## Under Wine\n\n{}\n", circumstances());
    writeln!(
        text,
        "Medians of {} rounds in turn, CPU seconds of the program's own process, user and system.\n",
        args.rounds
    )?;
    writeln!(text, "| step | Linux, from a hive | Windows program under Wine | ratio |\n| --- | --- | --- | --- |")?;
    let of = |figures: &[f64]| median(figures.to_vec());
    let mut row =
        |step: &str, linux: f64, wine: f64| writeln!(text, "| {step} | {linux:.4} | {wine:.4} | {:.2} |", wine / linux);
    row("a run that does nothing", of(&linux.empty), of(&wine.empty))?;
    let less_empty = |all: &[f64], figures: &Figures| of(all) - of(&figures.empty);
    row("one value changed, less that", less_empty(&linux.changed, linux), less_empty(&wine.changed, wine))?;
    row("nothing changed, less that", less_empty(&linux.same, linux), less_empty(&wine.same, wine))?;
    let server = of(&wine.server);
    writeln!(
        text,
        "\nPromised is at most {TIMES_MAX:.0} times. Wine's server, which reads the registry and passes messages for every program, took {server:.4} s more for the \
         second row (it is counted in hundredths of a second). Windows itself was not measured."
    )?;
    Ok(text)
}

impl Figures {
    fn take(&mut self, [empty, changed, same]: [f64; 3], server: f64) {
        self.empty.push(empty);
        self.changed.push(changed);
        self.same.push(same);
        self.server.push(server);
    }
}

/// A PC under Wine whose server stays. Ended when dropped.
struct Prefix {
    folder: PathBuf,
}

impl Prefix {
    fn make(folder: &Path, program: &Path, product: &Product) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder).context("could not make the prefix")?;
        let pc = Self { folder: folder.to_owned() };
        pc.run("wine", &["wineboot", "-i"], "")?;
        pc.run("wineserver", &["-w"], "")?;
        // It stays, with its services, so that no run that is measured starts them.
        pc.run("wineserver", &["-p"], "")?;
        let drive = folder.join("drive_c");
        std::fs::copy(program, drive.join("rehome.exe")).context("could not copy rehome.exe")?;
        let shim = program.with_file_name("wine").join("bcryptprimitives.dll");
        std::fs::copy(shim, drive.join("windows/system32/bcryptprimitives.dll")).context("could not copy the shim")?;
        std::fs::copy(repo::root().join("xtask/demo/old-pc.reg"), drive.join("old-pc.reg"))
            .context("could not copy the demo person's registry")?;
        pc.run("wine", &["regedit", "/S", r"C:\old-pc.reg"], "")?;
        for (key, name, data) in [
            (r"HKLM\Software\Policies\Rehome", "RequiredBuilds", "any"),
            (r"HKLM\Software\Microsoft\Windows NT\CurrentVersion", "CurrentBuildNumber", "26200"),
        ] {
            pc.run("wine", &["reg", "add", key, "/v", name, "/t", "REG_SZ", "/d", data, "/f"], "")?;
        }
        let (address, user) = (product.server.address(), &product.invitation.user);
        let enroll =
            [PROGRAM, "enroll", "--server", &address, "--user", user, "--password-stdin", "--device-name", "WINE"];
        pc.run("wine", &enroll, &product.invitation.password)?;
        Ok(pc)
    }

    /// Changes one value of the registry.
    fn change(&self, round: u32) -> anyhow::Result<()> {
        let (key, name) = CHANGED;
        let data = (5000 + round).to_string();
        self.run("wine", &["reg", "add", key, "/v", name, "/t", "REG_DWORD", "/d", &data, "/f"], "")
    }

    /// The registry as it is now, as the profile folder of a dead PC.
    fn profile(&self, scratch: &Path) -> anyhow::Result<PathBuf> {
        self.run("wine", &["reg", "export", "HKCU", r"C:\now.reg", "/y"], "")?;
        let profile = scratch.join("profile");
        std::fs::create_dir_all(&profile).context("could not make the profile")?;
        let mut example = repo::cargo();
        example.args([
            "run",
            "--quiet",
            "--release",
            "--locked",
            "--package",
            "device",
            "--example",
            "reg_to_hive",
            "--",
        ]);
        example.arg(self.folder.join("drive_c/now.reg")).arg(profile.join("NTUSER.DAT"));
        if !process::run(&mut example, "")?.success() {
            bail!("the example reg_to_hive failed");
        }
        Ok(profile)
    }

    /// CPU seconds of the program, and of Wine's server meanwhile.
    fn measure(&self, words: &[&str]) -> anyhow::Result<(f64, f64)> {
        let words: Vec<_> = ["wine", PROGRAM].iter().chain(words).map(|word| (*word).to_owned()).collect();
        let before = self.server_cpu()?;
        let sample = measure::measure(&words, &self.environment())?;
        Ok((sample.cpu_s, self.server_cpu()? - before))
    }

    fn environment(&self) -> Vec<(String, String)> {
        let home = self.folder.display().to_string();
        let overrides = "mscoree,mshtml,winemenubuilder.exe=;bcryptprimitives=n,b";
        [
            ("WINEPREFIX", home.as_str()),
            ("HOME", &home),
            ("WINEDEBUG", "-all"),
            ("WINEDLLOVERRIDES", overrides),
            ("DISPLAY", ""),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    }

    /// Runs a program. What it says goes to a file: what it starts and leaves behind, such as Wine's services, would hold a pipe for ever.
    fn run(&self, program: &str, words: &[&str], input: &str) -> anyhow::Result<()> {
        let path = self.folder.join("said.txt");
        let said = File::create(&path).context("could not make a file for what Wine says")?;
        let mut command = Command::new(program);
        command.args(words).envs(self.environment());
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(said);
        let mut child = process::Guarded::spawn(&mut command)?;
        drop(child.child().stdin.take().expect("stdin is piped").write_all(input.as_bytes()));
        if !child.wait()?.success() {
            let said = std::fs::read(&path).unwrap_or_default();
            bail!("`{program} {}` failed: {}", words.join(" "), String::from_utf8_lossy(&said).trim());
        }
        Ok(())
    }

    /// User and system time of this prefix's server so far, in seconds.
    fn server_cpu(&self) -> anyhow::Result<f64> {
        let mark = format!("WINEPREFIX={}", self.folder.display());
        for process in std::fs::read_dir("/proc").context("no /proc")?.flatten() {
            let read = |name: &str| std::fs::read(process.path().join(name)).unwrap_or_default();
            let is_ours = read("environ").split(|byte| *byte == 0).any(|one| one == mark.as_bytes());
            if !is_ours || !read("comm").starts_with(b"wineserver") {
                continue;
            }
            let stat = String::from_utf8_lossy(&read("stat")).into_owned();
            let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
            let ticks: f64 = TIMES.iter().filter_map(|&at| fields.get(at)?.parse::<f64>().ok()).sum();
            return Ok(ticks / TICKS);
        }
        bail!("Wine's server is not running")
    }
}

impl Drop for Prefix {
    fn drop(&mut self) {
        // What cannot be ended is found by the next run's eyes, not by this one's figures.
        drop(self.run("wineserver", &["-k"], ""));
    }
}
