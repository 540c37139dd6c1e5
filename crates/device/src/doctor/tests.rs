//! What is refused, and that every "no" comes with a reason and a next step.

use model::policy::{Given, Hive, Values, evaluate};
use model::prerequisite::{Activity, Join, ROWS};

use super::*;
use crate::facts::Facts;

fn facts(build: u32, revision: u32, join: Join) -> Facts {
    Facts { build: Some(build), revision: Some(revision), join: Some(join), ..Facts::default() }
}

fn policy(id: &'static str, given: Given) -> Effective {
    let mut values = Values::default();
    values.own.insert((Hive::Machine, id), given);
    evaluate(&values)
}

fn words(word: &str) -> Given {
    Given::Text(word.to_owned())
}

fn find<'a>(checks: &'a [Check], id: &str) -> &'a Check {
    checks.iter().find(|check| check.id == id).unwrap()
}

#[test]
fn each_row_refuses_the_build_below_and_takes_the_build_itself() {
    for row in ROWS {
        let of = |revision| {
            let facts = facts(row.least.build, revision, Join::Entra);
            refusal(row.activity, &Effective::default(), Some(&facts))
        };
        let refused = of(row.least.revision - 1).unwrap();
        assert_eq!(refused.reason, Reason::BuildTooOld);
        assert!(refused.message.contains(&row.least.to_string()) && refused.message.contains(row.version));
        assert_eq!((of(row.least.revision), of(row.least.revision + 1)), (None, None));
    }
}

#[test]
fn any_build_may_where_the_policy_says_so_and_on_a_disk_of_another_pc() {
    let old = facts(10240, 1, Join::Workgroup);
    assert_eq!(refusal(Activity::Backup, &policy("backup.builds", words("any")), Some(&old)), None);
    assert_eq!(refusal(Activity::Backup, &Effective::default(), None), None);
    let unknown = Facts { revision: None, ..old };
    assert_eq!(
        refusal(Activity::Backup, &Effective::default(), Some(&unknown)),
        None,
        "what is not known stops nothing"
    );
}

#[test]
fn join_states_are_demanded_only_by_policy() {
    let here = facts(26100, 9999, Join::Registered);
    assert_eq!(refusal(Activity::Backup, &Effective::default(), Some(&here)), None);
    let demanding = policy("backup.join_states", words("microsoft"));
    let refused = refusal(Activity::Backup, &demanding, Some(&here)).unwrap();
    assert_eq!(refused.reason, Reason::WrongJoinState);
    assert!(refused.message.contains("Entra registered only") && refused.message.contains("hybrid joined"));
    let hybrid = facts(26100, 9999, Join::Hybrid);
    assert_eq!(refusal(Activity::Backup, &demanding, Some(&hybrid)), None);
    assert!(refusal(Activity::SetupRestore, &demanding, Some(&hybrid)).is_some());
    assert_eq!(refusal(Activity::SignInRestore, &demanding, Some(&hybrid)), None);
}

#[test]
fn a_policy_that_is_off_refuses_even_from_a_disk_and_says_who_set_it() {
    let off = policy("backup.enabled", Given::Number(0));
    let refused = refusal(Activity::Backup, &off, None).unwrap();
    assert_eq!(
        (refused.reason, refused.message.as_str()),
        (Reason::PolicyOff, "backups are switched off by the policy for this PC")
    );
    assert_eq!(refusal(Activity::SignInRestore, &off, None), None, "restores go on");
}

