//! `rehome doctor`: whether this PC takes part in backups and restores, and if not, why and what to do.

use std::path::PathBuf;

use clap::Args;
use device::doctor::{Check, Here, OwnKey, Verdict, examine};
use device::due::{Record, due};
use device::facts::{Facts, Known};
use device::input::Input;
use device::key::KeyRecord;
use device::state::StateError;
use model::policy::{Effective, Origin, Setting};
use model::reason::Reason;
use model::world::Clock;
use serde::Serialize;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::here;
use crate::keys;
use crate::paint::tame;
use crate::render::put;
use crate::render::table::Table;
use crate::run::Run;

/// Check whether this PC takes part, and say what to do if not
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Check what a hive (NTUSER.DAT), the folder of a Windows profile or a `.reg` export says instead of this PC
    #[arg(long, value_name = "PATH")]
    from: Option<PathBuf>,
    /// Print every policy with its value and who set it
    #[arg(long)]
    policies: bool,
}

#[derive(Serialize)]
struct DoctorDocument<'a> {
    verdict: Verdict,
    checks: &'a [Check],
    facts: &'a Facts,
    policies: Vec<PolicyDocument<'a>>,
}

#[derive(Serialize)]
struct PolicyDocument<'a> {
    id: &'static str,
    value: Shown<'a>,
    #[serde(flatten)]
    origin: Origin,
    key: &'static str,
    name: &'static str,
}

/// A policy's value, or that it is a secret.
#[derive(Serialize)]
#[serde(untagged)]
enum Shown<'a> {
    Value(&'a Setting),
    Secret(&'static str),
}

/// Makes the checks. Ends with 0 if all is well, 3 if there are warnings or something could not be told, else as the first failed check says.
pub fn run(args: &DoctorArgs, run: &Run) -> Result<Exit, Failure> {
    let (known, on_this_pc) = match &args.from {
        Some(path) => (Input::open(path)?.known, None),
        None => (here::known_under(run), Some(situation(run)?)),
    };
    let policy = known.policy();
    let situation = on_this_pc.as_ref().map(|of| of(&policy)).transpose()?;
    let checks = examine(&known, &policy, situation.as_ref());
    let worst = worst(&checks);
    let document = DoctorDocument { verdict: worst, checks: &checks, facts: &known.facts, policies: policies(&policy) };
    run.screen.data(&document, || text(run, &checks, args.policies.then_some(&policy)))?;
    told(args, run, &known);
    Ok(exit(&checks))
}

/// What this PC's own record says, once the interval is known.
fn situation(run: &Run) -> Result<impl Fn(&Effective) -> Result<Here, Failure>, Failure> {
    let state = run.state()?;
    let now = run.clock.now();
    let key = match state.enrolment() {
        Ok(enrolment) => Some(own_key(&enrolment.key)),
        Err(StateError::NotEnrolled) => None,
        Err(error) => return Err(error.into()),
    };
    Ok(move |policy: &Effective| {
        let last_success = Record::of(&state).read()?;
        let due = due(last_success, now, policy.interval_hours().value);
        Ok(Here { key: key.clone(), last_success, due, scheduled: crate::schedule::is_registered() })
    })
}

/// Where the key is, and whether it is found there.
fn own_key(record: &KeyRecord) -> OwnKey {
    let broken = device::key::open(&keys::stores(), record).err().map(|error| error.to_string());
    OwnKey { level: record.level, broken }
}

fn policies(policy: &Effective) -> Vec<PolicyDocument<'_>> {
    let document = |(policy, held): (&'static model::policy::Policy, &'_ model::policy::Held)| PolicyDocument {
        id: policy.id,
        value: Shown::Secret("set"),
        origin: held.origin,
        key: policy.key,
        name: policy.value,
    };
    policy
        .all()
        .map(|(of, held)| {
            let is_hidden = of.is_secret() && held.value != Setting::Nothing;
            let shown = document((of, held));
            if is_hidden { shown } else { PolicyDocument { value: Shown::Value(&held.value), ..shown } }
        })
        .collect()
}

/// The worst verdict: fail before warn before unknown before pass.
fn worst(checks: &[Check]) -> Verdict {
    [Verdict::Fail, Verdict::Warn, Verdict::Unknown]
        .into_iter()
        .find(|verdict| checks.iter().any(|check| check.verdict == *verdict))
        .unwrap_or(Verdict::Pass)
}

fn exit(checks: &[Check]) -> Exit {
    let failed = checks.iter().find(|check| check.verdict == Verdict::Fail);
    match (failed, worst(checks)) {
        (Some(check), _) => Exit::of(check.reason.unwrap_or(Reason::Internal)),
        (None, Verdict::Pass | Verdict::NotApplicable) => Exit::Success,
        (None, _) => Exit::Warnings,
    }
}

fn text(run: &Run, checks: &[Check], policy: Option<&Effective>) -> String {
    let paint = run.screen.paint;
    let mut text = String::new();
    let mut table = Table::default();
    for check in checks {
        let word = match check.verdict {
            Verdict::Pass => check.verdict.word().to_owned(),
            Verdict::Fail => paint.error(check.verdict.word()),
            Verdict::Warn => paint.warning(check.verdict.word()),
            Verdict::Unknown | Verdict::NotApplicable => paint.dim(check.verdict.word()),
        };
        let needed = if check.needed.is_empty() { String::new() } else { format!("needed: {}", check.needed) };
        table.row([word, tame(&check.title, 100), tame(&check.found, 200), needed]);
    }
    text.push_str(&table.to_text(""));
    let is_well = |check: &&Check| matches!(check.verdict, Verdict::Pass | Verdict::NotApplicable);
    for check in checks.iter().filter(|check| !is_well(check)) {
        let reason = check.reason.map_or("", Reason::code);
        put(&mut text, format_args!("\n{} ({reason})\n  {}\n", paint.bold(tame(&check.title, 100)), check.next));
    }
    if let Some(policy) = policy {
        put(&mut text, format_args!("\n{}\n{}", paint.bold("Policies"), policy_table(policy).to_text("  ")));
    }
    text
}

fn policy_table(policy: &Effective) -> Table {
    let mut table = Table::default();
    for (of, held) in policy.all() {
        let value = match &held.value {
            Setting::Nothing => "not set".to_owned(),
            _ if of.is_secret() => "set, not shown".to_owned(),
            Setting::Switch(on) => (if *on { "on" } else { "off" }).to_owned(),
            Setting::Number(number) => number.to_string(),
            Setting::Word(word) => (*word).to_owned(),
            Setting::Text(text) => tame(text, 100),
        };
        table.row([of.id.to_owned(), value, policy.who(of.id)]);
    }
    table
}

fn told(args: &DoctorArgs, run: &Run, known: &Known) {
    if args.from.is_some() {
        run.screen.say("These are checks of a disk or a file. A rescue from it is not held back by builds or join states, only by policy.");
    } else if known.facts == Facts::default() {
        run.screen.say("This is not Windows: facts and policies of a PC come with `--from`.");
    }
}
