//! What changed between two snapshots.

use device::diff::Diff;
use model::snapshot::{App, Reading};

use super::apps;
use super::put;
use super::table::Table;
use super::value::{count, stored, value};
use crate::paint::{Paint, tame};

/// The differences by category, then the apps, then one line that counts them.
pub fn diff(paint: Paint, diff: &Diff, all: bool) -> String {
    let mut text = String::new();
    for category in &diff.categories {
        let mut table = Table::default();
        for change in &category.settings {
            let sides =
                format!("{} → {}", reading(paint, &change.id, &change.old), reading(paint, &change.id, &change.new));
            table.row([tame(&change.title, 64), sides]);
        }
        let number = paint.dim(format!("{} changed", category.settings.len()));
        put(&mut text, format_args!("{}  {number}\n{}\n", paint.bold(category.title), table.to_text("  ")));
    }
    for (head, found) in [("Apps added", &diff.apps_added), ("Apps removed", &diff.apps_removed)] {
        if !found.is_empty() {
            let found: Vec<&App> = found.iter().collect();
            put(
                &mut text,
                format_args!("{}  {}\n{}\n", paint.bold(head), paint.dim(found.len()), apps::list(&found, "  ", all)),
            );
        }
    }
    if !diff.apps_updated.is_empty() {
        let mut table = Table::default();
        for update in &diff.apps_updated {
            let version = |version: Option<&str>| tame(version.unwrap_or("unknown"), 32);
            let versions =
                format!("{} → {}", version(update.old_version.as_deref()), version(update.app.version.as_deref()));
            table.row([apps::name(&update.app), versions]);
        }
        put(
            &mut text,
            format_args!(
                "{}  {}\n{}\n",
                paint.bold("Apps updated"),
                paint.dim(diff.apps_updated.len()),
                table.to_text("  ")
            ),
        );
    }
    let apps_changed = diff.apps_added.len() + diff.apps_removed.len() + diff.apps_updated.len();
    let changed = format!("{} and {} changed", count(diff.settings_changed(), "setting"), count(apps_changed, "app"));
    put(&mut text, format_args!("{}, {} the same\n", paint.bold(changed), diff.settings_same));
    text
}

fn reading(paint: Paint, id: &str, reading: &Reading) -> String {
    match reading {
        Reading::Set { value: set } | Reading::Default { value: set } => value(paint, set),
        Reading::Absent => stored(paint, id, None),
        Reading::Refused { reason } => paint.dim(format!("({reason})")),
    }
}
