//! The Windows program under Wine beside the Linux program on hives with the same registry: what a backup costs the PC.
//!
//! Both back up the same values and apps to the same server, in turn. Counted is the time of the program's own process, user and system; that of Wine's server,
//! another process, is told apart. All of it runs on one core ([`OneCore`]). Windows was not measured, and Wine is not Windows: it takes long to start a program, and each call of the registry goes to its
//! server and back. So beside the whole are shown what a program takes that does nothing, what one takes that loads the same libraries, and how many calls of the
//! registry a backup makes at which price (docs/decisions/0074). They are a few lines of C each.

use std::fmt::Write;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};

use super::measure::{self, OneCore, median};
use super::product::Product;
use super::report::{Report, circumstances};
use super::{Args, fleet, machine};
use crate::repo::{self, Binaries};
use crate::{process, say, windows};

/// The goal of this part: 17, as 14 to 16 are others of the field (rules, previews, storage) that have no figure here yet.
const GOAL: u32 = 17;
/// The most that a backup under Wine may cost, as a multiple of the same on Linux.
const TIMES_MAX: f64 = 2.0;
/// Where the program lies in the prefix.
const PROGRAM: &str = r"C:\rehome.exe";
/// The C compiler of this system.
const COMPILER: &str = "cc";
/// The value that is another one before each "one value changed".
const CHANGED: (&str, &str) = (r"HKCU\Control Panel\Desktop", "CaretTimeout");
/// How often `calls.exe` reads a value, and how many calls each takes.
const READINGS: u32 = 1000;
const CALLS_OF_A_READING: f64 = 3.0;
/// What Wine's server is asked for a call of the registry (`server/protocol.def` of Wine 8).
const CALLS: [&str; 5] = ["open_key(", "get_key_value(", "enum_key(", "enum_key_value(", "close_handle("];
/// CPU seconds of the program and of Wine's server meanwhile, a round each.
#[derive(Default)]
struct Figures {
    program: Vec<f64>,
    server: Vec<f64>,
}

/// The steps of one system.
#[derive(Default)]
struct Steps {
    /// A program that does nothing.
    nothing: Figures,
    /// One that loads the same libraries; on Linux there are none to load.
    loads: Figures,
    /// The program itself, which says its version.
    version: Figures,
    /// A backup after one value changed.
    changed: Figures,
    /// A backup after nothing changed.
    same: Figures,
    /// A program that reads one value many times.
    calls: Figures,
}

/// How many calls of the registry a backup makes more than a program that loads the same libraries, as Wine's server sees them.
#[derive(Clone, Copy)]
struct Calls {
    changed: f64,
    same: f64,
}

/// Measures both, `args.rounds` times in turn.
pub fn measure(args: &Args, report: &mut Report) -> anyhow::Result<()> {
    let program = windows::folder()?.join("rehome.exe");
    if repo::which("wine").is_none() || !program.is_file() {
        report.open(GOAL, "there is no Wine here, or no rehome.exe: `cargo xtask windows` builds it");
        return Ok(());
    }
    let binaries = Binaries::build()?;
    let to_hive = fleet::example("device", "reg_to_hive")?;
    let one_core = OneCore::enter()?;
    let scratch = repo::scratch("bench-")?;
    let product = Product::start(&binaries, &scratch.path().join("server"), None)?;
    let pc = Prefix::make(&scratch.path().join("prefix"), &program, &product)?;
    let nothing = compiled(COMPILER, "nothing", &scratch.path().join("nothing"))?;
    let (mut linux, mut wine) = (Steps::default(), Steps::default());
    for round in 0..=args.rounds {
        say::note(&format!("round {round} of {}, load {}", args.rounds, machine::load()));
        pc.change(round)?;
        let profile = pc.profile(&to_hive, scratch.path())?;
        let here = |words: Vec<String>| anyhow::Ok((measure::measure(&words, &product.environment())?.cpu_s, 0.0));
        let agent = binaries.agent.display().to_string();
        let steps = [
            (&mut linux.nothing, here(vec![nothing.display().to_string()])?),
            (&mut linux.version, here(vec![agent, "--version".to_owned()])?),
            (&mut linux.changed, here(product.backup(&profile))?),
            (&mut linux.same, here(product.backup(&profile))?),
            (&mut wine.nothing, pc.measure(&[r"C:\nothing.exe"])?),
            (&mut wine.loads, pc.measure(&[r"C:\loads.exe"])?),
            (&mut wine.version, pc.measure(&[PROGRAM, "--version"])?),
            (&mut wine.changed, pc.measure(&BACKUP)?),
            (&mut wine.same, pc.measure(&BACKUP)?),
            (&mut wine.calls, pc.measure(&[r"C:\calls.exe", &READINGS.to_string()])?),
        ];
        for (figures, (program, server)) in steps {
            // The first round makes files and caches warm.
            if round > 0 {
                figures.program.push(program);
                figures.server.push(server);
            }
        }
    }
    let calls = pc.calls(args.rounds + 1)?;
    drop(one_core);
    let (on_wine, on_linux) = (wine.changed.less(&wine.loads), linux.changed.less(&linux.nothing));
    report.ratio(GOAL, on_wine / on_linux, &format!("{on_wine:.4} / {on_linux:.4} s"));
    report.section("wine", page(args, &linux, &wine, calls)?);
    Ok(())
}

