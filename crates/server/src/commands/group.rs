//! `rehome-server group` and `rehome-server filter`: groups of people and of PCs, and filters beside assignments.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use model::admin::{Filter, GroupOf, NewFilter};
use model::ids::{DeviceId, FilterId, GroupId, UserId};
use store::{Group, GroupChange, NewGroup, Slice, TenantScope, View};

use super::admin::scope;
use super::keep::Tenant;
use super::roles::{missing, random_id};
use super::{Failure, print, say};
use crate::App;

#[derive(Subcommand)]
pub(super) enum GroupVerb {
    /// List the groups: id, people or devices, who says who is in them, how many, name, rule
    List(Tenant),
    /// Make a group: with a rule, or of those who are named
    Create {
        /// Its name
        name: String,
        #[command(flatten)]
        terms: GroupArgs,
        /// Of PCs, not of people
        #[arg(long)]
        devices: bool,
    },
    /// Change a group: another rule, or who is in it
    Edit {
        /// Its name
        name: String,
        /// Another name
        #[arg(long, value_name = "NAME")]
        rename: Option<String>,
        #[command(flatten)]
        terms: GroupArgs,
        /// Take this person out; may be given several times
        #[arg(long, value_name = "NAME")]
        remove_user: Vec<String>,
        /// Take this PC out, by its id; may be given several times
        #[arg(long, value_name = "ID")]
        remove_device: Vec<DeviceId>,
    },
    /// Print who is in a group: id, name
    Members {
        /// Its name
        name: String,
        #[command(flatten)]
        tenant: Tenant,
    },
    /// Delete a group that nothing names
    Delete {
        /// Its name
        name: String,
        #[command(flatten)]
        tenant: Tenant,
    },
}

#[derive(Args)]
pub(super) struct GroupArgs {
    /// What it is for
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// The rule that says who is in it (docs/rules.md)
    #[arg(long, value_name = "RULE")]
    rule: Option<String>,
    /// Put this person in; may be given several times
    #[arg(long, value_name = "NAME")]
    user: Vec<String>,
    /// Put this PC in, by its id; may be given several times
    #[arg(long, value_name = "ID")]
    device: Vec<DeviceId>,
    #[command(flatten)]
    tenant: Tenant,
}

#[derive(Subcommand)]
pub(super) enum FilterVerb {
    /// List the filters: id, how many policies use it, name, rule
    List(Tenant),
    /// Make a filter
    Create {
        /// Its name
        name: String,
        /// Its rule (docs/rules.md, kind `filter`)
        rule: String,
        /// What it is for
        #[arg(long, value_name = "TEXT", default_value = "")]
        description: String,
        #[command(flatten)]
        tenant: Tenant,
    },
    /// Give a filter another rule
    Edit {
        /// Its name
        name: String,
        /// Its rule
        rule: String,
        #[command(flatten)]
        tenant: Tenant,
    },
    /// Delete a filter that no policy uses
    Delete {
        /// Its name
        name: String,
        #[command(flatten)]
        tenant: Tenant,
    },
}

fn named(app: &App, view: &View, name: &str) -> Result<Group, Failure> {
    let there = Slice::all(|slice| app.store.groups(view, slice))?;
    there.into_iter().find(|group| group.name == name).ok_or_else(|| missing("group", name))
}

fn users(app: &App, scope: &TenantScope, names: &[String]) -> Result<Vec<UserId>, Failure> {
    let user = |name: &String| app.store.user_named(scope, name)?.ok_or_else(|| missing("user", name));
    names.iter().map(user).collect()
}

fn told(done: &str, group: &Group) -> Result<ExitCode, Failure> {
    let still = if group.evaluating { " so far; the server goes on asking the rule" } else { "" };
    say(&format!("{done} the group `{}`: {} {}{still}", group.name, group.members, group.of.word()));
    print(&[group.id.to_string()])
}

