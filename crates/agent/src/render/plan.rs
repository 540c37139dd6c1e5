//! A plan, and what became of it.
//!
//! Read from top to bottom it answers what a person asks: what changes, what stays as it is and why, which apps come back, and what will
//! not come back at all. What is the same already is counted, not listed.

use model::catalog::Category;
use model::plan::{Plan, SettingAction, SettingStep};
use model::policy::Rule;
use model::reason::Reason;

use super::table::Table;
use super::value::{count, stored, value};
use super::{apps, put};
use crate::paint::{Paint, tame};

/// The most characters of a title. Ours are shorter; one from a newer version may not be.
const TITLE_CHARS_MAX: usize = 64;

/// How a plan is shown.
#[derive(Clone, Copy, Debug, Default)]
pub struct View {
    /// Colours.
    pub paint: Paint,
    /// Whether what is the same and every app is named too (`-v`).
    pub all: bool,
    /// Whether it has been carried out.
    pub done: bool,
}

impl View {
    /// The whole plan, without a heading.
    pub fn plan(self, plan: &Plan) -> String {
        let mut text = String::new();
        for category in Category::ALL {
            text.push_str(&self.category(plan, category));
        }
        text.push_str(&self.yours(plan));
        text.push_str(&self.left_alone(plan));
        text.push_str(&apps::steps(self.paint, plan, self.done, self.all));
        text.push_str(&self.not_carried(plan));
        text.push_str(&self.decided(plan));
        text.push_str(&self.summary(plan));
        text
    }

    /// One line that counts everything.
    pub fn summary(self, plan: &Plan) -> String {
        let (changes, same) = (plan.changes(), count_same(&plan.settings));
        let skipped = plan.settings.iter().filter(|step| reason_to_tell(step).is_some()).count();
        let yours = plan.settings.iter().filter(|step| reason_of(step) == Some(Reason::ChangedSinceSignIn)).count();
        let installs = plan.apps.iter().filter(|step| step.action == model::plan::AppAction::Install).count();
        let (change, install) = if self.done {
            ("restored", "to install from the Store")
        } else {
            ("would change", "would be installed from the Store")
        };
        let mut parts = vec![match changes {
            0 if !self.done => "nothing would change".to_owned(),
            _ => format!("{} {change}", count(changes, "setting")),
        }];
        if same > 0 {
            parts.push(format!("{same} the same already"));
        }
        if yours > 0 {
            parts.push(format!("{yours} kept as you have set {} here", if yours == 1 { "it" } else { "them" }));
        }
        if skipped > 0 {
            parts.push(format!("{skipped} left alone"));
        }
        if installs > 0 {
            parts.push(format!("{} {install}", count(installs, "app")));
        }
        format!("{}\n", self.paint.bold(parts.join(", ")))
    }

    fn category(self, plan: &Plan, category: Category) -> String {
        let steps: Vec<&SettingStep> = plan.settings.iter().filter(|step| step.category == category).collect();
        let changes = steps.iter().filter(|step| step.action.changes()).count();
        let same = steps.iter().filter(|step| matches!(step.action, SettingAction::Same { .. })).count();
        if changes == 0 && !(self.all && same > 0) {
            return String::new();
        }
        let mut counts = Vec::new();
        if changes > 0 {
            counts.push(if self.done { format!("{changes} restored") } else { count(changes, "change") });
        }
        if same > 0 {
            counts.push(format!("{same} the same"));
        }
        let mut table = Table::default();
        for step in steps {
            if let Some(change) = self.change(step) {
                table.row([title(step), change]);
            }
        }
        format!(
            "{}  {}\n{}\n",
            self.paint.bold(category.title()),
            self.paint.dim(counts.join(", ")),
            table.to_text("  ")
        )
    }

    fn change(self, step: &SettingStep) -> Option<String> {
        let paint = self.paint;
        let new = |text: String| paint.new_value(text);
        match &step.action {
            SettingAction::Set { old, new: wanted } => {
                let wanted = match wanted {
                    model::value::Value::Colour(_) => value(paint, wanted),
                    other => new(value(paint, other)),
                };
                let change = format!("{} → {wanted}", stored(paint, &step.id, old.as_ref()));
                Some(format!("{change}{}", self.transformed(step)))
            }
            SettingAction::Remove { old } => Some(format!("{} → {}", value(paint, old), stored(paint, &step.id, None))),
            SettingAction::Same { value } if self.all => {
                Some(paint.dim(format!("{} (the same)", stored(Paint::Plain, &step.id, value.as_ref()))))
            }
            SettingAction::Same { .. } | SettingAction::Skip { .. } => None,
        }
    }

    /// What the value was on the other build of Windows, if it is another one here.
    fn transformed(self, step: &SettingStep) -> String {
        let Some(was) = &step.about.transformed else { return String::new() };
        let value = value(Paint::Plain, &was.value);
        let title = tame(&was.title, TITLE_CHARS_MAX);
        let told = if was.from == step.id {
            format!("(in the backup: {value})")
        } else {
            format!("(from `{title}`: {value})")
        };
        self.paint.dim(format!("  {told}"))
    }

