//! Devices: PCs that have shown a key of their own, each with the profile of its user.
//!
//! A PC that enrols again, with the same user, is the same device with another key, so that its backups go on where they were instead of
//! beginning a second time under a name that looks the same.

use crate::sql::{Connection, OptionalExtension};
use model::device::KeyLevel;
use model::ids::{DeviceId, ProfileId, UserId};
use model::signature::KeyPrint;
use model::world::Moment;

use crate::accounts::{self, check_name};
use crate::audit::{self, Action, Event};
use crate::keys::{NewKey, Owner};
use crate::scope::{Scope, TenantScope};
use crate::{Account, FoundToken, Store, StoreError, keys, row, tokens};

/// The public half of a device's key.
#[derive(Clone, Copy, Debug)]
pub struct NewDeviceKey {
    /// Its name on the wire.
    pub print: KeyPrint,
    /// The point.
    pub public: [u8; 65],
    /// Where the private half is, as the device says.
    pub level: KeyLevel,
}

/// A device to be made, with the profile of its user.
pub struct NewDevice {
    /// Its id, if it is new.
    pub id: DeviceId,
    /// Its name.
    pub name: String,
    /// Its key.
    pub device_key: NewDeviceKey,
    /// What tells the PC from others, hashed on the PC; nothing if the PC does not know.
    pub machine: Option<[u8; 32]>,
    /// The id of the profile, if it is new.
    pub profile: ProfileId,
    /// The profile's key, wrapped by the user's.
    pub key: NewKey,
}

/// Why a PC was not taken in.
#[derive(Debug, thiserror::Error)]
pub enum EnrollError {
    /// Another machine has this key.
    #[error("another machine has this key")]
    OtherMachine,
    /// The key is another user's, or of a device whose access was withdrawn.
    #[error("the key is in use already")]
    KeyInUse,
    /// The token is not there, used up, expired or withdrawn.
    #[error("the enrollment token is wrong, used up, expired or withdrawn")]
    TokenRefused,
    /// The person whose PC it would be is switched off.
    #[error("its person is switched off")]
    PersonDisabled,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<crate::sql::Error> for EnrollError {
    fn from(error: crate::sql::Error) -> Self {
        Self::Store(error.into())
    }
}

/// A live device, found by the name of its key.
#[derive(Clone, Debug)]
pub struct Holder {
    /// Whose data it may touch.
    pub scope: Scope,
    /// Checks its signatures.
    pub public_key: [u8; 65],
    /// Whether two PCs seem to back up as this one.
    pub forked: bool,
    /// When the key came.
    pub key_made_at: Moment,
}

/// How a device stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceState {
    /// It works.
    Active,
    /// Two PCs seem to back up as this one; it reads only.
    Forked,
    /// It was enrolled before devices had keys, and has to enrol again.
    WithoutKey,
    /// Its access was withdrawn.
    Revoked,
}

/// A device of a tenant, for its operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Its id.
    pub id: DeviceId,
    /// Its name.
    pub name: String,
    /// The user's name.
    pub user: String,
    /// When it last asked anything.
    pub seen_at: Moment,
    /// How it stands.
    pub state: DeviceState,
    /// Where its key is, as it says.
    pub level: Option<KeyLevel>,
}

/// Whose access is withdrawn.
#[derive(Clone, Copy, Debug)]
pub enum Revoked {
    /// One device's.
    Device(DeviceId),
    /// All devices' of a user.
    User(UserId),
    /// All devices' of the tenant.
    All,
}

