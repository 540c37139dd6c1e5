//! Which of the server's policies wins: a pure function of the policies that apply.
//!
//! The rule, published in `docs/policy.md`: for each setting the policy with the lowest priority number decides; of two with the same number the older
//! one. Policies that say the same agree, whatever their numbers. One that says something else than the policy that decides is in conflict with it, and both are
//! told so. A policy with a rule `category.X` and no `category.X.user_override` says that the person may not decide otherwise: nobody unlocks what a
//! stronger policy has locked.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Setting, Settings};
use crate::ids::PolicyId;

/// What ends the id of an override.
const OVERRIDE: &str = ".user_override";

/// A policy that applies to somebody, as far as it decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// Who says it.
    pub by: By,
    /// The lower, the stronger.
    pub priority: u32,
    /// Which came first, of two with the same priority.
    pub order: u64,
    /// What it says.
    pub settings: Settings,
}

/// Who set a value: a policy, or without an id the enrollment options.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct By {
    /// The policy's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<PolicyId>,
    /// Its name.
    pub name: String,
}

/// A value and who says it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Said {
    /// Who.
    #[serde(flatten)]
    pub by: By,
    /// What.
    pub value: Setting,
}

/// What was decided about a setting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Decided {
    /// The value.
    pub value: Setting,
    /// Who decided: the strongest that says so.
    pub by: By,
    /// Who says the same.
    pub agree: Vec<By>,
    /// Who says something else, and what.
    pub against: Vec<Said>,
}

/// What all policies that apply come to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Resolved(pub BTreeMap<&'static str, Decided>);

/// Decides between policies. Their order in `policies` does not matter.
pub fn resolve(policies: &[Applied]) -> Resolved {
    let mut ranked: Vec<&Applied> = policies.iter().collect();
    ranked.sort_by(|a, b| (a.priority, a.order, &a.by).cmp(&(b.priority, b.order, &b.by)));
    let spoken_of: BTreeSet<&'static str> =
        policies.iter().flat_map(|policy| policy.settings.iter().map(|(id, _)| id)).collect();
    let mut decided: BTreeMap<&'static str, Decided> = BTreeMap::new();
    for policy in ranked {
        for (id, value) in spoken_of.iter().filter_map(|id| Some((*id, said(&policy.settings, id)?))) {
            let by = policy.by.clone();
            match decided.get_mut(id) {
                None => {
                    decided.insert(id, Decided { value, by, agree: Vec::new(), against: Vec::new() });
                }
                Some(there) if there.value == value => there.agree.push(by),
                Some(there) => there.against.push(Said { by, value }),
            }
        }
    }
    Resolved(decided)
}

/// What settings say of one. A rule without its override says that nobody may decide otherwise.
fn said(settings: &Settings, id: &str) -> Option<Setting> {
    let of_rule = || settings.get(id.strip_suffix(OVERRIDE)?).map(|_| Setting::Switch(false));
    settings.get(id).cloned().or_else(of_rule)
}

impl Resolved {
    /// What the PC is told.
    pub fn settings(&self) -> Settings {
        let mut settings = Settings::default();
        for (id, decided) in &self.0 {
            let policy = super::Policy::find(id).expect("settings hold ids of the table only");
            settings.insert(policy, decided.value.clone());
        }
        settings
    }

    /// The settings in which a policy is in conflict with another, on either side.
    pub fn conflicts_of(&self, policy: PolicyId) -> Vec<&'static str> {
        let is = |by: &By| by.policy == Some(policy);
        let concerns = |decided: &Decided| {
            let holds = is(&decided.by) || decided.agree.iter().any(is);
            !decided.against.is_empty() && (holds || decided.against.iter().any(|said| is(&said.by)))
        };
        self.0.iter().filter(|(_, decided)| concerns(decided)).map(|(id, _)| *id).collect()
    }
}

#[cfg(test)]
#[path = "resolve_tests.rs"]
mod tests;
