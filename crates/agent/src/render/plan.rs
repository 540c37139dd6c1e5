//! A plan, and what became of it.
//!
//! Read from top to bottom it answers what a person asks: what changes, what stays as it is and why, which apps come back, and what will
//! not come back at all. What is the same already is counted, not listed.

use model::catalog::Category;
use model::plan::{Plan, SettingAction, SettingStep};
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
        text.push_str(&self.left_alone(plan));
        text.push_str(&apps::steps(self.paint, plan, self.done, self.all));
        text.push_str(&self.not_carried(plan));
        text.push_str(&self.summary(plan));
        text
    }

    /// One line that counts everything.
    pub fn summary(self, plan: &Plan) -> String {
        let (changes, same) = (plan.changes(), count_same(&plan.settings));
        let skipped = plan.settings.iter().filter(|step| reason_to_tell(step).is_some()).count();
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
                Some(format!("{} → {wanted}", stored(paint, &step.id, old.as_ref())))
            }
            SettingAction::Remove { old } => Some(format!("{} → {}", value(paint, old), stored(paint, &step.id, None))),
            SettingAction::Same { value } if self.all => {
                Some(paint.dim(format!("{} (the same)", stored(Paint::Plain, &step.id, value.as_ref()))))
            }
            SettingAction::Same { .. } | SettingAction::Skip { .. } => None,
        }
    }

    fn left_alone(self, plan: &Plan) -> String {
        let mut table = Table::default();
        let mut number = 0;
        for step in &plan.settings {
            let Some(reason) = reason_to_tell(step) else { continue };
            number += 1;
            table.row([title(step), reason.title().to_owned()]);
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

/// Why a step is left alone, unless the person chose so, which is only counted.
fn reason_to_tell(step: &SettingStep) -> Option<Reason> {
    match step.action {
        SettingAction::Skip { reason, .. } if reason != Reason::Excluded => Some(reason),
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
    use model::plan::{AppAction, AppStep, NotCarried};
    use model::snapshot::{Again, App, AppKind};
    use model::value::Value;

    use super::super::value::colour;
    use super::*;

    fn step(category: Category, title: &str, action: SettingAction) -> SettingStep {
        SettingStep { id: format!("test.{title}"), title: title.to_owned(), category, stage: Stage::Rest, action }
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

    /// A plan with one of everything.
    pub fn sample() -> Plan {
        let word = |word: &str| Value::Choice(word.to_owned());
        let skip = |reason| SettingAction::Skip { reason, wanted: Some(Value::Bool(true)) };
        Plan {
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
                step(Category::Privacy, "Advertising id", skip(Reason::ManagedByPolicy)),
                step(Category::Gaming, "Game Bar", skip(Reason::Excluded)),
            ],
            apps: vec![
                app(AppKind::Store, "Windows Terminal", AppAction::Install),
                app(AppKind::Store, "\u{1b}[2JNotes", AppAction::Install),
                app(AppKind::Store, "Photos", AppAction::Present),
                app(AppKind::System, "Shell", AppAction::Skip { reason: Reason::PartOfWindows }),
                app(AppKind::Desktop, "Contoso Ledger", AppAction::Skip { reason: Reason::NeedsTheApp }),
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
