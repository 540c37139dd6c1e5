//! A snapshot: what was set on a PC at one moment.

use model::catalog::{self, Category};
use model::reason::Reason;
use model::snapshot::{App, AppKind, DeviceFacts, Reading, Snapshot};

use super::apps;
use super::put;
use super::table::Table;
use super::value::{count, value};
use crate::paint::{Paint, tame};

/// How a snapshot is shown.
#[derive(Clone, Copy, Debug, Default)]
pub struct View {
    /// Colours.
    pub paint: Paint,
    /// Whether values that are Windows' defaults and every app are named too (`-v`).
    pub all: bool,
}

impl View {
    /// The readings by category, the apps, and what is not carried.
    pub fn snapshot(self, snapshot: &Snapshot) -> String {
        let mut text = String::new();
        for category in Category::ALL {
            text.push_str(&self.category(snapshot, category));
        }
        text.push_str(&self.refused(snapshot));
        text.push_str(&self.apps(snapshot));
        text.push_str(&self.not_carried(snapshot));
        text
    }

    fn category(self, snapshot: &Snapshot, category: Category) -> String {
        let mut table = Table::default();
        let mut defaults = 0;
        let mut set = 0;
        for (id, reading) in snapshot.readings.iter().filter(|(id, _)| category_of(id) == category) {
            match reading {
                Reading::Set { value: set_value } => {
                    set += 1;
                    table.row([title(id), value(self.paint, set_value)]);
                }
                Reading::Default { value: default } => {
                    defaults += 1;
                    if self.all {
                        table.row([
                            title(id),
                            format!("{} {}", value(self.paint, default), self.paint.dim("(default)")),
                        ]);
                    }
                }
                Reading::Absent => defaults += 1,
                Reading::Refused { .. } => {}
            }
        }
        if set == 0 && !(self.all && defaults > 0) {
            return String::new();
        }
        let head = format!("{set} set, {defaults} as Windows has them");
        format!("{}  {}\n{}\n", self.paint.bold(category.title()), self.paint.dim(head), table.to_text("  "))
    }

    fn refused(self, snapshot: &Snapshot) -> String {
        let mut table = Table::default();
        let (mut number, mut elsewhere) = (0, 0);
        for (id, reading) in &snapshot.readings {
            let Reading::Refused { reason } = reading else { continue };
            number += 1;
            if *reason == Reason::NotExported && !self.all {
                elsewhere += 1;
            } else {
                table.row([title(id), reason.title().to_owned()]);
            }
        }
        if elsewhere > 0 {
            table.row([count(elsewhere, "setting"), Reason::NotExported.title().to_owned()]);
        }
        if number == 0 {
            return String::new();
        }
        format!("{}  {}\n{}\n", self.paint.bold("Found and not taken"), self.paint.dim(number), table.to_text("  "))
    }

    fn apps(self, snapshot: &Snapshot) -> String {
        let mut text = String::new();
        for (kind, what) in [
            (AppKind::Store, "reinstalled from the Store"),
            (AppKind::Desktop, "listed for reference, not reinstalled"),
        ] {
            let of_kind: Vec<&App> = snapshot.apps.iter().filter(|app| app.kind == kind).collect();
            if of_kind.is_empty() {
                continue;
            }
            let noun = if kind == AppKind::Store { "app" } else { "desktop program" };
            let head = self.paint.bold(count(of_kind.len(), noun));
            put(
                &mut text,
                format_args!("{head}  {}\n{}\n", self.paint.dim(what), apps::list(&of_kind, "  ", self.all)),
            );
        }
        let system = snapshot.apps.iter().filter(|app| app.kind == AppKind::System).count();
        if system > 0 {
            put(
                &mut text,
                format_args!("{}\n\n", self.paint.dim(format!("{}, part of Windows", count(system, "app")))),
            );
        }
        text
    }