    /// What the person has set on this PC themself: both sides, because the choice is theirs.
    fn yours(self, plan: &Plan) -> String {
        let mut table = Table::default();
        let mut number = 0;
        for step in plan.settings.iter().filter(|step| reason_of(step) == Some(Reason::ChangedSinceSignIn)) {
            let SettingAction::Skip { wanted, .. } = &step.action else { continue };
            number += 1;
            let here = stored(self.paint, &step.id, step.about.here.as_ref());
            table.row([
                title(step),
                format!("yours: {here}, backup: {}", stored(self.paint, &step.id, wanted.as_ref())),
            ]);
        }
        if number == 0 {
            return String::new();
        }
        let head = self.paint.bold("Changed by you on this PC since your first sign-in, and kept");
        format!("{head}  {}\n{}\n", self.paint.dim(number), table.to_text("  "))
    }

    /// Categories about which the organisation has decided.
    fn decided(self, plan: &Plan) -> String {
        let of = |rule: Rule| {
            let titles: Vec<&str> = plan
                .choices
                .iter()
                .filter(|group| group.locked && group.rule == rule)
                .map(|group| group.title.as_str())
                .collect();
            titles.join(", ")
        };
        let mut text = String::new();
        for (head, titles) in [("always restores", of(Rule::Required)), ("does not restore", of(Rule::Never))] {
            if !titles.is_empty() {
                put(&mut text, format_args!("{}\n\n", self.paint.dim(format!("Your organisation {head}: {titles}"))));
            }
        }
        text
    }

    fn left_alone(self, plan: &Plan) -> String {
        let mut table = Table::default();
        let (mut number, mut elsewhere) = (0, 0);
        for step in &plan.settings {
            let Some(reason) = reason_to_tell(step) else { continue };
            number += 1;
            if reason == Reason::NotExported && !self.all {
                elsewhere += 1;
                continue;
            }
            let why = match &step.about.managed_by {
                Some(by) => format!("{}: `{}`, by {}", reason.title(), by.title, by.by.title()),
                None => reason.title().to_owned(),
            };
            table.row([title(step), why]);
        }
        if elsewhere > 0 {
            table.row([count(elsewhere, "setting"), Reason::NotExported.title().to_owned()]);
        }
        let excluded = plan.settings.iter().filter(|step| is_excluded(step)).count();
        let mut text = String::new();
        if number > 0 {
            put(
                &mut text,
                format_args!(
                    "{}  {}\n{}\n",
                    self.paint.bold("Left alone"),
                    self.paint.dim(number),
                    table.to_text("  ")
                ),
            );
        }
        if excluded > 0 {
            put(
                &mut text,
                format_args!(
                    "{}\n\n",
                    self.paint.dim(format!("{} left out by your choice", count(excluded, "setting")))
                ),
            );
        }
        text
    }

    fn not_carried(self, plan: &Plan) -> String {
        if plan.not_carried.is_empty() {
            return String::new();
        }
        let mut table = Table::default();
        for item in &plan.not_carried {
            table.row([tame(&item.title, TITLE_CHARS_MAX), item.because.clone()]);
        }
        format!("{}\n{}\n", self.paint.bold("What does not come back"), table.to_text("  "))
    }
}

fn title(step: &SettingStep) -> String {
    tame(&step.title, TITLE_CHARS_MAX)
}

/// Why a step is left alone, unless the person chose so, which is only counted, or is asked about it.
fn reason_to_tell(step: &SettingStep) -> Option<Reason> {
    reason_of(step).filter(|reason| !matches!(reason, Reason::Excluded | Reason::ChangedSinceSignIn))
}

fn reason_of(step: &SettingStep) -> Option<Reason> {
    match step.action {
        SettingAction::Skip { reason, .. } => Some(reason),
        _ => None,
    }
}

fn is_excluded(step: &SettingStep) -> bool {
    matches!(step.action, SettingAction::Skip { reason: Reason::Excluded, .. })
}

fn count_same(steps: &[SettingStep]) -> usize {
    steps.iter().filter(|step| matches!(step.action, SettingAction::Same { .. })).count()
}

#[cfg(test)]
pub mod tests {
    use model::catalog::Stage;
    use model::plan::{About, AppAction, AppStep, Changed, GroupChoice, ManagedBy, Manager, NotCarried, Transformed};
    use model::snapshot::{Again, App, AppKind};
    use model::value::Value;

    use super::super::value::colour;
    use super::*;

    fn step(category: Category, title: &str, action: SettingAction) -> SettingStep {
        SettingStep {
            id: format!("test.{title}"),
            title: title.to_owned(),
            category,
            stage: Stage::Rest,
            action,
            about: About::default(),
        }
    }

    fn app(kind: AppKind, name: &str, action: AppAction) -> AppStep {
        let app = App {
            kind,
            id: format!("{name}_8wekyb3d8bbwe"),
            name: Some(name.to_owned()),
            version: None,
            publisher: None,
            again: Again::default(),
        };
        AppStep { app, action }
    }

