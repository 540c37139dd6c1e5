//! Plan: what a restore would do to this PC, as a value.
//!
//! [`plan`] is pure. It compares what the old PC had with what this PC has now (both collected with the same catalog) and says for each
//! setting and app what would happen and why not. Nothing is written before a person, or the policy, has seen it.
//!
//! Besides the two it looks at who owns a setting here: what the organisation decides ([`crate::facts::Managed`]) is left alone, and so is
//! what the person has changed on this PC since their first sign-in ([`crate::baseline`]), unless they ask for the backup's.
//!
//! Snapshots come from outside, so nothing in them is taken at its word: a setting must be in the compiled catalog, fit this PC's build, and its
//! value must be one that the codec would write.

mod choice;
mod groups;
mod mark;
mod table;
mod transform;

use std::collections::BTreeMap;

use model::catalog::{self, Category, FileRole, Kind, LeftOut, Place, RegType, Setting, Stage};
use model::plan::{About, AppAction, AppStep, NotCarried, Plan, SettingAction, SettingStep};
use model::policy::{CategoryRule, Effective, Group, Origin, Rule};
use model::reason::Reason;
use model::snapshot::app_id::is_family_name;
use model::snapshot::{App, AppKind, DeviceFacts, Reading, Snapshot};
use model::value::Value;

pub use choice::{APP_LIST, Choice, ChoiceError, EVERYTHING};
pub use mark::mark;
pub(crate) use table::Table;

use crate::baseline::Changes;
use crate::codec;
use crate::facts::Managed;
use crate::registry::RawValue;

/// The largest picture that travels, in bytes (rule R6 of the threat model).
pub const PICTURE_BYTES_MAX: u64 = 32 << 20;

/// The longest name of an unknown setting that a plan shows, in characters.
const UNKNOWN_TITLE_CHARS_MAX: usize = 64;

/// The PC that a plan is for.
#[derive(Clone, Copy)]
pub struct Here<'a> {
    /// What it has now: a snapshot taken just before. Its device facts say which build this is.
    pub now: &'a Snapshot,
    /// The settings that its organisation decides itself.
    pub managed: Option<&'a Managed>,
    /// What the organisation has decided of restores.
    pub policy: Option<&'a Effective>,
    /// What the person has changed on it since their first sign-in.
    pub changes: Option<&'a Changes>,
}

impl<'a> Here<'a> {
    /// A PC of which nothing else is known, or asked.
    pub fn bare(now: &'a Snapshot) -> Self {
        Self { now, managed: None, policy: None, changes: None }
    }

    fn rule(&self, group: Group) -> CategoryRule {
        let free = CategoryRule { rule: Rule::Optional, user_override: false, origin: Origin::Default };
        self.policy.map_or(free, |policy| policy.rule(group))
    }
}

/// What restoring `old` onto the PC `here` would do.
///
/// The settings come in the order in which they would be written: stage, category, id.
pub fn plan(old: &Snapshot, here: &Here<'_>, choice: &Choice) -> Plan {
    plan_in(Table::compiled(), old, here, choice)
}

pub(crate) fn plan_in(table: Table, old: &Snapshot, here: &Here<'_>, choice: &Choice) -> Plan {
    let moved = transform::moved(table, old, here.now);
    let readings = old.readings.iter().map(|(id, reading)| (id.as_str(), reading));
    let came = moved.iter().map(|(id, reading)| (*id, reading));
    let all: Vec<_> = readings.filter(|(id, _)| !moved.contains_key(id)).chain(came).collect();
    let mut settings: Vec<SettingStep> =
        all.into_iter().filter_map(|(id, reading)| setting_step(table, (id, reading), (old, here), choice)).collect();
    settings.sort_by(|a, b| (a.stage, a.category, &a.id).cmp(&(b.stage, b.category, &b.id)));
    let apps = app_steps(old, here, choice);
    let is_asked_for = |id: &str| {
        let category = left_out(id).map(|entry| entry.category).or_else(|| Category::from_word(id.split('.').next()?));
        let hidden = |category| groups::is_hidden(here.rule(Group::Settings(category)));
        category.map_or(choice.is_all(), |category| choice.asks_for(category) && !hidden(category))
    };
    let not_carried =
        old.not_carried.iter().filter(|(id, _)| is_asked_for(id)).map(|(id, reason)| not_carried(id, *reason));
    let choices = groups::choices((&settings, &apps), old, here, choice);
    let not_carried = not_carried.collect();
    Plan { choices, settings, apps, not_carried }
}

