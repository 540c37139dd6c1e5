//! When a server has done what is due at its start, so that it is not counted among what requests cost.

use std::time::Duration;

use anyhow::bail;

use crate::bench::measure::{Watch, cpu_seconds};
use crate::{process, say};

/// A server looks every half minute what is to be done by itself; this is longer.
const ROUND: Duration = Duration::from_secs(35);
/// What of one core it may take by itself for that, when it is taken to have done what is due once an hour or a day.
const REST: f64 = 0.05;
/// How many rounds that is waited for at most.
const ROUNDS_MAX: u32 = 12;

/// What a server takes by itself.
pub struct ByItself {
    /// Seconds of a core until it rested.
    pub first_s: f64,
    /// The share of a core that it takes then.
    pub later: f64,
}

/// Waits until the server has done what it does rarely, so that it is not counted among what requests cost.
pub fn come_to_rest(server: u32) -> anyhow::Result<ByItself> {
    say::note("waiting for what the server does by itself");
    let begin = cpu_seconds(server)?;
    for _ in 0..ROUNDS_MAX {
        let before = cpu_seconds(server)?;
        let watch = Watch::start();
        while watch.elapsed() < ROUND {
            process::pause()?;
        }
        let later = (cpu_seconds(server)? - before) / ROUND.as_secs_f64();
        if later < REST {
            return Ok(ByItself { first_s: before - begin, later });
        }
    }
    bail!("the server does not rest: it takes more than {:.0} % of a core by itself", REST * 100.0)
}
