//! `rehome-server policy`: what PCs do, for whom; as words and as files.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use model::admin::{Assignments, Change, ChangedField, FilterOn, NewPolicy, Policy, RestorePage};
use model::check_in::{Facts, Order};
use model::ids::{CommandId, DeviceId, PolicyId};
use model::policy::intune::{self, Fate, Imported};
use model::policy::{self, Kind, Setting, picker};
use model::reason::Reason;
use serde_json::Value;
use store::{Slice, View};

use super::admin::{at, scope};
use super::keep::Tenant;
use super::policy_file::{self, File, Names, Options, Step};
use super::roles::{groups, missing, random_id, tags};
use super::{Failure, print, say};
use crate::App;
use crate::api::device_policy::get::shape;
use crate::api::policies::{devices, what_if};

#[derive(Subcommand)]
pub(super) enum PolicyVerb {
    /// List the policies: id, on or off, priority, name, for whom
    List(Tenant),
    /// Print a policy, as a file of policies has it
    Show(Name),
    /// Make a policy; it is off unless `--enable` is given
    Create(CreateArgs),
    /// Change a policy: only what is given
    Edit(EditArgs),
    /// Delete a policy with its history
    Delete(Name),
    /// Make another policy that says the same, switched off
    Duplicate {
        /// Its name
        name: String,
        /// The name of the other
        new_name: String,
        #[command(flatten)]
        tenant: Tenant,
    },
    /// Print the versions of a policy: number, time, who, what was changed
    History(Name),
    /// Print what differs between two versions of a policy
    Diff {
        /// Its name
        name: String,
        /// The one version
        from: u64,
        /// The other; the newest without it
        to: Option<u64>,
        #[command(flatten)]
        tenant: Tenant,
    },
    /// Put back what a policy said in an earlier version
    Rollback {
        /// Its name
        name: String,
        /// Which
        version: u64,
        #[command(flatten)]
        tenant: Tenant,
    },
    /// Print how a policy stands on each device
    Status(Name),
    /// Print what holds on a device, and who set it: defined by policies, and effective
    Effective {
        /// The device's id, as `device list` prints it
        device: DeviceId,
        #[command(flatten)]
        tenant: Tenant,
    },
    /// Say which policies would apply, whether a PC may back up and would be offered a restore, and why not
    WhatIf(WhatIfArgs),
    /// Find settings by words: id, what it may be, default, path and title
    Settings {
        /// Words that it has to hold
        words: Vec<String>,
    },
    /// Print policies and enrollment options as a file (YAML)
    Export {
        /// Only these policies
        names: Vec<String>,
        #[command(flatten)]
        tenant: Tenant,
    },
    /// Say what applying a file would change, which is the drift as well
    Plan(FileArgs),
    /// Make policies as a file says
    Apply(FileArgs),
    /// Read an export of Intune's settings catalog and say what of it Rehome has a setting for
    Import {
        /// The file, JSON
        file: PathBuf,
        /// Make the policies, switched off and for nobody yet
        #[arg(long)]
        create: bool,
        #[command(flatten)]
        tenant: Tenant,
    },
    /// Ask a device to do something at its next check-in
    Order {
        /// The device's id
        device: DeviceId,
        /// `back_up`, `check_in` or `offer_restore`
        #[arg(value_parser = ["back_up", "check_in", "offer_restore"])]
        order: String,
        #[command(flatten)]
        tenant: Tenant,
    },
    /// Enrollment options: whether the page that offers a restore is shown; without a word, say what holds
    RestorePage {
        /// `on`, `off` or `not_configured`, for everybody
        #[arg(value_parser = ["on", "off", "not_configured"])]
        show: Option<String>,
        /// On for the people of this group; may be given several times
        #[arg(long, value_name = "NAME", requires = "show")]
        on_for_group: Vec<String>,
        /// Off for the people of this group, which goes before on; may be given several times
        #[arg(long, value_name = "NAME", requires = "show")]
        off_for_group: Vec<String>,
        #[command(flatten)]
        tenant: Tenant,
    },
}

