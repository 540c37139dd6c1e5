//! Retention against what restic decided, and against what must hold for all rules and all snapshots.
//!
//! `data/restic_forget.json` was recorded from restic itself: one repository with backups at the listed times (`restic backup --time`, `TZ=UTC`),
//! then `restic forget --dry-run --json` once for each set of rules. The times have dense days, month ends, leap days and the weeks
//! around New Year in them.

use model::retention::{Candidate, Kept, Policy, Rules, Span, Why, decide, decide_by};
use model::world::Moment;
use proptest::prelude::*;
use serde::Deserialize;

#[derive(Deserialize)]
struct Recorded {
    made_with: String,
    taken: Vec<i64>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    rules: Rules,
    kept: Vec<(usize, Vec<Why>)>,
}

fn plain((seq, at): (u64, Moment)) -> Candidate {
    Candidate { seq, at, opens: None, pinned: false, held: false }
}

#[test]
fn the_same_snapshots_are_kept_for_the_same_reasons_as_by_restic() {
    let recorded: Recorded = serde_json::from_str(include_str!("data/restic_forget.json")).unwrap();
    assert!(recorded.made_with.starts_with("restic 0.") && recorded.cases.len() > 20);
    let moments = recorded.taken.iter().map(|seconds| Moment(seconds * 1000));
    let snapshots: Vec<Candidate> = (1..).zip(moments).map(plain).collect();
    for case in recorded.cases {
        let mut expected = vec![Vec::new(); snapshots.len()];
        for (index, why) in case.kept {
            expected[index] = why;
        }
        let mut found = decide(&case.rules, &snapshots);
        for why in expected.iter_mut().chain(&mut found) {
            why.sort_unstable();
        }
        assert_eq!(found, expected, "{}", case.rules);
    }
}

fn any_rules() -> impl Strategy<Value = Rules> {
    let count = || prop_oneof![3 => Just(0_u32), 2 => 1..6_u32, 1 => 6..400_u32];
    let span = (0..3_u32, 0..14_u32, 0..40_u32, 1..30_u32);
    let span = span.prop_map(|(years, months, days, hours)| Span { years, months, days, hours });
    (count(), count(), count(), count(), count(), count(), prop::option::weighted(0.3, span)).prop_map(
        |(last, hourly, daily, weekly, monthly, yearly, within)| Rules {
            last,
            hourly,
            daily,
            weekly,
            monthly,
            yearly,
            within,
        },
    )
}

/// Numbers rise with time as on a server, except that its clock may have been set back now and then.
fn any_snapshots() -> impl Strategy<Value = Vec<Candidate>> {
    let one = (-4..200_i64, prop::option::of(any::<bool>()), prop::bool::weighted(0.05), prop::bool::weighted(0.05));
    prop::collection::vec(one, 0..60).prop_map(|all| {
        let mut at = 1_700_000_000_000;
        let candidate = |(seq, (hours, opens, pinned, held)): (u64, (i64, _, _, _))| {
            at += hours * 3_600_000 + 1;
            Candidate { seq, at: Moment(at), opens, pinned, held }
        };
        (1..).zip(all).map(candidate).collect()
    })
}

fn any_policies() -> impl Strategy<Value = Vec<Policy>> {
    prop::collection::vec(any_rules(), 1..4).prop_map(|all| {
        (1..).zip(all).map(|(n, rules): (u8, _)| Policy { name: Some(format!("policy {n}")), rules }).collect()
    })
}

#[test]
fn each_reason_names_the_policies_that_have_it_and_a_pin_names_none() {
    let daily = |seq: u64| Candidate { pinned: seq == 1, ..plain((seq, Moment(seq.cast_signed() * 86_400_000))) };
    let all: Vec<Candidate> = (1..=4).map(daily).collect();
    let policy = |name: &str, last, weekly| Policy {
        name: Some(name.to_owned()),
        rules: Rules { last, weekly, ..Rules::default() },
    };
    let kept = decide_by(&[policy("desks", 1, 0), policy("lab", 2, 1)], &all);
    let why = |seq: usize| -> Vec<(Why, Vec<&str>)> {
        kept[seq - 1].iter().map(|one| (one.why, one.policies.iter().map(String::as_str).collect())).collect()
    };
    assert_eq!(why(4), [(Why::Latest, vec!["desks", "lab"]), (Why::Weekly, vec!["lab"])]);
    assert_eq!(why(3), [(Why::Latest, vec!["lab"])]);
    assert_eq!((why(2), why(1)), (vec![], vec![(Why::Pinned, vec![])]));
    let own = [Policy { name: None, rules: Rules { last: 1, ..Rules::default() } }];
    assert_eq!(decide_by(&own, &all)[3], [Kept { why: Why::Latest, policies: vec![] }]);
    assert!(decide_by(&[], &all).iter().all(|why| !why.is_empty()), "without any rules nothing goes");
}