impl Store {
    /// Takes in the PC of `account`, who has shown who they are, or whom the token names. The same PC of the same user stays the same device.
    pub fn enroll(
        &self,
        account: &Account,
        new: NewDevice,
        token: Option<&FoundToken>,
        at: Moment,
    ) -> Result<Scope, EnrollError> {
        check_name(&new.name)?;
        let (tenant, user_no) = (account.tenant.clone(), account.user_no);
        let token = token.map(|token| token.id);
        self.writer.write_for_reading(move |tx| {
            if !accounts::is_on(tx, (tenant.no, user_no))? {
                return Err(EnrollError::PersonDisabled);
            }
            if let Some(known) = known_key(tx, (&tenant, user_no), &new)? {
                return Ok(known);
            }
            if let Some(token) = token {
                tokens::spend(tx, (&tenant, &token), new.device_key.print, at)?;
            }
            tx.prepare_cached("DELETE FROM waiting_devices WHERE key_print = $1")?.execute([new.device_key.print.0])?;
            let id = match same_machine(tx, (&tenant, user_no), &new)? {
                Some((no, id)) => {
                    set_key(tx, (tenant.no, no), &new.device_key, at)?;
                    tx.prepare_cached("UPDATE devices SET name = $1, forked_at = NULL WHERE tenant = $2 AND no = $3")?
                        .execute((&new.name, tenant.no, no))?;
                    id
                }
                None => insert(tx, (&tenant, user_no), &new, at)?,
            };
            let event = Event {
                person: Some(user_no),
                ..Event::by(id.as_bytes(), at, Action::DeviceEnroll, (id.as_bytes(), 0))
            };
            audit::append(tx, &tenant, &event)?;
            found(tx, new.device_key.print)
        })
    }

    /// The live device whose key has that name. The key's name is public, so nothing is shown by asking for it.
    pub fn authenticate(&self, key: KeyPrint) -> Result<Option<Holder>, StoreError> {
        self.read(|connection| {
            let found = Scope::of_key(connection, key, |row| {
                let forked: Option<i64> = row.get(9)?;
                Ok((row.get(8)?, forked.is_some(), row.get::<_, Option<i64>>(10)?))
            })?;
            Ok(found.map(|(scope, (public_key, forked, made))| Holder {
                scope,
                public_key,
                forked,
                key_made_at: Moment(made.unwrap_or(0)),
            }))
        })
    }

    /// Gives a device another key, which the old one has vouched for. `false`: its access was withdrawn meanwhile, or the new key is in use.
    pub fn change_key(&self, scope: &Scope, key: NewDeviceKey, at: Moment) -> Result<bool, StoreError> {
        let scope = scope.clone();
        self.writer.write(move |tx| {
            let taken = tx.prepare_cached("SELECT 1 FROM devices WHERE key_print = $1")?.exists([key.print.0])?;
            if taken || !set_key(tx, (scope.tenant.no, scope.device_no), &key, at)? {
                return Ok(false);
            }
            let id = scope.device();
            audit::append_by(tx, &scope, at, Action::DeviceKey, (id.as_bytes(), 0))?;
            Ok::<_, StoreError>(true)
        })
    }

