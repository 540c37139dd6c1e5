//! Which rules a profile is kept by: the tenant's retention policies, whom they are for, and the tenant's own rules where none applies.
//!
//! Everything is read into a value first and decided there, so that a change can be tried out on the value before it is made. Whoever brings rules
//! from elsewhere (the server's policies for PCs, say) adds them in [`Policies::of`]; what several sets of rules mean together is
//! [`model::retention::decide_by`].

use std::collections::BTreeSet;

use crate::sql::{Connection, OptionalExtension};
use model::retention::{Policy, Rules};

use crate::StoreError;
use crate::admin::tags::{self, Kind};
use crate::scope::OwnProfile;

/// Whom a policy is for, as numbers of rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Targets {
    pub(crate) users: BTreeSet<i64>,
    pub(crate) groups: BTreeSet<i64>,
    pub(crate) devices: BTreeSet<i64>,
    pub(crate) tags: BTreeSet<i64>,
}

/// The tables of the targets, with the column that names them.
pub(crate) const TARGETS: [(&str, &str); 4] = [
    ("retention_users", "user_no"),
    ("retention_groups", "group_no"),
    ("retention_devices", "device_no"),
    ("retention_tags", "tag_no"),
];

impl Targets {
    pub(crate) fn load(connection: &Connection, tenant: i64, policy: i64) -> Result<Self, StoreError> {
        let [users, groups, devices, tags] = TARGETS.map(|(table, column)| -> Result<BTreeSet<i64>, StoreError> {
            let sql = format!("SELECT {column} FROM {table} WHERE tenant = $1 AND policy_no = $2");
            let mut statement = connection.prepare_cached(&sql)?;
            let rows = statement.query_map((tenant, policy), |row| row.get(0))?;
            Ok(rows.collect::<Result<_, _>>()?)
        });
        Ok(Self { users: users?, groups: groups?, devices: devices?, tags: tags? })
    }

    /// The numbers by table, in the order of [`TARGETS`].
    pub(crate) fn lists(&self) -> [&BTreeSet<i64>; 4] {
        [&self.users, &self.groups, &self.devices, &self.tags]
    }
}

/// One of the tenant's policies.
#[derive(Clone, Debug)]
pub(crate) struct Named {
    pub(crate) no: i64,
    pub(crate) name: String,
    pub(crate) rules: Rules,
    pub(crate) targets: Targets,
}

/// All that decides in a tenant.
#[derive(Clone, Debug)]
pub(crate) struct Policies {
    /// The tenant's own rules.
    pub(crate) own: Rules,
    pub(crate) named: Vec<Named>,
}

/// What a policy can be for, of one profile.
struct Facts {
    user: i64,
    device: i64,
    groups: BTreeSet<i64>,
    tags: BTreeSet<i64>,
}

impl Policies {
    pub(crate) fn load(connection: &Connection, tenant: i64) -> Result<Self, StoreError> {
        let sql = "SELECT no, name, rules FROM retention_policies WHERE tenant = $1 ORDER BY name, no";
        let mut statement = connection.prepare_cached(sql)?;
        let mut rows = statement.query([tenant])?;
        let mut named = Vec::new();
        while let Some(row) = rows.next()? {
            let (no, name, rules): (i64, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
            let rules = from_text(&rules, &format!("the retention policy `{name}`"))?;
            named.push(Named { no, name, rules, targets: Targets::load(connection, tenant, no)? });
        }
        Ok(Self { own: own_rules(connection, tenant)?, named })
    }

    /// The policies of a profile, by name; the tenant's own rules if none is for it.
    pub(crate) fn of(&self, connection: &Connection, own: &OwnProfile) -> Result<Vec<Policy>, StoreError> {
        let fallback = || vec![Policy { name: None, rules: self.own }];
        if self.named.is_empty() {
            return Ok(fallback());
        }
        let facts = Facts::of(connection, own)?;
        let applies = self.named.iter().filter(|policy| facts.fit(&policy.targets));
        let found: Vec<Policy> =
            applies.map(|policy| Policy { name: Some(policy.name.clone()), rules: policy.rules }).collect();
        Ok(if found.is_empty() { fallback() } else { found })
    }
}

impl Facts {
    fn of(connection: &Connection, own: &OwnProfile) -> Result<Self, StoreError> {
        let sql = "SELECT user_no, device_no FROM profiles WHERE tenant = $1 AND no = $2";
        let (user, device) =
            connection.prepare_cached(sql)?.query_row((own.tenant, own.no), |row| Ok((row.get(0)?, row.get(1)?)))?;
        let sql = "SELECT group_no FROM group_members WHERE tenant = $1 AND user_no = $2";
        let mut statement = connection.prepare_cached(sql)?;
        let groups = statement.query_map((own.tenant, user), |row| row.get(0))?.collect::<Result<_, _>>()?;
        // A PC is seen with its own tags and its person's; so it is here.
        let mut tags = tags::of(connection, own.tenant, (Kind::Device, device))?;
        tags.extend(tags::of(connection, own.tenant, (Kind::User, user))?);
        Ok(Self { user, device, groups, tags })
    }

    fn fit(&self, targets: &Targets) -> bool {
        targets.users.contains(&self.user)
            || targets.devices.contains(&self.device)
            || !targets.groups.is_disjoint(&self.groups)
            || !targets.tags.is_disjoint(&self.tags)
    }
}

/// The tenant's own rules, or the standard.
pub(crate) fn own_rules(connection: &Connection, tenant: i64) -> Result<Rules, StoreError> {
    let mut statement = connection.prepare_cached("SELECT rules FROM retention WHERE tenant = $1")?;
    let text: Option<String> = statement.query_row([tenant], |row| row.get(0)).optional()?;
    text.map_or(Ok(Rules::STANDARD), |text| from_text(&text, "the rules of retention"))
}

/// Rules that cannot be read must not become others: nothing is let go.
fn from_text(text: &str, what: &str) -> Result<Rules, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::Damaged(format!("{what}: {error}")))
}

/// Rules for a row and for the audit.
pub(crate) fn to_text(rules: &Rules) -> Result<String, StoreError> {
    serde_json::to_string(rules).map_err(|error| StoreError::Damaged(format!("rules: {error}")))
}