/// A backup that does not open again what it has stored.
const BACKUP: [&str; 4] = [PROGRAM, "backup", "--quiet", "--no-rehearsal"];

impl Figures {
    /// The program's own time.
    fn own(&self) -> f64 {
        median(self.program.clone())
    }

    fn server(&self) -> f64 {
        median(self.server.clone())
    }

    /// The program's own time, less that of another program.
    fn less(&self, other: &Self) -> f64 {
        self.own() - other.own()
    }

    /// The same of the round in which each took least: two threads of one core take twice as long as one, and who works beside us is not ours to say.
    fn least_less(&self, other: &Self) -> f64 {
        let least = |figures: &Self| figures.program.iter().copied().fold(f64::INFINITY, f64::min);
        least(self) - least(other)
    }
}

fn page(args: &Args, linux: &Steps, wine: &Steps, calls: Calls) -> anyhow::Result<String> {
    let mut text = format!("## Under Wine\n\n{}\n", circumstances());
    writeln!(
        text,
        "Medians of {} rounds in turn, CPU seconds, user and system, everything on one core. Wine's server, which keeps the registry for all programs, is another process, counted in \
         hundredths of a second.\n",
        args.rounds
    )?;
    writeln!(
        text,
        "| step | Linux, from hives | Windows program under Wine | Wine's server meanwhile |\n| --- | --- | --- | --- |"
    )?;
    for (step, here, there) in [
        ("a program that does nothing", Some(&linux.nothing), &wine.nothing),
        ("one that loads the libraries that a backup calls", None, &wine.loads),
        ("`rehome --version`", Some(&linux.version), &wine.version),
        ("`rehome backup`, one value changed", Some(&linux.changed), &wine.changed),
        ("`rehome backup`, nothing changed", Some(&linux.same), &wine.same),
    ] {
        let here = here.map_or("-".to_owned(), |here| format!("{:.4}", here.own()));
        writeln!(text, "| {step} | {here} | {:.4} | {:.4} |", there.own(), there.server())?;
    }
    writeln!(text, "\n| what is compared | one value changed | nothing changed |\n| --- | --- | --- |")?;
    let price = wine.calls.less(&wine.nothing) / (f64::from(READINGS) * CALLS_OF_A_READING);
    let steps = [(&linux.changed, &wine.changed, calls.changed), (&linux.same, &wine.same, calls.same)];
    let mut row = |what: &str, ratio: &dyn Fn(&Figures, &Figures, f64) -> f64| {
        let [changed, same] = steps.map(|(here, there, calls)| ratio(here, there, calls * price));
        writeln!(text, "| {what} | {changed:.2} | {same:.2} |")
    };
    row("everything, Wine's server too", &|here, there, _| (there.own() + there.server()) / here.own())?;
    row("the program", &|here, there, _| there.own() / here.own())?;
    row("the program, less one that does nothing", &|here, there, _| {
        there.less(&wine.nothing) / here.less(&linux.nothing)
    })?;
    row("the program, less one that loads the same libraries", &|here, there, _| {
        there.less(&wine.loads) / here.less(&linux.nothing)
    })?;
    row("the same, of each the round that took least", &|here, there, _| {
        there.least_less(&wine.loads) / here.least_less(&linux.nothing)
    })?;
    row("a program that makes as many calls of the registry, and does nothing else", &|here, _, registry| {
        registry / here.less(&linux.nothing)
    })?;
    row("the program, less one that loads the same libraries, less those calls", &|here, there, registry| {
        (there.less(&wine.loads) - registry) / here.less(&linux.nothing)
    })?;
    writeln!(
        text,
        "\nPromised is at most {TIMES_MAX:.0} times. A backup makes {:.0} calls of the registry more than a program that loads the same libraries, {:.0} when nothing \
         changed, at {:.1} microseconds each under Wine in the program alone: {:.4} s and {:.4} s, which no program that reads the same can go below. Windows itself was not \
         measured.",
        calls.changed,
        calls.same,
        price * 1e6,
        calls.changed * price,
        calls.same * price
    )?;
    Ok(text)
}

