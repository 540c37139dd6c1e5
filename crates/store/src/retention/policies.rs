//! Which rules a profile is kept by: the tenant's retention policies, whom they are for, and the tenant's own rules where none applies.
//!
//! Everything is read into a value first and decided there, so that a change can be tried out on the value before it is made. The policies for
//! PCs count as one more where they set how many snapshots to keep; what several sets of rules mean together is [`model::retention::decide_by`].

use std::sync::Arc;

use crate::sql::{Connection, OptionalExtension};
use model::retention::{Policy, Rules};

use crate::StoreError;
use crate::scope::OwnProfile;
use crate::targets::{RETENTION, Subject, Targets};

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
    /// What PCs do; some of them say what is kept as well.
    pcs: Arc<crate::policies::Policies>,
}

impl Policies {
    pub(crate) fn load(connection: &Connection, tenant: i64) -> Result<Self, StoreError> {
        let sql = "SELECT no, name, rules FROM retention_policies WHERE tenant = $1 ORDER BY name, no";
        let mut statement = connection.prepare_cached(sql)?;
        let mut rows = statement.query([tenant])?;
        let mut named = Vec::new();
        let mut targets = Targets::load_all(connection, RETENTION, tenant)?;
        while let Some(row) = rows.next()? {
            let (no, name, rules): (i64, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
            let rules = from_text(&rules, &format!("the retention policy `{name}`"))?;
            named.push(Named { no, name, rules, targets: targets.remove(&no).unwrap_or_default() });
        }
        let pcs = Arc::new(crate::policies::Policies::load(connection, tenant)?);
        Ok(Self { own: own_rules(connection, tenant)?, named, pcs })
    }

    /// The policies of a profile, by name; the tenant's own rules if none is for it.
    pub(crate) fn of(&self, connection: &Connection, own: &OwnProfile) -> Result<Vec<Policy>, StoreError> {
        let fallback = || vec![Policy { name: None, rules: self.own }];
        if self.named.is_empty() && !self.pcs.says_retention() {
            return Ok(fallback());
        }
        let sql = "SELECT user_no, device_no FROM profiles WHERE tenant = $1 AND no = $2";
        let whose =
            connection.prepare_cached(sql)?.query_row((own.tenant, own.no), |row| Ok((row.get(0)?, row.get(1)?)))?;
        let subject = Subject::of(connection, own.tenant, whose)?;
        let applies = self.named.iter().filter(|policy| subject.fits(&policy.targets));
        let mut found: Vec<Policy> =
            applies.map(|policy| Policy { name: Some(policy.name.clone()), rules: policy.rules }).collect();
        found.extend(self.pcs.retention_of(connection, own.tenant, &subject)?);
        Ok(if found.is_empty() { fallback() } else { found })
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
