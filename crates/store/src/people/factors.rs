//! What a built-in account has beside its password: the order to change it, a second factor, recovery codes.

use crate::sql::{Connection, OptionalExtension};
use model::world::Moment;

use super::{Person, note};
use crate::audit::Action;
use crate::{Store, StoreError};

/// Whether a password must be changed. The numbers are in the database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Change {
    /// It may stay.
    #[default]
    No = 0,
    /// Somebody who signs in on the page is asked for another.
    OnThePage = 1,
    /// Nothing works with it but choosing another: somebody else has seen it.
    First = 2,
}

impl Change {
    fn from_number(number: u8) -> Self {
        match number {
            0 => Self::No,
            1 => Self::OnThePage,
            _ => Self::First,
        }
    }
}

/// What an account has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Factors {
    /// Whether the password must be changed.
    pub change_password: Change,
    /// The sealed secret of the second factor.
    pub totp: Option<Vec<u8>>,
    /// Recovery codes that are left.
    pub recovery_codes: u64,
}

impl Store {
    /// What the person's account has.
    pub fn factors(&self, person: &Person) -> Result<Factors, StoreError> {
        let key = (person.tenant.no, person.user_no);
        self.read(|connection| {
            let sql = "SELECT change_password, totp FROM factors WHERE tenant = $1 AND user_no = $2";
            let found = connection
                .prepare_cached(sql)?
                .query_row(key, |row| Ok((Change::from_number(row.get(0)?), row.get(1)?)));
            let (change_password, totp) = found.optional()?.unwrap_or_default();
            let count = "SELECT COUNT(*) FROM recovery_codes WHERE tenant = $1 AND user_no = $2";
            let left: i64 = connection.prepare_cached(count)?.query_row(key, |row| row.get(0))?;
            Ok(Factors { change_password, totp, recovery_codes: crate::row::unsigned(left) })
        })
    }

    /// Says whether the password must be changed.
    pub fn order_password_change(&self, person: &Person, change: Change) -> Result<(), StoreError> {
        let person = person.clone();
        self.writer.write(move |tx| set_change(tx, &person, change))
    }

    /// Gives the account a second factor and new recovery codes (their hashes), or takes both away.
    pub fn set_totp(
        &self,
        person: &Person,
        totp: Option<(Vec<u8>, i64)>,
        recovery: Vec<[u8; 32]>,
        at: Moment,
    ) -> Result<(), StoreError> {
        let person = person.clone();
        self.writer.write(move |tx| {
            let key = (person.tenant.no, person.user_no);
            let action = if totp.is_some() { Action::SecondFactorSet } else { Action::SecondFactorRemove };
            let (secret, step) = totp.as_ref().map_or((None, 0), |(secret, step)| (Some(secret), *step));
            let sql = "INSERT INTO factors (tenant, user_no, change_password, totp, totp_step) VALUES ($1, $2, 0, $3, $4) \
                       ON CONFLICT (tenant, user_no) DO UPDATE SET totp = excluded.totp, totp_step = excluded.totp_step";
            tx.prepare_cached(sql)?.execute((key.0, key.1, secret, step))?;
            tx.prepare_cached("DELETE FROM recovery_codes WHERE tenant = $1 AND user_no = $2")?.execute(key)?;
            let sql = "INSERT INTO recovery_codes (tenant, user_no, hash) VALUES ($1, $2, $3)";
            for hash in &recovery {
                tx.prepare_cached(sql)?.execute((key.0, key.1, hash))?;
            }
            note(tx, &person.tenant, at, action, (&[], person.user.as_bytes(), 0))
        })
    }

    /// Uses up a time step. `false`: it, or a later one, was used before.
    pub fn use_totp_step(&self, person: &Person, step: i64) -> Result<bool, StoreError> {
        let person = person.clone();
        self.writer.write_for_reading(move |tx| {
            let sql = "UPDATE factors SET totp_step = $1 WHERE tenant = $2 AND user_no = $3 AND totp_step < $1 \
                       AND totp IS NOT NULL";
            Ok(tx.prepare_cached(sql)?.execute((step, person.tenant.no, person.user_no))? == 1)
        })
    }

    /// Uses up a recovery code. `false`: there is none with that hash, or no longer.
    pub fn use_recovery_code(&self, person: &Person, hash: [u8; 32], at: Moment) -> Result<bool, StoreError> {
        let person = person.clone();
        self.writer.write_for_reading(move |tx| {
            let sql = "DELETE FROM recovery_codes WHERE tenant = $1 AND user_no = $2 AND hash = $3";
            let used = tx.prepare_cached(sql)?.execute((person.tenant.no, person.user_no, hash))? == 1;
            if used {
                let id = person.user.as_bytes();
                note(tx, &person.tenant, at, Action::RecoveryCodeUse, (id, id, 0))?;
            }
            Ok(used)
        })
    }
}

pub(super) fn set_change(tx: &Connection, person: &Person, change: Change) -> Result<(), StoreError> {
    let sql = "INSERT INTO factors (tenant, user_no, change_password, totp, totp_step) VALUES ($1, $2, $3, NULL, 0) \
               ON CONFLICT (tenant, user_no) DO UPDATE SET change_password = excluded.change_password";
    tx.prepare_cached(sql)?.execute((person.tenant.no, person.user_no, change as u8))?;
    Ok(())
}