#[derive(Args)]
pub(super) struct Name {
    /// Its name
    name: String,
    #[command(flatten)]
    tenant: Tenant,
}

#[derive(Args)]
pub(super) struct CreateArgs {
    /// Its name
    name: String,
    #[command(flatten)]
    terms: TermsArgs,
}

#[derive(Args)]
pub(super) struct EditArgs {
    /// Its name
    name: String,
    /// Another name
    #[arg(long, value_name = "NAME")]
    rename: Option<String>,
    /// Take a setting out; may be given several times
    #[arg(long, value_name = "ID")]
    unset: Vec<String>,
    /// Switch it off
    #[arg(long, conflicts_with = "enable")]
    disable: bool,
    #[command(flatten)]
    terms: TermsArgs,
}

#[derive(Args)]
struct TermsArgs {
    /// What it is for
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// Switch it on
    #[arg(long)]
    enable: bool,
    /// The lower, the stronger; after all others without it
    #[arg(long, value_name = "NUMBER")]
    priority: Option<u32>,
    /// Set a setting, such as `backup.interval_hours=24`; may be given several times
    #[arg(long, value_name = "ID=VALUE")]
    set: Vec<String>,
    /// For all devices
    #[arg(long)]
    all_devices: bool,
    /// For all users
    #[arg(long)]
    all_users: bool,
    /// For this person; may be given several times, as all that follow
    #[arg(long, value_name = "NAME")]
    user: Vec<String>,
    /// For the people of this group
    #[arg(long, value_name = "NAME")]
    group: Vec<String>,
    /// For this PC, by its id
    #[arg(long, value_name = "ID")]
    device: Vec<DeviceId>,
    /// For PCs with this scope tag, and those of people with it
    #[arg(long, value_name = "NAME")]
    scope_tag: Vec<String>,
    /// Not for this person
    #[arg(long, value_name = "NAME")]
    exclude_user: Vec<String>,
    /// Not for the people of this group
    #[arg(long, value_name = "NAME")]
    exclude_group: Vec<String>,
    /// Not for this PC
    #[arg(long, value_name = "ID")]
    exclude_device: Vec<DeviceId>,
    /// Not for what carries this scope tag
    #[arg(long, value_name = "NAME")]
    exclude_scope_tag: Vec<String>,
    /// A scope tag of its own, which says who sees it
    #[arg(long, value_name = "NAME")]
    own_tag: Vec<String>,
    #[command(flatten)]
    tenant: Tenant,
}

#[derive(Args)]
pub(super) struct FileArgs {
    /// The file (YAML); `-` is standard input
    #[arg(long, short, value_name = "FILE")]
    file: PathBuf,
    /// Delete the policies that the file does not mention
    #[arg(long)]
    prune: bool,
    /// End with 1 if something differs
    #[arg(long)]
    exit_code: bool,
    #[command(flatten)]
    tenant: Tenant,
}

#[derive(Args)]
pub(super) struct WhatIfArgs {
    /// A device that is there, by its id
    #[arg(long, value_name = "ID")]
    device: Option<DeviceId>,
    /// Facts of a PC (JSON), such as {"build": 26100, "revision": 4946, "join": "entra"}; `-` is standard input
    #[arg(long, short, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Whose PC it would be
    #[arg(long, value_name = "NAME", conflicts_with = "device")]
    user: Option<String>,
    #[command(flatten)]
    tenant: Tenant,
}