/// Compiles one of the small programs beside this file.
fn compiled(compiler: &str, name: &str, to: &Path) -> anyhow::Result<PathBuf> {
    let source = repo::root().join("xtask/src/bench/wine").join(name).with_extension("c");
    let mut command = Command::new(compiler);
    command.args(["-O2", "-s", "-o"]).arg(to).arg(source);
    if compiler != COMPILER {
        command.arg("-ladvapi32");
    }
    if !process::run(&mut command, "")?.success() {
        bail!("`{compiler}` could not compile {name}.c");
    }
    Ok(to.to_owned())
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
        for name in ["nothing", "loads", "calls"] {
            compiled(windows::LINKER, name, &drive.join(name).with_extension("exe"))?;
        }
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
    fn profile(&self, to_hive: &Path, scratch: &Path) -> anyhow::Result<PathBuf> {
        self.run("wine", &["reg", "export", "HKCU", r"C:\now.reg", "/y"], "")?;
        let profile = scratch.join("profile");
        let classes = profile.join("AppData/Local/Microsoft/Windows");
        std::fs::create_dir_all(&classes).context("could not make the profile")?;
        let mut command = Command::new(to_hive);
        command
            .arg(self.folder.join("drive_c/now.reg"))
            .arg(profile.join("NTUSER.DAT"))
            .arg(classes.join("UsrClass.dat"));
        if !process::run(&mut command, "")?.success() {
            bail!("the example reg_to_hive failed");
        }
        Ok(profile)
    }

    /// Counts the calls of a backup after nothing changed, and after one more change.
    fn calls(&self, round: u32) -> anyhow::Result<Calls> {
        self.run("wineserver", &["-k", "-w"], "")?;
        let path = self.folder.join("asked.txt");
        let said = File::create(&path).context("could not make a file for what Wine's server says")?;
        let mut command = Command::new("wineserver");
        command.args(["-f", "-p", "-d"]).envs(self.environment());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(said);
        let mut server = process::Guarded::spawn(&mut command)?;
        let count = |words: &[&str]| {
            let before = asked(&path)?;
            self.run("wine", words, "")?;
            anyhow::Ok(asked(&path)? - before)
        };
        // The first run starts Wine's services, which ask too.
        count(&[r"C:\loads.exe"])?;
        let loads = count(&[r"C:\loads.exe"])?;
        let same = count(&BACKUP)? - loads;
        self.change(round)?;
        let changed = count(&BACKUP)? - loads;
        self.run("wineserver", &["-k"], "")?;
        server.wait()?;
        Ok(Calls { changed, same })
    }

    /// CPU seconds of a program, and of Wine's server meanwhile.
    fn measure(&self, words: &[&str]) -> anyhow::Result<(f64, f64)> {
        let words: Vec<_> = ["wine"].iter().chain(words).map(|word| (*word).to_owned()).collect();
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
            let name = process.file_name();
            let pid = name.to_str().and_then(|name| name.parse().ok()).context("a process has a number")?;
            return measure::cpu_seconds(pid);
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

/// How many calls of the registry are written down so far.
#[expect(clippy::cast_precision_loss, reason = "some thousands")]
fn asked(path: &Path) -> anyhow::Result<f64> {
    let text = std::fs::read(path).context("what Wine's server has said cannot be read")?;
    let text = String::from_utf8_lossy(&text);
    // `00e0: open_key( ...` is a question, `00e0: open_key() = 0 ...` its answer.
    let is_call = |line: &&str| {
        let said = line.split_once(": ").map(|(_, said)| said);
        said.is_some_and(|said| {
            CALLS.iter().any(|call| said.strip_prefix(call).is_some_and(|rest| rest.starts_with(' ')))
        })
    };
    Ok(text.lines().filter(is_call).count() as f64)
}
