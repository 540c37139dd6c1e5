//! Priority decides, equal values are no conflict, and both sides of a conflict are told.

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::json;

use super::*;

fn applied(number: u8, priority: u32, settings: &serde_json::Value) -> Applied {
    Applied {
        by: By { policy: Some(PolicyId([number; 16])), name: format!("policy {number}") },
        priority,
        order: u64::from(number),
        settings: Settings::parse(settings.as_object().unwrap()).unwrap(),
    }
}

fn id(number: u8) -> PolicyId {
    PolicyId([number; 16])
}

#[test]
fn the_lowest_number_decides_and_both_sides_of_a_conflict_are_told() {
    let policies = [
        applied(1, 20, &json!({"backup.interval_hours": 24, "backup.metered": true})),
        applied(2, 10, &json!({"backup.interval_hours": 48, "restore.mode": "off"})),
    ];
    let resolved = resolve(&policies);
    let interval = &resolved.0["backup.interval_hours"];
    assert_eq!((interval.value.clone(), interval.by.policy), (Setting::Number(48), Some(id(2))));
    assert_eq!(interval.against[0].by.policy, Some(id(1)));
    assert_eq!(resolved.conflicts_of(id(1)), ["backup.interval_hours"]);
    assert_eq!(resolved.conflicts_of(id(2)), ["backup.interval_hours"]);
    assert!(resolved.0["backup.metered"].against.is_empty() && resolved.0["restore.mode"].against.is_empty());
}

#[test]
fn of_two_with_the_same_number_the_older_decides() {
    let policies = [applied(2, 5, &json!({"restore.mode": "off"})), applied(1, 5, &json!({"restore.mode": "ask"}))];
    assert_eq!(resolve(&policies).0["restore.mode"].by.policy, Some(id(1)));
}

#[test]
fn policies_that_say_the_same_are_in_no_conflict() {
    let policies = [applied(1, 1, &json!({"backup.enabled": true})), applied(2, 2, &json!({"backup.enabled": true}))];
    let resolved = resolve(&policies);
    assert_eq!(resolved.0["backup.enabled"].agree, [policies[1].by.clone()]);
    assert!(resolved.conflicts_of(id(1)).is_empty() && resolved.conflicts_of(id(2)).is_empty());
}

#[test]
fn a_weaker_policy_does_not_unlock_what_a_stronger_one_has_locked() {
    let lock = json!({"category.start": "never"});
    let unlock = json!({"category.start.user_override": true});
    let weaker = resolve(&[applied(1, 1, &lock), applied(2, 2, &unlock)]);
    assert_eq!(weaker.0["category.start.user_override"].value, Setting::Switch(false));
    assert_eq!(weaker.conflicts_of(id(2)), ["category.start.user_override"]);
    let stronger = resolve(&[applied(1, 2, &lock), applied(2, 1, &unlock)]);
    assert_eq!(stronger.0["category.start.user_override"].value, Setting::Switch(true));
    let alone = resolve(&[applied(1, 1, &lock)]);
    assert!(!alone.0.contains_key("category.start.user_override"), "nobody spoke of it");
}

fn settings() -> impl Strategy<Value = Settings> {
    let entry = prop_oneof![
        (1_u32..4).prop_map(|hours| ("backup.interval_hours", json!(hours))),
        any::<bool>().prop_map(|on| ("backup.enabled", json!(on))),
        prop_oneof![Just("required"), Just("never")].prop_map(|rule| ("category.start", json!(rule))),
        any::<bool>().prop_map(|on| ("category.start.user_override", json!(on))),
    ];
    vec(entry, 0..4).prop_map(|entries| {
        let map = entries.into_iter().map(|(id, value)| (id.to_owned(), value)).collect();
        Settings::parse(&map).unwrap()
    })
}

fn policies() -> impl Strategy<Value = Vec<Applied>> {
    vec((settings(), 0_u32..3), 0..6).prop_map(|made| {
        let numbered = (1_u8..).zip(made);
        let one = |(number, (settings, priority)): (u8, (Settings, u32))| Applied {
            by: By { policy: Some(id(number)), name: format!("policy {number}") },
            priority,
            order: u64::from(number),
            settings,
        };
        numbered.map(one).collect()
    })
}

proptest! {
    #[test]
    fn the_order_in_which_policies_are_listed_decides_nothing(
        (policies, shuffled) in policies().prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle()))
    ) {
        prop_assert_eq!(resolve(&policies), resolve(&shuffled));
    }

    #[test]
    fn every_value_comes_from_the_strongest_policy_that_says_something(policies in policies()) {
        let resolved = resolve(&policies);
        for (id, decided) in &resolved.0 {
            let saying = policies.iter().filter(|policy| said(&policy.settings, id).is_some());
            let strongest = saying.clone().min_by_key(|policy| (policy.priority, policy.order)).unwrap();
            prop_assert_eq!(&decided.by, &strongest.by);
            prop_assert_eq!(Some(decided.value.clone()), said(&strongest.settings, id));
            prop_assert_eq!(1 + decided.agree.len() + decided.against.len(), saying.count());
            prop_assert!(decided.against.iter().all(|said| said.value != decided.value));
        }
        prop_assert_eq!(resolved.settings().len(), resolved.0.len());
    }

    #[test]
    fn whatever_a_policy_says_is_decided(policies in policies()) {
        let resolved = resolve(&policies);
        for policy in &policies {
            prop_assert!(policy.settings.iter().all(|(id, _)| resolved.0.contains_key(id)));
        }
    }

    #[test]
    fn a_conflict_is_told_to_both_or_to_nobody(policies in policies()) {
        let resolved = resolve(&policies);
        for (setting, decided) in &resolved.0 {
            for said in &decided.against {
                prop_assert!(resolved.conflicts_of(said.by.policy.unwrap()).contains(setting));
                prop_assert!(resolved.conflicts_of(decided.by.policy.unwrap()).contains(setting));
            }
        }
    }
}
