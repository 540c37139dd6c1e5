//! How many PCs assignments reach: what an editor asks while somebody chooses, and what stands before a policy is switched or deleted.
//!
//! Worked out on bits, one for each PC, over the columns that previews of rules use too: "all devices" is then no question to the database, and a filter is a rule like any other. Only whom
//! assignments name is asked, by the indexes of groups, people and tags.

use std::collections::{BTreeMap, BTreeSet};

use model::admin::{GroupOf, NewPolicy, PolicyReach};
use model::ids::PolicyId;
use model::world::Moment;
use rules::engine::Bits;

use super::policies::{Both, enabled};
use super::tags::Kind;
use crate::authority::{View, list};
use crate::error::AdminError;
use crate::membership::columns::{Columns, numbers};
use crate::membership::stored_rule;
use crate::policies::{ALL_DEVICES, ALL_USERS};
use crate::sql::Connection;
use crate::targets::Targets;
use crate::{Store, StoreError};

impl Store {
    /// How many live devices, of those that the view sees, assignments reach. `but`: the policy that is edited, which does not count as another.
    pub fn policy_reach(
        &self,
        view: &View,
        terms: &NewPolicy,
        but: Option<PolicyId>,
        now: Moment,
    ) -> Result<PolicyReach, AdminError> {
        self.look_up(|connection| {
            let whom = Both::find(connection, view, terms)?;
            let tenant = view.scope().no;
            let others = enabled(connection, tenant, but)?;
            Ok(self.columns.with(connection, (tenant, GroupOf::Devices, now), |columns| {
                let mut over = Over { connection, tenant, columns, now, filters: BTreeMap::new() };
                let seen = columns.seen(connection, (view, GroupOf::Devices))?;
                let applies = over.applies(&whom, &seen)?;
                let included = over.included(&whom, false, &seen)?;
                let mut another = Bits::default();
                for other in &others {
                    another.add(&over.applies(other, &applies)?);
                }
                Ok(PolicyReach {
                    applies: applies.count() as u64,
                    excluded: (included.count() - applies.count()) as u64,
                    have_another: another.count() as u64,
                })
            })?)
        })
    }
}

/// The PCs of a tenant, and what was asked about them.
struct Over<'c> {
    connection: &'c Connection,
    tenant: i64,
    columns: &'c Columns,
    now: Moment,
    /// Those for which a filter holds, by its number: several assignments may take the same.
    filters: BTreeMap<i64, Bits>,
}

impl Over<'_> {
    /// Those, of `within`, that a policy applies to.
    fn applies(&mut self, whom: &Both, within: &Bits) -> Result<Bits, StoreError> {
        let mut applies = self.included(whom, true, within)?;
        applies.remove(&self.named(&whom.excluded)?);
        Ok(applies)
    }

    /// Those, of `within`, that are included; `filtered`: as far as the filters beside the assignments let them.
    fn included(&mut self, whom: &Both, filtered: bool, within: &Bits) -> Result<Bits, StoreError> {
        let beside = |what: i64| whom.beside.get(&what).copied().filter(|_| filtered);
        let mut included = Bits::default();
        for (all, what) in [(whom.all_devices, ALL_DEVICES), (whom.all_users, ALL_USERS)] {
            if all {
                included.add(&self.filter(within.clone(), beside(what))?);
            }
        }
        let (with, free) = whom.included.groups.iter().partition(|group| beside(**group).is_some());
        let mut named = self.named(&Targets { groups: free, ..whom.included.clone() })?;
        named.keep(within);
        included.add(&named);
        let with: BTreeSet<i64> = with;
        for group in with {
            let mut named = self.named(&Targets { groups: [group].into(), ..Targets::default() })?;
            named.keep(within);
            included.add(&self.filter(named, beside(group))?);
        }
        Ok(included)
    }

    /// Those of the bits that a filter lets in: for which it holds or, if it keeps out, for which it does not.
    fn filter(&mut self, mut bits: Bits, filter: Option<(i64, bool)>) -> Result<Bits, StoreError> {
        let Some((filter, out)) = filter else { return Ok(bits) };
        if !self.filters.contains_key(&filter) {
            let sql = "SELECT rule FROM filters WHERE tenant = $1 AND no = $2";
            let mut statement = self.connection.prepare_cached(sql)?;
            let text: String = statement.query_row((self.tenant, filter), |row| row.get(0))?;
            let rule = stored_rule(rules::Kind::Filter, &text)?;
            self.filters.insert(filter, self.columns.run(&rule, self.now));
        }
        let holds = &self.filters[&filter];
        if out {
            bits.remove(holds);
        } else {
            bits.keep(holds);
        }
        Ok(bits)
    }

    /// Those that are named, and those of people, groups and tags that are.
    fn named(&self, targets: &Targets) -> Result<Bits, StoreError> {
        let [users, groups, devices, tags] = targets.lists();
        let mut bits = self.columns.places(devices.iter().copied());
        // `CROSS JOIN`, because SQLite would otherwise go through all PCs and look up each in the group, and does not do so in the order of such a join.
        let of_tag =
            format!("SELECT o.object_no FROM object_tags o WHERE o.kind = {} AND o.tenant = $1", Kind::Device as u8);
        let of_user_with_tag = format!(
            "SELECT d.no FROM object_tags o CROSS JOIN devices d \
             WHERE d.tenant = o.tenant AND d.user_no = o.object_no AND o.kind = {} AND o.tenant = $1",
            Kind::User as u8
        );
        for (sql, column, of) in [
            ("SELECT d.no FROM devices d WHERE d.tenant = $1", "d.user_no", users),
            (
                "SELECT d.no FROM group_members m CROSS JOIN devices d \
                 WHERE d.tenant = m.tenant AND d.user_no = m.user_no AND m.tenant = $1",
                "m.group_no",
                groups,
            ),
            ("SELECT m.device_no FROM group_devices m WHERE m.tenant = $1", "m.group_no", groups),
            (of_tag.as_str(), "o.tag_no", tags),
            (of_user_with_tag.as_str(), "o.tag_no", tags),
        ] {
            if !of.is_empty() {
                let sql = format!("{sql} AND {column} IN ({})", list(of));
                bits.add(&self.columns.places(numbers(self.connection, (&sql, self.tenant))?));
            }
        }
        Ok(bits)
    }
}
