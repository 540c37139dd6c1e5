//! The mark of a plan: a short text by which a script asks for just the plan that it has shown.

use model::plan::Plan;

/// Two plans that would do the same, for the same reasons, have the same mark (FNV-1a, 64 bits, of the plan as JSON). It is no signature: it tells
/// a plan from the one that it has become, not from one that somebody made up.
pub fn mark(plan: &Plan) -> String {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for byte in serde_json::to_vec(plan).expect("a plan is plain data") {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    format!("{hash:016x}")
}

#[cfg(test)]
mod tests {
    use model::catalog::{Category, Stage};
    use model::plan::{About, SettingAction, SettingStep};
    use model::value::Value;

    use super::*;

    #[test]
    fn a_plan_that_would_do_something_else_has_another_mark() {
        let step = |new| SettingStep {
            id: "taskbar.clock".to_owned(),
            title: "Clock".to_owned(),
            category: Category::Taskbar,
            stage: Stage::Look,
            action: SettingAction::Set { old: None, new: Value::Bool(new) },
            about: About::default(),
        };
        let plan = |new| Plan { settings: vec![step(new)], ..Plan::default() };
        assert_eq!(mark(&plan(true)), mark(&plan(true)));
        assert_ne!(mark(&plan(true)), mark(&plan(false)));
    }
}
