//! The table is sound, and precedence is as published.

use std::collections::BTreeSet;

use super::*;
use crate::policy::{Class, windows};

fn own(entries: &[(Hive, &'static str, Given)]) -> Values {
    let own = entries.iter().map(|(hive, id, given)| ((*hive, *id), given.clone())).collect();
    Values { own, ..Values::default() }
}

fn text(text: &str) -> Given {
    Given::Text(text.to_owned())
}

#[test]
fn ids_and_places_are_unique_and_defaults_fit_their_kind() {
    let mut ids = BTreeSet::new();
    let mut places = BTreeSet::new();
    for policy in POLICIES {
        assert!(ids.insert(policy.id), "{}", policy.id);
        assert!(places.insert((policy.key, policy.value)), "{}", policy.value);
        let fits = match (&policy.kind, &policy.default) {
            (Kind::Switch, Setting::Switch(_)) | (Kind::Text { .. }, Setting::Nothing) => true,
            (Kind::Number { least, most, .. }, Setting::Number(number)) => (least..=most).contains(&number),
            (Kind::Choice(choices), Setting::Word(word)) => choices.iter().any(|choice| choice.word == *word),
            _ => false,
        };
        assert!(fits, "{}", policy.id);
        assert!(!policy.title.ends_with('.') && policy.what.ends_with('.'), "{}", policy.id);
        assert!(policy.value.starts_with(|first: char| first.is_ascii_uppercase()), "{}", policy.value);
    }
}

#[test]
fn every_category_and_the_app_list_have_a_rule_and_an_override() {
    let effective = Effective::default();
    for group in Group::all() {
        let rule = effective.rule(group);
        assert_eq!((rule.rule, rule.user_override, rule.origin), (Rule::Optional, false, Origin::Default));
    }
    let rules = POLICIES.iter().filter(|policy| policy.area == super::super::Area::Categories).count();
    assert_eq!(rules, 2 * Group::all().count());
}

#[test]
fn without_any_policy_backups_run_every_eight_days_and_the_person_is_asked() {
    let effective = Effective::default();
    assert!(effective.backup_enabled().value && effective.restore_enabled().value && effective.restore_page().value);
    assert_eq!(effective.interval_hours().value, 8 * 24);
    assert_eq!(effective.restore_mode().value, "ask");
    assert_eq!(effective.undo_by().value, "person");
    assert!(!effective.metered().value && !effective.win32_apps().value);
    assert!(effective.demands_builds().value && !effective.demands_join().value);
    assert!(effective.all().all(|(_, held)| held.origin == Origin::Default));
}

#[test]
fn the_machine_beats_the_person_beats_windows_beats_the_server() {
    let id = "backup.metered";
    let mut values = own(&[(Hive::Machine, id, Given::Number(1)), (Hive::User, id, Given::Number(0))]);
    values.windows.insert("DisableSyncOnPaidNetwork", Given::Number(1));
    values.server.insert(id, Given::Number(1));
    let steps = [
        (true, Origin::Machine),
        (false, Origin::User),
        (false, Origin::Windows { value: "DisableSyncOnPaidNetwork", title: "Do not sync on metered connections" }),
        (true, Origin::Server),
        (false, Origin::Default),
    ];
    for (value, origin) in steps {
        assert_eq!(evaluate(&values).metered(), Held { value, origin });
        match origin {
            Origin::Machine => drop(values.own.remove(&(Hive::Machine, id))),
            Origin::User => drop(values.own.remove(&(Hive::User, id))),
            Origin::Windows { .. } => values.windows.clear(),
            Origin::Server | Origin::Installer | Origin::Default => values.server.clear(),
        }
    }
}

#[test]
fn a_connected_pc_takes_no_backups_until_somebody_switches_them_on() {
    let mut values = Values { connected: true, ..Values::default() };
    assert_eq!(evaluate(&values).backup_enabled(), Held { value: false, origin: Origin::Default });
    assert!(evaluate(&values).restore_enabled().value, "restoring is not concerned");
    values.server.insert("backup.enabled", Given::Number(1));
    assert_eq!(evaluate(&values).backup_enabled(), Held { value: true, origin: Origin::Server });
    values.server.clear();
    values.own.insert((Hive::Machine, "backup.enabled"), Given::Number(1));
    assert_eq!(evaluate(&values).backup_enabled(), Held { value: true, origin: Origin::Machine });
}

#[test]
fn what_the_installer_was_told_counts_after_everybody_else() {
    let mut values = own(&[]);
    values.installed.insert("agent.log_level", text("warn"));
    values.installed.insert("agent.server_url", text("https://rehome.example.com"));
    assert_eq!(evaluate(&values).log_level(), Held { value: "warn", origin: Origin::Installer });
    assert_eq!(evaluate(&values).server_url(), Some("https://rehome.example.com"));
    values.server.insert("agent.log_level", text("debug"));
    assert_eq!(evaluate(&values).log_level(), Held { value: "debug", origin: Origin::Server });
}

#[test]
fn a_policy_for_the_machine_only_is_not_taken_from_the_person() {
    for policy in POLICIES.iter().filter(|policy| policy.class == Class::Machine) {
        let values = own(&[(Hive::User, policy.id, Given::Number(1)), (Hive::User, policy.id, text("any"))]);
        assert_eq!(evaluate(&values).get(policy.id).origin, Origin::Default, "{}", policy.id);
    }
}

#[test]
fn a_wrong_value_counts_as_not_set_and_is_reported_without_itself() {
    let mut values = own(&[
        (Hive::Machine, "backup.enabled", Given::Number(7)),
        (Hive::User, "backup.enabled", Given::Number(0)),
        (Hive::Machine, "backup.interval_hours", Given::Number(0)),
        (Hive::Machine, "restore.mode", text("Automatic")),
        (Hive::Machine, "agent.enrolment_token", text("geheim\u{7}")),
        (Hive::Machine, "agent.log_level", Given::Other("REG_BINARY".to_owned())),
    ]);
    values.server.insert("backup.interval_hours", Given::Number(24));
    let effective = evaluate(&values);
    assert_eq!(effective.backup_enabled(), Held { value: false, origin: Origin::User });
    assert_eq!(effective.interval_hours(), Held { value: 24, origin: Origin::Server });
    assert_eq!(effective.restore_mode().value, "ask");
    assert_eq!(effective.enrolment_token(), None);
    let told: Vec<_> = effective.problems.iter().map(|problem| problem.policy.id).collect();
    assert_eq!(
        told,
        ["backup.enabled", "backup.interval_hours", "restore.mode", "agent.enrolment_token", "agent.log_level"]
    );
    assert!(effective.problems.iter().all(|problem| !problem.what.contains("geheim")));
}

#[test]
fn do_not_sync_of_windows_locks_its_categories_and_the_check_box_unlocks_them() {
    let mut values = Values::default();
    values.windows.insert("DisablePersonalizationSettingSync", Given::Number(2));
    let never: Vec<_> = never(&values);
    assert_eq!(never, ["personalization", "desktop", "taskbar", "start"]);
    let rule = evaluate(&values).rule(Group::Settings(Category::Start));
    assert!(rule.is_locked() && !rule.allows(Some(true)));

    values.windows.insert("DisablePersonalizationSettingSyncUserOverride", Given::Number(0));
    let rule = evaluate(&values).rule(Group::Settings(Category::Start));
    assert!(!rule.is_locked() && !rule.allows(None) && rule.allows(Some(true)));

    values.windows.insert("DisablePersonalizationSettingSyncUserOverride", Given::Number(1));
    assert!(evaluate(&values).rule(Group::Settings(Category::Start)).is_locked());
}

#[test]
fn do_not_sync_everything_concerns_all_settings_and_not_the_apps() {
    let mut values = Values::default();
    values.windows.insert("DisableSettingSync", Given::Number(2));
    assert_eq!(never(&values).len(), Category::ALL.len());
    assert!(!never(&values).contains(&"app_list"));
    // Another number is not what the template writes.
    values.windows.insert("DisableSettingSync", Given::Number(1));
    assert!(never(&values).is_empty());
}

#[test]
fn windows_policies_are_not_followed_where_the_organisation_says_so() {
    let mut values = own(&[(Hive::Machine, "agent.follow_windows_policies", Given::Number(0))]);
    values.windows.insert("DisableSettingSync", Given::Number(2));
    assert!(never(&values).is_empty());
}

#[test]
fn an_own_rule_stands_against_windows_and_its_check_box() {
    let mut values = own(&[(Hive::Machine, "category.start", text("required"))]);
    values.windows.insert("DisableSettingSync", Given::Number(2));
    values.windows.insert("DisableSettingSyncUserOverride", Given::Number(0));
    let rule = evaluate(&values).rule(Group::Settings(Category::Start));
    assert_eq!((rule.rule, rule.is_locked(), rule.origin), (Rule::Required, true, Origin::Machine));
    assert!(rule.allows(Some(false)));
}

#[test]
fn what_is_only_shown_is_followed_by_no_policy() {
    let followed: BTreeSet<_> = POLICIES.iter().flat_map(|policy| policy.twins).map(|twin| twin.value).collect();
    assert!(windows::shown().all(|shown| !followed.contains(shown.value)));
}

fn never(values: &Values) -> Vec<&'static str> {
    let effective = evaluate(values);
    Group::all().filter(|group| effective.rule(*group).rule == Rule::Never).map(Group::word).collect()
}
