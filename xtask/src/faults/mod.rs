//! `cargo xtask faults`: tries every fault of `docs/faults.md` and says how often, and what was lost.
//!
//! The page is the list: each row names the tests that show it, and they are run here one by one, so that each has its own time. Those that count say
//! how often they tried, how many confirmed snapshots were lost and how many restores were left half done, in one line that begins with `faults:`; a test
//! without such a line counts as one try. The line also says how many tries were of a kind that a goal counts; at the end each is told beside its goal (`goals.rs`). Those that are about PostgreSQL get one of their own, which is started when the first of them comes. Chance is seeded everywhere; what a test says when it fails holds the seed.

mod goals;
mod planted;
mod programs;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, bail};

use crate::bench::Watch;
use crate::postgres::Postgres;
use crate::tidy::faults::{PAGE, rows};
use crate::{process, repo, say};
use goals::Counts;
use programs::Programs;

/// Tells the tests how often to try; unset: as often as a developer has time for.
const FIGURES: &str = "REHOME_FAULTS";

/// Which faults to try, and how often
#[derive(clap::Args)]
pub struct Args {
    /// Only the faults with these numbers
    numbers: Vec<usize>,
    /// How often those faults are tried that chance drives
    #[arg(long, value_enum, default_value_t)]
    figures: Figures,
    /// Only those that chance or a long list drives (`tests/it/faults`): the others run with all the tests
    #[arg(long)]
    counted: bool,
    /// Also what runs under Wine, which must be there with a built rehome.exe (`cargo xtask ci wine`)
    #[arg(long)]
    wine: bool,
    /// Instead: put known bugs into a copy of the source, one after the other, and see that each is found
    #[arg(long)]
    planted: bool,
}

/// How often.
#[derive(Clone, Copy, Default, PartialEq, clap::ValueEnum)]
enum Figures {
    /// Two minutes for all that is counted, as each push has
    Slice,
    /// A thousand simulations and kills, fifty thousand power cuts
    #[default]
    Full,
    /// Before a release: up to fifty times that, which takes hours
    Release,
}

impl Figures {
    fn word(self) -> &'static str {
        match self {
            Self::Slice => "slice",
            Self::Full => "full",
            Self::Release => "release",
        }
    }
}

/// What a test said.
#[derive(Clone, Default)]
struct Tried {
    runs: u64,
    lost: u64,
    half: u64,
    seconds: f64,
    failed: bool,
    skipped: bool,
    /// Those of kinds that a goal counts.
    kinds: Counts,
}

