//! `rehome-server profile invite|invitations|uninvite|send`: a profile for somebody in another organisation.
//!
//! Each of the two organisations acts for itself here too: one invites, the other asks to send, and in each a second person decides
//! (`rehome-server approval`). The running server then does it, within half a minute.

use std::process::ExitCode;

use clap::Args;
use model::ids::{ApprovalId, InvitationId, ProfileId};
use model::permission::Permission;
use model::reason::Reason;
use model::snapshot::text::clean;
use store::{Approval, NewInvitation, NewMove, TenantScope, View};

use super::admin::at;
use super::case::{Actor, acting};
use super::{Failure, print, say};
use crate::App;
use crate::api::admin::random_id;
use crate::rehome::{hash_code, new_code};

#[derive(Args)]
pub(super) struct InviteArgs {
    /// For whom a profile is to come
    user: String,
    /// What for
    #[arg(long, default_value = "")]
    note: String,
    #[command(flatten)]
    actor: Actor,
}

#[derive(Args)]
pub(super) struct SendArgs {
    /// The profile, as `snapshot list` prints it
    profile: ProfileId,
    /// The code that the other organisation has given
    #[arg(long, value_name = "CODE")]
    invitation: String,
    /// Why
    #[arg(long, default_value = "")]
    note: String,
    /// Ask for it
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    actor: Actor,
}

pub(super) fn invite(app: &App, args: InviteArgs) -> Result<ExitCode, Failure> {
    let view = acting(app, &args.actor, (Permission::ProfileReceive, "rehome-server profile invite"))?;
    let none = || Failure::new(2, Reason::NotFound, format!("there is no user `{}`", args.user));
    let to_user = app.store.user_named(view.tenant_scope(), &args.user)?.ok_or_else(none)?;
    let code = new_code(&*app.random);
    let new = NewInvitation { id: InvitationId(random_id(app)), hash: hash_code(&code), to_user, note: args.note };
    let made = app.store.invite(&view, new, app.clock.now())?;
    say(&format!(
        "invited; good until {}, for one profile; nothing comes before both organisations have approved. The code, shown this once:",
        at(made.expires_at)
    ));
    print(&[code])
}

/// Tab-separated.
pub(super) fn list(app: &App, tenant: &TenantScope) -> Result<ExitCode, Failure> {
    let now = app.clock.now();
    let line = |one: &store::Invitation| {
        let note = clean(&one.note.replace('\n', " "), store::NOTE_CHARS_MAX * 4);
        format!("{}\t{}\tfor {}\tuntil {}\t{note}", one.id, one.word(now), one.to_user_name, at(one.expires_at))
    };
    print(&app.store.invitations(&View::operator(tenant))?.iter().map(line).collect::<Vec<_>>())
}

pub(super) fn withdraw(app: &App, id: InvitationId, actor: &Actor) -> Result<ExitCode, Failure> {
    let view = acting(app, actor, (Permission::ProfileReceive, "rehome-server profile uninvite"))?;
    app.store.withdraw_invitation(&view, id, app.clock.now())?;
    say("withdrawn; its code is good for nothing any more");
    Ok(ExitCode::SUCCESS)
}

pub(super) fn send(app: &App, args: SendArgs) -> Result<ExitCode, Failure> {
    let view = acting(app, &args.actor, (Permission::ProfileRehome, "rehome-server profile send"))?;
    let (profile, hash, now) = (args.profile, hash_code(&args.invitation), app.clock.now());
    let found = app.store.preview_move(&view, (profile, hash), now)?;
    let mut lines = vec![
        format!("profile\t{profile}, {} of {}", found.seen.device_name, found.seen.from_user_name),
        format!("to\t{} in the organisation {}", found.seen.to_user_name, found.to_tenant_name),
        format!("goes\t{} snapshots, {} files, {} bytes", found.seen.snapshots, found.files, found.size_bytes),
        format!("deleted here\t{} reports of restores", found.reports),
        format!("stays here\tthe audit, {} readings in cases", found.readings),
    ];
    if found.seen.device_revoked {
        lines.push("its PC\tis withdrawn, and must be connected anew".to_owned());
    }
    if found.seen.held > 0 {
        lines.push(format!("on hold\t{} snapshots: while there is one, nothing moves", found.seen.held));
    }
    if !args.yes {
        say("nothing was asked for; add `--yes` to do it");
        return print(&lines);
    }
    let ids = (ApprovalId(random_id(app)), ApprovalId(random_id(app)));
    let new = NewMove { id: ids.0, their_id: ids.1, profile, hash, note: args.note };
    let asked = app.store.ask_to_move(&view, new, now)?;
    say(&waits(&asked));
    print(&[asked.id.to_string()])
}

fn waits(asked: &Approval) -> String {
    let here = match asked.alone_from {
        None => "another administrator here has to approve it (`approval approve`)".to_owned(),
        Some(from) => format!("nobody else may approve it here, so it counts as approved from {}", at(from)),
    };
    format!("asked; {here}, and so has the other organisation; then the running server does it")
}
