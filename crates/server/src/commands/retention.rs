//! `rehome-server retention`: by which rules snapshots are kept, for everybody and by policy, and what a change lets go.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use model::api::reasons as as_told;
use model::ids::{DeviceId, RetentionPolicyId, UserId};
use model::reason::Reason;
use model::retention::{Rules, Span};
use store::{
    PREVIEWED_MAX, Previewed, RetentionChange, RetentionPolicy, RetentionPreview, RetentionTerms, Slice, View,
};

use super::admin::{at, scope};
use super::keep::{DIGITS_SHOWN, Tenant, lines, reasons};
use super::roles::{groups, missing, random_id, tags};
use super::{Failure, print, say};
use crate::App;

#[derive(Subcommand)]
pub(super) enum RetentionVerb {
    /// Print the organisation's own rules, which count for whom no policy is
    Show(Tenant),
    /// Set the organisation's own rules; what is not given is not kept by
    Set(SetArgs),
    /// Policies: other rules for some people or PCs
    #[command(subcommand)]
    Policy(PolicyVerb),
    /// Say what is kept and why, and what would go
    Preview(Tenant),
    /// Let go of what is not kept, now instead of once a day
    Run(Tenant),
}

#[derive(Subcommand)]
pub(super) enum PolicyVerb {
    /// List the policies: name, rules, for whom
    List(Tenant),
    /// Make a policy, or put another in its place; whoever has several is kept by what any of them keeps
    Set(PolicyArgs),
    /// Delete a policy; whom it was for is kept by the others, or by the organisation's own rules
    Delete {
        /// Its name
        name: String,
        #[command(flatten)]
        preview: PreviewArg,
        #[command(flatten)]
        tenant: Tenant,
    },
}

#[derive(Args)]
pub(super) struct SetArgs {
    #[command(flatten)]
    tenant: Tenant,
    #[command(flatten)]
    rules: RulesArgs,
    #[command(flatten)]
    preview: PreviewArg,
}

#[derive(Args)]
pub(super) struct PolicyArgs {
    /// Its name
    name: String,
    #[command(flatten)]
    rules: RulesArgs,
    /// For this person, on all their PCs; may be given several times
    #[arg(long, value_name = "NAME")]
    user: Vec<String>,
    /// For the people of this group; may be given several times
    #[arg(long, value_name = "NAME")]
    group: Vec<String>,
    /// For this PC, by its id as `device list` prints it; may be given several times
    #[arg(long, value_name = "ID")]
    device: Vec<DeviceId>,
    /// For PCs with this scope tag, and those of people with it; may be given several times
    #[arg(long, value_name = "NAME")]
    scope_tag: Vec<String>,
    #[command(flatten)]
    preview: PreviewArg,
    #[command(flatten)]
    tenant: Tenant,
}

#[derive(Args)]
pub(super) struct PreviewArg {
    /// Only say what it would let go
    #[arg(long)]
    preview: bool,
}

