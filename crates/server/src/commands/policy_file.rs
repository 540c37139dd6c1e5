//! Policies as a file: what `policy export` writes, and `policy plan` and `policy apply` read.
//!
//! One YAML document, with people, groups and scope tags by name and PCs by id, so that it can be read, kept in a repository and brought to another server. What the file does not
//! mention stays, unless `--prune` is given; what it mentions becomes as it says, and applying it twice changes nothing the second time. A plan says what would change, field by field:
//! that is the drift as well.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use model::admin::{
    Assignments, Change, ChangedField, EnrolmentOptions, NewPolicy, Platform, Policy, ProfileType, RestorePage, Whom,
};
use model::ids::{DeviceId, PolicyId};
use model::policy::Settings;
use model::reason::Reason;
use serde::{Deserialize, Serialize};
use store::{TenantScope, View};

use super::Failure;
use super::roles::{all, groups, missing, random_id, tags};
use crate::App;

/// The largest file that is read: 200 policies with every setting have some 600 kB.
const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// The file.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    /// The policies.
    #[serde(default)]
    pub(super) policies: Vec<Terms>,
    /// Left out: they stay as they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) enrollment_options: Option<Options>,
}

/// A policy: as [`NewPolicy`], with names.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Terms {
    name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    description: String,
    #[serde(default)]
    platform: Platform,
    #[serde(default)]
    profile_type: ProfileType,
    #[serde(default)]
    enabled: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    priority: Option<u32>,
    #[serde(default)]
    settings: Settings,
    #[serde(default)]
    assignments: Named,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scope_tags: Option<Vec<String>>,
}

/// For whom, by name.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Named {
    pub(super) all_devices: bool,
    pub(super) all_users: bool,
    #[serde(skip_serializing_if = "Names::is_empty")]
    pub(super) include: Names,
    #[serde(skip_serializing_if = "Names::is_empty")]
    pub(super) exclude: Names,
}

/// Names of people, groups and scope tags, ids of PCs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Names {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) users: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) groups: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) devices: Vec<DeviceId>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) scope_tags: Vec<String>,
}

/// Enrollment options, by name.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Options {
    pub(super) show_restore_page: RestorePage,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) on_for_groups: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) off_for_groups: Vec<String>,
}

impl Names {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The ids.
    pub(super) fn whom(&self, app: &App, (scope, view): (&TenantScope, &View)) -> Result<Whom, Failure> {
        let user = |name: &String| app.store.user_named(scope, name)?.ok_or_else(|| missing("user", name));
        Ok(Whom {
            users: self.users.iter().map(user).collect::<Result<_, _>>()?,
            groups: groups(app, view, &self.groups)?,
            devices: self.devices.clone(),
            scope_tags: tags(app, view, &self.scope_tags)?,
        })
    }
}

/// Names by id, read once for an export.
struct Directory {
    users: BTreeMap<[u8; 16], String>,
    groups: BTreeMap<[u8; 16], String>,
    tags: BTreeMap<[u8; 16], String>,
}

impl Directory {
    fn read(app: &App, view: &View) -> Result<Self, Failure> {
        let users = all(|slice| app.store.people(view, None, slice))?;
        let groups = all(|slice| app.store.groups(view, slice))?;
        let tags = all(|slice| app.store.tags(view, slice))?;
        Ok(Self {
            users: users.into_iter().map(|user| (user.id.0, user.name)).collect(),
            groups: groups.into_iter().map(|group| (group.id.0, group.name)).collect(),
            tags: tags.into_iter().map(|tag| (tag.id.0, tag.name)).collect(),
        })
    }

    fn named<'i>(names: &BTreeMap<[u8; 16], String>, ids: impl Iterator<Item = &'i [u8; 16]>) -> Vec<String> {
        ids.map(|id| names.get(id).cloned().unwrap_or_else(|| model::ids::to_hex(id))).collect()
    }

    fn names(&self, whom: &Whom) -> Names {
        Names {
            users: Self::named(&self.users, whom.users.iter().map(|id| &id.0)),
            groups: Self::named(&self.groups, whom.groups.iter().map(|id| &id.0)),
            devices: whom.devices.clone(),
            scope_tags: Self::named(&self.tags, whom.scope_tags.iter().map(|id| &id.0)),
        }
    }

    fn terms(&self, policy: Policy) -> Terms {
        let NewPolicy {
            name,
            description,
            platform,
            profile_type,
            enabled,
            priority,
            settings,
            assignments,
            scope_tags,
        } = policy.terms;
        let tags = scope_tags.filter(|tags| !tags.is_empty());
        Terms {
            name,
            description,
            platform,
            profile_type,
            enabled,
            priority,
            settings,
            assignments: Named {
                all_devices: assignments.all_devices,
                all_users: assignments.all_users,
                include: self.names(&assignments.include),
                exclude: self.names(&assignments.exclude),
            },
            scope_tags: tags.map(|tags| Self::named(&self.tags, tags.iter().map(|id| &id.0))),
        }
    }
}