impl TermsArgs {
    /// Puts what is given in place of what is there.
    fn change(&self, app: &App, terms: &mut NewPolicy) -> Result<(), Failure> {
        let scope = scope(app, &self.tenant.tenant)?;
        let view = View::operator(&scope);
        if let Some(description) = &self.description {
            terms.description.clone_from(description);
        }
        terms.enabled |= self.enable;
        terms.priority = self.priority.or(terms.priority);
        for set in &self.set {
            let (policy, setting) = setting(set)?;
            terms.settings.insert(policy, setting);
        }
        let given = [
            (&self.user, &self.group, &self.device, &self.scope_tag),
            (&self.exclude_user, &self.exclude_group, &self.exclude_device, &self.exclude_scope_tag),
        ];
        let assignments = &mut terms.assignments;
        let somebody = |(users, groups, devices, tags): &(&Vec<String>, &Vec<String>, &Vec<DeviceId>, &Vec<String>)| {
            !(users.is_empty() && groups.is_empty() && devices.is_empty() && tags.is_empty())
        };
        if self.all_devices || self.all_users || given.iter().any(somebody) {
            assignments.all_devices = self.all_devices;
            assignments.all_users = self.all_users;
            let sides = [&mut assignments.include, &mut assignments.exclude];
            for (side, (users, groups, devices, tags)) in sides.into_iter().zip(given) {
                let names = Names {
                    users: users.clone(),
                    groups: groups.clone(),
                    devices: devices.clone(),
                    scope_tags: tags.clone(),
                };
                *side = names.whom(app, (&scope, &view))?;
            }
            // A filter beside what is no longer included goes with it.
            let Assignments { all_devices, all_users, include, filters, .. } = assignments;
            filters.retain(|one| match one.on {
                FilterOn::AllDevices => *all_devices,
                FilterOn::AllUsers => *all_users,
                FilterOn::Group(id) => include.groups.contains(&id),
            });
        }
        if !self.own_tag.is_empty() {
            terms.scope_tags = Some(tags(app, &view, &self.own_tag)?);
        }
        Ok(())
    }
}

/// Reads `id=value`.
fn setting(text: &str) -> Result<(&'static policy::Policy, Setting), Failure> {
    let wrong = |what: String| {
        Failure::new(2, Reason::Usage, what).hint("`rehome-server policy settings` lists the settings and their values")
    };
    let (id, value) = text.split_once('=').ok_or_else(|| wrong(format!("`{text}` is not ID=VALUE")))?;
    let found = policy::Policy::find(id).filter(|policy| policy.is_of_server());
    let found = found.ok_or_else(|| wrong(format!("there is no setting `{id}`")))?;
    let value = match (found.kind, value) {
        (Kind::Switch, "true" | "on") => Value::Bool(true),
        (Kind::Switch, "false" | "off") => Value::Bool(false),
        (Kind::Number { .. }, number) => number.parse::<u32>().map_or(Value::Null, Value::from),
        (_, text) => Value::from(text),
    };
    let setting = found.judge(&value).map_err(|what| wrong(format!("the setting `{id}`: {what}")))?;
    Ok((found, setting))
}