proptest! {
    #[test]
    fn what_one_policy_keeps_is_kept_whatever_else_applies(policies in any_policies(), all in any_snapshots()) {
        let together = decide_by(&policies, &all);
        let alone: Vec<Vec<Vec<Why>>> = policies.iter().map(|policy| decide(&policy.rules, &all)).collect();
        for (at, kept) in together.iter().enumerate() {
            let some = alone.iter().any(|of_policy| !of_policy[at].is_empty());
            prop_assert_eq!(some, !kept.is_empty());
            for (policy, of_policy) in policies.iter().zip(&alone) {
                for why in of_policy[at].iter().filter(|why| why.is_of_rules()) {
                    let named = kept.iter().any(|one| one.why == *why && one.policies.contains(policy.name.as_ref().unwrap()));
                    prop_assert!(named, "{:?} of {:?}", why, policy.name);
                }
            }
        }
        let left: Vec<Candidate> = all.iter().zip(&together).filter(|(_, why)| !why.is_empty()).map(|(one, _)| *one).collect();
        prop_assert!(decide_by(&policies, &left).iter().all(|why| !why.is_empty()), "a second run lets more go");
    }

    #[test]
    fn counts_of_several_policies_are_as_the_longest_of_each(policies in any_policies(), all in any_snapshots()) {
        prop_assume!(policies.iter().all(|policy| policy.rules.within.is_none() && !policy.rules.keep_everything()));
        let most = |of: fn(&Rules) -> u32| policies.iter().map(|policy| of(&policy.rules)).max().unwrap_or(0);
        let longest = Rules {
            last: most(|rules| rules.last),
            hourly: most(|rules| rules.hourly),
            daily: most(|rules| rules.daily),
            weekly: most(|rules| rules.weekly),
            monthly: most(|rules| rules.monthly),
            yearly: most(|rules| rules.yearly),
            within: None,
        };
        let whys = |kept: Vec<Kept>| kept.into_iter().map(|one| one.why).collect::<Vec<_>>();
        let together: Vec<Vec<Why>> = decide_by(&policies, &all).into_iter().map(whys).collect();
        let mut alone = decide(&longest, &all);
        for why in &mut alone {
            why.sort_unstable();
        }
        prop_assert_eq!(together, alone);
    }

    #[test]
    fn what_is_pinned_held_newest_or_the_newest_that_opens_never_goes(rules in any_rules(), all in any_snapshots()) {
        let kept = decide(&rules, &all);
        let good = all.iter().filter(|one| one.opens == Some(true)).map(|one| one.seq).max();
        let newest = all.iter().map(|one| one.seq).max();
        for (one, why) in all.iter().zip(&kept) {
            prop_assert_eq!(one.pinned, why.contains(&Why::Pinned));
            prop_assert_eq!(one.held, why.contains(&Why::Held));
            prop_assert_eq!(good == Some(one.seq), why.contains(&Why::NewestGood));
            prop_assert!(newest != Some(one.seq) || !why.is_empty());
        }
    }

    #[test]
    fn deciding_again_on_what_was_kept_lets_nothing_more_go(rules in any_rules(), all in any_snapshots()) {
        let kept = decide(&rules, &all);
        let left: Vec<Candidate> = all.iter().zip(&kept).filter(|(_, why)| !why.is_empty()).map(|(one, _)| *one).collect();
        let again = decide(&rules, &left);
        prop_assert!(again.iter().all(|why| !why.is_empty()));
    }

    #[test]
    fn the_order_in_which_they_are_listed_does_not_matter(rules in any_rules(), all in any_snapshots()) {
        let mut turned: Vec<_> = decide(&rules, &all.iter().rev().copied().collect::<Vec<_>>());
        turned.reverse();
        prop_assert_eq!(decide(&rules, &all), turned);
    }

    #[test]
    fn no_rules_let_go_only_what_does_not_open(all in any_snapshots()) {
        for (one, why) in all.iter().zip(decide(&Rules::default(), &all)) {
            prop_assert!(!why.is_empty() || one.opens == Some(false));
        }
    }

    #[test]
    fn a_snapshot_that_does_not_open_takes_no_slot(rules in any_rules(), all in any_snapshots()) {
        let sound: Vec<Candidate> = all.iter().filter(|one| one.opens != Some(false)).copied().collect();
        let among_all = all.iter().zip(decide(&rules, &all)).filter(|(one, _)| one.opens != Some(false));
        let newest_failed = all.last().is_some_and(|one| one.opens == Some(false));
        for ((one, among_all), alone) in among_all.zip(decide(&rules, &sound)) {
            let newest_only = newest_failed && alone == [Why::Newest];
            prop_assert!(among_all == alone || newest_only, "{}: {:?} and {:?}", one.seq, among_all, alone);
        }
    }

    #[test]
    fn no_more_are_kept_than_the_rules_have_room_for(rules in any_rules(), all in any_snapshots()) {
        prop_assume!(rules.within.is_none() && !rules.keep_everything());
        let room = [rules.last, rules.hourly, rules.daily, rules.weekly, rules.monthly, rules.yearly];
        let room = room.iter().map(|count| *count as usize).sum::<usize>();
        let by_rule = |why: &&Vec<Why>| why.iter().any(|why| *why > Why::Newest);
        prop_assert!(decide(&rules, &all).iter().filter(by_rule).count() <= room);
    }

    #[test]
    fn rules_survive_json_and_back(rules in any_rules()) {
        prop_assert_eq!(serde_json::from_str::<Rules>(&serde_json::to_string(&rules).unwrap()).unwrap(), rules);
    }
}
