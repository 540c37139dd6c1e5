//! Enrolment tokens: what lets a PC in without anybody at it, and the PCs that it let in and that are no devices yet.
//!
//! A token is scoped: how often, until when, for whom, and whether an administrator has to say yes. By itself it gives access to nothing: a PC
//! gets its user by the user's sign-in, or because the administrator bound the token to one.

use crate::sql::{Connection, OptionalExtension};
use model::ids::UserId;
use model::signature::KeyPrint;
use model::world::Moment;

use crate::accounts::{self, check_name};
use crate::audit::{self, Action, Event};
use crate::scope::TenantScope;
use crate::{Account, EnrollError, Store, StoreError, people, row};

/// A token to be made.
pub struct NewEnrolmentToken {
    /// Its id.
    pub id: [u8; 16],
    /// BLAKE3 of what is handed out.
    pub hash: [u8; 32],
    /// What it is for, in the administrator's words.
    pub note: String,
    /// Whose PCs it makes; nobody's: whoever signs in.
    pub user: Option<UserId>,
    /// Whether an administrator says yes to each PC.
    pub approval: bool,
    /// How many PCs.
    pub uses_max: u32,
    /// Until when.
    pub expires_at: Moment,
}

/// A token as its administrator sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnrolmentToken {
    /// Its id.
    pub id: [u8; 16],
    /// What it is for.
    pub note: String,
    /// Name of the user whose PCs it makes.
    pub user: Option<String>,
    /// Whether an administrator says yes to each PC.
    pub approval: bool,
    /// How many PCs it has made or let wait.
    pub uses: u64,
    /// How many it may.
    pub uses_max: u64,
    /// When it was made.
    pub created_at: Moment,
    /// Until when it counts.
    pub expires_at: Moment,
    /// Whether it was withdrawn.
    pub revoked: bool,
}

/// A token that a PC has shown and that counts.
#[derive(Clone, Debug)]
pub struct FoundToken {
    pub(crate) id: [u8; 16],
    pub(crate) tenant: TenantScope,
    /// The tenant's name.
    pub tenant_name: String,
    /// Whose PCs it makes.
    pub user: Option<Account>,
    /// Whether an administrator says yes to each PC.
    pub approval: bool,
}

impl FoundToken {
    /// The tenant.
    pub fn tenant(&self) -> &TenantScope {
        &self.tenant
    }
}

/// A PC that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The name of its key, which it goes by until it is a device.
    pub key: KeyPrint,
    /// Its name.
    pub name: String,
    /// Whether an administrator has said yes, or need not.
    pub approved: bool,
    /// Since when it waits.
    pub since: Moment,
}

impl Store {
    /// Makes a token. `false`: the tenant has no such user.
    pub fn create_enrolment_token(
        &self,
        tenant: &TenantScope,
        new: NewEnrolmentToken,
        at: Moment,
    ) -> Result<bool, StoreError> {
        if !new.note.is_empty() {
            check_name(&new.note)?;
        }
        let tenant = tenant.clone();
        self.writer.write(move |tx| {
            let user_no: Option<i64> = match &new.user {
                None => None,
                Some(user) => {
                    let no = people::user_no(tx, tenant.no, *user)?;
                    if no.is_none() {
                        return Ok(false);
                    }
                    no
                }
            };
            tx.prepare_cached(
                "INSERT INTO enrolment_tokens (tenant, id, hash, note, user_no, approval, uses_max, uses, created_at, expires_at) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $8, $9)",
            )?
            .execute((
                tenant.no,
                new.id,
                new.hash,
                &new.note,
                user_no,
                i64::from(new.approval),
                i64::from(new.uses_max),
                at.0,
                new.expires_at.0,
            ))?;
            audit::append(tx, &tenant, &Event::by_operator(at, Action::EnrolmentTokenCreate, &new.id))?;
            Ok::<_, StoreError>(true)
        })
    }