pub(super) fn run(app: &App, verb: PolicyVerb) -> Result<ExitCode, Failure> {
    match verb {
        PolicyVerb::List(tenant) => list(app, &tenant.tenant),
        PolicyVerb::Show(name) => {
            let view = View::operator(&scope(app, &name.tenant.tenant)?);
            printed(&policy_file::export(app, &view, &[name.name])?)
        }
        PolicyVerb::Create(args) => create(app, args),
        PolicyVerb::Edit(args) => edit(app, args),
        PolicyVerb::Delete(name) => {
            let (view, policy) = named(app, &name)?;
            app.store.delete_policy(&view, (policy.id, None), app.clock.now())?;
            say(&format!("deleted the policy `{}`", name.name));
            Ok(ExitCode::SUCCESS)
        }
        PolicyVerb::Duplicate { name, new_name, tenant } => {
            let (view, there) = named(app, &Name { name, tenant })?;
            let terms = NewPolicy { name: new_name, enabled: false, priority: None, ..there.terms };
            let made = app.store.create_policy(&view, (PolicyId(random_id(app)), terms), app.clock.now())?;
            told("made", &made)
        }
        PolicyVerb::History(name) => history(app, &name),
        PolicyVerb::Diff { name, from, to, tenant } => diff(app, &Name { name, tenant }, (from, to)),
        PolicyVerb::Rollback { name, version, tenant } => {
            let (view, policy) = named(app, &Name { name, tenant })?;
            let back = app.store.roll_back_policy(&view, (policy.id, None), version, app.clock.now())?;
            told(&format!("as it was in version {version}:"), &back)
        }
        PolicyVerb::Status(name) => status(app, &name),
        PolicyVerb::Effective { device, tenant } => effective(app, device, &tenant.tenant),
        PolicyVerb::WhatIf(args) => would(app, &args),
        PolicyVerb::Settings { words } => {
            print(&picker::search(&words.join(" ")).into_iter().map(defined).collect::<Vec<_>>())
        }
        PolicyVerb::Export { names, tenant } => {
            let view = View::operator(&scope(app, &tenant.tenant)?);
            printed(&policy_file::export(app, &view, &names)?)
        }
        PolicyVerb::Plan(args) => planned(app, &args, false),
        PolicyVerb::Apply(args) => planned(app, &args, true),
        PolicyVerb::Import { file, create, tenant } => import(app, &file, (create, &tenant.tenant)),
        PolicyVerb::Order { device, order, tenant } => {
            let view = View::operator(&scope(app, &tenant.tenant)?);
            let order = Order::from_word(&order).ok_or_else(|| missing("command", &order))?;
            let made = app.store.order(&view, (CommandId(random_id(app)), device, order), app.clock.now())?;
            say(&format!("the device hears of it at its next check-in, until {}", at(made.expires_at)));
            print(&[made.id.to_string()])
        }
        PolicyVerb::RestorePage { show, on_for_group, off_for_group, tenant } => {
            let options = show.map(|show| (show, on_for_group, off_for_group));
            restore_page(app, options, &tenant.tenant)
        }
    }
}

fn printed(file: &File) -> Result<ExitCode, Failure> {
    print(&[policy_file::write(file)?.trim_end().to_owned()])
}

fn named(app: &App, name: &Name) -> Result<(View, Policy), Failure> {
    let view = View::operator(&scope(app, &name.tenant.tenant)?);
    let id = app.store.policy_named(&view, &name.name)?.ok_or_else(|| missing("policy", &name.name))?;
    let policy = app.store.policy(&view, id)?;
    Ok((view, policy))
}

fn told(done: &str, policy: &Policy) -> Result<ExitCode, Failure> {
    let terms = &policy.terms;
    let on = if terms.enabled { "on" } else { "off" };
    let priority = terms.priority.unwrap_or_default();
    say(&format!("{done} the policy `{}`: {on}, priority {priority}, {}", terms.name, whom(terms)));
    print(&[policy.id.to_string()])
}

/// For whom a policy is, counted.
fn whom(terms: &NewPolicy) -> String {
    let wanted = &terms.assignments;
    let count =
        |whom: &model::admin::Whom| whom.users.len() + whom.groups.len() + whom.devices.len() + whom.scope_tags.len();
    let mut parts: Vec<String> = Vec::new();
    parts.extend(wanted.all_devices.then(|| "all devices".to_owned()));
    parts.extend(wanted.all_users.then(|| "all users".to_owned()));
    parts.extend(Some(count(&wanted.include)).filter(|n| *n > 0).map(|n| format!("{n} included")));
    if parts.is_empty() {
        parts.push("nobody yet".to_owned());
    }
    parts.extend(Some(count(&wanted.exclude)).filter(|n| *n > 0).map(|n| format!("{n} excluded")));
    format!("for {}", parts.join(", "))
}

