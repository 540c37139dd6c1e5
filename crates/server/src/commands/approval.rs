//! `rehome-server approval`: what takes a second administrator, for those who would rather not use the API.
//!
//! Saying yes or no takes a person, who shows their password here as they would on the page: the operator alone is never two people.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use model::ids::ApprovalId;
use model::permission::Permission;
use model::reason::Reason;
use model::snapshot::text::clean;
use store::{AdminError, Approval, View};

use super::admin::{at, scope};
use super::case::{Actor, Tenant, acting};
use super::{Failure, print, say};
use crate::App;
use crate::api::approvals::needs;

#[derive(Subcommand)]
pub(super) enum ApprovalVerb {
    /// List the requests, newest first: id, state, what, until when, outcome, why
    List {
        #[command(flatten)]
        tenant: Tenant,
    },
    /// Approve a request, as a person other than who asked
    Approve(DecideArgs),
    /// Turn a request down, as a person other than who asked
    Deny(DecideArgs),
    /// Take a request back, as who asked for it
    Withdraw {
        /// Its id
        request: ApprovalId,
        #[command(flatten)]
        actor: Actor,
    },
}

#[derive(Args)]
pub(super) struct DecideArgs {
    /// Its id
    request: ApprovalId,
    /// A word to who asked
    #[arg(long, default_value = "")]
    answer: String,
    #[command(flatten)]
    actor: Actor,
}

const VERB: &str = "rehome-server approval";

pub(super) fn run(app: &App, verb: ApprovalVerb) -> Result<ExitCode, Failure> {
    match verb {
        ApprovalVerb::List { tenant } => {
            let view = View::operator(&scope(app, &tenant.tenant)?);
            print(&app.store.approvals(&view, None)?.iter().map(line).collect::<Vec<_>>())
        }
        ApprovalVerb::Approve(args) => decide(app, args, true),
        ApprovalVerb::Deny(args) => decide(app, args, false),
        ApprovalVerb::Withdraw { request, actor } => {
            let view = acting(app, &actor, (Permission::ApprovalRead, VERB))?;
            app.store.withdraw(&view, request, app.clock.now())?;
            say("withdrawn; nothing comes of it");
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Tab-separated.
fn line(one: &Approval) -> String {
    let note = clean(&one.note.replace('\n', " "), store::NOTE_CHARS_MAX * 4);
    let outcome = one.outcome.as_deref().unwrap_or("-");
    format!("{}\t{}\t{}\tuntil {}\t{outcome}\t{note}", one.id, one.state.word(), one.kind, at(one.expires_at))
}

fn decide(app: &App, args: DecideArgs, yes: bool) -> Result<ExitCode, Failure> {
    if args.actor.by.is_none() {
        let text = "a request is decided by a person, and the operator is none";
        return Err(Failure::new(2, Reason::SecondPerson, text).hint("say who decides with `--by NAME`"));
    }
    let view = acting(app, &args.actor, (Permission::ApprovalDecide, VERB))?;
    let found = app.store.seen_approval(&view, args.request)?.ok_or(AdminError::NotFound)?;
    let needs = needs(&found.kind).ok_or(AdminError::NotFound)?;
    app.store.decide(&view, (args.request, needs), (yes, args.answer), app.clock.now())?;
    say(match (yes, found.is_half()) {
        (false, _) => "turned down; nothing comes of it",
        (true, true) => "approved; it is done by the running server once the other organisation has approved as well",
        (true, false) => "approved; the running server does what is to be done",
    });
    Ok(ExitCode::SUCCESS)
}
