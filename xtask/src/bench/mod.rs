//! `cargo xtask bench`: how good it is, against what people use today, on this machine.
//!
//! Parsing is judged in callgrind instructions, which repeat to 0.01 % whatever else the machine does; so `instructions` is the part that the
//! CI checks too. Everything else is a ratio to a peer that ran in the same minutes, in turn (A B A B), as medians: on a shared machine
//! absolute times move twentyfold, ratios stay. A peer that is not installed is said loudly and leaves its goals open.
//!
//! The goals and their three levels are in `goals.rs`; `report.rs` writes `docs/benchmarks.md`.

pub mod fleet;
mod goals;
pub mod instructions;
mod kept;
mod machine;
mod measure;
mod network;
mod pages;
mod product;
mod rates;
mod report;
mod road;
mod rules;
mod signing;
mod source;
mod stages;
mod start;
mod window;
mod wine;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::builder::PossibleValuesParser;

use crate::{process, say};
pub use measure::Watch;
use report::Report;

/// What to measure
#[derive(clap::Args)]
pub struct Args {
    /// Parts to measure [default: all]
    #[arg(value_parser = PossibleValuesParser::new(PARTS.map(|(name, _)| name)))]
    parts: Vec<String>,
    /// A person's hive to walk and to back up; without it the project's own made hive
    #[arg(long)]
    hive: Option<PathBuf>,
    /// Rounds for client figures; medians want an odd number
    #[arg(long, default_value_t = 7)]
    rounds: u32,
    /// Write the instruction counts of this toolchain to xtask/bench/instructions.toml
    #[arg(long)]
    record: bool,
    /// Run one command, say what it took (for the bench itself)
    #[arg(long, hide = true, num_args = 1.., allow_hyphen_values = true)]
    one: Vec<String>,
    /// Count bytes in the network namespace we are in (for the bench itself)
    #[arg(long, hide = true)]
    inside: bool,
}

impl Args {
    fn wants(&self, part: &str) -> bool {
        self.parts.is_empty() || self.parts.iter().any(|name| name == part)
    }
}

/// Measures one part into the report.
type Part = fn(&Args, &mut Report) -> anyhow::Result<()>;

/// All parts, in the order of the page.
const PARTS: [(&str, Part); 14] = [
    ("instructions", instructions::measure),
    ("start", start::measure),
    ("road", road::measure),
    ("kept", kept::measure),
    ("stages", stages::measure),
    ("network", network::measure),
    ("rates", rates::measure),
    ("peer", rates::atuin::measure),
    ("postgres", rates::postgres::measure),
    ("rules", rules::measure),
    ("pages", pages::measure),
    ("million", rates::million::measure),
    ("window", window::measure),
    ("wine", wine::measure),
];

/// Measures and writes the page.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    if !args.one.is_empty() {
        return measure::run_one(&args.one);
    }
    process::listen_for_stop()?;
    if args.inside {
        return network::inside(args);
    }
    if args.record {
        instructions::record()?;
    }
    let mut report = Report::begin();
    for (name, measure) in PARTS.iter().filter(|(name, _)| args.wants(name)) {
        say::chapter(&format!("bench: {name}"));
        if let Err(error) = measure(args, &mut report) {
            // What was measured before is kept.
            report.end()?;
            return Err(error.context(format!("bench {name}")));
        }
    }
    report.end()?;
    Ok(ExitCode::SUCCESS)
}