#[derive(Args)]
#[expect(clippy::struct_field_names, reason = "the words of the command line, which are restic's")]
struct RulesArgs {
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

impl RulesArgs {
    fn rules(&self) -> Result<Rules, Failure> {
        let rules = Rules {
            last: self.keep_last,
            hourly: self.keep_hourly,
            daily: self.keep_daily,
            weekly: self.keep_weekly,
            monthly: self.keep_monthly,
            yearly: self.keep_yearly,
            within: self.keep_within,
        };
        if rules.keep_everything() && !self.keep_everything {
            let text = "no rule is given; `--keep-everything` keeps everything";
            return Err(Failure::new(2, Reason::Usage, text));
        }
        Ok(rules)
    }
}

pub(super) fn run(app: &App, verb: RetentionVerb) -> Result<ExitCode, Failure> {
    match verb {
        RetentionVerb::Show(tenant) => print(&[app.store.rules(&scope(app, &tenant.tenant)?)?.to_string()]),
        RetentionVerb::Set(args) => set(app, &args),
        RetentionVerb::Policy(PolicyVerb::List(tenant)) => list(app, &tenant.tenant),
        RetentionVerb::Policy(PolicyVerb::Set(args)) => set_policy(app, args),
        RetentionVerb::Policy(PolicyVerb::Delete { name, preview, tenant }) => {
            delete_policy(app, &name, (preview.preview, &tenant.tenant))
        }
        RetentionVerb::Preview(tenant) => preview(app, &tenant.tenant),
        RetentionVerb::Run(tenant) => {
            let removed = app.store.retain(&scope(app, &tenant.tenant)?, app.clock.now())?;
            say(&format!("let go of {} snapshots", removed.snapshots));
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn set(app: &App, args: &SetArgs) -> Result<ExitCode, Failure> {
    let rules = args.rules.rules()?;
    let scope = scope(app, &args.tenant.tenant)?;
    let change = RetentionChange::Rules(rules);
    if args.preview.preview {
        return would(app, &View::operator(&scope), &change);
    }
    let going = app.store.preview_retention(&View::operator(&scope), &change)?;
    app.store.set_rules(&scope, &rules, app.clock.now())?;
    say(&format!("keeps {rules}; {}", next(&going)));
    Ok(ExitCode::SUCCESS)
}

fn set_policy(app: &App, args: PolicyArgs) -> Result<ExitCode, Failure> {
    let rules = args.rules.rules()?;
    let scope = scope(app, &args.tenant.tenant)?;
    let view = View::operator(&scope);
    let user = |name: &String| -> Result<UserId, Failure> {
        app.store.user_named(&scope, name)?.ok_or_else(|| missing("user", name))
    };
    let terms = RetentionTerms {
        rules,
        users: args.user.iter().map(user).collect::<Result<_, _>>()?,
        groups: groups(app, &view, &args.group)?,
        devices: args.device,
        scope_tags: tags(app, &view, &args.scope_tag)?,
        name: args.name,
    };
    let there = named(app, &view, &terms.name)?;
    let change = RetentionChange::Put(there.as_ref().map(|policy| policy.id), terms.clone());
    let going = app.store.preview_retention(&view, &change)?;
    if args.preview.preview {
        return tell(&going);
    }
    let now = app.clock.now();
    let (made, done) = if let Some(policy) = there {
        (app.store.change_retention_policy(&view, (policy.id, None), (terms, None), now)?, "changed")
    } else {
        let id = RetentionPolicyId(random_id(app));
        (app.store.create_retention_policy(&view, (id, terms, None), now)?, "made")
    };
    let RetentionTerms { name, rules, .. } = &made.terms;
    say(&format!("{done} the retention policy `{name}`, {}: keeps {rules}; {}", whom(&made), next(&going)));
    print(&[made.id.to_string()])
}

fn delete_policy(app: &App, name: &str, (only_say, tenant): (bool, &str)) -> Result<ExitCode, Failure> {
    let view = View::operator(&scope(app, tenant)?);
    let policy = named(app, &view, name)?.ok_or_else(|| missing("retention policy", name))?;
    let going = app.store.preview_retention(&view, &RetentionChange::Delete(policy.id))?;
    if only_say {
        return tell(&going);
    }
    app.store.delete_retention_policy(&view, (policy.id, None), app.clock.now())?;
    say(&format!("deleted the retention policy `{name}`; {}", next(&going)));
    Ok(ExitCode::SUCCESS)
}

fn list(app: &App, tenant: &str) -> Result<ExitCode, Failure> {
    let view = View::operator(&scope(app, tenant)?);
    let policies = Slice::all(|slice| app.store.retention_policies(&view, slice))?;
    let line = |policy: &RetentionPolicy| {
        format!("{}\t{}\t{}\t{}", policy.id, policy.terms.name, policy.terms.rules, whom(policy))
    };
    print(&policies.iter().map(line).collect::<Vec<_>>())
}

fn named(app: &App, view: &View, name: &str) -> Result<Option<RetentionPolicy>, Failure> {
    let policies = Slice::all(|slice| app.store.retention_policies(view, slice))?;
    Ok(policies.into_iter().find(|policy| policy.terms.name == name))
}

/// Whom a policy is for, counted.
fn whom(policy: &RetentionPolicy) -> String {
    let RetentionTerms { users, groups, devices, scope_tags, .. } = &policy.terms;
    let counts = [
        (users.len(), "person", "people"),
        (groups.len(), "group", "groups"),
        (devices.len(), "PC", "PCs"),
        (scope_tags.len(), "scope tag", "scope tags"),
    ];
    let said = |(number, one, many): &(usize, &str, &str)| match number {
        0 => None,
        1 => Some(format!("1 {one}")),
        _ => Some(format!("{number} {many}")),
    };
    let said: Vec<String> = counts.iter().filter_map(said).collect();
    if said.is_empty() { "for nobody yet".to_owned() } else { format!("for {}", said.join(", ")) }
}

/// What comes of a change that was made.
fn next(going: &RetentionPreview) -> String {
    match going.go {
        0 => "nothing goes".to_owned(),
        go => format!("the next run lets go of {go} of {} snapshots, `retention preview` names them", go + going.stay),
    }
}

fn would(app: &App, view: &View, change: &RetentionChange) -> Result<ExitCode, Failure> {
    tell(&app.store.preview_retention(view, change)?)
}

/// Tab-separated: profile, number, snapshot, time, user, PC, why it is kept now, what would become of it.
fn tell(going: &RetentionPreview) -> Result<ExitCode, Failure> {
    let line = |one: &Previewed| {
        let why = |kept| {
            let (words, by) = as_told(kept);
            let why = reasons(&words, &by);
            if why.is_empty() { "goes".to_owned() } else { why }
        };
        let (id, at) = (&one.snapshot.to_string()[..DIGITS_SHOWN], at(one.committed_at));
        let (now, then) = (why(&one.now), why(&one.then));
        format!("{}\t{}\t{id}\t{at}\t{}\t{}\t{now}\t{then}", one.profile, one.seq, one.user, one.device)
    };
    print(&going.snapshots.iter().map(line).collect::<Vec<_>>())?;
    if going.snapshots.len() == PREVIEWED_MAX {
        say(&format!("only the first {PREVIEWED_MAX} are named"));
    }
    let RetentionPreview { stay, go, go_by_change, stay_by_change, .. } = going;
    say(&format!(
        "nothing was changed; {go} would go, {go_by_change} of them because of this; {stay} would stay, {stay_by_change} \
         of them because of this"
    ));
    Ok(ExitCode::SUCCESS)
}

fn preview(app: &App, tenant: &str) -> Result<ExitCode, Failure> {
    let scope = scope(app, tenant)?;
    let kept = app.store.kept(&scope, None)?;
    let all_of = kept.iter().flat_map(|listed| &listed.snapshots);
    let going = all_of.clone().filter(|one| one.kept.is_empty()).count();
    let total = all_of.count();
    print(&lines(&kept))?;
    let policies = Slice::all(|slice| app.store.retention_policies(&View::operator(&scope), slice))?.len();
    let rules = app.store.rules(&scope)?;
    let policies = if policies == 1 { "1 policy".to_owned() } else { format!("{policies} policies") };
    say(&format!("rules: {rules}, and {policies}; {} kept, {going} to go", total - going));
    Ok(ExitCode::SUCCESS)
}