fn list(app: &App, tenant: &str) -> Result<ExitCode, Failure> {
    let view = View::operator(&scope(app, tenant)?);
    let mut policies = Slice::all(|slice| app.store.policies(&view, slice))?;
    policies.sort_by_key(|policy| policy.terms.priority);
    let line = |policy: &Policy| {
        let on = if policy.terms.enabled { "on" } else { "off" };
        let priority = policy.terms.priority.unwrap_or_default();
        let settings = policy.terms.settings.len();
        format!("{}\t{on}\t{priority}\t{}\t{settings} settings\t{}", policy.id, policy.terms.name, whom(&policy.terms))
    };
    print(&policies.iter().map(line).collect::<Vec<_>>())
}

fn create(app: &App, args: CreateArgs) -> Result<ExitCode, Failure> {
    let view = View::operator(&scope(app, &args.terms.tenant.tenant)?);
    let mut terms = NewPolicy { name: args.name, ..NewPolicy::default() };
    args.terms.change(app, &mut terms)?;
    let made = app.store.create_policy(&view, (PolicyId(random_id(app)), terms), app.clock.now())?;
    told("made", &made)
}

fn edit(app: &App, args: EditArgs) -> Result<ExitCode, Failure> {
    let tenant = Tenant { tenant: args.terms.tenant.tenant.clone() };
    let (view, there) = named(app, &Name { name: args.name, tenant })?;
    let mut terms = there.terms;
    let mut map = terms.settings.to_json();
    for id in &args.unset {
        if map.remove(id).is_none() {
            return Err(missing("setting in this policy", id));
        }
    }
    terms.settings = policy::Settings::understood(&map).0;
    args.terms.change(app, &mut terms)?;
    terms.enabled &= !args.disable;
    terms.name = args.rename.unwrap_or(terms.name);
    let changed = app.store.change_policy(&view, (there.id, Some(there.version)), terms, app.clock.now())?;
    told("changed", &changed)
}

fn changed(fields: &[ChangedField]) -> Vec<String> {
    let value = |value: &Option<Value>| value.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string);
    let line =
        |field: &ChangedField| format!("    {}: {} -> {}", field.field, value(&field.before), value(&field.after));
    fields.iter().map(line).collect()
}

fn history(app: &App, name: &Name) -> Result<ExitCode, Failure> {
    let (view, policy) = named(app, name)?;
    let mut lines = Vec::new();
    for version in app.store.policy_versions(&view, policy.id)? {
        let by = version.by.unwrap_or_else(|| "the operator".to_owned());
        lines.push(format!("{}\t{}\t{by}", version.version, at(version.at)));
        lines.extend(changed(&version.changes));
    }
    print(&lines)
}

fn diff(app: &App, name: &Name, (from, to): (u64, Option<u64>)) -> Result<ExitCode, Failure> {
    let (view, policy) = named(app, name)?;
    let versions = app.store.policy_versions(&view, policy.id)?;
    let find = |wanted: u64| {
        let found = versions.iter().find(|version| version.version == wanted);
        found.ok_or_else(|| missing("version", &wanted.to_string()))
    };
    let (before, after) = (find(from)?, find(to.unwrap_or(policy.version))?);
    print(&changed(&NewPolicy::changes(Some(&before.terms), Some(&after.terms))))
}

fn status(app: &App, name: &Name) -> Result<ExitCode, Failure> {
    let (view, policy) = named(app, name)?;
    let found = Slice::all(|slice| app.store.on_devices(&view, slice))?;
    let line = |one: model::admin::StatusOfDevice| {
        let seen = one.checked_in_at.map_or_else(|| "never".to_owned(), at);
        let why = one.status.why.unwrap_or_else(|| one.status.conflicts.join(", "));
        format!("{}\t{}\t{}\t{}\t{seen}\t{why}", one.device, one.status.status.title(), one.user_name, one.device_name)
    };
    let lines: Vec<String> = found.iter().filter_map(|device| devices::status(device, policy.id)).map(line).collect();
    print(&lines)
}