/// Tries them and prints the table.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    process::listen_for_stop()?;
    if args.planted {
        return planted::run();
    }
    let page = repo::root().join(PAGE);
    let text = std::fs::read_to_string(&page).with_context(|| format!("could not read {}", page.display()))?;
    let all: Result<Vec<_>, usize> = rows(&text).into_iter().collect();
    let Ok(all) = all else { bail!("{PAGE} has rows that cannot be read; `cargo xtask tidy` names them") };
    if let Some(unknown) = args.numbers.iter().find(|number| !all.iter().any(|row| row.number == **number)) {
        bail!("there is no fault {unknown}; {PAGE} has them from 1 to {}", all.len());
    }
    let wanted = |number: usize| args.numbers.is_empty() || args.numbers.contains(&number);
    let is_run = |path: &str| (args.wine || !path.contains("/wine/")) && (!args.counted || is_counted(path));
    let mut tests = Vec::new();
    for row in all.iter().filter(|row| wanted(row.number)) {
        tests.extend(named(row.tests).filter(|(path, _)| is_run(path)).map(|test| (row.number, test)));
    }
    let programs = Programs::build()?;
    let mut postgres = None;
    let mut done: BTreeMap<(&str, &str), Tried> = BTreeMap::new();
    for (_, test) in &tests {
        if !done.contains_key(test) {
            let tried = if is_of_postgres(test.0)? {
                let server = match &mut postgres {
                    Some(server) => server,
                    none => none.insert(Postgres::start()?),
                };
                match server {
                    Some(server) => try_it(&programs, *test, (args.figures, Some(&server.address)))?,
                    None => Tried { skipped: true, ..Tried::default() },
                }
            } else {
                try_it(&programs, *test, (args.figures, None))?
            };
            done.insert(*test, tried);
        }
    }
    let mut failed = 0;
    println("number\truns\tlost\thalf\tseconds\tresult\twhat goes wrong");
    for row in all.iter().filter(|row| wanted(row.number)) {
        let tried = tests.iter().filter(|(number, _)| *number == row.number).filter_map(|(_, test)| done.get(test));
        let sum = tried.clone().fold(Tried::default(), |sum, one| Tried {
            runs: sum.runs + one.runs,
            lost: sum.lost + one.lost,
            half: sum.half + one.half,
            seconds: sum.seconds + one.seconds,
            failed: sum.failed || one.failed,
            skipped: sum.skipped || one.skipped,
            kinds: goals::sum(sum.kinds, one.kinds),
        });
        if args.counted && tried.count() == 0 {
            continue;
        }
        let result = match () {
            () if sum.failed => "FAILED",
            () if sum.skipped => "skipped in part",
            () if sum.runs == 0 => row.state,
            () => "ok",
        };
        failed += u64::from(sum.failed || sum.lost + sum.half > 0);
        let Tried { runs, lost, half, seconds, .. } = sum;
        println(&format!("{}\t{runs}\t{lost}\t{half}\t{seconds:.1}\t{result}\t{}", row.number, row.fault));
    }
    let counts = done.values().fold(Counts::default(), |sum, one| goals::sum(sum, one.kinds));
    let (lines, missed) = goals::told(&counts, args.figures);
    println("");
    for line in &lines {
        println(line);
    }
    // Whoever asks for some of them, or cannot run all, has not promised all.
    let is_all = args.numbers.is_empty() && !args.counted;
    let missed = if is_all { missed } else { 0 };
    let (runs, seconds) = done.values().fold((0, 0.0), |sum, one| (sum.0 + one.runs, sum.1 + one.seconds));
    say::note(&format!(
        "{} tests, {runs} tries, {seconds:.0} s; {failed} faults do not end as they should, {missed} figures are not reached",
        done.len()
    ));
    Ok(if failed == 0 && missed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn println(line: &str) {
    anstream::println!("{line}");
}

/// Whether a file's tests go by the figures and by little else.
fn is_counted(path: &str) -> bool {
    path.contains("/tests/it/faults/")
}

/// The tests of a cell: file and function. Commands in its prose have spaces, and are none.
fn named(cell: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut file = "";
    cell.split('`').skip(1).step_by(2).filter_map(move |word| {
        if word.contains(' ') {
            return None;
        }
        if word.contains('/') {
            file = word;
            return None;
        }
        Some((file, word)).filter(|_| Path::new(file).extension().is_some_and(|extension| extension == "rs"))
    })
}

/// Whether a file's tests end at once where there is no PostgreSQL.
fn is_of_postgres(path: &str) -> anyhow::Result<bool> {
    let file = repo::root().join(path);
    let text = std::fs::read_to_string(&file).with_context(|| format!("could not read {}", file.display()))?;
    Ok(text.contains("if !elsewhere() {"))
}

fn try_it(
    programs: &Programs,
    (path, name): (&str, &str),
    (figures, postgres): (Figures, Option<&String>),
) -> anyhow::Result<Tried> {
    process::check_stop()?;
    let (program, test) = programs.find(path, name)?;
    let mut command = program.command();
    command.args(["--exact", test, "--nocapture", "--test-threads", "1"]).env(FIGURES, figures.word());
    command.envs(postgres.map(|address| ("REHOME_TEST_POSTGRES", address)));
    let watch = Watch::start();
    let output = process::capture(&mut command, "")?;
    let seconds = watch.elapsed().as_secs_f64();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    let tried = read(&text, output.status.success());
    if tried.failed {
        say::bad(&format!("{name}\n{text}"));
    } else {
        say::good(&format!("{seconds:6.1} s  {:>8}  {name}", tried.runs));
    }
    Ok(Tried { seconds, ..tried })
}

/// The number that a line has for a word.
fn field(said: &str, name: &str) -> u64 {
    let value = said.split(' ').find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
    value.and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

/// What a test's output says.
fn read(text: &str, is_ok: bool) -> Tried {
    let ran = text.contains("1 passed") || text.contains("1 failed");
    let mut tried = Tried { failed: !is_ok || !ran, skipped: text.contains("SKIPPED"), ..Tried::default() };
    let lines: Vec<&str> = text.lines().filter_map(|line| line.split_once("faults: ").map(|(_, said)| said)).collect();
    for said in &lines {
        tried.runs += field(said, "runs");
        tried.lost += field(said, "lost");
        tried.half += field(said, "half");
        tried.kinds = goals::sum(tried.kinds, goals::counted(said));
    }
    if lines.is_empty() && !tried.skipped {
        tried.runs = 1;
    }
    tried
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_counts_what_it_says_and_otherwise_once() {
        let counted = read("x faults: runs=12 lost=0 half=1\nfaults: runs=3\ntest result: ok. 1 passed", true);
        assert_eq!((counted.runs, counted.lost, counted.half, counted.failed), (15, 0, 1, false));
        assert_eq!(read("test result: ok. 1 passed", true).runs, 1);
        assert!(read("test result: ok. 0 passed; 5 filtered out", true).failed, "no such test");
        assert!(read("test result: FAILED. 1 failed", false).failed);
        let skipped = read("SKIPPED: no strace\ntest result: ok. 1 passed", true);
        assert!(skipped.skipped && skipped.runs == 0);
    }

    #[test]
    fn a_cell_gives_each_test_with_its_file() {
        let cell = "by chance: `a/b.rs` `one` `two` · `c/d.rs` `three`; a whole fleet: `cargo xtask fleet`; a page: `docs/x.md` `none`";
        let found: Vec<_> = named(cell).collect();
        assert_eq!(found, [("a/b.rs", "one"), ("a/b.rs", "two"), ("c/d.rs", "three")]);
    }
}
