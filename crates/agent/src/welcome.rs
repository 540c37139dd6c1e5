//! `rehome welcome`: whether the page *Welcome back* comes up by itself on this PC, and what the person answered there.
//!
//! The window asks at sign-in and tells afterwards; a helpdesk asks why somebody did not see the page.

use clap::Args;
use device::list;
use device::welcome::{Answer, Decision, Kept, Standing, Welcomed, against, decide};
use model::reason::Reason;
use model::world::Clock;
use serde::Serialize;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::here;
use crate::run::Run;
use crate::schedule;

/// Say whether the page that offers a restore comes up by itself at sign-in, and why not
#[derive(Debug, Args)]
pub struct WelcomeArgs {
    /// Connect this PC first if the installer left a token for it; what the window asks at sign-in
    #[arg(long, conflicts_with = "remember")]
    connect: bool,
    /// Remember that it came up, or what was answered there; what the window calls
    #[arg(long, value_name = "WHAT")]
    remember: Option<Remember>,
}

/// What is to be remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Remember {
    /// It came up
    Shown,
    /// The person restored
    Restored,
    /// The person wants this PC as a new one
    NewPc,
}

#[derive(Serialize)]
struct WelcomeDocument<'a> {
    show: bool,
    #[serde(flatten)]
    decision: Decision,
    user: Option<&'a str>,
    #[serde(flatten)]
    welcomed: &'a Welcomed,
}

/// Says it, or remembers it.
pub fn run(args: &WelcomeArgs, run: &Run) -> Result<Exit, Failure> {
    let state = run.state()?;
    let mut welcomed = state.welcomed();
    if let Some(remember) = args.remember {
        let now = run.clock.now();
        match remember {
            Remember::Shown => welcomed.show(now),
            Remember::Restored => welcomed.answer(Answer::Restored, now),
            Remember::NewPc => welcomed.answer(Answer::NewPc, now),
        }
        state.save_welcomed(&welcomed)?;
        return Ok(Exit::Success);
    }
    // At the first sign-in of a new PC nobody else has connected it yet: the task waits until the desktop has come to rest.
    let unconnected = if args.connect { schedule::connect_if_new(run).err() } else { None };
    let known = here::known_under(run);
    let policy = known.policy();
    let enrolment = state.enrolment().ok();
    let mut standing = Standing {
        policy: &policy,
        facts: &known.facts,
        no_ui: known.installed.no_ui,
        enrolled: enrolment.is_some(),
        kept: Err(Reason::ServerUnreachable),
        welcomed: &welcomed,
        offered_at: run.server_policy().restore_offered_at,
    };
    if against(&standing).is_none() {
        standing.kept = kept(run).map_err(|failure| failure.reason().unwrap_or(Reason::Internal));
    }
    let decision = match (decide(&standing), unconnected) {
        (Decision::Not(Reason::NotEnrolled), Some(failure)) => {
            Decision::Later(failure.reason().unwrap_or(Reason::Internal))
        }
        (decision, _) => decision,
    };
    if args.connect && matches!(decision, Decision::Later(_)) && !welcomed.waits {
        welcomed.waits = true;
        state.save_welcomed(&welcomed)?;
    }
    let user = enrolment.as_ref().map(|enrolment| enrolment.user_name.as_str());
    let document = WelcomeDocument { show: decision == Decision::Show, decision, user, welcomed: &welcomed };
    run.screen.data(&document, || match decision {
        Decision::Show => "The page comes up at the next sign-in\n".to_owned(),
        Decision::Not(reason) => format!("The page does not come up: {reason}\n"),
        Decision::Later(reason) => format!("The page waits until the server can be asked: {reason}\n"),
    })?;
    Ok(Exit::Success)
}

fn kept(run: &Run) -> Result<Kept, Failure> {
    let connection = run.connect(&run.state()?)?;
    let profiles = list::profiles(&connection.server(run))?;
    let (own, others): (Vec<_>, Vec<_>) = profiles.iter().partition(|profile| profile.this_device);
    Ok(Kept {
        other_pcs: others.iter().filter(|profile| profile.snapshots > 0).count(),
        of_this_pc: own.iter().map(|profile| profile.snapshots).sum(),
    })
}