    /// The tenant's devices, by name.
    pub fn devices(&self, tenant: &TenantScope) -> Result<Vec<Device>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT d.id, d.name, u.name, d.seen_at, d.revoked_at, d.forked_at, d.key_print, d.key_level FROM devices d \
                 JOIN users u ON u.tenant = d.tenant AND u.no = d.user_no WHERE d.tenant = $1 ORDER BY d.name, d.no",
            )?;
            let devices = statement.query_map([tenant.no], |row| {
                let (revoked, forked): (Option<i64>, Option<i64>) = (row.get(4)?, row.get(5)?);
                let key: Option<[u8; 16]> = row.get(6)?;
                let state = match (revoked, key, forked) {
                    (Some(_), _, _) => DeviceState::Revoked,
                    (None, None, _) => DeviceState::WithoutKey,
                    (None, Some(_), Some(_)) => DeviceState::Forked,
                    (None, Some(_), None) => DeviceState::Active,
                };
                let level: Option<String> = row.get(7)?;
                Ok(Device {
                    id: row::Id(row.get(0)?).into(),
                    name: row.get(1)?,
                    user: row.get(2)?,
                    seen_at: Moment(row.get(3)?),
                    state,
                    level: level.as_deref().and_then(KeyLevel::from_word),
                })
            })?;
            Ok(devices.collect::<Result<_, _>>()?)
        })
    }

    /// Withdraws access for good, and says of how many devices. What they backed up stays.
    pub fn revoke(&self, tenant: &TenantScope, whose: Revoked, at: Moment) -> Result<u64, StoreError> {
        let tenant = tenant.clone();
        self.writer.write(move |tx| {
            let sql = "UPDATE devices SET revoked_at = $1 WHERE tenant = $2 AND revoked_at IS NULL \
                       AND (id = $3 OR $3 IS NULL) \
                       AND (user_no = (SELECT no FROM users WHERE tenant = $2 AND id = $4) OR $4 IS NULL) RETURNING id";
            let (device, user) = match &whose {
                Revoked::Device(id) => (Some(id.as_bytes()), None),
                Revoked::User(id) => (None, Some(id.as_bytes())),
                Revoked::All => (None, None),
            };
            let mut statement = tx.prepare_cached(sql)?;
            let ids = statement.query_map((at.0, tenant.no, device, user), |row| row.get::<_, [u8; 16]>(0))?;
            let ids = ids.collect::<Result<Vec<_>, _>>()?;
            for id in &ids {
                audit::append(tx, &tenant, &Event::by_operator(at, Action::DeviceRevoke, id))?;
            }
            Ok(ids.len() as u64)
        })
    }

    /// Notes that two PCs seem to back up as this device: from now on it reads only.
    pub fn mark_forked(&self, scope: &Scope, at: Moment) -> Result<(), StoreError> {
        let scope = scope.clone();
        self.writer.write(move |tx| {
            let sql = "UPDATE devices SET forked_at = $1 WHERE tenant = $2 AND no = $3 AND forked_at IS NULL";
            if tx.prepare_cached(sql)?.execute((at.0, scope.tenant.no, scope.device_no))? == 1 {
                audit::append_by(tx, &scope, at, Action::DeviceFork, (scope.device().as_bytes(), 0))?;
            }
            Ok(())
        })
    }

    /// Lets a forked device write again: an administrator has looked at it. `false`: there is none.
    pub fn accept_device(&self, tenant: &TenantScope, device: DeviceId, at: Moment) -> Result<bool, StoreError> {
        let tenant = tenant.clone();
        self.writer.write(move |tx| {
            let sql = "UPDATE devices SET forked_at = NULL WHERE tenant = $1 AND id = $2 AND forked_at IS NOT NULL \
                       AND revoked_at IS NULL RETURNING no";
            let no: Option<i64> =
                tx.prepare_cached(sql)?.query_row((tenant.no, device.as_bytes()), |row| row.get(0)).optional()?;
            let Some(no) = no else { return Ok(false) };
            // Whoever backs up next is the one that counts.
            tx.prepare_cached("UPDATE profiles SET last_base = NULL WHERE tenant = $1 AND device_no = $2")?
                .execute((tenant.no, no))?;
            audit::append(tx, &tenant, &Event::by_operator(at, Action::DeviceAccept, device.as_bytes()))?;
            Ok::<_, StoreError>(true)
        })
    }

    /// Notes when devices last asked something. One transaction for all, no audit: checks that change nothing leave no trace but this.
    pub fn note_seen(&self, seen: Vec<(Scope, Moment)>) -> Result<(), StoreError> {
        self.writer.write(move |tx| {
            let sql = "UPDATE devices SET seen_at = $1 WHERE tenant = $2 AND no = $3";
            let mut statement = tx.prepare_cached(sql)?;
            for (scope, at) in &seen {
                statement.execute((at.0, scope.tenant.no, scope.device_no))?;
            }
            Ok(())
        })
    }
}

fn found(tx: &Connection, key: KeyPrint) -> Result<Scope, EnrollError> {
    let found = Scope::of_key(tx, key, |_| Ok(()))?;
    Ok(found.ok_or_else(|| StoreError::Damaged("a new device is not found".to_owned()))?.0)
}