impl Terms {
    fn policy(&self, app: &App, at: (&TenantScope, &View)) -> Result<NewPolicy, Failure> {
        let assignments = Assignments {
            all_devices: self.assignments.all_devices,
            all_users: self.assignments.all_users,
            include: self.assignments.include.whom(app, at)?,
            exclude: self.assignments.exclude.whom(app, at)?,
        };
        Ok(NewPolicy {
            name: self.name.clone(),
            description: self.description.clone(),
            platform: self.platform,
            profile_type: self.profile_type,
            enabled: self.enabled,
            priority: self.priority,
            settings: self.settings.clone(),
            assignments,
            scope_tags: self.scope_tags.as_ref().map(|names| tags(app, at.1, names)).transpose()?,
        })
    }
}

/// What applying a file does to one thing.
pub(super) struct Step {
    pub(super) change: Change,
    pub(super) name: String,
    pub(super) fields: Vec<ChangedField>,
    /// Whether the file mentions it.
    pub(super) mentioned: bool,
    work: Work,
}

enum Work {
    Nothing,
    Create(NewPolicy),
    Put(PolicyId, u64, NewPolicy),
    Delete(PolicyId, u64),
    Options(u64, EnrolmentOptions),
}

/// Reads a file, or standard input for `-`.
pub(super) fn read(path: &Path) -> Result<File, Failure> {
    let bytes = read_bytes(path, FILE_BYTES_MAX)?;
    let bad = |what: String| {
        Failure::new(2, Reason::ConfigInvalid, format!("`{}`: {what}", path.display()))
            .hint("correct it; `rehome-server policy export` shows the form")
    };
    let text = String::from_utf8(bytes).map_err(|_| bad("it is not UTF-8".to_owned()))?;
    serde_saphyr::from_str(&text).map_err(|error| bad(error.to_string()))
}

/// The bytes of a file, or of standard input for `-`, up to a limit.
pub(super) fn read_bytes(path: &Path, max: u64) -> Result<Vec<u8>, Failure> {
    let unread = |error: std::io::Error| Failure::io(&error, format!("could not read `{}`: {error}", path.display()));
    let mut bytes = Vec::new();
    if path.as_os_str() == "-" {
        std::io::stdin().take(max + 1).read_to_end(&mut bytes).map_err(unread)?;
    } else {
        std::fs::File::open(path).map_err(unread)?.take(max + 1).read_to_end(&mut bytes).map_err(unread)?;
    }
    if bytes.len() as u64 > max {
        return Err(Failure::new(2, Reason::FileTooBig, format!("`{}` has more than {max} bytes", path.display())));
    }
    Ok(bytes)
}

/// The file as text.
pub(super) fn write(file: &File) -> Result<String, Failure> {
    serde_saphyr::to_string(file).map_err(|error| Failure::new(1, Reason::Internal, error.to_string()))
}

/// Everything, or the policies of these names, as a file.
pub(super) fn export(app: &App, view: &View, names: &[String]) -> Result<File, Failure> {
    let directory = Directory::read(app, view)?;
    let mut policies = all(|slice| app.store.policies(view, slice))?;
    if let Some(name) = names.iter().find(|name| !policies.iter().any(|policy| policy.terms.name == **name)) {
        return Err(missing("policy", name));
    }
    policies.retain(|policy| names.is_empty() || names.contains(&policy.terms.name));
    let (options, version) = app.store.enrolment_options(view)?;
    let groups = |ids: &[model::ids::GroupId]| Directory::named(&directory.groups, ids.iter().map(|id| &id.0));
    let enrollment_options = (names.is_empty() && version > 0).then(|| Options {
        show_restore_page: options.show_restore_page,
        on_for_groups: groups(&options.on_for_groups),
        off_for_groups: groups(&options.off_for_groups),
    });
    let policies = policies.into_iter().map(|policy| directory.terms(policy)).collect();
    Ok(File { policies, enrollment_options })
}

