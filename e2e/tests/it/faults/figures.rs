//! How often a fault is tried: a few times with all the tests, and as often as `cargo xtask faults` asks for.

/// How often: with all the tests, for the figures `full`, and for `release`.
pub fn of([quick, full, release]: [usize; 3]) -> usize {
    match std::env::var("REHOME_FAULTS").as_deref() {
        Ok("full") => full,
        Ok("release") => release,
        _ => quick,
    }
}

/// Says how often it was tried, in the form that `cargo xtask faults` counts. What went wrong has failed its test by then.
pub fn say(what: &str, runs: usize) {
    crate::harness::say(&format!("{what}\nfaults: runs={runs} lost=0 half=0\n"));
}
