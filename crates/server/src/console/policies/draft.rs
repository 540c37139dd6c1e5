//! `GET` and `POST /console/policies/drafts/{draft}?step=`: makes or changes a policy in five steps, each a page. `POST .../reach` says for how many PCs it would be, while somebody chooses.
//!
//! What a step says is kept in the draft when its form is sent, whichever button sends it, so that the ways back and forth, and the browser's own, find it again. Only the last step makes the
//! policy, under the draft's own id: sent twice, it is made once.

use std::collections::HashMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use model::admin::{FilterMode, FilterOn, NewPolicy, PolicyReach};
use model::ids::{GroupId, PolicyId};
use model::permission::{Permission, may};
use model::policy::{Kind, Setting, picker};
use model::reason::Reason;
use store::{AdminError, Slice, StoreError, View};

use super::drafts::{self, Draft};
use super::steps::{Step, Wrong, take};
use super::{Difference, Line, Names, command, differences, keys, lines, said, whom};
use crate::App;
use crate::access::{Allowed, Form};
use crate::api::extract::{Profile, apart};
use crate::console::fleets::fleet;
use crate::console::frame::{Desk, Frame, Place};
use crate::console::texts::Texts;
use crate::console::{Trouble, filters, groups, plain, trouble};
use crate::login::posted::Posted;
use crate::pages::{html, to};
use crate::problem::Refusal;

/// Hits of a search, of each kind.
const HITS_MAX: usize = 20;

/// A step in the row of steps.
struct Stop {
    word: &'static str,
    label: &'static str,
    here: bool,
}

/// One value of a choice.
struct Choice {
    value: &'static str,
    label: String,
    on: bool,
}

/// How a setting is set: chosen, or typed.
struct Field {
    id: &'static str,
    title: String,
    what: String,
    usual: String,
    choices: Vec<Choice>,
    number: Option<(u32, u32, String)>,
    typed: String,
    wrong: Option<String>,
}

/// A branch of the settings picker.
struct Branch {
    title: String,
    set: usize,
    open: bool,
    fields: Vec<Field>,
    below: Vec<Branch>,
}

/// Somebody who can be assigned.
struct Candidate {
    key: String,
    kind: &'static str,
    name: String,
    side: &'static str,
    /// The filter beside it, as its form says; nothing where none can be.
    beside: Option<(String, String)>,
}

/// What the page of a step needs beside the draft.
#[derive(Default)]
struct Matter {
    tree: Vec<Branch>,
    hits: usize,
    tags: Vec<(String, String, bool)>,
    candidates: Vec<Candidate>,
    filters: Vec<(String, String)>,
    beside_all: [String; 2],
    reach: PolicyReach,
    lines: Vec<Line>,
    included: Vec<String>,
    excluded: Vec<String>,
    changes: Option<Vec<Difference>>,
}

#[derive(Template)]
#[template(path = "console/policies/draft.html")]
struct Page {
    f: Frame,
    id: PolicyId,
    step: &'static str,
    stops: Vec<Stop>,
    terms: NewPolicy,
    is_new: bool,
    q: String,
    wrong: Vec<Wrong>,
    trouble: Option<(String, String)>,
    parked: bool,
    script: String,
    m: Matter,
}

#[expect(clippy::unused_self, reason = "templates call methods")]
impl Page {
    /// Whether a scope tag is chosen.
    fn has_tags(&self) -> bool {
        self.m.tags.iter().any(|(_, _, on)| *on)
    }

    fn wrong_of(&self, field: &str) -> Option<&Wrong> {
        self.wrong.iter().find(|wrong| wrong.field == field)
    }

    fn is(&self, one: &str, other: &str) -> bool {
        one == other
    }

    fn dom(&self, id: &str) -> String {
        id.replace('.', "-")
    }
}

fn gone() -> Refusal {
    let detail = "this draft is not there any more: it was thrown away, or nothing was done with it for a day";
    Refusal::new(StatusCode::NOT_FOUND, Reason::NotFound, detail)
}

/// The page of a step, with what is wrong on it.
#[derive(Default)]
struct Said {
    q: String,
    wrong: Vec<Wrong>,
    trouble: Option<Trouble>,
    parked: bool,
}

