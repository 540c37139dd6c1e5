//! What policy leaves out of a backup: taken out before anything is sealed, so that it never leaves the PC and is nowhere shown.

use model::catalog;
use model::policy::{Effective, Group};
use model::snapshot::Snapshot;

use crate::collect::Collected;

/// Takes everything out whose rule is `never`. Choices of the person are not asked here: they come with the words of the backup itself.
pub fn narrow(collected: &mut Collected, policy: &Effective) {
    let allows = |group| policy.rule(group).allows(None);
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
