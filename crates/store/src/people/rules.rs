//! Of whom an organisation demands a second factor: nobody, those who hold a role, or everybody with a built-in account.
//!
//! A session that was opened with a password alone is not signed in as long as more is demanded of its person ([`Stage::SetUpFactor`](super::Stage)). That is
//! looked at whenever a session is, so it holds at once for a rule that is made stricter and for a person who is given a role.

use crate::sql::{Connection, OptionalExtension};
use model::admin::{FactorRule, SignInRules};
use model::permission::Permission;
use model::world::Moment;

use super::Person;
use crate::admin::check_version;
use crate::audit::{self, Action, Event};
use crate::authority::{self, View};
use crate::error::AdminError;
use crate::{Store, StoreError, row};

impl Store {
    /// The rules with their version; 0: nothing was ever said.
    pub fn sign_in_rules(&self, view: &View) -> Result<(SignInRules, u64), StoreError> {
        self.read(|connection| load(connection, view.scope().no))
    }

    /// Puts others in their place and gives their version.
    pub fn change_sign_in_rules(
        &self,
        view: &View,
        version: Option<u64>,
        rules: SignInRules,
        at: Moment,
    ) -> Result<u64, AdminError> {
        if !view.is_whole() {
            return Err(AdminError::Lacks(vec![Permission::TenantWrite]));
        }
        let view = view.clone();
        self.writer.write(move |tx| {
            let (before, found) = load(tx, view.scope().no)?;
            check_version(version, row::signed(found))?;
            let sql = "INSERT INTO factor_rules (tenant, second_factor, version) VALUES ($1, $2, $3) \
                       ON CONFLICT (tenant) DO UPDATE SET second_factor = excluded.second_factor, version = excluded.version";
            let next = found + 1;
            tx.prepare_cached(sql)?.execute((view.scope().no, rules.second_factor.word(), row::signed(next)))?;
            let (actor, id) = (view.actor(), view.tenant());
            let event = Event::of(&actor, at, Action::FactorRule, id.as_bytes());
            let (was, is) = (before.second_factor.word(), rules.second_factor.word());
            audit::append(tx, view.scope(), &Event { before: Some(was), after: Some(is), ..event })?;
            Ok(next)
        })
    }

    /// Whether the organisation demands more of this person than a password, at the server's own account.
    pub fn demands_factor(&self, person: &Person, at: Moment) -> Result<bool, StoreError> {
        self.read(|connection| demands(connection, (person.tenant.no, person.user_no), at))
    }
}

fn load(connection: &Connection, tenant: i64) -> Result<(SignInRules, u64), StoreError> {
    let sql = "SELECT second_factor, version FROM factor_rules WHERE tenant = $1";
    let found: Option<(String, i64)> =
        connection.prepare_cached(sql)?.query_row([tenant], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    let Some((word, version)) = found else { return Ok((SignInRules::default(), 0)) };
    let second_factor = FactorRule::from_word(&word)
        .ok_or_else(|| StoreError::Damaged("an organisation's sign-in rules".to_owned()))?;
    Ok((SignInRules { second_factor }, row::unsigned(version)))
}

pub(super) fn demands(connection: &Connection, (tenant, user): (i64, i64), at: Moment) -> Result<bool, StoreError> {
    Ok(match load(connection, tenant)?.0.second_factor {
        FactorRule::Nobody => false,
        FactorRule::Everybody => true,
        FactorRule::Admins => authority::has_role(connection, tenant, (user, at))?,
    })
}