/// One step; `None` if the organisation never restores the category, which is not shown.
fn setting_step(
    table: Table,
    (id, reading): (&str, &Reading),
    (old, here): (&Snapshot, &Here<'_>),
    choice: &Choice,
) -> Option<SettingStep> {
    let Some(setting) = table.find(id) else { return Some(unknown_setting(id, reading)) };
    let rule = here.rule(Group::Settings(setting.category));
    if groups::is_hidden(rule) {
        return None;
    }
    let mut about = About { default: codec::default_value(setting), ..About::default() };
    let (reading, transformed) = transform::fitting(table, setting, reading, (old, here.now));
    about.transformed = transformed;
    let action = match refusal(setting, &reading, (here, rule), choice) {
        // The old PC stored nothing either: there is nothing that this Windows could lack.
        Some(Reason::NotOnThisBuild) if reading == Reading::Absent => SettingAction::Same { value: None },
        Some(reason) => SettingAction::Skip { reason, wanted: reading.value().cloned() },
        None => compare(setting, &reading, here.now.readings.get(id)),
    };
    let action = left_to_owner(setting, action, (here, choice), &mut about);
    Some(SettingStep {
        id: setting.id.to_owned(),
        title: setting.title.to_owned(),
        category: setting.category,
        stage: setting.stage,
        action,
        about,
    })
}

/// What would change a setting that somebody else decides, or that the person has set on this PC themself, does not.
fn left_to_owner(
    setting: &Setting,
    action: SettingAction,
    (here, choice): (&Here<'_>, &Choice),
    about: &mut About,
) -> SettingAction {
    let wanted = match &action {
        SettingAction::Set { new, .. } => Some(new.clone()),
        SettingAction::Remove { .. } => None,
        SettingAction::Same { .. } | SettingAction::Skip { .. } => return action,
    };
    let now = || here.now.readings.get(setting.id).and_then(Reading::value).cloned();
    if let Some(managed_by) = here.managed.and_then(|managed| managed.get(setting.id)) {
        about.managed_by = Some(managed_by.clone());
        about.here = now();
        return SettingAction::Skip { reason: Reason::ManagedByPolicy, wanted };
    }
    if let Some(changed) = here.changes.and_then(|changes| changes.get(setting.id)) {
        about.changed = Some(changed.clone());
        if !choice.replaces(setting) {
            about.here = now();
            return SettingAction::Skip { reason: Reason::ChangedSinceSignIn, wanted };
        }
    }
    action
}

/// A setting that this version does not know. Its id is outside text, so what a person is shown of it is short and plain.
fn unknown_setting(id: &str, reading: &Reading) -> SettingStep {
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '?' };
    let category = id.split('.').next().and_then(Category::from_word).unwrap_or(Category::System);
    SettingStep {
        id: id.to_owned(),
        title: id.chars().take(UNKNOWN_TITLE_CHARS_MAX).map(plain).collect(),
        category,
        stage: Stage::Rest,
        action: SettingAction::Skip { reason: Reason::NotInCatalog, wanted: reading.value().cloned() },
        about: About::default(),
    }
}

/// Why the setting is left alone whatever this PC has.
fn refusal(
    setting: &Setting,
    reading: &Reading,
    (here, rule): (&Here<'_>, CategoryRule),
    choice: &Choice,
) -> Option<Reason> {
    if let Err(reason) = groups::taken(rule, choice.said_of(setting)) {
        return Some(reason);
    }
    if !on_this_build(setting, &here.now.device) {
        return Some(transform::why_not_here(setting, here.now));
    }
    match reading {
        Reading::Refused { reason } => Some(*reason),
        Reading::Absent => None,
        Reading::Set { value } | Reading::Default { value } => check(setting, value).err(),
    }
}

fn on_this_build(setting: &Setting, device: &DeviceFacts) -> bool {
    device.build.is_none_or(|build| setting.on_build(build))
}

/// Whether the codec would write the value, whatever is stored now.
pub(crate) fn check(setting: &Setting, value: &Value) -> Result<(), Reason> {
    match (setting.place, value) {
        (Place::File(role), Value::File(file)) if file.size > most_bytes(role) => Err(Reason::FileTooLarge),
        (Place::File(_), Value::File(file)) if file.size == 0 => Err(Reason::FileMissing),
        (Place::File(_), Value::File(_)) => Ok(()),
        (Place::File(_), _) => Err(Reason::WrongType),
        (Place::Value { .. }, _) => codec::encode(setting, value, empty_base(setting).as_ref()).map(|_| ()),
    }
}

/// The largest file of a role that travels, in bytes.
pub(crate) fn most_bytes(role: FileRole) -> u64 {
    if role.is_picture() { PICTURE_BYTES_MAX } else { model::words::BYTES_MAX }
}

/// A packed value with no bit set, to try a setting's bits on.
fn empty_base(setting: &Setting) -> Option<RawValue> {
    let (Kind::Bits { bytes, .. }, Place::Value { reg_type, .. }) = (setting.kind, setting.place) else { return None };
    let bytes = match reg_type {
        RegType::Binary => vec![0; usize::try_from(bytes).ok()?],
        RegType::Sz => vec![b'0', 0, 0, 0],
        _ => vec![0; 4],
    };
    Some(RawValue { reg_type: reg_type as u32, bytes })
}

/// What happens to a setting that may be written. `here` is `None` if the collection of this PC left the setting out, which it
/// does for settings that its build does not have.
fn compare(setting: &Setting, old: &Reading, here: Option<&Reading>) -> SettingAction {
    let skip = |reason| SettingAction::Skip { reason, wanted: old.value().cloned() };
    let here = match here {
        None => return skip(Reason::NotOnThisBuild),
        Some(Reading::Refused { reason }) => return skip(*reason),
        Some(here) => here,
    };
    match (old, here) {
        (Reading::Default { .. } | Reading::Absent, Reading::Default { .. } | Reading::Absent) => {
            SettingAction::Same { value: here.value().or(old.value()).cloned() }
        }
        (Reading::Absent, Reading::Set { value }) => remove(setting, value),
        _ => match (old.value(), here.value()) {
            (Some(old), Some(here)) if old == here => SettingAction::Same { value: Some(here.clone()) },
            (Some(old), here) => set(setting, here, old),
            (None, _) => skip(Reason::NotInCatalog),
        },
    }
}

fn set(setting: &Setting, here: Option<&Value>, new: &Value) -> SettingAction {
    // A bit of a packed value that this PC does not store, and whose other bits nobody documents, would have to guess them.
    if here.is_none() && codec::shares_its_value(setting) && codec::encode(setting, new, None).is_err() {
        return SettingAction::Skip { reason: Reason::DefaultUnknown, wanted: Some(new.clone()) };
    }
    SettingAction::Set { old: here.cloned(), new: new.clone() }
}

/// The old PC stored nothing. A setting that shares its stored value is put to its default instead, because removing the value would take
/// the others along.
fn remove(setting: &Setting, here: &Value) -> SettingAction {
    if matches!(setting.place, Place::File(role) if !role.is_removed()) {
        return SettingAction::Same { value: Some(here.clone()) };
    }
    if !codec::shares_its_value(setting) {
        return SettingAction::Remove { old: here.clone() };
    }
    match codec::default_value(setting) {
        Some(default) if default == *here => SettingAction::Same { value: Some(default) },
        Some(default) => SettingAction::Set { old: Some(here.clone()), new: default },
        None => SettingAction::Skip { reason: Reason::DefaultUnknown, wanted: None },
    }
}

fn app_steps(old: &Snapshot, here: &Here<'_>, choice: &Choice) -> Vec<AppStep> {
    let rule = here.rule(Group::AppList);
    if groups::is_hidden(rule) {
        return Vec::new();
    }
    let wants_programs = here.policy.is_some_and(|policy| policy.win32_apps().value);
    let present: BTreeMap<(bool, String), AppKind> = here.now.apps.iter().map(|app| (key_of(app), app.kind)).collect();
    let action = |app: &App| match app.kind {
        _ if groups::taken(rule, choice.said_of_app(&app.id)).is_err() => {
            AppAction::NotAvailable { reason: Reason::Excluded }
        }
        AppKind::System => AppAction::NotAvailable { reason: Reason::PartOfWindows },
        _ if present.contains_key(&key_of(app)) => AppAction::Present,
        AppKind::Desktop if wants_programs && app.again.shaped().winget_id.is_some() => AppAction::Install,
        AppKind::Desktop => AppAction::NotAvailable { reason: Reason::NeedsTheApp },
        AppKind::Store if is_family_name(&app.id) => AppAction::Install,
        AppKind::Store => AppAction::NotAvailable { reason: Reason::NotAvailable },
    };
    old.apps.iter().map(|app| AppStep { app: app.clone(), action: action(app) }).collect()
}

/// By what an app is recognised: packaged or not, and its id without case. A packaged app that came from the Store on one PC may come
/// with Windows on another.
fn key_of(app: &App) -> (bool, String) {
    (app.kind == AppKind::Desktop, app.id.to_ascii_lowercase())
}

fn left_out(id: &str) -> Option<&'static LeftOut> {
    catalog::left_out().iter().find(|entry| entry.id == id)
}

fn not_carried(id: &str, reason: Reason) -> NotCarried {
    match left_out(id) {
        Some(entry) => {
            NotCarried { id: id.to_owned(), title: entry.title.to_owned(), reason, because: entry.because.to_owned() }
        }
        None => NotCarried { id: id.to_owned(), title: id.to_owned(), reason, because: reason.title().to_owned() },
    }
}

#[cfg(test)]
mod tests;