    /// The tenant's tokens, newest first.
    pub fn enrolment_tokens(&self, tenant: &TenantScope) -> Result<Vec<EnrolmentToken>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT k.id, k.note, u.name, k.approval, k.uses, k.uses_max, k.created_at, k.expires_at, k.revoked_at \
                 FROM enrolment_tokens k LEFT JOIN users u ON u.tenant = k.tenant AND u.no = k.user_no \
                 WHERE k.tenant = $1 ORDER BY k.created_at DESC, k.id",
            )?;
            let tokens = statement.query_map([tenant.no], |row| {
                Ok(EnrolmentToken {
                    id: row.get(0)?,
                    note: row.get(1)?,
                    user: row.get(2)?,
                    approval: row.get::<_, i64>(3)? != 0,
                    uses: row::unsigned(row.get(4)?),
                    uses_max: row::unsigned(row.get(5)?),
                    created_at: Moment(row.get(6)?),
                    expires_at: Moment(row.get(7)?),
                    revoked: row.get::<_, Option<i64>>(8)?.is_some(),
                })
            })?;
            Ok(tokens.collect::<Result<_, _>>()?)
        })
    }

    /// Withdraws a token. Devices that it made stay, PCs that wait by it do not. `false`: there is none, or it was withdrawn before.
    pub fn revoke_enrolment_token(&self, tenant: &TenantScope, id: [u8; 16], at: Moment) -> Result<bool, StoreError> {
        let tenant = tenant.clone();
        self.writer.write(move |tx| {
            let sql =
                "UPDATE enrolment_tokens SET revoked_at = $1 WHERE tenant = $2 AND id = $3 AND revoked_at IS NULL";
            if tx.prepare_cached(sql)?.execute((at.0, tenant.no, id))? == 0 {
                return Ok(false);
            }
            tx.prepare_cached("DELETE FROM waiting_devices WHERE tenant = $1 AND token = $2")?
                .execute((tenant.no, id))?;
            audit::append(tx, &tenant, &Event::by_operator(at, Action::EnrolmentTokenRevoke, &id))?;
            Ok::<_, StoreError>(true)
        })
    }

    /// The token with this BLAKE3 that counts now, or that has let the PC with this key wait already.
    pub fn find_token(&self, hash: &[u8; 32], key: KeyPrint, at: Moment) -> Result<Option<FoundToken>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT k.id, k.tenant, t.id, t.name, k.approval, u.no, u.id, u.password, u.name FROM enrolment_tokens k \
                 JOIN tenants t ON t.no = k.tenant LEFT JOIN users u ON u.tenant = k.tenant AND u.no = k.user_no \
                 WHERE k.hash = $1 AND k.revoked_at IS NULL AND ((k.uses < k.uses_max AND k.expires_at > $2) \
                 OR EXISTS (SELECT 1 FROM waiting_devices w WHERE w.tenant = k.tenant AND w.token = k.id AND w.key_print = $3))",
            )?;
            let found = statement.query_row((hash, at.0, key.0), |row| {
                let tenant = TenantScope::new(row.get(1)?, row::Id(row.get(2)?).into());
                let tenant_name: String = row.get(3)?;
                let user = match row.get::<_, Option<i64>>(5)? {
                    None => None,
                    Some(user_no) => Some(Account {
                        tenant: tenant.clone(),
                        user_no,
                        tenant_name: tenant_name.clone(),
                        user: row::Id(row.get(6)?).into(),
                        password: row.get(7)?,
                        name: row.get(8)?,
                    }),
                };
                Ok(FoundToken { id: row.get(0)?, tenant, tenant_name, user, approval: row.get::<_, i64>(4)? != 0 })
            });
            Ok(found.optional()?)
        })
    }

    /// Lets a PC wait, once for each key, and says whether it is approved or need not be.
    pub fn wait(&self, token: &FoundToken, (key, name): (KeyPrint, &str), at: Moment) -> Result<bool, EnrollError> {
        check_name(name)?;
        let (token, name) = (token.clone(), name.to_owned());
        self.writer.write_for_reading(move |tx| {
            if let Some(bound) = &token.user
                && !accounts::is_on(tx, (bound.tenant.no, bound.user_no))?
            {
                return Err(EnrollError::PersonDisabled);
            }
            if let Some(approved) = waits(tx, &token.tenant, key)? {
                return Ok(approved);
            }
            spend(tx, (&token.tenant, &token.id), key, at)?;
            tx.prepare_cached(
                "INSERT INTO waiting_devices (tenant, key_print, name, token, created_at) VALUES ($1, $2, $3, $4, $5)",
            )?
            .execute((token.tenant.no, key.0, &name, token.id, at.0))?;
            audit::append(tx, &token.tenant, &Event::by_operator(at, Action::DeviceWait, &key.0))?;
            Ok(!token.approval)
        })
    }

    /// Whether a PC waits, and whether it is approved or need not be.
    pub fn waiting(&self, tenant: &TenantScope, key: KeyPrint) -> Result<Option<bool>, StoreError> {
        self.read(|connection| waits(connection, tenant, key))
    }

    /// The PCs that wait, oldest first.
    pub fn waiting_devices(&self, tenant: &TenantScope) -> Result<Vec<Waiting>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT w.key_print, w.name, w.approved_at, k.approval, w.created_at FROM waiting_devices w \
                 JOIN enrolment_tokens k ON k.tenant = w.tenant AND k.id = w.token WHERE w.tenant = $1 ORDER BY w.created_at",
            )?;
            let waiting = statement.query_map([tenant.no], |row| {
                let approved: Option<i64> = row.get(2)?;
                Ok(Waiting {
                    key: KeyPrint(row.get(0)?),
                    name: row.get(1)?,
                    approved: approved.is_some() || row.get::<_, i64>(3)? == 0,
                    since: Moment(row.get(4)?),
                })
            })?;
            Ok(waiting.collect::<Result<_, _>>()?)
        })
    }

    /// Says yes to a PC that waits. `false`: none with that key does.
    pub fn approve(&self, tenant: &TenantScope, key: KeyPrint, at: Moment) -> Result<bool, StoreError> {
        let tenant = tenant.clone();
        self.writer.write(move |tx| {
            let sql = "UPDATE waiting_devices SET approved_at = $1 WHERE tenant = $2 AND key_print = $3 AND approved_at IS NULL";
            let changed = tx.prepare_cached(sql)?.execute((at.0, tenant.no, key.0))?;
            if changed == 1 {
                audit::append(tx, &tenant, &Event::by_operator(at, Action::DeviceApprove, &key.0))?;
            }
            Ok::<_, StoreError>(changed == 1)
        })
    }
}

