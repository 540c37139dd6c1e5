//! What policy and the person leave out of a backup: taken out before anything is sealed, so that it never leaves the PC and is nowhere shown.

use model::catalog;
use model::policy::{Effective, Group};
use model::snapshot::Snapshot;

use crate::collect::Collected;
use crate::state::Wishes;

/// Takes everything out that policy never carries, and what the person does not want carried where it is theirs to say.
pub fn narrow(collected: &mut Collected, policy: &Effective, wishes: &Wishes) {
    let allows = |group| policy.rule(group).allows(wishes.of(group));
    let Snapshot { readings, not_carried, apps, .. } = &mut collected.snapshot;
    // Ids begin with the word of their category; those of the left-out list too.
    let allows_id = |id: &str| {
        let category = id.split('.').next().and_then(catalog::Category::from_word);
        category.is_none_or(|category| allows(Group::Settings(category)))
    };
    readings.retain(|id, _| allows_id(id));
    not_carried.retain(|id, _| allows_id(id));
    if !allows(Group::AppList) {
        apps.clear();
    }
    let named: Vec<_> = readings.values().filter_map(|reading| reading.value().cloned()).collect();
    collected.files.retain(|found| named.contains(&model::value::Value::File(found.file)));
}

#[cfg(test)]
mod tests {
    use model::policy::{Given, Hive, Values, evaluate};
    use model::reason::Reason;
    use model::snapshot::Reading;

    use super::*;

    fn never(ids: &[&'static str]) -> Effective {
        let own = ids.iter().map(|id| ((Hive::Machine, *id), Given::Text("never".to_owned()))).collect();
        evaluate(&Values { own, ..Values::default() })
    }

    fn collected() -> Collected {
        let registry = crate::registry::MemoryRegistry::new();
        let apps = crate::apps::RegistryApps::new(&registry);
        let blob_id = |_: &mut dyn std::io::Read| Ok((model::ids::BlobId([0; 32]), 0));
        let facts = model::snapshot::DeviceFacts::default();
        let sources = crate::collect::Sources {
            registry: &registry,
            apps: &apps,
            facts,
            files: &crate::own_files::OwnFiles::default(),
            blob_id: &blob_id,
        };
        let mut collected = crate::collect::collect(&sources);
        collected.snapshot.not_carried.insert("taskbar.pins".to_owned(), Reason::CouldCarryCode);
        collected
    }

    #[test]
    fn a_category_that_is_never_backed_up_leaves_no_trace_and_the_others_stay_whole() {
        let (before, mut after) = (collected(), collected());
        narrow(&mut after, &never(&["category.taskbar"]), &Wishes::default());
        let of = |found: &Collected, word: &str| -> Vec<(String, Reading)> {
            let here = found.snapshot.readings.iter().filter(|(id, _)| id.starts_with(word));
            here.map(|(id, reading)| (id.clone(), reading.clone())).collect()
        };
        assert!(!of(&before, "taskbar.").is_empty(), "the catalog has taskbar settings");
        assert_eq!((of(&after, "taskbar."), after.snapshot.not_carried.len()), (Vec::new(), 0));
        assert_eq!(of(&after, "explorer."), of(&before, "explorer."));
    }

    #[test]
    fn without_a_policy_nothing_is_taken_out() {
        let mut after = collected();
        narrow(&mut after, &Effective::default(), &Wishes::default());
        assert_eq!(after, collected());
    }

    #[test]
    fn a_person_leaves_out_what_is_theirs_to_say_and_nothing_else() {
        let mut wishes = Wishes::default();
        wishes.set(Group::Settings(catalog::Category::Taskbar), false);
        let has_taskbar = |found: &Collected| found.snapshot.readings.keys().any(|id| id.starts_with("taskbar."));
        let mut after = collected();
        narrow(&mut after, &Effective::default(), &wishes);
        assert!(!has_taskbar(&after));
        let own = [((Hive::Machine, "category.taskbar"), Given::Text("required".to_owned()))].into();
        let mut after = collected();
        narrow(&mut after, &evaluate(&Values { own, ..Values::default() }), &wishes);
        assert!(has_taskbar(&after), "the organisation has the last word");
    }
}