pub(super) fn group(app: &App, verb: GroupVerb) -> Result<ExitCode, Failure> {
    match verb {
        GroupVerb::List(tenant) => {
            let view = View::operator(&scope(app, &tenant.tenant)?);
            let line = |group: &Group| {
                let by = group.source.word();
                let rule = group.rule.as_deref().unwrap_or_default();
                format!("{}\t{}\t{by}\t{}\t{}\t{rule}", group.id, group.of.word(), group.members, group.name)
            };
            print(&Slice::all(|slice| app.store.groups(&view, slice))?.iter().map(line).collect::<Vec<_>>())
        }
        GroupVerb::Create { name, terms, devices } => {
            let scope = scope(app, &terms.tenant.tenant)?;
            let of = if devices { GroupOf::Devices } else { GroupOf::People };
            let people = users(app, &scope, &terms.user)?;
            let new = NewGroup {
                description: terms.description.unwrap_or_default(),
                of,
                rule: terms.rule,
                devices: terms.device,
                ..NewGroup::people(GroupId(random_id(app)), &name, people)
            };
            told("made", &app.store.create_group(&View::operator(&scope), new, app.clock.now())?)
        }
        GroupVerb::Edit { name, rename, terms, remove_user, remove_device } => {
            let scope = scope(app, &terms.tenant.tenant)?;
            let view = View::operator(&scope);
            let found = named(app, &view, &name)?;
            let change = GroupChange {
                name: rename,
                description: terms.description,
                rule: terms.rule,
                add: users(app, &scope, &terms.user)?,
                remove: users(app, &scope, &remove_user)?,
                add_devices: terms.device,
                remove_devices: remove_device,
                ..GroupChange::default()
            };
            let at = (found.id, Some(found.version), false);
            told("changed", &app.store.change_group(&view, at, change, app.clock.now())?)
        }
        GroupVerb::Members { name, tenant } => {
            let view = View::operator(&scope(app, &tenant.tenant)?);
            let found = named(app, &view, &name)?;
            let mut lines: Vec<String> = Vec::new();
            if found.of == GroupOf::People {
                let (_, people) = app.store.group(&view, found.id)?;
                lines.extend(people.into_iter().map(|(id, name)| format!("{id}\t{name}")));
            } else {
                let devices = Slice::all(|slice| app.store.group_devices(&view, found.id, slice))?;
                lines.extend(devices.into_iter().map(|(id, name)| format!("{id}\t{name}")));
            }
            print(&lines)
        }
        GroupVerb::Delete { name, tenant } => {
            let view = View::operator(&scope(app, &tenant.tenant)?);
            let found = named(app, &view, &name)?;
            app.store.delete_group(&view, (found.id, Some(found.version), false), app.clock.now())?;
            say(&format!("deleted the group `{name}`"));
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn filter_named(app: &App, view: &View, name: &str) -> Result<Filter, Failure> {
    let there = Slice::all(|slice| app.store.filters(view, slice))?;
    there.into_iter().find(|filter| filter.terms.name == name).ok_or_else(|| missing("filter", name))
}

pub(super) fn filter(app: &App, verb: FilterVerb) -> Result<ExitCode, Failure> {
    let now = app.clock.now();
    match verb {
        FilterVerb::List(tenant) => {
            let view = View::operator(&scope(app, &tenant.tenant)?);
            let line = |one: &Filter| format!("{}\t{}\t{}\t{}", one.id, one.policies, one.terms.name, one.terms.rule);
            print(&Slice::all(|slice| app.store.filters(&view, slice))?.iter().map(line).collect::<Vec<_>>())
        }
        FilterVerb::Create { name, rule, description, tenant } => {
            let view = View::operator(&scope(app, &tenant.tenant)?);
            let terms = NewFilter { name, description, rule, scope_tags: None };
            let made = app.store.create_filter(&view, (FilterId(random_id(app)), terms), now)?;
            say(&format!("made the filter `{}`", made.terms.name));
            print(&[made.id.to_string()])
        }
        FilterVerb::Edit { name, rule, tenant } => {
            let view = View::operator(&scope(app, &tenant.tenant)?);
            let found = filter_named(app, &view, &name)?;
            let terms = NewFilter { rule, scope_tags: None, ..found.terms };
            app.store.change_filter(&view, (found.id, Some(found.version)), terms, now)?;
            say(&format!("changed the filter `{name}`; {} policies use it", found.policies));
            Ok(ExitCode::SUCCESS)
        }
        FilterVerb::Delete { name, tenant } => {
            let view = View::operator(&scope(app, &tenant.tenant)?);
            let found = filter_named(app, &view, &name)?;
            app.store.delete_filter(&view, (found.id, Some(found.version)), now)?;
            say(&format!("deleted the filter `{name}`"));
            Ok(ExitCode::SUCCESS)
        }
    }
}
