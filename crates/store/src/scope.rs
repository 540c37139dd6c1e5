//! Whose data an operation may touch, as a type.
//!
//! Nothing of a tenant is read or written without one of these, and they cannot be made up: [`Scope`] comes from a device's key that was
//! looked up, [`TenantScope`] from the operator's command line, [`Account`](crate::Account) from a name whose password the server still has
//! to check. Their numbers go into every statement (`security.md` 2.6).

use std::sync::Arc;

use crate::sql::{Connection, OptionalExtension};
use model::ids::{DeviceId, ProfileId, TenantId, UserId};
use model::signature::KeyPrint;

use crate::StoreError;
use crate::audit::origin::{Origin, Who};
use crate::row::Id;

/// An organisation, for its operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenantScope {
    pub(crate) no: i64,
    pub(crate) id: TenantId,
    /// Who acts through it and from where, for the audit. `None`: the operator, on the command line.
    pub(crate) origin: Option<Arc<Origin>>,
}

impl TenantScope {
    pub(crate) fn new(no: i64, id: TenantId) -> Self {
        Self { no, id, origin: None }
    }

    /// The same scope in the hands of somebody: what is done through it says so in the audit.
    #[must_use]
    pub fn by(&self, origin: impl Into<Arc<Origin>>) -> Self {
        Self { origin: Some(origin.into()), ..self.clone() }
    }

    /// Who acts through it, if somebody said.
    pub fn actor(&self) -> Option<&Who> {
        self.origin.as_deref().map(|origin| &origin.actor)
    }

    /// The organisation's id.
    pub fn tenant(&self) -> TenantId {
        self.id
    }
}

/// A person on one of their PCs: reads what is theirs, writes to that PC's profile only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    pub(crate) tenant: TenantScope,
    pub(crate) user_no: i64,
    pub(crate) device_no: i64,
    pub(crate) profile_no: i64,
    user: UserId,
    device: DeviceId,
    profile: ProfileId,
}

impl Scope {
    /// The same scope for one request: what is done through it says from where in the audit.
    #[must_use]
    pub fn by(&self, origin: impl Into<Arc<Origin>>) -> Self {
        Self { tenant: self.tenant.by(origin), ..self.clone() }
    }

    /// The organisation's scope, with whoever acts.
    pub fn tenant_scope(&self) -> &TenantScope {
        &self.tenant
    }

    /// The organisation.
    pub fn tenant(&self) -> TenantId {
        self.tenant.id
    }

    /// The person.
    pub fn user(&self) -> UserId {
        self.user
    }

    /// The PC that asks.
    pub fn device(&self) -> DeviceId {
        self.device
    }

    /// Its id, for as long as the scope lasts.
    pub(crate) fn device_bytes(&self) -> &[u8; 16] {
        self.device.as_bytes()
    }

    /// The profile that the PC writes.
    pub fn profile(&self) -> ProfileId {
        self.profile
    }

    /// Looks a live device up by the name of its key; gives the columns that are asked for besides.
    pub(crate) fn of_key<T>(
        connection: &Connection,
        key: KeyPrint,
        also: impl FnOnce(&crate::sql::Row<'_>) -> crate::sql::Result<T>,
    ) -> Result<Option<(Self, T)>, StoreError> {
        let mut statement = connection.prepare_cached(
            "SELECT d.tenant, t.id, d.user_no, u.id, d.no, d.id, p.no, p.id, d.public_key, d.forked_at, d.key_made_at, d.machine \
             FROM devices d \
             JOIN tenants t ON t.no = d.tenant \
             JOIN users u ON u.tenant = d.tenant AND u.no = d.user_no \
             JOIN profiles p ON p.tenant = d.tenant AND p.device_no = d.no \
             WHERE d.key_print = $1 AND d.revoked_at IS NULL AND u.disabled_at IS NULL",
        )?;
        let scope = statement.query_row([key.0], |row| {
            let scope = Self {
                tenant: TenantScope::new(row.get(0)?, Id(row.get(1)?).into()),
                user_no: row.get(2)?,
                user: Id(row.get(3)?).into(),
                device_no: row.get(4)?,
                device: Id(row.get(5)?).into(),
                profile_no: row.get(6)?,
                profile: Id(row.get(7)?).into(),
            };
            Ok((scope, also(row)?))
        });
        Ok(scope.optional()?)
    }
}

/// A profile that a scope may read, and whether it may write it. Made by the lookups below only.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OwnProfile {
    pub(crate) tenant: i64,
    pub(crate) no: i64,
    pub(crate) id: ProfileId,
}

impl Scope {
    /// The profile that the PC writes.
    pub(crate) fn own(&self) -> OwnProfile {
        OwnProfile { tenant: self.tenant.no, no: self.profile_no, id: self.profile }
    }

    /// A profile of the person, on any of their PCs. `None`: unknown and foreign alike.
    pub(crate) fn find(&self, connection: &Connection, id: ProfileId) -> Result<Option<OwnProfile>, StoreError> {
        if id == self.profile {
            return Ok(Some(self.own()));
        }
        let mut statement = connection.prepare_cached(
            "SELECT no FROM profiles WHERE tenant = $1 AND id = $2 AND user_no = $3 AND left_at IS NULL",
        )?;
        let no = statement.query_row((self.tenant.no, id.as_bytes(), self.user_no), |row| row.get(0)).optional()?;
        Ok(no.map(|no| OwnProfile { tenant: self.tenant.no, no, id }))
    }
}
