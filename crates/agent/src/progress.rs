//! How far a run is: a bar on a terminal, lines of JSON for scripts, or nothing.

use std::cell::Cell;
use std::io::{self, IsTerminal, Write};

use device::apply::Reached;
use device::apps::queue::Told;
use device::progress::{Progress, Station};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use model::catalog::Stage;

use crate::cli::Global;
use crate::paint::tame;

/// One of the ways to show progress.
pub enum Shown {
    /// A bar or a line that changes on stderr.
    Bar(ProgressBar),
    /// One JSON document a line on stderr.
    Lines(Cell<Station>),
    /// Nothing.
    Nothing,
}

impl Shown {
    /// What the flags and the terminal allow.
    pub fn new(global: &Global) -> Self {
        if global.json_lines {
            return Self::Lines(Cell::new(Station::Collect));
        }
        if global.no_progress || global.quiet || global.json || !io::stderr().is_terminal() {
            return Self::Nothing;
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        bar.set_style(spinner());
        Self::Bar(bar)
    }
}

impl Progress for Shown {
    fn station(&self, station: Station) {
        match self {
            Self::Bar(bar) => {
                bar.set_style(spinner());
                bar.set_message(station.title());
                bar.tick();
            }
            Self::Lines(at) => {
                at.set(station);
                line(&serde_json::json!({ "station": station.word() }));
            }
            Self::Nothing => {}
        }
    }

    fn bytes(&self, done: u64, total: u64) {
        match self {
            Self::Bar(bar) => {
                bar.set_style(bytes());
                bar.set_length(total);
                bar.set_position(done);
            }
            Self::Lines(at) => {
                line(&serde_json::json!({ "station": at.get().word(), "bytes_done": done, "bytes_total": total }));
            }
            Self::Nothing => {}
        }
    }

    fn stage(&self, stage: Stage, Reached { done, total, complete }: Reached) {
        match self {
            Self::Bar(bar) => {
                bar.set_style(steps());
                bar.set_message(format!("{}: {}", Station::Apply.title(), stage.title()));
                bar.set_length(total as u64);
                bar.set_position(done as u64);
            }
            Self::Lines(at) => {
                let (station, stage) = (at.get().word(), stage.word());
                line(&serde_json::json!({
                    "station": station, "stage": stage, "done": done, "total": total, "complete": complete
                }));
            }
            Self::Nothing => {}
        }
    }
}

/// An app is being installed, or has been.
pub fn app(shown: &Shown, told: Told<'_>) {
    match (shown, told) {
        (Shown::Bar(bar), Told::Begins { at, total, name }) => {
            bar.set_style(steps());
            bar.set_message(format!("Installing {}", tame(name, 40)));
            bar.set_length(total as u64);
            bar.set_position(at as u64);
        }
        (Shown::Lines(_), Told::Begins { at, total, name }) => {
            line(&serde_json::json!({ "station": "apps", "app": name, "done": at - 1, "total": total }));
        }
        (Shown::Lines(_), Told::Ended(entry)) => {
            line(&serde_json::json!({
                "station": "apps", "app": entry.name, "stands": entry.stands, "reason": entry.reason
            }));
        }
        (Shown::Bar(_), Told::Ended(_)) | (Shown::Nothing, _) => {}
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}

fn line(document: &serde_json::Value) {
    // Progress that nobody reads is no reason to stop.
    let _ = writeln!(io::stderr(), "{document}");
}

fn spinner() -> ProgressStyle {
    ProgressStyle::with_template("{spinner} {msg}").expect("the template is right")
}

fn bytes() -> ProgressStyle {
    ProgressStyle::with_template("{spinner} {msg} [{bar:24}] {bytes}/{total_bytes}")
        .expect("the template is right")
        .progress_chars("━╸ ")
}

fn steps() -> ProgressStyle {
    ProgressStyle::with_template("{spinner} {msg} [{bar:24}] {pos} of {len}")
        .expect("the template is right")
        .progress_chars("━╸ ")
}
