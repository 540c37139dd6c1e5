//! Writes `docs/benchmarks.md`: goals first, then the tables they come from.
//!
//! A run of one part replaces that part and leaves the others as the last run of theirs left them; so the page is kept in sections between marks.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;

use anyhow::Context;

use super::goals::{GOALS, Level};
use super::machine;
use crate::{repo, say};

/// What one run found.
pub struct Report {
    sections: BTreeMap<String, String>,
    ratios: BTreeMap<u32, (f64, String)>,
}

impl Report {
    /// Begins with what the page says already.
    pub fn begin() -> Self {
        let text = std::fs::read_to_string(page()).unwrap_or_default();
        let mut report = Self { sections: sections(&text), ratios: BTreeMap::new() };
        for line in report.sections.get("goals").cloned().unwrap_or_default().lines() {
            report.ratios.extend(goal_row(line));
        }
        report
    }

    /// Replaces one section. Below its heading it says when it was measured, and how that is done again.
    pub fn section(&mut self, name: &str, mut text: String) {
        let heading = text.find('\n').unwrap_or(text.len());
        text.insert_str(heading, &format!("\n\nMeasured on {} with `cargo xtask bench {name}`.", machine::today()));
        self.sections.insert(name.to_owned(), text);
    }

    /// A goal's ratio, and what it was measured with.
    pub fn ratio(&mut self, goal: u32, ratio: f64, how: &str) {
        say::note(&format!("goal {goal}: {ratio:.2} ({how})"));
        self.ratios.insert(goal, (ratio, how.to_owned()));
    }

    /// A goal that could not be measured here, and why.
    pub fn open(&mut self, goal: u32, why: &str) {
        say::skipped(&format!("goal {goal}: {why}"));
        self.ratios.insert(goal, (f64::NAN, why.to_owned()));
    }

    /// Writes the page.
    pub fn end(mut self) -> anyhow::Result<()> {
        let goals = self.goals();
        self.sections.insert("goals".to_owned(), goals);
        let mut text = String::from(HEAD);
        for name in std::iter::once("goals").chain(super::PARTS.map(|(name, _)| name)) {
            let body = self.sections.get(name).map_or("Not measured yet.\n", String::as_str);
            write!(text, "\n<!-- {name} -->\n{}\n", body.trim_end()).expect("writing to a string does not fail");
        }
        repo::write(&page(), &text).context("could not write docs/benchmarks.md")?;
        say::good("docs/benchmarks.md");
        Ok(())
    }

    fn goals(&self) -> String {
        let mut text = String::from(
            "## Goals\n\n| # | what | ratio | good | best | moonshot | measured | level |\n| --- | --- | --- | --- | --- | --- | --- | --- |\n",
        );
        for goal in GOALS {
            let sign = if goal.more_is_better { ">=" } else { "<=" };
            let [good, best, moonshot] = goal.levels;
            let (measured, level) = match self.ratios.get(&goal.number) {
                Some((ratio, how)) if ratio.is_finite() => {
                    let level = goal.level(*ratio);
                    let away = match level {
                        Level::Moonshot => String::new(),
                        _ => format!(", moonshot {:.1}x away", goal.moonshot_factor(*ratio)),
                    };
                    (format!("{ratio:.2} ({how})"), format!("{level}{away}"))
                }
                Some((_, why)) => (format!("open: {why}"), "-".to_owned()),
                None => ("open: not measured yet".to_owned(), "-".to_owned()),
            };
            let (what, ratio) = (goal.what, goal.ratio);
            writeln!(
                text,
                "| {} | {what} | {ratio} | {sign} {good} | {sign} {best} | {sign} {moonshot} | {measured} | {level} |",
                goal.number
            )
            .expect("writing to a string does not fail");
        }
        text
    }
}

/// What every reader has to know before any figure.
const HEAD: &str = "# Benchmarks

Written by `cargo xtask bench`; do not edit by hand. Figures of one machine in one sitting: only the ratios mean something elsewhere. Parsing is
counted in callgrind instructions, which repeat to 0.01 % and are checked by the CI with a 2 % allowance; client figures are medians of runs taken
in turn (A B A B) with the peers' own defaults; server rates share the machine's cores with the load generator. The load that each section names
is other people's work beside it: under load, trust ratios only, and server rates not even those.
";

fn page() -> PathBuf {
    repo::root().join("docs/benchmarks.md")
}

/// The sections of a page by the name in their mark.
fn sections(text: &str) -> BTreeMap<String, String> {
    text.split("\n<!-- ")
        .skip(1)
        .filter_map(|part| part.split_once(" -->\n"))
        .map(|(name, body)| (name.to_owned(), body.to_owned()))
        .collect()
}

/// A goal's number and what was measured, from its row of the page.
fn goal_row(line: &str) -> Option<(u32, (f64, String))> {
    let cells: Vec<&str> = line.split('|').map(str::trim).collect();
    let number = cells.get(1)?.parse().ok()?;
    let measured = *cells.get(7)?;
    if let Some(why) = measured.strip_prefix("open: ") {
        return (why != "not measured yet").then(|| (number, (f64::NAN, why.to_owned())));
    }
    let (ratio, how) = measured.split_once(" (")?;
    Some((number, (ratio.parse().ok()?, how.trim_end_matches(')').to_owned())))
}

/// The run's circumstances, for the head of a section.
pub fn circumstances() -> String {
    format!("{}; load {} at the end.\n", machine::describe(), machine::load())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_of_one_part_keeps_the_others() {
        let mut report = Report {
            sections: sections("# x\n\n<!-- road -->\nold road\n\n<!-- rates -->\nold rates\n"),
            ratios: BTreeMap::new(),
        };
        report.section("road", "## New road\n\nfigures\n".to_owned());
        assert_eq!(report.sections["rates"].trim(), "old rates");
        let lines: Vec<_> = report.sections["road"].lines().filter(|line| !line.is_empty()).collect();
        let [heading, when, "figures"] = lines[..] else { panic!("{lines:?}") };
        assert_eq!(heading, "## New road");
        assert!(when.starts_with("Measured on 2") && when.ends_with("`cargo xtask bench road`."), "{when}");
    }

    #[test]
    fn goals_are_read_back_from_the_page_they_were_written_to() {
        let mut report = Report { sections: BTreeMap::new(), ratios: BTreeMap::new() };
        report.ratios.insert(4, (0.61, "0.02 / 0.03 s".to_owned()));
        report.ratios.insert(5, (f64::NAN, "bupstash is not installed".to_owned()));
        let rows: BTreeMap<_, _> = report.goals().lines().filter_map(goal_row).collect();
        assert_eq!(rows[&4].1, "0.02 / 0.03 s");
        assert_eq!(rows[&5].1, "bupstash is not installed");
        assert_eq!(rows.len(), 2);
    }
}
