//! What changed between two snapshots, as a value.
//!
//! A setting has changed if a person could notice it: a stored default and no stored value are the same. How it is printed is up to
//! the caller; here are the facts with their titles.

use std::collections::{BTreeMap, BTreeSet};

use model::catalog::{self, Category};
use model::snapshot::{App, AppKind, Reading, Snapshot};
use serde::Serialize;

/// What changed from one snapshot to another.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Diff {
    /// The settings that changed, by category; categories without a change are not listed.
    pub categories: Vec<CategoryDiff>,
    /// How many settings both have and agree on.
    pub settings_same: usize,
    /// Apps that only the second has.
    pub apps_added: Vec<App>,
    /// Apps that only the first has.
    pub apps_removed: Vec<App>,
    /// Apps that both have, in different versions.
    pub apps_updated: Vec<AppUpdate>,
}

/// The changed settings of one category.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CategoryDiff {
    /// The category.
    pub category: Category,
    /// What people call it.
    pub title: &'static str,
    /// The settings, in the order of ids.
    pub settings: Vec<SettingChange>,
}

/// One changed setting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SettingChange {
    /// Setting id.
    pub id: String,
    /// What people call it; the id if this version does not know it.
    pub title: String,
    /// What the first snapshot has. A setting that a snapshot does not list counts as absent.
    pub old: Reading,
    /// What the second snapshot has.
    pub new: Reading,
}

/// An app whose version changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AppUpdate {
    /// The app, as the second snapshot has it.
    #[serde(flatten)]
    pub app: App,
    /// The version that the first snapshot has.
    pub old_version: Option<String>,
}

impl Diff {
    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.categories.is_empty()
            && self.apps_added.is_empty()
            && self.apps_removed.is_empty()
            && self.apps_updated.is_empty()
    }

    /// How many settings changed.
    pub fn settings_changed(&self) -> usize {
        self.categories.iter().map(|category| category.settings.len()).sum()
    }
}

/// What changed from `old` to `new`.
pub fn diff(old: &Snapshot, new: &Snapshot) -> Diff {
    let mut changed: BTreeMap<Category, Vec<SettingChange>> = BTreeMap::new();
    let mut settings_same = 0;
    let ids: BTreeSet<&String> = old.readings.keys().chain(new.readings.keys()).collect();
    for id in ids {
        let (was, is) = (reading(old, id), reading(new, id));
        if alike(&was, &is) {
            settings_same += 1;
            continue;
        }
        let (category, title) = whose(id);
        changed.entry(category).or_default().push(SettingChange { id: id.clone(), title, old: was, new: is });
    }
    let categories = changed
        .into_iter()
        .map(|(category, settings)| CategoryDiff { category, title: category.title(), settings })
        .collect();
    let (was, is) = (apps(old), apps(new));
    let only_in = |from: &BTreeMap<_, &App>, other: &BTreeMap<_, &App>| {
        from.iter().filter(|(key, _)| !other.contains_key(*key)).map(|(_, app)| (*app).clone()).collect()
    };
    Diff {
        categories,
        settings_same,
        apps_added: only_in(&is, &was),
        apps_removed: only_in(&was, &is),
        apps_updated: updates(&was, &is),
    }
}

fn reading(snapshot: &Snapshot, id: &str) -> Reading {
    snapshot.readings.get(id).cloned().unwrap_or(Reading::Absent)
}

fn alike(old: &Reading, new: &Reading) -> bool {
    let is_default = |reading: &Reading| matches!(reading, Reading::Default { .. } | Reading::Absent);
    match (old.value(), new.value()) {
        (Some(old), Some(new)) => old == new,
        _ => old == new || (is_default(old) && is_default(new)),
    }
}

/// The category and title of a setting, which a newer version may have read and this one not know.
fn whose(id: &str) -> (Category, String) {
    match catalog::find(id) {
        Some(setting) => (setting.category, setting.title.to_owned()),
        None => (id.split('.').next().and_then(Category::from_word).unwrap_or(Category::System), id.to_owned()),
    }
}

fn apps(snapshot: &Snapshot) -> BTreeMap<(AppKind, String), &App> {
    snapshot.apps.iter().map(|app| ((app.kind, app.id.to_ascii_lowercase()), app)).collect()
}

fn updates(old: &BTreeMap<(AppKind, String), &App>, new: &BTreeMap<(AppKind, String), &App>) -> Vec<AppUpdate> {
    let both = new.iter().filter_map(|(key, app)| Some((old.get(key)?, app)));
    both.filter(|(was, is)| was.version != is.version)
        .map(|(was, is)| AppUpdate { app: (*is).clone(), old_version: was.version.clone() })
        .collect()
}

#[cfg(test)]
mod tests {
    use model::reason::Reason;
    use model::snapshot::Again;
    use model::value::Value;

    use super::*;

    fn app(id: &str, version: &str) -> App {
        let version = Some(version.to_owned());
        App { kind: AppKind::Store, id: id.to_owned(), name: None, version, publisher: None, again: Again::default() }
    }

    fn snapshot(readings: &[(&str, Reading)], apps: &[App]) -> Snapshot {
        let readings = readings.iter().map(|(id, reading)| ((*id).to_owned(), reading.clone())).collect();
        Snapshot { readings, apps: apps.to_vec(), ..Snapshot::default() }
    }

    #[test]
    fn changed_settings_stand_by_category_with_old_and_new() {
        let (on, off) = (Reading::Set { value: Value::Bool(true) }, Reading::Default { value: Value::Bool(false) });
        let refused = Reading::Refused { reason: Reason::WrongType };
        let old =
            snapshot(&[("taskbar.a", on.clone()), ("gaming.b", Reading::Absent), ("taskbar.c", off.clone())], &[]);
        let new =
            snapshot(&[("taskbar.a", off.clone()), ("gaming.b", refused.clone()), ("taskbar.d", on.clone())], &[]);
        let diff = diff(&old, &new);
        let lines: Vec<_> = diff
            .categories
            .iter()
            .flat_map(|category| category.settings.iter().map(move |s| (category.title, s.id.as_str(), &s.old, &s.new)))
            .collect();
        let expected = [
            ("Taskbar", "taskbar.a", &on, &off),
            ("Taskbar", "taskbar.d", &Reading::Absent, &on),
            ("Gaming", "gaming.b", &Reading::Absent, &refused),
        ];
        assert_eq!(lines, expected);
        assert_eq!(
            (diff.settings_changed(), diff.settings_same),
            (3, 1),
            "a default that is no longer stored is the same"
        );
    }

    #[test]
    fn apps_are_added_removed_and_updated() {
        let old = snapshot(&[], &[app("A.One_1", "1.0"), app("A.Two_1", "1.0"), app("A.Three_1", "1.0")]);
        let new = snapshot(&[], &[app("a.one_1", "1.0"), app("A.Two_1", "1.1"), app("A.Four_1", "1.0")]);
        let diff = diff(&old, &new);
        assert_eq!(diff.apps_added, [app("A.Four_1", "1.0")]);
        assert_eq!(diff.apps_removed, [app("A.Three_1", "1.0")]);
        assert_eq!(diff.apps_updated, [AppUpdate { app: app("A.Two_1", "1.1"), old_version: Some("1.0".to_owned()) }]);
    }

    #[test]
    fn a_snapshot_does_not_differ_from_itself() {
        let one = snapshot(&[("taskbar.a", Reading::Set { value: Value::Int(1) })], &[app("A.One_1", "1.0")]);
        assert!(diff(&one, &one).is_empty());
    }
}
