//! Policies as a file: what `policy export` writes, and `policy plan` and `policy apply` read.
//!
//! One YAML document, with people, groups and scope tags by name and PCs by id, so that it can be read, kept in a repository and brought to another server. What the file does not
//! mention stays, unless `--prune` is given; what it mentions becomes as it says, and applying it twice changes nothing the second time. A plan says what would change, field by field:
//! that is the drift as well. Groups with a rule and filters stand in it too, since policies name them; groups whose members are put in are people's own business, and are only named.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use model::admin::{
    AssignmentFilter, Assignments, Change, ChangedField, EnrolmentOptions, Filter, FilterMode, FilterOn, GroupOf,
    NewFilter, NewPolicy, Platform, Policy, ProfileType, RestorePage, Whom,
};
use model::ids::{DeviceId, FilterId, GroupId, PolicyId};
use model::policy::Settings;
use model::reason::Reason;
use serde::{Deserialize, Serialize};
use store::{GroupChange, Slice, TenantScope, View};

use super::Failure;
use super::roles::{groups, missing, random_id, tags};
use crate::App;

/// The largest file that is read: 200 policies with every setting have some 600 kB.
const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// The file.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    /// Groups with a rule. Left out: they stay as they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) groups: Option<Vec<GroupTerms>>,
    /// Filters. Left out: they stay as they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) filters: Option<Vec<FilterTerms>>,
    /// The policies.
    #[serde(default)]
    pub(super) policies: Vec<Terms>,
    /// Left out: they stay as they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) enrollment_options: Option<Options>,
}

/// A group whose members a rule says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GroupTerms {
    name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    description: String,
    of: GroupOf,
    rule: String,
}

/// A filter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FilterTerms {
    name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    description: String,
    rule: String,
}

/// A filter beside an assignment, by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Beside {
    /// `all_devices`, `all_users` or the name of a group.
    on: String,
    filter: String,
    mode: FilterMode,
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
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) filters: Vec<Beside>,
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
        let groups = groups(app, view, &self.groups)?;
        self.whom_with(app, (scope, view), groups)
    }

    /// The ids, where those of the groups are known.
    fn whom_with(
        &self,
        app: &App,
        (scope, view): (&TenantScope, &View),
        groups: Vec<GroupId>,
    ) -> Result<Whom, Failure> {
        let user = |name: &String| app.store.user_named(scope, name)?.ok_or_else(|| missing("user", name));
        Ok(Whom {
            users: self.users.iter().map(user).collect::<Result<_, _>>()?,
            groups,
            devices: self.devices.clone(),
            scope_tags: tags(app, view, &self.scope_tags)?,
        })
    }
}

/// Ids by name: of what is there, and of what the file is about to make.
struct Ids {
    groups: BTreeMap<String, GroupId>,
    filters: BTreeMap<String, FilterId>,
}

impl Ids {
    fn groups(&self, names: &[String]) -> Result<Vec<GroupId>, Failure> {
        let find = |name: &String| self.groups.get(name).copied().ok_or_else(|| missing("group", name));
        names.iter().map(find).collect()
    }

    fn filter(&self, beside: &Beside) -> Result<AssignmentFilter, Failure> {
        let on = match beside.on.as_str() {
            "all_devices" => FilterOn::AllDevices,
            "all_users" => FilterOn::AllUsers,
            name => FilterOn::Group(self.groups.get(name).copied().ok_or_else(|| missing("group", name))?),
        };
        let filter = self.filters.get(&beside.filter).copied().ok_or_else(|| missing("filter", &beside.filter))?;
        Ok(AssignmentFilter { on, filter, mode: beside.mode })
    }
}

/// Names by id, read once for an export.
struct Directory {
    users: BTreeMap<[u8; 16], String>,
    groups: BTreeMap<[u8; 16], String>,
    tags: BTreeMap<[u8; 16], String>,
    filters: BTreeMap<[u8; 16], String>,
}