#[test]
fn every_check_that_is_not_as_it_should_be_has_a_reason_and_a_next_step() {
    let mut known = Known { facts: facts(19045, 1, Join::Workgroup), ..Known::default() };
    known.shown.insert("EnableWindowsBackup", Given::Number(1));
    known.shown.insert("EnableCdp", Given::Number(0));
    known.unread.push("`SOFTWARE` is damaged".to_owned());
    known.values.own.insert((Hive::Machine, "backup.enabled"), Given::Number(9));
    known.values.own.insert((Hive::Machine, "category.start"), words("never"));
    let here = Here { key: None, last_success: None, due: Due::First, scheduled: Some(false) };
    let checks = examine(&known, &known.policy(), Some(&here));
    for check in &checks {
        let is_fine = matches!(check.verdict, Verdict::Pass | Verdict::NotApplicable);
        assert_eq!(is_fine, check.reason.is_none(), "{check:?}");
        assert_eq!(is_fine, check.next.is_empty(), "{check:?}");
        assert!(!check.found.is_empty() && !check.title.is_empty(), "{check:?}");
    }
    let verdict = |id| find(&checks, id).verdict;
    assert_eq!(verdict("enrolment"), Verdict::Fail);
    assert_eq!(verdict("windows.build.backup"), Verdict::Fail);
    assert_eq!(find(&checks, "windows.build.backup").needed, "19045.6216 or newer (Windows 10 22H2)");
    assert_eq!(verdict("microsoft.backup"), Verdict::Warn);
    assert_eq!(verdict("policy.value"), Verdict::Warn);
    assert_eq!(verdict("policy.category"), Verdict::Warn);
    let stops: Vec<_> = checks.iter().filter(|check| check.reason == Some(Reason::SilentlyStopped)).collect();
    assert_eq!(stops.len(), 1);
    assert!(stops[0].title.contains("EnableCdp"));
}

#[test]
fn where_the_own_key_is_is_told_and_one_that_cannot_be_used_fails() {
    let with = |level, broken: Option<&str>| {
        let key = Some(OwnKey { level, broken: broken.map(str::to_owned) });
        let here = Here { key, last_success: None, due: Due::First, scheduled: Some(true) };
        let known = Known::default();
        find(&examine(&known, &known.policy(), Some(&here)), "key").clone()
    };
    let found = KeyLevel::ALL.map(|level| with(level, None)).map(|check| (check.verdict, check.found));
    assert!(found.iter().all(|(verdict, _)| *verdict == Verdict::Pass), "{found:?}");
    for (at, word) in ["(`file`)", "(`cng-software`)", "in the TPM (`tpm`)", "(`tpm-attested`)"].iter().enumerate() {
        assert!(found[at].1.contains(word), "{found:?}");
    }
    let broken = with(KeyLevel::Tpm, Some("the TPM was cleared"));
    assert_eq!((broken.verdict, broken.reason), (Verdict::Fail, Some(Reason::DamagedState)));
    assert!(broken.found.contains("the TPM was cleared") && !broken.next.is_empty());
}

#[test]
fn microsoft_s_backup_is_on_by_default_from_26h2_and_off_where_policy_says_so() {
    let on_26h2 = |shown: Option<u32>| {
        let mut known = Known { facts: facts(26300, 1, Join::Entra), ..Known::default() };
        known.shown.extend(shown.map(|number| ("EnableWindowsBackup", Given::Number(number))));
        find(&examine(&known, &known.policy(), None), "microsoft.backup").reason
    };
    assert_eq!(on_26h2(None), Some(Reason::TwoBackups));
    assert_eq!(on_26h2(Some(1)), Some(Reason::TwoBackups));
    assert_eq!(on_26h2(Some(0)), None);
    let older = Known { facts: facts(26200, 9999, Join::Entra), ..Known::default() };
    assert_eq!(find(&examine(&older, &older.policy(), None), "microsoft.backup").reason, None);
}

#[test]
fn what_is_only_about_microsoft_s_sync_is_told_where_it_is_set_and_stops_nothing() {
    let mut known = Known { facts: facts(26200, 9999, Join::Entra), ..Known::default() };
    let told = |known: &Known| -> Vec<String> {
        let checks = examine(known, &known.policy(), None);
        let sync = checks.iter().filter(|check| check.id == "microsoft.sync");
        sync.inspect(|check| assert_eq!(check.verdict, Verdict::Pass)).map(|check| check.title.clone()).collect()
    };
    assert_eq!(told(&known), [""; 0]);
    known.shown.insert("DisableCredentialsSettingSync", Given::Number(2));
    assert_eq!(told(&known), ["Windows policy `DisableCredentialsSettingSync` (Do not sync passwords)"]);
}
