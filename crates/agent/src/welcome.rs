//! `rehome welcome`: whether the page *Welcome back* comes up by itself on this PC, and what the person answered there.
//!
//! The window asks at sign-in and tells afterwards; a helpdesk asks why somebody did not see the page.

use clap::Args;
use device::list;
use device::welcome::{Answer, Decision, Kept, Standing, Welcomed, against, asks_nobody, decide, offered};
use model::api::{ProfileSummary, SnapshotSummary};
use model::reason::Reason;
use model::world::Clock;
use serde::Serialize;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::find::short;
use crate::here;
use crate::logs::Act;
use crate::paint::tame;
use crate::run::Run;
use crate::schedule;
use crate::when::rfc3339;

/// Say whether the page that offers a restore comes up by itself at sign-in, and why not
#[derive(Debug, Args)]
pub struct WelcomeArgs {
    /// Connect this PC first if the installer left a token for it; what the window asks at sign-in
    #[arg(long, conflicts_with = "remember")]
    connect: bool,
    /// Remember that it came up, or what was answered there; what the window calls
    #[arg(long, value_name = "WHAT")]
    remember: Option<Remember>,
    /// The restore that gave it back, by its number in `rehome undo --list`
    #[arg(long, value_name = "NUMBER", requires = "remember", required_if_eq("remember", "eased"))]
    journal: Option<u32>,
}

impl WelcomeArgs {
    /// What it sets about, as far as a log tells of it.
    pub fn act(&self) -> Option<Act> {
        self.remember.is_none().then_some(Act::Look)
    }
}

/// What is to be remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Remember {
    /// It came up
    Shown,
    /// It gave accessibility, language and keyboard back at once
    Eased,
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
    /// What comes back without a question when the page comes up, where the organisation wants that.
    #[serde(skip_serializing_if = "Option::is_none")]
    restores: Option<Restores<'a>>,
    #[serde(flatten)]
    welcomed: &'a Welcomed,
}

#[derive(Serialize)]
struct Restores<'a> {
    device_name: &'a str,
    snapshot: String,
    taken_at: String,
}

/// Says it, or remembers it.
pub fn run(args: &WelcomeArgs, run: &Run) -> Result<Exit, Failure> {
    let state = run.state()?;
    let mut welcomed = state.welcomed();
    if let Some(remember) = args.remember {
        let now = run.clock.now();
        match remember {
            Remember::Shown => welcomed.show(now),
            Remember::Eased => args.journal.into_iter().for_each(|journal| welcomed.ease(journal)),
            Remember::Restored => welcomed.answer(Answer::Restored, now),
            Remember::NewPc => welcomed.answer(Answer::NewPc, now),
        }
        state.save_welcomed(&welcomed)?;
        run.screen.data(&welcomed, String::new)?;
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
    let mut profiles = Vec::new();
    if against(&standing).is_none() {
        let listed = listed(run).map_err(|failure| failure.reason().unwrap_or(Reason::Internal));
        standing.kept = listed.as_ref().map(|profiles| Kept::of(profiles)).map_err(|reason| *reason);
        profiles = listed.unwrap_or_default();
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
    let show = decision == Decision::Show;
    let unasked = offered(&profiles).filter(|_| show && asks_nobody(&policy));
    let restores = unasked.map(|(profile, latest)| Restores {
        device_name: &profile.device_name,
        snapshot: latest.snapshot.to_string(),
        taken_at: rfc3339(latest.taken_at),
    });
    let document = WelcomeDocument { show, decision, user, restores, welcomed: &welcomed };
    run.screen.data(&document, || match decision {
        Decision::Show => shown(run, unasked),
        Decision::Not(reason) => format!("The page does not come up: {reason}\n"),
        Decision::Later(reason) => format!("The page waits until the server can be asked: {reason}\n"),
    })?;
    Ok(Exit::Success)
}

/// That it comes up, and what it restores without asking.
fn shown(run: &Run, unasked: Option<(&ProfileSummary, &SnapshotSummary)>) -> String {
    let Some((profile, latest)) = unasked else { return "The page comes up at the next sign-in\n".to_owned() };
    let (device, id, when) = (tame(&profile.device_name, 64), short(latest), run.when().said(latest.taken_at));
    run.screen.hint(&format!(
        "`rehome restore --yes --from-device \"{device}\" {id}` restores it now, and `rehome welcome --remember restored` keeps the page away then"
    ));
    format!("The page comes up at the next sign-in and restores {device} as of {when} (snapshot {id}) without asking\n")
}

fn listed(run: &Run) -> Result<Vec<ProfileSummary>, Failure> {
    let connection = run.connect(&run.state()?)?;
    Ok(list::profiles(&connection.server(run))?)
}