fn waits(connection: &Connection, tenant: &TenantScope, key: KeyPrint) -> Result<Option<bool>, StoreError> {
    let sql = "SELECT w.approved_at IS NOT NULL OR k.approval = 0 FROM waiting_devices w \
               JOIN enrolment_tokens k ON k.tenant = w.tenant AND k.id = w.token WHERE w.tenant = $1 AND w.key_print = $2";
    Ok(connection.prepare_cached(sql)?.query_row((tenant.no, key.0), |row| row.get(0)).optional()?)
}

/// Uses a token up by one, unless the PC has waited by it and was counted then.
pub(crate) fn spend(
    tx: &Connection,
    (tenant, token): (&TenantScope, &[u8; 16]),
    key: KeyPrint,
    at: Moment,
) -> Result<(), EnrollError> {
    let sql = "DELETE FROM waiting_devices WHERE tenant = $1 AND key_print = $2 AND token = $3";
    if tx.prepare_cached(sql)?.execute((tenant.no, key.0, token))? == 1 {
        return Ok(());
    }
    let sql = "UPDATE enrolment_tokens SET uses = uses + 1 WHERE tenant = $1 AND id = $2 AND uses < uses_max \
               AND expires_at > $3 AND revoked_at IS NULL";
    let changed = tx.prepare_cached(sql)?.execute((tenant.no, token, at.0))?;
    if changed == 1 { Ok(()) } else { Err(EnrollError::TokenRefused) }
}