fn effective(app: &App, device: DeviceId, tenant: &str) -> Result<ExitCode, Failure> {
    let view = View::operator(&scope(app, tenant)?);
    let found = shape(&app.store.on_device(&view, device)?);
    let mut lines: Vec<String> = Vec::new();
    for policy in &found.policies {
        let why = policy.why.clone().unwrap_or_else(|| policy.conflicts.join(", "));
        lines.push(format!("{}\t{}\t{}\t{why}", policy.status.title(), policy.priority, policy.name));
    }
    for one in &found.settings {
        let defined = match (&one.defined, &one.defined_by) {
            (Some(value), Some(by)) => format!("{value} by `{}`", by.name),
            _ => "-".to_owned(),
        };
        let against: Vec<String> =
            one.against.iter().map(|said| format!("`{}` says {}", said.by.name, json(&said.value))).collect();
        let effective = format!("{}\t{defined}\t{} by {}", one.setting, one.effective, one.origin_title);
        lines.push(if against.is_empty() { effective } else { format!("{effective}\t{}", against.join(", ")) });
    }
    print(&lines)?;
    match found.checked_in_at {
        Some(seen) => say(&format!("as the PC said at {}", at(seen))),
        None => say("the PC has not checked in yet: what is set on it is not known"),
    }
    Ok(ExitCode::SUCCESS)
}

fn json(setting: &Setting) -> String {
    serde_json::to_string(setting).unwrap_or_default()
}

/// The largest file of facts.
const FACTS_BYTES_MAX: u64 = 64 * 1024;

fn would(app: &App, args: &WhatIfArgs) -> Result<ExitCode, Failure> {
    let scope = scope(app, &args.tenant.tenant)?;
    let view = View::operator(&scope);
    let user = |name: &String| app.store.user_named(&scope, name)?.ok_or_else(|| missing("user", name));
    let facts = args.file.as_ref().map(|file| -> Result<Facts, Failure> {
        serde_json::from_slice(&policy_file::read_bytes(file, FACTS_BYTES_MAX)?)
            .map_err(|error| Failure::new(2, Reason::ConfigInvalid, format!("`{}`: {error}", file.display())))
    });
    let asked = what_if::Asked {
        device: args.device,
        facts: facts.transpose()?,
        user: args.user.as_ref().map(user).transpose()?,
    };
    let answer = what_if::answer(&app.store, &view, asked, app.clock.now())?;
    let mut lines: Vec<String> =
        answer.policies.iter().map(|one| format!("policy\t{}\t{}\t{}", one.priority, one.name, one.why)).collect();
    for (what, verdict) in [("backup", &answer.would.backup), ("restore offer", &answer.would.restore_offer)] {
        lines.push(format!("{what}\t{}", if verdict.allowed { "yes" } else { "no" }));
        lines.extend(verdict.reasons.iter().map(|one| format!("    {}: {}", one.code.code(), one.why)));
    }
    print(&lines)
}

/// Tab-separated: id, what it may be, default, path, title.
fn defined(of: &'static policy::Policy) -> String {
    let may_be = match of.kind {
        Kind::Switch => "true, false".to_owned(),
        Kind::Number { least, most, unit } => format!("{least} to {most} {unit}"),
        Kind::Choice(choices) => choices.iter().map(|choice| choice.word).collect::<Vec<_>>().join(", "),
        Kind::Text { chars_max, .. } => format!("at most {chars_max} characters"),
    };
    format!("{}\t{may_be}\t{}\t{}\t{}", of.id, json(&of.default), of.path().join(" > "), of.title)
}

