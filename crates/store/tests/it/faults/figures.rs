//! How often a fault is tried: a few times with all the tests, and as often as `cargo xtask faults` asks for.

/// Set by `cargo xtask faults`: `slice`, `full` or `release`.
const WORD: &str = "REHOME_FAULTS";

/// How often, for each word; the first one if there is none.
pub fn of([quick, slice, full, release]: [usize; 4]) -> usize {
    match std::env::var(WORD).as_deref() {
        Ok("slice") => slice,
        Ok("full") => full,
        Ok("release") => release,
        _ => quick,
    }
}

/// Says what came of it, in the form that `cargo xtask faults` counts.
pub fn say(what: &str, runs: usize, lost: usize) {
    say_of(what, &[], (runs, lost));
}

/// The same, and how many of the tries were of a kind that a goal counts (`docs/faults.md`): their words are those of `xtask/src/faults/goals.rs`.
pub fn say_of(what: &str, kinds: &[(&str, usize)], (runs, lost): (usize, usize)) {
    let kinds: Vec<String> = kinds.iter().map(|(kind, count)| format!("{kind}={count}")).collect();
    eprintln!("{what}\nfaults: runs={runs} lost={lost} half=0 {}", kinds.join(" "));
}
