//! What would hold, and what would happen: for a PC that is there, or for one that is only described.
//!
//! Pure functions of what policies come to, of what a PC says of itself and of whether there is a backup. The device page, `what if` and the status of policies all
//! ask here, so that they never disagree.

use serde::Serialize;

use super::resolve::Resolved;
use super::{Effective, Values, evaluate};
use crate::admin::EffectiveSetting;
use crate::check_in::Facts;
use crate::prerequisite::{Activity, Refusal, switched_off, unfit};
use crate::reason::Reason;

/// Whether something may happen, and why not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Whether it may.
    pub allowed: bool,
    /// Every reason against it; empty if it may.
    pub reasons: Vec<Against>,
}

/// A reason against something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Against {
    /// The code.
    pub code: Reason,
    /// What was found, in a sentence.
    pub why: String,
}

/// What would happen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WhatIf {
    /// Every setting, as it would hold.
    pub settings: Vec<EffectiveSetting>,
    /// Whether the PC may back up.
    pub backup: Verdict,
    /// Whether the person would be offered a restore at their first sign-in.
    pub restore_offer: Verdict,
}

/// What holds on a PC that says so of itself, under what the server's policies come to.
pub fn effective(resolved: &Resolved, facts: &Facts) -> Effective {
    let names = resolved.0.iter().map(|(id, decided)| (*id, decided.by.name.clone())).collect();
    evaluate(&Values { server_names: names, ..facts.values(resolved.settings().given()) })
}

/// Defined and effective, setting by setting, without what the server does not set.
pub fn settings(resolved: &Resolved, effective: &Effective) -> Vec<EffectiveSetting> {
    let of_server = effective.all().filter(|(policy, _)| policy.is_of_server());
    let one = |(policy, held): (&'static super::Policy, &super::Held)| {
        let decided = resolved.0.get(policy.id);
        let json = |setting| serde_json::to_value(setting).unwrap_or_default();
        EffectiveSetting {
            setting: policy.id.to_owned(),
            defined: decided.map(|decided| json(&decided.value)),
            defined_by: decided.map(|decided| decided.by.clone()),
            agree: decided.map(|decided| decided.agree.clone()).unwrap_or_default(),
            against: decided.map(|decided| decided.against.clone()).unwrap_or_default(),
            effective: json(&held.value),
            origin: held.origin.word(),
            origin_title: effective.who(policy.id),
        }
    };
    of_server.map(one).collect()
}

/// What would happen. `backup`: whether the person has a backup on another PC; `None`: it is not known.
pub fn what_if(resolved: &Resolved, facts: &Facts, backup: Option<bool>) -> WhatIf {
    let effective = effective(resolved, facts);
    let of_pc = (facts.exact_build(), facts.join);
    let wrong =
        |activity| [switched_off(activity, &effective), unfit(activity, &effective, of_pc)].into_iter().flatten();
    let against = |refusal: Refusal| Against { code: refusal.reason, why: refusal.message };
    let mut restore: Vec<Against> = wrong(Activity::SignInRestore).map(against).collect();
    if !effective.restore_page().value {
        let why = format!("the restore page is switched off by the {}", effective.who("restore.page"));
        restore.push(Against { code: Reason::RestorePageOff, why });
    }
    if effective.restore_mode().value == "off" {
        let why = format!("nothing happens at the first sign-in by the {}", effective.who("restore.mode"));
        restore.push(Against { code: Reason::PolicyOff, why });
    }
    if backup == Some(false) {
        let why = "the person has no backup on another PC".to_owned();
        restore.push(Against { code: Reason::NoProfile, why });
    }
    let verdict = |reasons: Vec<Against>| Verdict { allowed: reasons.is_empty(), reasons };
    WhatIf {
        settings: settings(resolved, &effective),
        backup: verdict(wrong(Activity::Backup).map(against).collect()),
        restore_offer: verdict(restore),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::check_in::LocalValue;
    use crate::ids::PolicyId;
    use crate::policy::Settings;
    use crate::policy::resolve::{Applied, By, resolve};
    use crate::prerequisite::Join;

    fn resolved(settings: &serde_json::Value) -> Resolved {
        let by = By { policy: Some(PolicyId([1; 16])), name: "P".to_owned() };
        let settings = Settings::parse(settings.as_object().unwrap()).unwrap();
        resolve(&[Applied { by, priority: 1, order: 1, settings }])
    }

    fn pc(revision: u32) -> Facts {
        Facts { build: Some(26100), revision: Some(revision), join: Some(Join::Entra), ..Facts::default() }
    }

    #[test]
    fn a_new_pc_with_a_backup_elsewhere_is_offered_a_restore() {
        let would = what_if(&resolved(&json!({"backup.enabled": true})), &pc(7922), Some(true));
        assert!(would.backup.allowed && would.restore_offer.allowed, "{would:?}");
    }

    #[test]
    fn every_reason_against_a_restore_is_told() {
        let off = resolved(&json!({"backup.enabled": true, "restore.page": false, "restore.mode": "off"}));
        let would = what_if(&off, &pc(5000), Some(false));
        let codes: Vec<_> = would.restore_offer.reasons.iter().map(|against| against.code).collect();
        let wanted = [Reason::BuildTooOld, Reason::RestorePageOff, Reason::PolicyOff, Reason::NoProfile];
        assert_eq!(codes, wanted);
        assert!(would.restore_offer.reasons[1].why.ends_with("policy of the server `P`"), "{would:?}");
        assert!(would.backup.allowed, "5000 is enough for a backup");
    }

    #[test]
    fn every_reason_against_a_backup_is_told() {
        let would = what_if(&Resolved::default(), &pc(1), None);
        let codes: Vec<_> = would.backup.reasons.iter().map(|against| against.code).collect();
        assert_eq!(codes, [Reason::PolicyOff, Reason::BuildTooOld]);
        assert_eq!(would.backup.reasons[0].why, "no policy of your organisation switches backups on for this PC");
        assert!(!would.restore_offer.reasons.iter().any(|against| against.code == Reason::PolicyOff), "{would:?}");
    }

    #[test]
    fn what_is_set_on_the_pc_goes_before_what_the_policy_defines_and_both_are_shown() {
        let mut facts = pc(7922);
        let local = LocalValue { setting: "backup.enabled".to_owned(), by: "machine".to_owned(), value: json!(false) };
        facts.local = vec![local];
        let would = what_if(&resolved(&json!({"backup.enabled": true})), &facts, None);
        let shown = would.settings.iter().find(|one| one.setting == "backup.enabled").unwrap();
        assert_eq!((&shown.defined, &shown.effective), (&Some(json!(true)), &json!(false)));
        assert_eq!((shown.origin, shown.defined_by.as_ref().unwrap().name.as_str()), ("machine", "P"));
        assert_eq!(would.backup.reasons[0].code, Reason::PolicyOff);
    }

    #[test]
    fn what_the_server_does_not_set_is_not_in_the_list() {
        let all = what_if(&Resolved::default(), &Facts::default(), None).settings;
        assert_eq!(all.len(), crate::policy::picker::search("").len());
    }
}