/// What applying a file would do. Everything that it names is looked up first, so that a misspelt group is found before anything is changed.
pub(super) fn plan(
    app: &App,
    (scope, view): (&TenantScope, &View),
    file: &File,
    prune: bool,
) -> Result<Vec<Step>, Failure> {
    let there = all(|slice| app.store.policies(view, slice))?;
    let mut steps = Vec::new();
    for (index, terms) in file.policies.iter().enumerate() {
        if file.policies[..index].iter().any(|other| other.name == terms.name) {
            let text = format!("the policy `{}` stands in the file twice", terms.name);
            return Err(Failure::new(2, Reason::ConfigInvalid, text).hint("take one of them out"));
        }
        steps.push(step(app, (scope, view), &there, terms)?);
    }
    for policy in there.iter().filter(|policy| !file.policies.iter().any(|terms| terms.name == policy.terms.name)) {
        let (change, work) = if prune {
            (Change::Delete, Work::Delete(policy.id, policy.version))
        } else {
            (Change::Same, Work::Nothing)
        };
        let fields = if prune { NewPolicy::changes(Some(&policy.terms), None) } else { Vec::new() };
        steps.push(Step { change, name: policy.terms.name.clone(), fields, mentioned: false, work });
    }
    if let Some(wanted) = &file.enrollment_options {
        let (before, version) = app.store.enrolment_options(view)?;
        let mut options = EnrolmentOptions {
            show_restore_page: wanted.show_restore_page,
            on_for_groups: groups(app, view, &wanted.on_for_groups)?,
            off_for_groups: groups(app, view, &wanted.off_for_groups)?,
        };
        let mut is = before.clone();
        for one in [&mut options, &mut is] {
            one.on_for_groups.sort_unstable();
            one.off_for_groups.sort_unstable();
        }
        let same = options == is;
        let json = |options: &EnrolmentOptions| serde_json::to_value(options).ok();
        let field =
            ChangedField { field: "enrollment_options".to_owned(), before: json(&before), after: json(&options) };
        steps.push(Step {
            change: if same { Change::Same } else { Change::Update },
            name: store::ENROLMENT_OPTIONS.to_owned(),
            fields: if same { Vec::new() } else { vec![field] },
            mentioned: true,
            work: if same { Work::Nothing } else { Work::Options(version, options) },
        });
    }
    Ok(steps)
}

fn step(app: &App, at: (&TenantScope, &View), there: &[Policy], terms: &Terms) -> Result<Step, Failure> {
    let mut wanted = terms.policy(app, at)?;
    let name = terms.name.clone();
    let Some(found) = there.iter().find(|policy| policy.terms.name == name) else {
        let fields = NewPolicy::changes(None, Some(&wanted));
        return Ok(Step { change: Change::Create, name, fields, mentioned: true, work: Work::Create(wanted) });
    };
    // What the file leaves open stays as it is.
    wanted.priority = wanted.priority.or(found.terms.priority);
    wanted.scope_tags = wanted.scope_tags.or_else(|| found.terms.scope_tags.clone());
    let mut is = found.terms.clone();
    for one in [&mut wanted, &mut is] {
        for whom in [&mut one.assignments.include, &mut one.assignments.exclude] {
            whom.users.sort_unstable();
            whom.groups.sort_unstable();
            whom.devices.sort_unstable();
            whom.scope_tags.sort_unstable();
        }
        one.scope_tags.iter_mut().for_each(|tags| tags.sort_unstable());
    }
    let fields = NewPolicy::changes(Some(&is), Some(&wanted));
    if fields.is_empty() {
        return Ok(Step { change: Change::Same, name, fields, mentioned: true, work: Work::Nothing });
    }
    Ok(Step { change: Change::Update, name, fields, mentioned: true, work: Work::Put(found.id, found.version, wanted) })
}

/// Does what a plan says. A policy that was changed since the plan was made stops it, and applying again goes on.
pub(super) fn apply(app: &App, view: &View, steps: Vec<Step>) -> Result<(), Failure> {
    let now = app.clock.now();
    for step in steps {
        match step.work {
            Work::Nothing => {}
            Work::Create(terms) => drop(app.store.create_policy(view, (PolicyId(random_id(app)), terms), now)?),
            Work::Put(id, version, terms) => drop(app.store.change_policy(view, (id, Some(version)), terms, now)?),
            Work::Delete(id, version) => app.store.delete_policy(view, (id, Some(version)), now)?,
            Work::Options(version, options) => {
                app.store.change_enrolment_options(view, Some(version), options, now)?;
            }
        }
    }
    Ok(())
}
