//! `rehome baseline`: takes down what a PC has at the person's first sign-in, so that a restore can tell what they have changed since.

use std::path::PathBuf;

use clap::Args;
use device::baseline::remember;
use device::state::State;
use device::target::RestoreTarget;
use model::reason::Reason;
use seal::KeyRing;
use serde::Serialize;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::here;
use crate::render::value::count;
use crate::run::Run;
use crate::when::rfc3339;

/// Take down what this PC has now, as its state at your first sign-in; `rehome enroll` does so by itself
#[derive(Debug, Args)]
pub struct BaselineArgs {
    /// Of a `.reg` file that is restored to. On Windows, of this PC without it
    #[arg(long, value_name = "FILE", required = cfg!(not(windows)))]
    to: Option<PathBuf>,
    /// Take it down anew: what you have set until now no longer counts as changed
    #[arg(long)]
    again: bool,
    /// Forget it: nothing counts as changed any more
    #[arg(long, conflicts_with = "again")]
    forget: bool,
}

#[derive(Serialize)]
struct BaselineDocument<'a> {
    target: &'a str,
    taken: bool,
    taken_at: Option<String>,
    settings: usize,
}

/// Takes it down, unless that was done before.
pub fn run(args: &BaselineArgs, run: &Run) -> Result<Exit, Failure> {
    let state = run.state()?;
    let connection = run.connect(&state)?;
    let _lock = state.lock()?;
    let ring = KeyRing::from_api(&connection.enrolment.keys).map_err(|error| Failure::of(&error, error.reason()))?;
    let mut target = here::target(run, args.to.as_deref())?;
    if args.again || args.forget {
        state.forget_baseline(target.name())?;
    }
    let taken = !args.forget && take(run, &state, &mut *target, &ring)?;
    let kept = state.baseline(target.name())?;
    let document = BaselineDocument {
        target: target.name(),
        taken,
        taken_at: kept.as_ref().map(|kept| rfc3339(kept.taken_at)),
        settings: kept.as_ref().map_or(0, |kept| kept.readings.len()),
    };
    run.screen.data(&document, || match &kept {
        None => format!("Nothing is known of {} at your first sign-in any more\n", target.name()),
        Some(kept) => {
            let what = format!("{} of {}", count(kept.readings.len(), "setting"), target.name());
            let when = run.when().said(kept.taken_at);
            if taken { format!("Took down {what}\n") } else { format!("{what} were taken down {when} already\n") }
        }
    })?;
    if !taken && !args.forget {
        run.screen.hint("`--again` takes it down anew");
    }
    Ok(Exit::Success)
}

/// Takes it down for a PC that is being connected. That it cannot is no reason not to connect it.
pub fn at_enrolment(run: &Run, state: &State, ring: &KeyRing) {
    let taken = here::target(run, None).and_then(|mut target| take(run, state, &mut *target, ring));
    // Elsewhere than on Windows there is no PC of the person to look at, and nothing to say.
    if let (true, Err(failure)) = (cfg!(windows), taken) {
        let why = failure.reason().map_or("Rehome itself failed", Reason::title);
        run.screen.say(&format!("note: what this PC has now could not be taken down: {why}"));
    }
}

fn take(run: &Run, state: &State, target: &mut dyn RestoreTarget, ring: &KeyRing) -> Result<bool, Failure> {
    let now = target.snapshot(ring);
    Ok(remember(state, &now, &target.as_target(), &run.clock)?)
}
