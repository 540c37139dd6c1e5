//! What is kept and what goes: snapshots with their pins and holds, profiles.

use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Subcommand};
use model::api::{KeptBy, SnapshotSummary};
use model::ids::{InvitationId, ProfileId, to_hex};
use model::reason::Reason;
use model::retention::Why;
use store::{Deleted, EraseError, Listed, Mark};

use super::admin::{at, scope};
use super::{Failure, moves, print, say};
use crate::App;
use crate::app::DEFAULT_TENANT;
use crate::keyring::erasure_signer;

/// Digits of a snapshot's id in lists.
pub(super) const DIGITS_SHOWN: usize = 8;

#[derive(Args)]
pub(super) struct Tenant {
    /// The organisation
    #[arg(long, default_value = DEFAULT_TENANT)]
    pub(super) tenant: String,
}

#[derive(Subcommand)]
pub(super) enum SnapshotVerb {
    /// List the snapshots with why they are kept
    List {
        /// Only those of this user
        #[arg(long)]
        user: Option<String>,
        #[command(flatten)]
        tenant: Tenant,
    },
    /// Keep a snapshot whatever the rules say
    Pin(Which),
    /// Keep a snapshot, and refuse to delete it or anything it is part of
    Hold(Which),
    /// Take pin and hold from a snapshot
    Release(Which),
}

#[derive(Args)]
pub(super) struct Which {
    /// The profile's id, as `snapshot list` prints it
    profile: ProfileId,
    /// The snapshot's number in the profile
    number: u64,
    #[command(flatten)]
    tenant: Tenant,
}

#[derive(Subcommand)]
pub(super) enum ProfileVerb {
    /// Delete a profile for good: its snapshots, reports and key; its PC must be connected anew
    Delete {
        /// Its id, as `snapshot list` prints it
        profile: ProfileId,
        /// Do it
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        tenant: Tenant,
    },
    /// Invite another organisation to send a profile to a user of this one; prints the code that it needs, this once
    Invite(moves::InviteArgs),
    /// List the invitations, newest first: id, state, for whom, end, note
    Invitations {
        #[command(flatten)]
        tenant: Tenant,
    },
    /// Take back an invitation that nobody has used
    Uninvite {
        /// Its id
        invitation: InvitationId,
        #[command(flatten)]
        actor: super::case::Actor,
    },
    /// Say what moving a profile to whom an invitation is for would do, or with `--yes` ask for it; both organisations have to approve
    Send(moves::SendArgs),
}

pub(super) fn lines(listed: &[Listed]) -> Vec<String> {
    let of = |listed: &Listed| listed.snapshots.iter().map(|one| line(listed, one)).collect::<Vec<_>>();
    listed.iter().flat_map(of).collect()
}

/// Tab-separated: profile, number, snapshot, time, user, PC, whether it opens, why it is kept.
fn line(listed: &Listed, one: &SnapshotSummary) -> String {
    let opens =
        one.rehearsed.as_ref().map_or("not tried", |found| if found.restorable { "opens" } else { "DOES NOT OPEN" });
    let why = reasons(&one.kept, &one.kept_by);
    let why = if why.is_empty() { "goes".to_owned() } else { why };
    let id = &one.snapshot.to_string()[..DIGITS_SHOWN];
    let at = at(one.committed_at);
    format!("{}\t{}\t{id}\t{at}\t{}\t{}\t{opens}\t{why}", listed.profile, one.seq, listed.user, listed.device)
}

/// Reasons as the operator reads them, each with the policies whose rule it is.
pub(super) fn reasons(kept: &[String], by: &[KeptBy]) -> String {
    let one = |word: &String| {
        let title = Why::from_word(word).map_or_else(|| word.as_str(), |why| why.title());
        let policies: Vec<String> =
            by.iter().filter(|one| one.why == *word).map(|one| format!("`{}`", one.policy)).collect();
        if policies.is_empty() { title.to_owned() } else { format!("{title} by {}", policies.join(" and ")) }
    };
    kept.iter().map(one).collect::<Vec<_>>().join(", ")
}

pub(super) fn snapshot(app: &App, verb: SnapshotVerb) -> Result<ExitCode, Failure> {
    match verb {
        SnapshotVerb::List { user, tenant } => {
            print(&lines(&app.store.kept(&scope(app, &tenant.tenant)?, user.as_deref())?))
        }
        SnapshotVerb::Pin(which) => mark(app, &which, Mark::Pin),
        SnapshotVerb::Hold(which) => mark(app, &which, Mark::Hold),
        SnapshotVerb::Release(which) => release(app, &which),
    }
}

fn mark(app: &App, which: &Which, mark: Mark) -> Result<ExitCode, Failure> {
    let tenant = scope(app, &which.tenant.tenant)?;
    if !app.store.mark(&tenant, (which.profile, which.number), mark, app.clock.now())? {
        return Err(no_such(which));
    }
    say(match mark {
        Mark::Pin => "pinned; retention keeps it",
        Mark::Hold => "on hold; nothing deletes it until it is released",
    });
    Ok(ExitCode::SUCCESS)
}

fn release(app: &App, which: &Which) -> Result<ExitCode, Failure> {
    let tenant = scope(app, &which.tenant.tenant)?;
    let released = app.store.release(&tenant, (which.profile, which.number), app.clock.now())?;
    let released = released.ok_or_else(|| no_such(which))?;
    say(match released.as_slice() {
        [] => "there was nothing to release",
        [Mark::Pin] => "released the pin; the rules decide again",
        [Mark::Hold] => "released the hold; the rules decide again",
        _ => "released pin and hold; the rules decide again",
    });
    Ok(ExitCode::SUCCESS)
}

fn no_such(which: &Which) -> Failure {
    let text = format!("the profile {} has no snapshot number {}", which.profile, which.number);
    Failure::new(2, Reason::NoSuchSnapshot, text)
}

pub(super) fn profile(app: &Arc<App>, verb: ProfileVerb) -> Result<ExitCode, Failure> {
    let (profile, yes, tenant) = match verb {
        ProfileVerb::Delete { profile, yes, tenant } => (profile, yes, tenant),
        ProfileVerb::Invite(args) => return moves::invite(app, args),
        ProfileVerb::Invitations { tenant } => return moves::list(app, &scope(app, &tenant.tenant)?),
        ProfileVerb::Uninvite { invitation, actor } => return moves::withdraw(app, invitation, &actor),
        ProfileVerb::Send(args) => return moves::send(app, args),
    };
    let tenant = scope(app, &tenant.tenant)?;
    if !yes {
        say(&format!("would delete the profile {profile} for good; nothing was deleted; add `--yes` to do it"));
        return Ok(ExitCode::SUCCESS);
    }
    let deleted = app.store.delete_profile(&tenant, profile, (app.clock.now(), erasure_signer(app)))?;
    confirm(deleted, || format!("there is no profile {profile}"))
}

/// Says what went and prints the receipt.
pub(super) fn confirm(deleted: Option<Deleted>, none: impl FnOnce() -> String) -> Result<ExitCode, Failure> {
    let deleted = deleted.ok_or_else(|| Failure::new(2, Reason::NotFound, none()))?;
    say(&format!("deleted {} snapshots; the signed receipt:", deleted.removed.snapshots));
    print(&[to_hex(&deleted.receipt)])
}

impl From<EraseError> for Failure {
    fn from(error: EraseError) -> Self {
        match error {
            EraseError::OnHold { .. } => Self::new(5, Reason::OnHold, error.to_string()),
            EraseError::Store(error) => error.into(),
        }
    }
}