    /// A group of settings about which the organisation says this.
    fn group(group: &str, title: &str, rule: Rule) -> GroupChoice {
        GroupChoice {
            group: group.to_owned(),
            title: title.to_owned(),
            rule,
            locked: rule != Rule::Optional,
            taken: rule != Rule::Never,
            changes: 0,
        }
    }

    /// A setting that this Windows keeps elsewhere, one that the person has set here, and one that a policy owns.
    fn owned() -> [SettingStep; 3] {
        let skip = |reason| SettingAction::Skip { reason, wanted: Some(Value::Bool(true)) };
        let word = |word: &str| Value::Choice(word.to_owned());
        let show = SettingAction::Set { old: Some(word("never")), new: word("no_keyboard") };
        let mut moved = step(Category::Typing, "When to show the touch keyboard", show);
        moved.about.transformed = Some(Transformed {
            from: "typing.touch.without_keyboard".to_owned(),
            title: "Show the touch keyboard when no keyboard is attached".to_owned(),
            value: Value::Bool(true),
        });
        let mut yours = step(Category::Start, "Show recent apps", skip(Reason::ChangedSinceSignIn));
        yours.about.changed = Some(Changed { from: None });
        yours.about.here = Some(Value::Bool(false));
        let mut managed = step(Category::Privacy, "Advertising id", skip(Reason::ManagedByPolicy));
        managed.about.managed_by = Some(ManagedBy {
            policy: "no_advertising_id".to_owned(),
            title: "Turn off the advertising ID".to_owned(),
            by: Manager::MachinePolicy,
        });
        [moved, yours, managed]
    }

    /// A plan with one of everything.
    pub fn sample() -> Plan {
        let [moved, yours, managed] = owned();
        let word = |word: &str| Value::Choice(word.to_owned());
        let skip = |reason| SettingAction::Skip { reason, wanted: Some(Value::Bool(true)) };
        Plan {
            choices: vec![
                group("accessibility", "Accessibility", Rule::Required),
                group("taskbar", "Taskbar", Rule::Optional),
                group("multitasking", "Multitasking", Rule::Never),
            ],
            settings: vec![
                step(Category::Accessibility, "Sticky Keys", SettingAction::Set { old: None, new: Value::Bool(true) }),
                step(
                    Category::Personalization,
                    "Accent colour",
                    SettingAction::Set { old: Some(colour(0x0000_78d4)), new: colour(0x00e8_1123) },
                ),
                step(
                    Category::Personalization,
                    "Dark mode for apps",
                    SettingAction::Same { value: Some(Value::Bool(true)) },
                ),
                step(
                    Category::Taskbar,
                    "Taskbar alignment",
                    SettingAction::Set { old: Some(word("left")), new: word("centre") },
                ),
                step(Category::Taskbar, "Widgets on the taskbar", SettingAction::Remove { old: Value::Bool(false) }),
                step(Category::Taskbar, "Search on the taskbar", SettingAction::Same { value: None }),
                step(Category::Taskbar, "Task view button", SettingAction::Same { value: Some(Value::Bool(false)) }),
                moved,
                yours,
                managed,
                step(Category::Desktop, "Snap fill", skip(Reason::NotOnThisBuild)),
                step(Category::Gaming, "Game Bar", skip(Reason::Excluded)),
            ],
            apps: vec![
                app(AppKind::Store, "Windows Terminal", AppAction::Install),
                app(AppKind::Store, "\u{1b}[2JNotes", AppAction::Install),
                app(AppKind::Store, "Photos", AppAction::Present),
                app(AppKind::System, "Shell", AppAction::NotAvailable { reason: Reason::PartOfWindows }),
                app(AppKind::Desktop, "Contoso Ledger", AppAction::NotAvailable { reason: Reason::NeedsTheApp }),
            ],
            not_carried: vec![NotCarried {
                id: "devices.pointer_files".to_owned(),
                title: "Mouse pointers of your own".to_owned(),
                reason: Reason::CouldCarryCode,
                because: "they are files, and Rehome restores no files that programs load".to_owned(),
            }],
        }
    }

    #[test]
    fn a_plan_says_what_changes_what_stays_and_what_is_lost() {
        insta::assert_snapshot!(View::default().plan(&sample()));
    }

    #[test]
    fn verbose_names_what_is_the_same_too() {
        insta::assert_snapshot!(View { all: true, ..View::default() }.plan(&sample()));
    }

    #[test]
    fn a_result_speaks_in_the_past() {
        insta::assert_snapshot!(View { done: true, ..View::default() }.plan(&sample()));
    }

    #[test]
    fn a_plan_without_changes_is_one_line() {
        let plan = Plan {
            settings: vec![step(Category::Taskbar, "x", SettingAction::Same { value: None })],
            ..Plan::default()
        };
        assert_eq!(View::default().plan(&plan), "nothing would change, 1 the same already\n");
    }
}