/// The device that has this very key already: an enrolment whose answer got lost.
fn known_key(
    tx: &Connection,
    (tenant, user_no): (&TenantScope, i64),
    new: &NewDevice,
) -> Result<Option<Scope>, EnrollError> {
    let print = new.device_key.print;
    let Some((scope, machine)) = Scope::of_key(tx, print, |row| row.get::<_, Option<[u8; 32]>>(11))? else {
        let taken = tx.prepare_cached("SELECT 1 FROM devices WHERE key_print = $1")?.exists([print.0])?;
        return if taken { Err(EnrollError::KeyInUse) } else { Ok(None) };
    };
    if scope.tenant.no != tenant.no || scope.user_no != user_no {
        return Err(EnrollError::KeyInUse);
    }
    if machine.is_some() && new.machine.is_some() && machine != new.machine {
        return Err(EnrollError::OtherMachine);
    }
    Ok(Some(scope))
}

/// The live device of that user on that PC. One that was withdrawn stays withdrawn, and the PC becomes another device.
fn same_machine(
    tx: &Connection,
    (tenant, user_no): (&TenantScope, i64),
    new: &NewDevice,
) -> Result<Option<(i64, DeviceId)>, EnrollError> {
    let Some(machine) = new.machine else { return Ok(None) };
    let mut statement = tx.prepare_cached(
        "SELECT no, id FROM devices WHERE tenant = $1 AND user_no = $2 AND machine = $3 AND revoked_at IS NULL \
         ORDER BY no DESC LIMIT 1",
    )?;
    let found =
        statement.query_row((tenant.no, user_no, machine), |row| Ok((row.get(0)?, row::Id(row.get(1)?).into())));
    Ok(found.optional()?)
}

fn set_key(tx: &Connection, (tenant, no): (i64, i64), key: &NewDeviceKey, at: Moment) -> Result<bool, StoreError> {
    let sql = "UPDATE devices SET key_print = $1, public_key = $2, token_hash = $3, key_level = $4, key_made_at = $5 \
               WHERE tenant = $6 AND no = $7 AND revoked_at IS NULL";
    let hash: [u8; 32] = blake3::hash(&key.public).into();
    let changed =
        tx.prepare_cached(sql)?.execute((key.print.0, key.public, hash, key.level.word(), at.0, tenant, no))?;
    Ok(changed == 1)
}

fn insert(
    tx: &Connection,
    (tenant, user_no): (&TenantScope, i64),
    new: &NewDevice,
    at: Moment,
) -> Result<DeviceId, StoreError> {
    let device_no = row::next_no(tx, "SELECT COALESCE(MAX(no), 0) + 1 FROM devices WHERE tenant = $1", tenant.no)?;
    let hash: [u8; 32] = blake3::hash(&new.device_key.public).into();
    tx.prepare_cached(
        "INSERT INTO devices (tenant, no, id, user_no, name, token_hash, machine, created_at, seen_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)",
    )?
    .execute((tenant.no, device_no, new.id.as_bytes(), user_no, &new.name, hash, new.machine, at.0))?;
    set_key(tx, (tenant.no, device_no), &new.device_key, at)?;
    let no = row::next_no(tx, "SELECT COALESCE(MAX(no), 0) + 1 FROM profiles WHERE tenant = $1", tenant.no)?;
    tx.prepare_cached(
        "INSERT INTO profiles (tenant, no, id, user_no, device_no, last_seq, next_part, next_blob, created_at) \
         VALUES ($1, $2, $3, $4, $5, 0, 1, 1, $6)",
    )?
    .execute((tenant.no, no, new.profile.as_bytes(), user_no, device_no, at.0))?;
    keys::insert(tx, &Owner::profile(tenant.no, user_no, no), &new.key, at)?;
    Ok(new.id)
}
