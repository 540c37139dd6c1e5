//! `rehome-server rule`: rules of dynamic groups and filters, read without a server: checked, spelled, explained.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use model::reason::Reason;
use model::world::Clock;
use rules::{Facts, Kind, Rule};

use super::{Failure, policy_file, print, say};
use crate::world::SystemClock;

/// The largest file with a rule: the longest rule in the longest letters.
const RULE_BYTES_MAX: u64 = 16 * 1024;

/// The largest file of facts: every property with the longest text that a fact has would take a megabyte.
const FACTS_BYTES_MAX: u64 = 1024 * 1024;

#[derive(Subcommand)]
pub(super) enum RuleVerb {
    /// Say whether a rule is understood; if not, where and why
    Check(RuleArgs),
    /// Print a rule in its canonical spelling
    Format(RuleArgs),
    /// Say why somebody is in, or not: each part of the rule with what was found
    Explain {
        #[command(flatten)]
        rule: RuleArgs,
        /// What is known of them (JSON), such as {"deviceModel": "Surface Book 3", "deviceOSVersion": "10.0.26100.1742"}; `-` is standard input
        #[arg(long, value_name = "FILE")]
        facts: PathBuf,
        /// End with 1 if they are not in
        #[arg(long)]
        exit_code: bool,
    },
}

/// What a rule is about.
#[derive(Clone, Copy, ValueEnum)]
enum About {
    /// People: a rule of Entra
    User,
    /// PCs: a rule of Entra
    Device,
    /// PCs, in the words of Intune's filters
    Filter,
}

#[derive(Args)]
pub(super) struct RuleArgs {
    /// The rule
    #[arg(required_unless_present = "file")]
    rule: Option<String>,
    /// A file with the rule instead; `-` is standard input
    #[arg(long, short, value_name = "FILE", conflicts_with = "rule")]
    file: Option<PathBuf>,
    /// What it is about
    #[arg(long, value_enum, default_value_t = About::Device)]
    kind: About,
}

impl RuleArgs {
    fn kind(&self) -> Kind {
        match self.kind {
            About::User => Kind::User,
            About::Device => Kind::Device,
            About::Filter => Kind::Filter,
        }
    }

    /// The rule, or the place where it is wrong, pointed at.
    fn read(&self) -> Result<Rule, Failure> {
        let text = match (&self.rule, &self.file) {
            (Some(rule), _) => rule.clone(),
            (None, Some(file)) => {
                let bytes = policy_file::read_bytes(file, RULE_BYTES_MAX)?;
                let text = String::from_utf8(bytes).map_err(|_| {
                    Failure::new(2, Reason::RuleInvalid, format!("`{}` is not UTF-8", file.display()))
                        .hint("save it as UTF-8")
                })?;
                text.trim_end().to_owned()
            }
            (None, None) => String::new(),
        };
        rules::parse(self.kind(), &text).map_err(|error| {
            if !text.is_empty() {
                say(&error.pointed(&text));
            }
            Failure::new(2, Reason::RuleInvalid, error.to_string()).hint(error.hint())
        })
    }
}

pub(super) fn run(verb: &RuleVerb) -> Result<ExitCode, Failure> {
    match verb {
        RuleVerb::Check(args) => {
            let rule = args.read()?;
            rule.notes().iter().for_each(|note| say(&format!("note: {note}")));
            say("the rule is understood");
            Ok(ExitCode::SUCCESS)
        }
        RuleVerb::Format(args) => print(&[args.read()?.to_string()]),
        RuleVerb::Explain { rule: args, facts, exit_code } => {
            let rule = args.read()?;
            let wrong = |what: String| {
                Failure::new(2, Reason::ConfigInvalid, format!("`{}`: {what}", facts.display()))
                    .hint("facts are a JSON object of properties and values; docs/rules.md names the properties")
            };
            let bytes = policy_file::read_bytes(facts, FACTS_BYTES_MAX)?;
            let document = serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))?;
            let facts = Facts::from_json(args.kind(), &document).map_err(|error| wrong(error.to_string()))?;
            let explained = rules::explain(&rule, &facts, SystemClock.now().0.div_euclid(1000));
            print(&explained.lines())?;
            say(if explained.holds { "in" } else { "not in" });
            Ok(if *exit_code && !explained.holds { ExitCode::FAILURE } else { ExitCode::SUCCESS })
        }
    }
}
