//! Why somebody is in a group, and what a rule that is being written would say of them.

use model::admin::GroupOf;
use model::ids::{DeviceId, FilterId, GroupId, UserId};
use model::permission::Permission;
use model::world::Moment;
use rules::{Explained, Kind};

use super::facts::Wanted;
use super::{kind_of, known_of, stored_rule};
use crate::Store;
use crate::admin::{devices, filters, groups, people};
use crate::authority::View;
use crate::error::AdminError;

/// Which rule.
#[derive(Clone, Debug)]
pub enum RuleOf {
    /// One that is being written.
    Text(Kind, String),
    /// A group's.
    Group(GroupId),
    /// A filter's.
    Filter(FilterId),
}

/// Of whom.
#[derive(Clone, Copy, Debug)]
pub enum Whose {
    /// A PC.
    Device(DeviceId),
    /// A person.
    User(UserId),
}

/// A rule, and why it holds of somebody or does not.
#[derive(Clone, Debug)]
pub struct RuleExplained {
    /// Its language.
    pub kind: Kind,
    /// The rule in its canonical spelling.
    pub rule: String,
    /// Each part with its outcome and what was found.
    pub explained: Explained,
}

impl Store {
    /// Explains what a rule says of a person or PC that the view sees. Their facts are shown, so it takes the permission to see people or devices as well.
    pub fn rule_explain(
        &self,
        view: &View,
        of: RuleOf,
        whose: Whose,
        now: Moment,
    ) -> Result<RuleExplained, AdminError> {
        let beside = |permission| view.beside(permission).ok_or_else(|| AdminError::Lacks(vec![permission]));
        self.look_up(|connection| {
            let (kind, rule) = match of {
                RuleOf::Text(kind, text) => (kind, rules::parse(kind, &text)?),
                RuleOf::Group(id) => {
                    let (_, group) = groups::find(connection, view, id)?;
                    let text = group.rule.ok_or_else(|| {
                        AdminError::Invalid("the group has no rule; its members are put in".to_owned())
                    })?;
                    (kind_of(group.of), stored_rule(kind_of(group.of), &text)?)
                }
                RuleOf::Filter(id) => {
                    let text = filters::find(connection, &beside(Permission::PolicyRead)?, id)?.1.terms.rule;
                    (Kind::Filter, stored_rule(Kind::Filter, &text)?)
                }
            };
            let tenant = view.scope().no;
            let (of, no) = match whose {
                Whose::Device(id) => {
                    (GroupOf::Devices, devices::find(connection, &beside(Permission::DeviceRead)?, id)?.0)
                }
                Whose::User(id) => (GroupOf::People, people::number(connection, &beside(Permission::UserRead)?, id)?),
            };
            if (of == GroupOf::People) != (kind == Kind::User) {
                let text = "a rule about people is explained for a person, one about PCs for a PC";
                return Err(AdminError::Invalid(text.to_owned()));
            }
            let wanted = Wanted::of(&rule.facts());
            let known = known_of(connection, (tenant, of, no), (wanted, now))?.ok_or(AdminError::NotFound)?;
            let explained = rules::explain(&rule, &known.facts, now.0.div_euclid(1000));
            Ok(RuleExplained { kind, rule: rule.to_string(), explained })
        })
    }
}
