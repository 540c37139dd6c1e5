//! Retention policies: rules under a name, and whom they are for.

pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod get;
pub(crate) mod list;
pub(crate) mod put;

use model::admin::{NewRetentionPolicy, RetentionPolicy};
use store::RetentionTerms;

pub(super) fn terms(new: NewRetentionPolicy) -> RetentionTerms {
    let NewRetentionPolicy { name, rules, users, groups, devices, scope_tags, tags: _ } = new;
    RetentionTerms { name, rules, users, groups, devices, scope_tags }
}

fn shape(policy: store::RetentionPolicy) -> RetentionPolicy {
    let RetentionTerms { name, rules, users, groups, devices, scope_tags } = policy.terms;
    RetentionPolicy {
        id: policy.id,
        name,
        rules,
        users,
        groups,
        devices,
        scope_tags,
        tags: policy.tags,
        created_at: policy.created_at,
        changed_at: policy.changed_at,
    }
}
