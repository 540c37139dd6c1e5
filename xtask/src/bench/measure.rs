//! One command measured: CPU time, wall time, peak memory.
//!
//! The system keeps a process's figures with its parent, summed over all children. Each measured command therefore gets a parent of its own:
//! this program once more, which runs the command, reads the sums, and prints them.

use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use nix::unistd::Pid;

use crate::process;

/// What one run took.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sample {
    /// User and system time, in seconds, of the command and whatever it started and waited for.
    pub cpu_s: f64,
    /// From start to end, in seconds.
    pub wall_s: f64,
    /// Largest resident set of any process in it, in MiB. Never below that of the measuring parent, about 5 MiB.
    pub peak_mib: f64,
    /// Bytes the repository grew by, where there is one.
    pub growth: f64,
}

/// Measures a time span. The one place of the project that asks the system for it.
pub struct Watch(Instant);

impl Watch {
    /// Starts now.
    #[expect(clippy::disallowed_methods, reason = "measuring time is what this type is for")]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// How long ago it was started.
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// While it lives, whatever this thread starts runs on one core.
///
/// Two processes that ask and answer each other in turn wake each other's core each time, and on an idle machine whose cores are virtual that is most of what a
/// question takes: 17 microseconds instead of 4 for a call of the registry under Wine. What a program costs should not depend on how much else is going on.
pub struct OneCore(CpuSet);

impl OneCore {
    /// From now on.
    pub fn enter() -> anyhow::Result<Self> {
        let us = Pid::from_raw(0);
        let before = sched_getaffinity(us).context("the system does not say on which cores we run")?;
        let last = (0..CpuSet::count()).rev().find(|core| before.is_set(*core) == Ok(true));
        let mut one = CpuSet::new();
        one.set(last.context("we run on no core")?).context("that is no core")?;
        sched_setaffinity(us, &one).context("we may not choose our core")?;
        Ok(Self(before))
    }
}

impl Drop for OneCore {
    fn drop(&mut self) {
        // Whoever comes afterwards is only slower without it.
        let _ = sched_setaffinity(Pid::from_raw(0), &self.0);
    }
}

/// Runs `words` in a parent of its own and reads the figures. `environment` is added to ours.
pub fn measure(words: &[String], environment: &[(String, String)]) -> anyhow::Result<Sample> {
    let program = std::env::current_exe().context("this program does not know where it is")?;
    let mut command = Command::new(program);
    command.args(["bench", "--one"]).args(words).envs(environment.iter().cloned());
    let output = process::capture(&mut command, "")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let figures: Vec<f64> =
        text.lines().last().unwrap_or_default().split('\t').filter_map(|field| field.parse().ok()).collect();
    match figures[..] {
        [cpu_s, wall_s, peak_mib] if output.status.success() => Ok(Sample { cpu_s, wall_s, peak_mib, growth: 0.0 }),
        _ => bail!("`{}` failed: {}", words.join(" "), String::from_utf8_lossy(&output.stderr).trim()),
    }
}

/// The measuring parent: runs one command and prints CPU seconds, wall seconds and peak MiB.
pub fn run_one(words: &[String]) -> anyhow::Result<ExitCode> {
    let watch = Watch::start();
    let status = Command::new(&words[0])
        .args(&words[1..])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .with_context(|| format!("could not start {}", words[0]))?;
    let wall = watch.elapsed().as_secs_f64();
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).context("the system keeps no figures")?;
    let micros = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    #[expect(clippy::cast_precision_loss, reason = "microseconds and KiB of one run fit a double")]
    let (cpu, peak) = (micros as f64 / 1e6, usage.max_rss() as f64 / 1024.0);
    anstream::println!("{cpu:.6}\t{wall:.6}\t{peak:.2}");
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}

/// User and system time of a process so far, in the system's ticks of 10 ms (`USER_HZ`, fixed on x86-64; proc(5)).
pub fn cpu_seconds(pid: u32) -> anyhow::Result<f64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).context("the process is gone")?;
    let after = text.rsplit(')').next().unwrap_or_default();
    let ticks: f64 = after.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum();
    Ok(ticks / 100.0)
}

/// The middle of some figures; of an even number, the mean of the two middle ones.
pub fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    match figures.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => figures[n / 2],
        n => f64::midpoint(figures[n / 2 - 1], figures[n / 2]),
    }
}

/// The median of each figure by itself.
pub fn medians(samples: &[Sample]) -> Sample {
    let of = |figure: fn(&Sample) -> f64| median(samples.iter().map(figure).collect());
    Sample { cpu_s: of(|s| s.cpu_s), wall_s: of(|s| s.wall_s), peak_mib: of(|s| s.peak_mib), growth: of(|s| s.growth) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_whatever_the_order() {
        assert!((median(vec![3.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
        assert!((median(vec![4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < f64::EPSILON);
        assert!(median(Vec::new()).is_nan());
    }
}
