//! How hard to steal the keys of a tenant's PCs must be, at least. PCs that are connected already stay; they are asked when they come anew or change their key.

use crate::sql::OptionalExtension;
use model::device::KeyLevel;
use model::world::Moment;

use crate::audit::{self, Action, Event};
use crate::scope::TenantScope;
use crate::{Store, StoreError};

impl Store {
    /// The weakest level that the tenant takes.
    pub fn least_key_level(&self, tenant: &TenantScope) -> Result<KeyLevel, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached("SELECT key_level FROM enrolment_rules WHERE tenant = $1")?;
            let word: Option<String> = statement.query_row([tenant.no], |row| row.get(0)).optional()?;
            let Some(word) = word else { return Ok(KeyLevel::File) };
            KeyLevel::from_word(&word).ok_or_else(|| StoreError::Damaged("an organisation's key level".to_owned()))
        })
    }

    /// Sets it.
    pub fn set_least_key_level(&self, tenant: &TenantScope, level: KeyLevel, at: Moment) -> Result<(), StoreError> {
        let tenant = tenant.clone();
        self.writer.write(move |tx| {
            let sql = "INSERT INTO enrolment_rules (tenant, key_level) VALUES ($1, $2) \
                       ON CONFLICT (tenant) DO UPDATE SET key_level = excluded.key_level";
            tx.prepare_cached(sql)?.execute((tenant.no, level.word()))?;
            let place = KeyLevel::ALL.iter().position(|known| *known == level).unwrap_or_default();
            let event =
                Event { detail: place as u64, ..Event::by_operator(at, Action::EnrolmentRules, tenant.id.as_bytes()) };
            audit::append(tx, &tenant, &event)
        })
    }
}