impl Directory {
    fn read(app: &App, view: &View) -> Result<Self, Failure> {
        let users = Slice::all(|slice| app.store.people(view, None, slice))?;
        let groups = Slice::all(|slice| app.store.groups(view, slice))?;
        let tags = Slice::all(|slice| app.store.tags(view, slice))?;
        let filters = Slice::all(|slice| app.store.filters(view, slice))?;
        Ok(Self {
            users: users.into_iter().map(|user| (user.id.0, user.name)).collect(),
            groups: groups.into_iter().map(|group| (group.id.0, group.name)).collect(),
            tags: tags.into_iter().map(|tag| (tag.id.0, tag.name)).collect(),
            filters: filters.into_iter().map(|filter| (filter.id.0, filter.terms.name)).collect(),
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

    fn beside(&self, one: &AssignmentFilter) -> Beside {
        let name = |names: &BTreeMap<[u8; 16], String>, id: &[u8; 16]| {
            names.get(id).cloned().unwrap_or_else(|| model::ids::to_hex(id))
        };
        let on = match one.on {
            FilterOn::Group(id) => name(&self.groups, &id.0),
            other => other.to_string(),
        };
        Beside { on, filter: name(&self.filters, &one.filter.0), mode: one.mode }
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
                filters: assignments.filters.iter().map(|one| self.beside(one)).collect(),
            },
            scope_tags: tags.map(|tags| Self::named(&self.tags, tags.iter().map(|id| &id.0))),
        }
    }
}

impl Terms {
    fn policy(&self, app: &App, at: (&TenantScope, &View), ids: &Ids) -> Result<NewPolicy, Failure> {
        let wanted = &self.assignments;
        let assignments = Assignments {
            all_devices: wanted.all_devices,
            all_users: wanted.all_users,
            include: wanted.include.whom_with(app, at, ids.groups(&wanted.include.groups)?)?,
            exclude: wanted.exclude.whom_with(app, at, ids.groups(&wanted.exclude.groups)?)?,
            filters: wanted.filters.iter().map(|one| ids.filter(one)).collect::<Result<_, _>>()?,
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
    MakeGroup(GroupId, GroupTerms),
    PutGroup(GroupId, u64, GroupTerms),
    DeleteGroup(GroupId, u64),
    MakeFilter(FilterId, FilterTerms),
    PutFilter(FilterId, u64, FilterTerms),
    DeleteFilter(FilterId, u64),
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
    let mut policies = Slice::all(|slice| app.store.policies(view, slice))?;
    if let Some(name) = names.iter().find(|name| !policies.iter().any(|policy| policy.terms.name == **name)) {
        return Err(missing("policy", name));
    }
    policies.retain(|policy| names.is_empty() || names.contains(&policy.terms.name));
    let (options, version) = app.store.enrolment_options(view)?;
    let groups = |ids: &[GroupId]| Directory::named(&directory.groups, ids.iter().map(|id| &id.0));
    let enrollment_options = (names.is_empty() && version > 0).then(|| Options {
        show_restore_page: options.show_restore_page,
        on_for_groups: groups(&options.on_for_groups),
        off_for_groups: groups(&options.off_for_groups),
    });
    let policies = policies.into_iter().map(|policy| directory.terms(policy)).collect();
    let (mut groups, mut filters) = (None, None);
    if names.is_empty() {
        let all_groups = Slice::all(|slice| app.store.groups(view, slice))?;
        let by_rule: Vec<GroupTerms> = all_groups.iter().filter_map(group_terms).collect();
        let all_filters = Slice::all(|slice| app.store.filters(view, slice))?;
        let all_filters: Vec<FilterTerms> = all_filters.iter().map(filter_terms).collect();
        groups = Some(by_rule).filter(|list| !list.is_empty());
        filters = Some(all_filters).filter(|list| !list.is_empty());
    }
    Ok(File { groups, filters, policies, enrollment_options })
}

/// What applying a file would do. Everything that it names is looked up first, so that a misspelt group is found before anything is changed.
pub(super) fn plan(
    app: &App,
    (scope, view): (&TenantScope, &View),
    file: &File,
    prune: bool,
) -> Result<Vec<Step>, Failure> {
    let there = Slice::all(|slice| app.store.policies(view, slice))?;
    let (mut steps, ids, gone) = first_steps(app, view, file, prune)?;
    for (index, terms) in file.policies.iter().enumerate() {
        if file.policies[..index].iter().any(|other| other.name == terms.name) {
            return Err(twice("policy", &terms.name));
        }
        steps.push(step(app, (scope, view), (&there, &ids), terms)?);
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
            on_for_groups: ids.groups(&wanted.on_for_groups)?,
            off_for_groups: ids.groups(&wanted.off_for_groups)?,
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
    // After what may have named them.
    steps.extend(gone);
    Ok(steps)
}

fn group_terms(group: &store::Group) -> Option<GroupTerms> {
    let rule = group.rule.clone()?;
    Some(GroupTerms { name: group.name.clone(), description: group.description.clone(), of: group.of, rule })
}

fn filter_terms(filter: &Filter) -> FilterTerms {
    let NewFilter { name, description, rule, .. } = filter.terms.clone();
    FilterTerms { name, description, rule }
}

/// A rule in its canonical spelling, so that two spellings of the same are no drift.
fn canonical(kind: rules::Kind, (what, name): (&str, &str), text: &str) -> Result<String, Failure> {
    rules::parse(kind, text).map(|rule| rule.to_string()).map_err(|error| {
        Failure::new(2, Reason::RuleInvalid, format!("the rule of the {what} `{name}`: {error}")).hint(error.hint())
    })
}

/// What differs between two things of the same form, field by field.
fn differences<T: Serialize>(before: Option<&T>, after: Option<&T>) -> Vec<ChangedField> {
    let map = |of: Option<&T>| match of.map(serde_json::to_value) {
        Some(Ok(serde_json::Value::Object(map))) => map,
        _ => serde_json::Map::new(),
    };
    let (before, after) = (map(before), map(after));
    let names: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let field = |name: &String| ChangedField {
        field: name.clone(),
        before: before.get(name).cloned(),
        after: after.get(name).cloned(),
    };
    names.into_iter().map(field).filter(|field| field.before != field.after).collect()
}

fn twice(what: &str, name: &str) -> Failure {
    let text = format!("the {what} `{name}` stands in the file twice");
    Failure::new(2, Reason::ConfigInvalid, text).hint("take one of them out")
}

/// Steps for groups and filters, the ids of all that then are there, and the steps that take away what the file does not mention.
fn first_steps(app: &App, view: &View, file: &File, prune: bool) -> Result<(Vec<Step>, Ids, Vec<Step>), Failure> {
    let there = Slice::all(|slice| app.store.groups(view, slice))?;
    let mut ids =
        Ids { groups: there.iter().map(|group| (group.name.clone(), group.id)).collect(), filters: BTreeMap::new() };
    let (mut steps, mut gone) = (Vec::new(), Vec::new());
    let step = |name: &str, fields: Vec<ChangedField>, (change, work): (Change, Work)| {
        let (change, work) = if fields.is_empty() { (Change::Same, Work::Nothing) } else { (change, work) };
        Step { change, name: name.to_owned(), fields, mentioned: true, work }
    };
    for (index, terms) in file.groups.iter().flatten().enumerate() {
        if file.groups.iter().flatten().take(index).any(|other| other.name == terms.name) {
            return Err(twice("group", &terms.name));
        }
        let kind = store::rule_kind(terms.of);
        let wanted = GroupTerms { rule: canonical(kind, ("group", &terms.name), &terms.rule)?, ..terms.clone() };
        let Some(found) = there.iter().find(|group| group.name == terms.name) else {
            let id = GroupId(random_id(app));
            ids.groups.insert(terms.name.clone(), id);
            let fields = differences(None, Some(&wanted));
            steps.push(step(&terms.name, fields, (Change::Create, Work::MakeGroup(id, wanted))));
            continue;
        };
        let before = group_terms(found).filter(|before| before.of == wanted.of).ok_or_else(|| {
            let text = format!("there is a group `{}` of another kind, or with members that are put in", terms.name);
            Failure::new(2, Reason::NameTaken, text).hint("choose another name in the file, or delete that group")
        })?;
        let fields = differences(Some(&before), Some(&wanted));
        steps.push(step(&terms.name, fields, (Change::Update, Work::PutGroup(found.id, found.version, wanted))));
    }
    if let Some(mentioned) = file.groups.as_ref().filter(|_| prune) {
        for group in there.iter().filter(|group| !mentioned.iter().any(|terms| terms.name == group.name)) {
            if let Some(before) = group_terms(group) {
                let fields = differences(Some(&before), None);
                let work = (Change::Delete, Work::DeleteGroup(group.id, group.version));
                gone.push(Step { mentioned: false, ..step(&group.name, fields, work) });
            }
        }
    }
    let there = Slice::all(|slice| app.store.filters(view, slice))?;
    ids.filters = there.iter().map(|filter| (filter.terms.name.clone(), filter.id)).collect();
    for (index, terms) in file.filters.iter().flatten().enumerate() {
        if file.filters.iter().flatten().take(index).any(|other| other.name == terms.name) {
            return Err(twice("filter", &terms.name));
        }
        let rule = canonical(rules::Kind::Filter, ("filter", &terms.name), &terms.rule)?;
        let wanted = FilterTerms { rule, ..terms.clone() };
        let found = there.iter().find(|filter| filter.terms.name == terms.name);
        let fields = differences(found.map(filter_terms).as_ref(), Some(&wanted));
        let work = if let Some(found) = found {
            (Change::Update, Work::PutFilter(found.id, found.version, wanted))
        } else {
            let id = FilterId(random_id(app));
            ids.filters.insert(terms.name.clone(), id);
            (Change::Create, Work::MakeFilter(id, wanted))
        };
        steps.push(step(&terms.name, fields, work));
    }
    if let Some(mentioned) = file.filters.as_ref().filter(|_| prune) {
        for filter in there.iter().filter(|filter| !mentioned.iter().any(|terms| terms.name == filter.terms.name)) {
            let fields = differences(Some(&filter_terms(filter)), None);
            let work = (Change::Delete, Work::DeleteFilter(filter.id, filter.version));
            gone.push(Step { mentioned: false, ..step(&filter.terms.name, fields, work) });
        }
    }
    Ok((steps, ids, gone))
}

fn step(app: &App, at: (&TenantScope, &View), (there, ids): (&[Policy], &Ids), terms: &Terms) -> Result<Step, Failure> {
    let mut wanted = terms.policy(app, at, ids)?;
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
        one.assignments.filters.sort_unstable();
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
            Work::MakeGroup(id, GroupTerms { name, description, of, rule }) => {
                let new = store::NewGroup { description, ..store::NewGroup::by_rule(id, &name, of, &rule) };
                app.store.create_group(view, new, now)?;
            }
            Work::PutGroup(id, version, GroupTerms { description, rule, .. }) => {
                let change = GroupChange { description: Some(description), rule: Some(rule), ..GroupChange::default() };
                app.store.change_group(view, (id, Some(version), false), change, now)?;
            }
            Work::DeleteGroup(id, version) => app.store.delete_group(view, (id, Some(version), false), now)?,
            Work::MakeFilter(id, FilterTerms { name, description, rule }) => {
                let terms = NewFilter { name, description, rule, scope_tags: None };
                app.store.create_filter(view, (id, terms), now)?;
            }
            Work::PutFilter(id, version, FilterTerms { name, description, rule }) => {
                let terms = NewFilter { name, description, rule, scope_tags: None };
                app.store.change_filter(view, (id, Some(version)), terms, now)?;
            }
            Work::DeleteFilter(id, version) => app.store.delete_filter(view, (id, Some(version)), now)?,
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
