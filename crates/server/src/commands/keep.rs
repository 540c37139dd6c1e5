//! What is kept and what goes: retention, pins and holds, profiles.

use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Subcommand};
use model::api::SnapshotSummary;
use model::ids::{ProfileId, to_hex};
use model::reason::Reason;
use model::retention::{Rules, Span, Why};
use store::{Deleted, EraseError, Listed, Mark};

use super::admin::{at, scope};
use super::{Failure, print, say};
use crate::App;
use crate::app::DEFAULT_TENANT;
use crate::keyring::erasure_signer;

/// Digits of a snapshot's id in lists.
const DIGITS_SHOWN: usize = 8;

#[derive(Subcommand)]
pub(super) enum RetentionVerb {
    /// Print the rules of an organisation
    Show(Tenant),
    /// Set the rules of an organisation; what is not given is not kept by
    Set(SetArgs),
    /// Say what is kept and why, and what would go
    Preview(Tenant),
    /// Let go of what is not kept, now instead of once a day
    Run(Tenant),
}

#[derive(Args)]
pub(super) struct Tenant {
    /// The organisation
    #[arg(long, default_value = DEFAULT_TENANT)]
    tenant: String,
}

#[derive(Args)]
pub(super) struct SetArgs {
    #[command(flatten)]
    tenant: Tenant,
    /// Keep the newest so many of each PC
    #[arg(long, default_value_t = 0, value_name = "COUNT")]
    keep_last: u32,
    /// Keep the newest of each hour, for so many hours
    #[arg(long, default_value_t = 0, value_name = "COUNT")]
    keep_hourly: u32,
    /// Keep the newest of each day, for so many days
    #[arg(long, default_value_t = 0, value_name = "COUNT")]
    keep_daily: u32,
    /// Keep the newest of each week, for so many weeks
    #[arg(long, default_value_t = 0, value_name = "COUNT")]
    keep_weekly: u32,
    /// Keep the newest of each month, for so many months
    #[arg(long, default_value_t = 0, value_name = "COUNT")]
    keep_monthly: u32,
    /// Keep the newest of each year, for so many years
    #[arg(long, default_value_t = 0, value_name = "COUNT")]
    keep_yearly: u32,
    /// Keep all that are less than this older than the newest, such as `30d` or `1y6m`
    #[arg(long, value_name = "DURATION")]
    keep_within: Option<Span>,
    /// Keep everything
    #[arg(long, conflicts_with_all = ["keep_last", "keep_hourly", "keep_daily", "keep_weekly", "keep_monthly", "keep_yearly", "keep_within"])]
    keep_everything: bool,
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
}

pub(super) fn retention(app: &App, verb: RetentionVerb) -> Result<ExitCode, Failure> {
    match verb {
        RetentionVerb::Show(tenant) => print(&[app.store.rules(&scope(app, &tenant.tenant)?)?.to_string()]),
        RetentionVerb::Set(args) => set(app, &args),
        RetentionVerb::Preview(tenant) => preview(app, &tenant.tenant),
        RetentionVerb::Run(tenant) => {
            let removed = app.store.retain(&scope(app, &tenant.tenant)?, app.clock.now())?;
            say(&format!("let go of {} snapshots", removed.snapshots));
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn set(app: &App, args: &SetArgs) -> Result<ExitCode, Failure> {
    let rules = Rules {
        last: args.keep_last,
        hourly: args.keep_hourly,
        daily: args.keep_daily,
        weekly: args.keep_weekly,
        monthly: args.keep_monthly,
        yearly: args.keep_yearly,
        within: args.keep_within,
    };
    if rules.keep_everything() && !args.keep_everything {
        let text = "no rule is given; `--keep-everything` keeps everything";
        return Err(Failure::new(2, Reason::Usage, text));
    }
    app.store.set_rules(&scope(app, &args.tenant.tenant)?, &rules, app.clock.now())?;
    say(&format!("keeps {rules}; `retention preview` says what that means"));
    Ok(ExitCode::SUCCESS)
}

fn preview(app: &App, tenant: &str) -> Result<ExitCode, Failure> {
    let scope = scope(app, tenant)?;
    let kept = app.store.kept(&scope, None)?;
    let all = kept.iter().flat_map(|listed| &listed.snapshots);
    let going = all.clone().filter(|one| one.kept.is_empty()).count();
    let total = all.count();
    print(&lines(&kept))?;
    say(&format!("rules: {}; {} kept, {going} to go", app.store.rules(&scope)?, total - going));
    Ok(ExitCode::SUCCESS)
}

fn lines(listed: &[Listed]) -> Vec<String> {
    let of = |listed: &Listed| listed.snapshots.iter().map(|one| line(listed, one)).collect::<Vec<_>>();
    listed.iter().flat_map(of).collect()
}

/// Tab-separated: profile, number, snapshot, time, user, PC, whether it opens, why it is kept.
fn line(listed: &Listed, one: &SnapshotSummary) -> String {
    let opens =
        one.rehearsed.as_ref().map_or("not tried", |found| if found.restorable { "opens" } else { "DOES NOT OPEN" });
    let why: Vec<&str> =
        one.kept.iter().map(|word| Why::from_word(word).map_or_else(|| word.as_str(), |why| why.title())).collect();
    let why = if why.is_empty() { "goes".to_owned() } else { why.join(", ") };
    let id = &one.snapshot.to_string()[..DIGITS_SHOWN];
    let at = at(one.committed_at);
    format!("{}\t{}\t{id}\t{at}\t{}\t{}\t{opens}\t{why}", listed.profile, one.seq, listed.user, listed.device)
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
    let ProfileVerb::Delete { profile, yes, tenant } = verb;
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