fn planned(app: &App, args: &FileArgs, apply: bool) -> Result<ExitCode, Failure> {
    let file = policy_file::read(&args.file)?;
    let scope = scope(app, &args.tenant.tenant)?;
    let view = View::operator(&scope);
    let steps = policy_file::plan(app, (&scope, &view), &file, args.prune)?;
    let mut lines = Vec::new();
    for step in &steps {
        lines.push(format!("{} {}", sign(step), step.name));
        lines.extend(changed(&step.fields));
    }
    let count = |change: Change| steps.iter().filter(|step| step.change == change).count();
    let [made, put, gone] = [Change::Create, Change::Update, Change::Delete].map(count);
    let differs = made + put + gone > 0;
    if apply {
        policy_file::apply(app, &view, steps)?;
    }
    print(&lines)?;
    let did = if apply { "made" } else { "nothing was changed; would be made" };
    say(&format!("{did}: {made}, changed: {put}, deleted: {gone}"));
    Ok(if args.exit_code && differs { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn sign(step: &Step) -> &'static str {
    match step.change {
        Change::Create => "+",
        Change::Update => "~",
        Change::Delete => "-",
        Change::Same if step.mentioned => "=",
        Change::Same => "? (not in the file)",
    }
}

fn import(app: &App, file: &std::path::Path, (create, tenant): (bool, &str)) -> Result<ExitCode, Failure> {
    let bytes = policy_file::read_bytes(file, intune::BYTES_MAX as u64)?;
    let policies = intune::read(&bytes).map_err(|error| {
        Failure::new(2, Reason::ConfigInvalid, format!("`{}`: {error}", file.display()))
            .hint("export a policy of the settings catalog as JSON, in Intune or through Graph")
    })?;
    let view = View::operator(&scope(app, tenant)?);
    let mut lines = Vec::new();
    for policy in policies {
        let left = policy.lines.iter().filter(|line| matches!(line.fate, Fate::Left { .. })).count();
        let mapped = policy.lines.len() - left;
        lines.push(format!("{}: {mapped} of {} settings", policy.name, policy.lines.len()));
        lines.extend(report(&policy));
        if create && !policy.settings.is_empty() {
            let name: String = policy.name.replace('/', "-").chars().take(store::NAME_CHARS_MAX).collect();
            let description = policy.description.chars().take(store::DESCRIPTION_CHARS_MAX).collect();
            let terms = NewPolicy { name, description, settings: policy.settings, ..NewPolicy::default() };
            let made = app.store.create_policy(&view, (PolicyId(random_id(app)), terms), app.clock.now())?;
            say(&format!("made the policy `{}`, switched off and for nobody yet", made.terms.name));
        }
    }
    print(&lines)
}

fn report(policy: &Imported) -> Vec<String> {
    let line = |line: &intune::Line| match &line.fate {
        Fate::Mapped { settings } => format!("    {} -> {}", line.definition, settings.join(", ")),
        Fate::Left { why } => format!("    {} left out: {why}", line.definition),
    };
    let notes = policy.notes.iter().map(|note| format!("    note: {note}"));
    policy.lines.iter().map(line).chain(notes).collect()
}

fn restore_page(
    app: &App,
    options: Option<(String, Vec<String>, Vec<String>)>,
    tenant: &str,
) -> Result<ExitCode, Failure> {
    let view = View::operator(&scope(app, tenant)?);
    if let Some((show, on, off)) = options {
        let show_restore_page = match show.as_str() {
            "on" => RestorePage::On,
            "off" => RestorePage::Off,
            _ => RestorePage::NotConfigured,
        };
        let options = model::admin::EnrolmentOptions {
            show_restore_page,
            on_for_groups: groups(app, &view, &on)?,
            off_for_groups: groups(app, &view, &off)?,
        };
        app.store.change_enrolment_options(&view, None, options, app.clock.now())?;
    }
    let file = policy_file::export(app, &view, &[])?;
    let Options { show_restore_page, on_for_groups, off_for_groups } = file.enrollment_options.unwrap_or_default();
    let word = match show_restore_page {
        RestorePage::NotConfigured => "not configured",
        RestorePage::On => "on",
        RestorePage::Off => "off",
    };
    let group = |word: &'static str| move |name: String| format!("{word}\tgroup `{name}`");
    let lines = [format!("{word}\teverybody")].into_iter();
    let lines = lines.chain(on_for_groups.into_iter().map(group("on")));
    print(&lines.chain(off_for_groups.into_iter().map(group("off"))).collect::<Vec<_>>())
}