/// A step.
pub(in crate::console) async fn show(
    Allowed(view): Allowed<may::PolicyWrite>,
    State(app): State<Arc<App>>,
    Profile(id): Profile<PolicyId>,
    desk: Desk,
) -> Result<Response, Refusal> {
    let step = Step::of(desk.asked("step")).unwrap_or(Step::Basics);
    let mut draft = drafts::get(&app, &view, id).await?.ok_or_else(gone)?;
    let parked = desk.parked();
    let mut said = Said { q: desk.asked("q").to_owned(), parked: parked.is_some(), ..Said::default() };
    if let Some(fields) = parked {
        said.wrong = take(step, &mut draft.terms, fields);
    }
    form((&app, &view, &desk), (id, draft), step, said).await
}

async fn form(
    (app, view, desk): (&Arc<App>, &View, &Desk),
    (id, draft): (PolicyId, Draft),
    step: Step,
    said: Said,
) -> Result<Response, Refusal> {
    let (worker, by, texts) = (Arc::clone(app), view.clone(), desk.texts);
    let (terms, q) = (draft.terms.clone(), said.q.trim().chars().take(100).collect::<String>());
    let (words, of) = (q.clone(), draft.of);
    let names = apart(move || Names::of(&worker.store, &by, &terms.assignments)).await?;
    let title = match draft.of {
        Some(_) => texts.t1("policy.edit_title", &draft.terms.name),
        None => texts.t("policy.create").to_owned(),
    };
    let verb = if of.is_some() { "edit" } else { "create" };
    let f = desk
        .frame((app, view), Place::Policies, title)
        .under(texts.t("nav.policies"), "/console/policies")
        .cli(&format!("{} --tenant {{tenant}}", command(verb, &draft.terms, &names)));
    let matter = matter((app, view, f.texts), &draft, (step, &words, &said.wrong), names).await?;
    let stop = |(one, word, label): (Step, &'static str, &'static str)| Stop {
        word,
        label: f.texts.t(label),
        here: one == step,
    };
    let status = match &said.trouble {
        Some((status, ..)) => *status,
        None if said.wrong.is_empty() || said.parked => StatusCode::OK,
        None => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let page = Page {
        id,
        step: step.word(),
        stops: Step::ALL.into_iter().map(stop).collect(),
        is_new: draft.of.is_none(),
        terms: draft.terms,
        q,
        wrong: said.wrong,
        trouble: said.trouble.map(|(_, code, detail)| (code, detail)),
        parked: said.parked,
        script: crate::console::forms_address(),
        m: matter,
        f,
    };
    Ok(html(status, &page))
}

/// For how many PCs it would be. Whoever is named and is gone since, or out of sight, keeps nobody from the page: the last step says it.
fn reach_of(
    app: &App,
    view: &View,
    (terms, of): (&NewPolicy, Option<(PolicyId, u64)>),
) -> Result<PolicyReach, AdminError> {
    match app.store.policy_reach(view, terms, of.map(|(id, _)| id), app.clock.now()) {
        Err(AdminError::NotFound | AdminError::Invalid(_) | AdminError::Misfit(_)) => Ok(PolicyReach::default()),
        other => other,
    }
}

/// What the page of a step needs beside the draft.
async fn matter(
    (app, view, texts): (&Arc<App>, &View, &'static Texts),
    draft: &Draft,
    (step, words, wrong): (Step, &str, &[Wrong]),
    names: Names,
) -> Result<Matter, Refusal> {
    let of = draft.of;
    let mut matter = Matter::default();
    match step {
        Step::Basics => {}
        Step::Settings => (matter.tree, matter.hits) = tree(texts, &draft.terms, (words, wrong)),
        Step::Tags => {
            let (worker, by) = (Arc::clone(app), view.clone());
            let all = apart(move || match by.beside(Permission::TagRead) {
                Some(by) => worker.store.tags(&by, Slice::default()).map(|page| page.items),
                None => Ok(Vec::new()),
            })
            .await?;
            let own = draft.terms.scope_tags.clone().unwrap_or_default();
            matter.tags = all.into_iter().map(|tag| (tag.id.to_string(), tag.name, own.contains(&tag.id))).collect();
        }
        Step::Assignments => {
            let found = (words.to_lowercase(), draft.terms.clone(), names);
            let (worker, by) = (Arc::clone(app), view.clone());
            let kinds = Kinds {
                group: texts.t("policy.a_group"),
                tag: texts.t("policy.a_tag"),
                user: texts.t("column.user"),
                device: texts.t("column.device"),
            };
            let all = apart({
                let (worker, by) = (Arc::clone(app), view.clone());
                move || filters::all(&worker.store, &by)
            })
            .await?;
            for filter in all {
                let (id, name) = (filter.id, filter.terms.name);
                matter.filters.push((format!("include.{id}"), format!("{}: {name}", texts.t("filter.include"))));
                matter.filters.push((format!("exclude.{id}"), format!("{}: {name}", texts.t("filter.exclude"))));
            }
            let chosen = |on| beside(&draft.terms, on);
            matter.beside_all = [chosen(FilterOn::AllDevices), chosen(FilterOn::AllUsers)];
            (matter.candidates, matter.reach) = apart(move || {
                let (words, terms, names) = found;
                let candidates = candidates((&worker, &by), (&terms, &names), &words, &kinds)?;
                let reach = reach_of(&worker, &by, (&terms, of))?;
                Ok::<_, AdminError>((candidates, reach))
            })
            .await?;
        }
        Step::Review => {
            (matter.included, matter.excluded) = whom(texts, &draft.terms.assignments, &names);
            matter.lines = lines(texts, &draft.terms);
            let own = draft.terms.scope_tags.iter().flatten();
            matter.tags = own.map(|tag| (tag.to_string(), names.get(&format!("scope.{tag}")), true)).collect();
            let (worker, by, terms) = (Arc::clone(app), view.clone(), draft.terms.clone());
            let (reach, before) = apart(move || {
                let reach = reach_of(&worker, &by, (&terms, of))?;
                let before = of.map(|(id, _)| worker.store.policy(&by, id)).transpose()?;
                Ok::<_, AdminError>((reach, before))
            })
            .await?;
            matter.reach = reach;
            matter.changes = before.map(|policy| differences(texts, Some(&policy.terms), &draft.terms));
        }
    }
    Ok(matter)
}

/// The settings picker: what the words find, in its categories; the number of hits.
fn tree(texts: &Texts, terms: &NewPolicy, (words, wrong): (&str, &[Wrong])) -> (Vec<Branch>, usize) {
    let mut hits: Vec<&str> = picker::search(words).iter().map(|policy| policy.id).collect();
    let known = model::policy::POLICIES.iter().filter(|policy| policy.is_of_server() && texts.has(policy, words));
    hits.extend(known.map(|policy| policy.id).filter(|id| !hits.contains(id)).collect::<Vec<_>>());
    let branch = |branch: picker::Branch| grown(texts, terms, (branch, &hits), (!words.trim().is_empty(), wrong));
    let tree = picker::tree().into_iter().filter_map(branch).collect();
    (tree, hits.len())
}

fn grown(
    texts: &Texts,
    terms: &NewPolicy,
    (branch, hits): (picker::Branch, &[&str]),
    (searched, wrong): (bool, &[Wrong]),
) -> Option<Branch> {
    let below: Vec<Branch> =
        branch.branches.into_iter().filter_map(|one| grown(texts, terms, (one, hits), (searched, wrong))).collect();
    let title = texts.branch((branch.title, &branch.settings));
    // Those of a branch below stand there.
    let here = branch.settings.into_iter().filter(|policy| hits.contains(&policy.id));
    let own = |policy: &&'static model::policy::Policy| {
        !below.iter().any(|branch| branch.fields.iter().any(|field| field.id == policy.id))
    };
    let fields: Vec<Field> = here.filter(own).map(|policy| field(texts, terms, policy, wrong)).collect();
    if fields.is_empty() && below.is_empty() {
        return None;
    }
    let is_set = |field: &&Field| terms.settings.get(field.id).is_some();
    let set = fields.iter().filter(is_set).count() + below.iter().map(|branch| branch.set).sum::<usize>();
    let failed = fields.iter().any(|field| field.wrong.is_some()) || below.iter().any(|branch| branch.open);
    Some(Branch { title, set, open: searched || set > 0 || failed, fields, below })
}

fn field(texts: &Texts, terms: &NewPolicy, policy: &'static model::policy::Policy, wrong: &[Wrong]) -> Field {
    let value = terms.settings.get(policy.id);
    let wrong = wrong.iter().find(|wrong| wrong.field == policy.id);
    let choice = |value: &'static str, label: String, on: bool| Choice { value, label, on };
    let mut choices = Vec::new();
    let mut number = None;
    match policy.kind {
        Kind::Switch => {
            let on = |wanted: bool| matches!(value, Some(Setting::Switch(is)) if *is == wanted);
            choices.push(choice("on", texts.t("policy.on").to_owned(), on(true)));
            choices.push(choice("off", texts.t("policy.off").to_owned(), on(false)));
        }
        Kind::Choice(all) => {
            let is = |word: &str| matches!(value, Some(Setting::Word(is)) if *is == word);
            choices.extend(all.iter().map(|one| choice(one.word, texts.choice(policy, one), is(one.word))));
        }
        Kind::Number { least, most, unit } => number = Some((least, most, texts.unit(unit))),
        Kind::Text { .. } => {}
    }
    let there = match value {
        Some(Setting::Number(number)) => number.to_string(),
        Some(Setting::Text(text)) => text.clone(),
        _ => String::new(),
    };
    Field {
        id: policy.id,
        title: texts.setting(policy),
        what: texts.setting_does(policy),
        usual: said(texts, policy, &policy.default_of(true)),
        choices,
        number,
        typed: wrong.map_or(there, |wrong| wrong.typed.clone()),
        wrong: wrong.map(|wrong| wrong.why.text(texts)),
    }
}

/// The filter beside something, as a form says it.
fn beside(terms: &NewPolicy, on: FilterOn) -> String {
    let found = terms.assignments.filters.iter().find(|one| one.on == on);
    found.map_or_else(String::new, |one| match one.mode {
        FilterMode::Include => format!("include.{}", one.filter),
        FilterMode::Exclude => format!("exclude.{}", one.filter),
    })
}

/// What the kinds of candidates are called.
struct Kinds {
    group: &'static str,
    tag: &'static str,
    user: &'static str,
    device: &'static str,
}

/// Who can be assigned: those who are, then groups and scope tags, and with words whoever has them in their name. Waits for the disk.
fn candidates(
    (app, view): (&Arc<App>, &View),
    (terms, names): (&NewPolicy, &Names),
    words: &str,
    kinds: &Kinds,
) -> Result<Vec<Candidate>, AdminError> {
    let kind_of = |key: &str| match key.split_once('.').map(|(kind, _)| kind) {
        Some("group") => kinds.group,
        Some("scope") => kinds.tag,
        Some("user") => kinds.user,
        _ => kinds.device,
    };
    let mut all: Vec<Candidate> = Vec::new();
    for (whom, side) in [(&terms.assignments.include, "in"), (&terms.assignments.exclude, "out")] {
        all.extend(keys(whom).into_iter().map(|key| Candidate {
            kind: kind_of(&key),
            name: names.get(&key),
            key,
            side,
            beside: None,
        }));
    }
    let mut found: Vec<(String, String)> = Vec::new();
    let fits = |name: &str| name.to_lowercase().contains(words);
    if let Some(by) = view.beside(Permission::GroupRead) {
        let groups = groups::all(&app.store, &by)?.into_iter().filter(|group| fits(&group.name)).take(HITS_MAX);
        found.extend(groups.map(|group| (format!("group.{}", group.id), group.name)));
    }
    if let Some(by) = view.beside(Permission::TagRead) {
        let tags = app.store.tags(&by, Slice::default())?.items.into_iter().filter(|tag| fits(&tag.name));
        found.extend(tags.take(HITS_MAX).map(|tag| (format!("scope.{}", tag.id), tag.name)));
    }
    if let (false, Some(by)) = (words.is_empty(), view.beside(Permission::DeviceRead)) {
        let fleet = fleet(app, &by)?;
        let has_words = fleet.finder(words);
        let people = fleet.people().filter(|person| has_words(person.name())).take(HITS_MAX);
        found.extend(people.map(|person| (format!("user.{}", person.id()), fleet.name(person.name()).to_owned())));
        let devices = fleet.devices().filter(|device| has_words(device.name())).take(HITS_MAX);
        found.extend(devices.map(|device| (format!("device.{}", device.id()), fleet.title(device))));
    }
    let group = |one: &mut Candidate| {
        let id = one.key.strip_prefix("group.").and_then(|id| id.parse().ok());
        one.beside = id.map(|id: GroupId| (id.to_string(), beside(terms, FilterOn::Group(id))));
    };
    found.retain(|(key, _)| all.iter().all(|one| one.key != *key));
    all.extend(found.into_iter().map(|(key, name)| Candidate {
        kind: kind_of(&key),
        name,
        key,
        beside: None,
        side: "",
    }));
    all.iter_mut().for_each(group);
    Ok(all)
}

/// Takes over what the step says, and goes where its button leads.
pub(in crate::console) async fn done(
    Allowed(shut): Allowed<Form<may::PolicyWrite>>,
    State(app): State<Arc<App>>,
    Profile(id): Profile<PolicyId>,
    desk: Desk,
    posted: Posted,
) -> Result<Response, Refusal> {
    let view = shut.open(&posted)?;
    let step = Step::of(desk.asked("step")).unwrap_or(Step::Basics);
    let fields = posted.fields().clone();
    let taken = drafts::change(&app, &view, id, move |draft| take(step, &mut draft.terms, &fields)).await?;
    let (draft, wrong) = taken.ok_or_else(gone)?;
    let (go, q) = (posted.field("go"), posted.field("q"));
    let searches = go == "stay" || (go == "enter" && !q.trim().is_empty());
    let at = |step: Step, q: &str| {
        let fields = [("step", step.word()), ("q", q)];
        to(&crate::console::frame::address(&format!("/console/policies/drafts/{id}"), &fields))
    };
    match go {
        "discard" => {
            drafts::discard(&app, &view, id).await?;
            Ok(to("/console/policies"))
        }
        "back" => Ok(at(step.back(), "")),
        _ if !wrong.is_empty() => {
            form((&app, &view, &desk), (id, draft), step, Said { q: q.to_owned(), wrong, ..Said::default() }).await
        }
        _ if searches => Ok(at(step, q)),
        "create" => made((&app, &view, &desk), (id, draft)).await,
        word => Ok(at(Step::of(word).unwrap_or_else(|| step.next()), "")),
    }
}

/// Makes the policy, or changes it. Again: it is as the draft says, and that is all.
async fn made(
    (app, view, desk): (&Arc<App>, &View, &Desk),
    (id, draft): (PolicyId, Draft),
) -> Result<Response, Refusal> {
    let (worker, by, wanted) = (Arc::clone(app), view.clone(), draft.clone());
    let result = apart(move || {
        let (store, terms, now) = (&worker.store, wanted.terms, worker.clock.now());
        let made = match wanted.of {
            None => store.create_policy(&by, (id, terms.clone()), now),
            Some((policy, version)) => store.change_policy(&by, (policy, Some(version)), terms.clone(), now),
        };
        Ok::<_, StoreError>(made.or_else(|error| {
            // The same form a moment earlier: it is there, and says that.
            let there = store.policy(&by, wanted.of.map_or(id, |(policy, _)| policy));
            let same = |there: &model::admin::Policy| {
                let terms = NewPolicy {
                    priority: terms.priority.or(there.terms.priority),
                    scope_tags: terms.scope_tags.clone().or_else(|| there.terms.scope_tags.clone()),
                    ..terms.clone()
                };
                NewPolicy::changes(Some(&there.terms), Some(&terms)).is_empty()
            };
            there.ok().filter(same).ok_or(error)
        }))
    })
    .await?;
    let word = if draft.of.is_some() { "changed" } else { "created" };
    match result {
        Ok(policy) => {
            let kept = Draft { of: Some((policy.id, policy.version)), terms: policy.terms };
            drafts::put(app, view, (id, &kept)).await?;
            Ok(to(&format!("/console/policies/{}?done={word}", policy.id)))
        }
        Err(error) => {
            let mut draft = draft;
            if let (AdminError::Changed { version }, Some((policy, _))) = (&error, draft.of) {
                // What follows shows what this draft changes of the newer one; sent again, that is known.
                draft.of = Some((policy, *version));
                drafts::put(app, view, (id, &draft)).await?;
            }
            let said = Said { trouble: Some(trouble(desk.texts, error)), ..Said::default() };
            form((app, view, desk), (id, draft), Step::Review, said).await
        }
    }
}

/// For how many PCs the policy would be with what the form says now. Keeps nothing.
pub(in crate::console) async fn reach(
    Allowed(shut): Allowed<Form<may::PolicyWrite>>,
    State(app): State<Arc<App>>,
    Profile(id): Profile<PolicyId>,
    desk: Desk,
    posted: Posted,
) -> Result<Response, Refusal> {
    let view = shut.open(&posted)?;
    let draft = drafts::get(&app, &view, id).await?.ok_or_else(gone)?;
    let fields: HashMap<String, String> = posted.fields().clone();
    let reach = apart(move || {
        let mut terms = draft.terms;
        take(Step::Assignments, &mut terms, &fields);
        app.store.policy_reach(&view, &terms, draft.of.map(|(id, _)| id), app.clock.now())
    })
    .await?;
    let n = |number: u64| desk.texts.number(number);
    let text = desk.texts.t3("policy.reach", n(reach.applies), n(reach.excluded), n(reach.have_another));
    Ok(plain(text))
}
