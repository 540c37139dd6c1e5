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

#[cfg(test)]
mod tests {
    use device::diff::diff as compare;
    use model::snapshot::{Again, AppKind, Snapshot};
    use model::value::Value;

    use super::*;

    #[test]
    fn a_diff_says_old_and_new_and_counts() {
        let of = |reading: Reading, version: &str, other: &str| {
            let app = |id: &str| App {
                kind: AppKind::Store,
                id: format!("{id}_8wekyb3d8bbwe"),
                name: None,
                version: Some(version.to_owned()),
                publisher: None,
                again: Again::default(),
            };
            let readings = [("taskbar.alignment".to_owned(), reading)].into();
            Snapshot { readings, apps: vec![app("Contoso.Notes"), app(other)], ..Snapshot::default() }
        };
        let old = of(Reading::Absent, "1.0", "Contoso.Old");
        let new = of(Reading::Set { value: Value::Choice("left".to_owned()) }, "2.0", "Contoso.New");
        insta::assert_snapshot!(diff(Paint::Plain, &compare(&old, &new), false));
    }
}