    fn not_carried(self, snapshot: &Snapshot) -> String {
        if snapshot.not_carried.is_empty() {
            return String::new();
        }
        let mut table = Table::default();
        for (id, reason) in &snapshot.not_carried {
            let entry = catalog::left_out().iter().find(|entry| entry.id == id);
            let because = entry.map_or(reason.title(), |entry| entry.because);
            table.row([entry.map_or_else(|| tame(id, 64), |entry| entry.title.to_owned()), because.to_owned()]);
        }
        format!("{}\n{}\n", self.paint.bold("What will not come back"), table.to_text("  "))
    }
}

/// What people call the setting; the id if this version does not know it.
pub fn title(id: &str) -> String {
    catalog::find(id).map_or_else(|| tame(id, 64), |setting| setting.title.to_owned())
}

/// The category of a setting, by the first word of its id if this version does not know it.
fn category_of(id: &str) -> Category {
    let by_word = || id.split('.').next().and_then(Category::from_word).unwrap_or(Category::System);
    catalog::find(id).map_or_else(by_word, |setting| setting.category)
}

/// The PC in one line: name, model, Windows.
pub fn device(facts: &DeviceFacts) -> String {
    let mut parts = vec![tame(&facts.name, 64)];
    parts.extend(facts.model.as_deref().map(|model| tame(model, 64)));
    let edition = facts.edition.as_deref().map(|edition| format!("Windows {}", tame(edition, 32)));
    let build = match (facts.build, facts.revision) {
        (Some(build), Some(revision)) => Some(format!("build {build}.{revision}")),
        (Some(build), None) => Some(format!("build {build}")),
        _ => None,
    };
    parts.extend([edition, build].into_iter().flatten());
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use model::reason::Reason;
    use model::snapshot::Again;
    use model::value::Value;

    use super::*;

    fn app(kind: AppKind, name: &str) -> App {
        App {
            kind,
            id: format!("{name}_8wekyb3d8bbwe"),
            name: Some(name.to_owned()),
            version: None,
            publisher: None,
            again: Again::default(),
        }
    }

    fn sample() -> Snapshot {
        let readings = [
            ("taskbar.alignment", Reading::Set { value: Value::Choice("left".to_owned()) }),
            ("taskbar.task_view_button", Reading::Default { value: Value::Bool(true) }),
            ("taskbar.end_task", Reading::Absent),
            ("taskbar.from_the_future", Reading::Set { value: Value::Text("\u{1b}[31mred".to_owned()) }),
            ("personalization.dark_moon", Reading::Refused { reason: Reason::OutOfRange }),
        ];
        let mut notes = app(AppKind::Store, "Notes");
        notes.again.pinned = true;
        Snapshot {
            readings: readings.map(|(id, reading)| (id.to_owned(), reading)).into(),
            not_carried: [("system.moon_phase".to_owned(), Reason::CouldCarryCode)].into(),
            apps: vec![notes, app(AppKind::System, "Shell"), app(AppKind::Desktop, "Ledger")],
            ..Snapshot::default()
        }
    }

    #[test]
    fn a_snapshot_says_what_is_set_what_was_refused_and_what_is_lost() {
        insta::assert_snapshot!(View::default().snapshot(&sample()));
    }

    #[test]
    fn verbose_names_defaults_too() {
        insta::assert_snapshot!(View { all: true, ..View::default() }.snapshot(&sample()));
    }

    #[test]
    fn a_pc_is_said_in_one_line_with_what_is_known() {
        let mut facts = DeviceFacts { name: "LAPTOP-ADA".to_owned(), ..DeviceFacts::default() };
        assert_eq!(device(&facts), "LAPTOP-ADA");
        facts.model = Some("Contoso Book 14".to_owned());
        (facts.edition, facts.build, facts.revision) = (Some("Enterprise".to_owned()), Some(26100), Some(4061));
        assert_eq!(device(&facts), "LAPTOP-ADA, Contoso Book 14, Windows Enterprise, build 26100.4061");
    }
}
