//! The project's own chores, one verb per file.
//!
//! `cargo xtask VERB` from anywhere in the checkout. The scripts `./demo` and `./test` set the machine up and end in a verb of this
//! program, so that there is one place that knows how the project is shown, checked and measured. It links nothing of ours: it drives the
//! binaries as a person would.

mod bench;
mod built;
mod ci;
mod demo;
mod faults;
mod fleet;
mod fuzz;
mod http;
mod msi;
mod packages;
mod postgres;
mod process;
mod repo;
mod say;
mod sbom;
mod serving;
mod test;
mod tidy;
mod windows;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The project's own chores
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Show the main job: back up an old PC, restore onto a new one
    Demo(demo::Args),
    /// Run all tests, as a developer does many times a day
    Test(test::Args),
    /// Run every check, as the CI does
    Ci(ci::Args),
    /// Check what no compiler checks: arrows, folders, comments, words
    Tidy,
    /// Measure against peers and write docs/benchmarks.md
    Bench(bench::Args),
    /// Feed generated input to the readers of untrusted bytes
    Fuzz(fuzz::Args),
    /// Try every fault of docs/faults.md, and count what was lost
    Faults(faults::Args),
    /// Let thousands of PCs come to a server on a Monday morning
    Fleet(fleet::Args),
    /// Build rehome.exe for Windows on this machine
    Windows(windows::Args),
    /// Say what is in the programs, as a bill of materials
    Sbom(sbom::Args),
    /// Build the server's package for Debian, and check it, the image's recipe and the chart
    Packages(packages::Args),
    /// Build the installer of rehome.exe, and its winget manifest
    Msi(msi::Args),
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().verb {
        Verb::Demo(args) => demo::run(&args),
        Verb::Test(args) => test::run(&args),
        Verb::Ci(args) => ci::run(&args),
        Verb::Tidy => tidy::run(),
        Verb::Bench(args) => bench::run(&args),
        Verb::Fuzz(args) => fuzz::run(&args),
        Verb::Faults(args) => faults::run(&args),
        Verb::Fleet(args) => fleet::run(&args),
        Verb::Windows(args) => windows::run(&args),
        Verb::Sbom(args) => sbom::run(&args),
        Verb::Packages(args) => packages::run(&args),
        Verb::Msi(args) => msi::run(&args),
    };
    match outcome {
        Ok(code) => code,
        Err(error) if error.is::<process::Stopped>() => {
            say::note("stopped; nothing was left behind");
            ExitCode::from(130)
        }
        Err(error) => {
            say::error(&error);
            ExitCode::FAILURE
        }
    }
}
