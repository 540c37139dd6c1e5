//! How fast the person's window is there and what it needs: under 300 ms to its first frame and under 60 MB are the promises.
//!
//! On Linux, on a screen of Xvfb that draws into a file: the first frame is there when the file is no longer what it was.

use std::fmt::Write;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};

use super::Args;
use super::measure::{Watch, median};
use super::report::{Report, circumstances};
use super::start::resident_mb;
use crate::process::Guarded;
use crate::{process, repo, say};

/// Longest way to the first frame that we promise, in milliseconds.
const FRAME_MS_MAX: f64 = 300.0;
/// Largest resident set that we promise, in MB.
const MEMORY_MB_MAX: f64 = 60.0;
/// Between two looks.
const LOOK: Duration = Duration::from_millis(5);
/// How long a first frame may take before something is wrong.
const NEVER: Duration = Duration::from_secs(30);
/// How long the page is left to itself until its answers have come and its memory is what it stays.
const SETTLED: Duration = Duration::from_secs(3);

/// Opens the window several times.
pub fn measure(args: &Args, report: &mut Report) -> anyhow::Result<()> {
    if Command::new("Xvfb").arg("-version").output().is_err() {
        say::skipped("no Xvfb on this machine (Debian's package xvfb): the window was not opened");
        return Ok(());
    }
    let mut build = repo::cargo();
    build.args([
        "build",
        "--release",
        "--locked",
        "--package",
        "window",
        "--package",
        "agent",
        "--features",
        "window/x11",
    ]);
    if !process::run(&mut build, "")?.success() {
        bail!("the build failed; the compiler's message is above");
    }
    let program = repo::target()?.join("release/rehome-backup");
    let scratch = repo::scratch("bench-")?;
    let (mut frames, mut memory) = (Vec::new(), Vec::new());
    for _ in 0..args.rounds {
        let (frame, resident) = open(&program, scratch.path())?;
        frames.push(frame);
        memory.push(resident);
    }
    let (frame, resident) = (median(frames), median(memory));
    let mut text =
        format!("## The window\n\n{}\n| what | measured | promised |\n| --- | --- | --- |\n", circumstances());
    writeln!(text, "| from process start to the first frame | {frame:.0} ms | < {FRAME_MS_MAX:.0} ms |")?;
    writeln!(
        text,
        "| resident memory with the page Backup, its answers there | {resident:.1} MB | < {MEMORY_MB_MAX:.0} MB |"
    )?;
    text += "\nSoftware renderer, on Xvfb at 1024 × 768. Waiting is done in glances of 5 ms, so a first frame is overstated by up to that.\n";
    report.section("window", text);
    Ok(())
}

/// Milliseconds to the first frame, and MB once it is settled.
fn open(program: &Path, folder: &Path) -> anyhow::Result<(f64, f64)> {
    let mut screen = Command::new("Xvfb");
    screen.args(["-displayfd", "1", "-nolisten", "tcp", "-screen", "0", "1024x768x24", "-fbdir"]).arg(folder);
    let mut screen = Guarded::spawn(screen.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()))?;
    let mut number = String::new();
    let said = screen.child().stdout.take().context("Xvfb says nothing")?;
    BufReader::new(said).read_line(&mut number)?;
    let picture = || std::fs::read(folder.join("Xvfb_screen0"));
    let bare = picture()?;
    let watch = Watch::start();
    let mut window = Command::new(program);
    window.env_clear().env("HOME", folder).env("DISPLAY", format!(":{}", number.trim()));
    let mut window = Guarded::spawn(window.env("SLINT_BACKEND", "winit-software").stdin(Stdio::null()))?;
    while picture()? == bare {
        if watch.elapsed() > NEVER {
            bail!("the window does not appear");
        }
        std::thread::park_timeout(LOOK);
    }
    let frame = watch.elapsed().as_secs_f64() * 1e3;
    while watch.elapsed() < SETTLED {
        std::thread::park_timeout(LOOK);
    }
    Ok((frame, resident_mb(window.child().id())?))
}
