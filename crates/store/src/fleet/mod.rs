//! The fleet at one moment: who could be restored right now, and why not; every PC with its newest backup.
//!
//! Lists, counts and filters of the console are answered from a [`Fleet`] in memory, because a hundred thousand rows are counted there in less than a
//! millisecond and in the database in hundreds. It holds what a [`View`] sees and nothing else, and it is a picture: whoever keeps one says of when it is.
//! One thing by itself (a PC's page) is always read anew.

mod memory;
mod places;
mod read;

use crate::sql::{Connection, OptionalExtension, Row};
use model::device::KeyLevel;
use model::ids::{DeviceId, ProfileId, ReportId, UserId};
use model::world::Moment;

pub use self::memory::{Fleet, FleetDevice, FleetPerson, Name, Second};
use crate::admin::{devices, people};
use crate::authority::View;
use crate::error::AdminError;
use crate::scope::OwnProfile;
use crate::{ListedDevice, Store, StoreError, TenantScope, row, snapshots};

/// For how long a backup counts as current, in milliseconds: 30 days. A PC on which nothing has changed sends nothing, so one that still asks keeps its
/// backup current; Windows' own backup runs every 8 days, and three that were missed are no accident (`microsoft.md` 2).
pub const CURRENT_MILLIS: i64 = 30 * DAY_MILLIS;

/// A day.
pub const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;

/// Restores that a page lists of a person or a PC: the newest.
const RESTORES_LISTED_MAX: u32 = 100;

/// How somebody, or a PC, stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// There is a current backup that comes back.
    Restorable,
    /// The newest backup was rehearsed and would not come back.
    Failed,
    /// The newest backup is older than [`CURRENT_MILLIS`].
    Stale,
    /// There is a PC and no backup.
    Never,
    /// There is no PC. Of a PC: its access was withdrawn.
    Unconnected,
}

impl Standing {
    /// All, from good to bad.
    pub const ALL: [Self; 5] = [Self::Restorable, Self::Failed, Self::Stale, Self::Never, Self::Unconnected];

    /// The stable word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Restorable => "restorable",
            Self::Failed => "failed",
            Self::Stale => "stale",
            Self::Never => "never",
            Self::Unconnected => "unconnected",
        }
    }

    /// The standing with that word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|standing| standing.word() == word)
    }
}

/// Restores of some time, by how they ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Restores {
    /// Nothing failed.
    pub good: u64,
    /// Some came back and some failed.
    pub partly: u64,
    /// Nothing came back.
    pub failed: u64,
}

/// How a fleet stood on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FleetDay {
    /// Days since 1970, UTC.
    pub day: i64,
    /// People.
    pub people: u64,
    /// Those who could be restored.
    pub restorable: u64,
}

/// A restore, as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedRestore {
    /// Its report.
    pub report: ReportId,
    /// On which PC.
    pub device: DeviceId,
    /// Its name.
    pub device_name: String,
    /// Whose.
    pub user: UserId,
    /// Their name.
    pub user_name: String,
    /// When.
    pub received_at: Moment,
    /// Settings that came back or were there.
    pub came_back: u64,
    /// Settings that failed.
    pub failed: u64,
}

/// A profile with its snapshots, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenProfile {
    /// Its id.
    pub profile: ProfileId,
    /// Its PC.
    pub device: DeviceId,
    /// The PC's name.
    pub device_name: String,
    /// What is kept, and why.
    pub snapshots: Vec<model::api::SnapshotSummary>,
}

/// A PC with what its row says of its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceFacts {
    /// The PC.
    pub device: ListedDevice,
    /// How its key is kept, as it said.
    pub key_level: Option<KeyLevel>,
    /// When the key was made.
    pub key_made_at: Option<Moment>,
    /// Since when two PCs back up as this one.
    pub forked_at: Option<Moment>,
    /// Whether its person is switched off.
    pub person_disabled: bool,
}

fn moment(row: &Row<'_>, column: usize) -> crate::sql::Result<Option<Moment>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(Moment))
}

fn key_level(row: &Row<'_>, column: usize) -> crate::sql::Result<Option<KeyLevel>> {
    Ok(row.get::<_, Option<String>>(column)?.and_then(|word| KeyLevel::from_word(&word)))
}

const RESTORES: &str = "SELECT r.id, d.id, d.name, u.id, u.name, r.received_at, r.came_back, r.failed FROM reports r \
                        JOIN devices d ON d.tenant = r.tenant AND d.no = r.device_no \
                        JOIN users u ON u.tenant = d.tenant AND u.no = d.user_no WHERE r.tenant = $1";

fn restore(row: &Row<'_>) -> crate::sql::Result<ListedRestore> {
    Ok(ListedRestore {
        report: ReportId(row.get(0)?),
        device: row::Id(row.get(1)?).into(),
        device_name: row.get(2)?,
        user: row::Id(row.get(3)?).into(),
        user_name: row.get(4)?,
        received_at: Moment(row.get(5)?),
        came_back: row::unsigned(row.get(6)?),
        failed: row::unsigned(row.get(7)?),
    })
}

impl Store {
    /// Reads the fleet that the view sees. Some hundred milliseconds for a hundred thousand PCs: keep what it gives. `before`: an earlier one of the same view, with which
    /// it shares what has not changed.
    pub fn fleet(&self, view: &View, now: Moment, before: Option<&Fleet>) -> Result<Fleet, StoreError> {
        read::read(self, view, now, before)
    }

    /// What tells a view's sight from another's: the same text, the same sight.
    pub fn sight(view: &View) -> String {
        if view.is_whole() {
            return format!("{}|all", view.scope().no);
        }
        format!("{}|{}|{}", view.scope().no, view.sees_person(), view.sees_device())
    }

    /// Restores that the view sees, newest first, from `since` on; of one person or one PC if asked.
    pub fn listed_restores(
        &self,
        view: &View,
        since: Moment,
        (user, device): (Option<UserId>, Option<DeviceId>),
    ) -> Result<Vec<ListedRestore>, StoreError> {
        self.read(|connection| {
            let sql = format!(
                "{RESTORES} AND r.received_at >= $2 AND (u.id = $3 OR $3 IS NULL) AND (d.id = $4 OR $4 IS NULL) AND {} \
                 ORDER BY r.received_at DESC, r.id LIMIT $5",
                view.sees_device()
            );
            let mut statement = connection.prepare(&sql)?;
            let (user, device) = (user.as_ref().map(UserId::as_bytes), device.as_ref().map(DeviceId::as_bytes));
            let rows = statement.query_map((view.scope().no, since.0, user, device, RESTORES_LISTED_MAX), restore)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// How the restores since then ended, as far as the view sees them.
    pub fn restores_since(&self, view: &View, since: Moment) -> Result<Restores, StoreError> {
        self.read(|connection| {
            let sql = format!(
                "SELECT COUNT(*), COUNT(*) FILTER (WHERE r.failed > 0 AND r.came_back > 0), \
                 COUNT(*) FILTER (WHERE r.failed > 0 AND r.came_back = 0) FROM reports r \
                 JOIN devices d ON d.tenant = r.tenant AND d.no = r.device_no \
                 JOIN users u ON u.tenant = d.tenant AND u.no = d.user_no \
                 WHERE r.tenant = $1 AND r.received_at >= $2 AND {}",
                view.sees_device()
            );
            let (all, partly, failed): (i64, i64, i64) = connection
                .prepare(&sql)?
                .query_row((view.scope().no, since.0), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
            let [all, partly, failed] = [all, partly, failed].map(row::unsigned);
            Ok(Restores { good: all - partly - failed, partly, failed })
        })
    }

    /// Notes how a tenant's fleet stands today; a later note of the day takes its place.
    pub fn note_fleet_day(&self, tenant: &TenantScope, today: FleetDay) -> Result<(), StoreError> {
        let tenant = tenant.no;
        self.writer.write(move |tx| {
            tx.prepare_cached(
                "INSERT INTO fleet_days (tenant, day, people, restorable) VALUES ($1, $2, $3, $4) \
                 ON CONFLICT (tenant, day) DO UPDATE SET people = excluded.people, restorable = excluded.restorable",
            )?
            .execute((tenant, today.day, row::signed(today.people), row::signed(today.restorable)))?;
            Ok(())
        })
    }

    /// How a tenant's fleet stood on the days from `since` on, oldest first.
    pub fn fleet_days(&self, tenant: &TenantScope, since: i64) -> Result<Vec<FleetDay>, StoreError> {
        self.read(|connection| {
            let sql = "SELECT day, people, restorable FROM fleet_days WHERE tenant = $1 AND day >= $2 ORDER BY day";
            let mut statement = connection.prepare_cached(sql)?;
            let rows = statement.query_map((tenant.no, since), |row| {
                Ok(FleetDay {
                    day: row.get(0)?,
                    people: row::unsigned(row.get(1)?),
                    restorable: row::unsigned(row.get(2)?),
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// A PC that the view sees, with its key and its person's state.
    pub fn device_facts(&self, view: &View, id: DeviceId) -> Result<DeviceFacts, AdminError> {
        let found = self.read(|connection| {
            let Ok((no, device)) = devices::find(connection, view, id) else { return Ok(None) };
            let sql = "SELECT d.key_level, d.key_made_at, d.forked_at, u.disabled_at FROM devices d \
                       JOIN users u ON u.tenant = d.tenant AND u.no = d.user_no WHERE d.tenant = $1 AND d.no = $2";
            let facts = connection.prepare_cached(sql)?.query_row((view.scope().no, no), |row| {
                Ok(DeviceFacts {
                    device,
                    key_level: key_level(row, 0)?,
                    key_made_at: moment(row, 1)?,
                    forked_at: moment(row, 2)?,
                    person_disabled: moment(row, 3)?.is_some(),
                })
            })?;
            Ok(Some(facts))
        })?;
        found.ok_or(AdminError::NotFound)
    }

    /// The profiles of a person whom the view sees, each with what is kept of it.
    pub fn seen_profiles(&self, view: &View, id: UserId) -> Result<Vec<SeenProfile>, AdminError> {
        let found = self.read(|connection| {
            let Ok(no) = people::number(connection, view, id) else { return Ok(None) };
            profiles(connection, view, ("p.user_no = $2", no)).map(Some)
        })?;
        found.ok_or(AdminError::NotFound)
    }

    /// The header of a snapshot of a person whom the view sees, to the byte: counts and ids, no values.
    pub fn seen_header(
        &self,
        view: &View,
        id: UserId,
        (profile, seq): (ProfileId, u64),
    ) -> Result<Vec<u8>, AdminError> {
        let found = self.read(|connection| {
            let Ok(no) = people::number(connection, view, id) else { return Ok(None) };
            let sql = format!(
                "SELECT p.no FROM profiles p JOIN devices d ON d.tenant = p.tenant AND d.no = p.device_no \
                 JOIN users u ON u.tenant = p.tenant AND u.no = p.user_no \
                 WHERE p.tenant = $1 AND p.id = $2 AND p.user_no = $3 AND {}",
                view.sees_device()
            );
            let tenant = view.scope().no;
            let mut statement = connection.prepare(&sql)?;
            let found = statement.query_row((tenant, profile.as_bytes(), no), |row| row.get(0)).optional()?;
            let Some(no) = found else { return Ok(None) };
            let own = OwnProfile { tenant, no, id: profile };
            Ok(snapshots::load(connection, &own, row::signed(seq))?.map(|stored| stored.header))
        })?;
        found.ok_or(AdminError::NotFound)
    }

    /// The profiles of a PC that the view sees.
    pub fn device_profiles(&self, view: &View, id: DeviceId) -> Result<Vec<SeenProfile>, AdminError> {
        let found = self.read(|connection| {
            let Ok((no, _)) = devices::find(connection, view, id) else { return Ok(None) };
            profiles(connection, view, ("p.device_no = $2", no)).map(Some)
        })?;
        found.ok_or(AdminError::NotFound)
    }
}

/// Profiles by a condition of ours on `p`, as far as the view sees their PCs.
fn profiles(connection: &Connection, view: &View, (which, no): (&str, i64)) -> Result<Vec<SeenProfile>, StoreError> {
    let tenant = view.scope().no;
    let mut statement = connection.prepare(&format!(
        "SELECT p.no, p.id, d.id, d.name FROM profiles p JOIN devices d ON d.tenant = p.tenant AND d.no = p.device_no \
         JOIN users u ON u.tenant = p.tenant AND u.no = p.user_no WHERE p.tenant = $1 AND {which} AND {} \
         ORDER BY p.latest_at DESC, p.no",
        view.sees_device()
    ))?;
    let rows = statement.query_map((tenant, no), |row| {
        let own = OwnProfile { tenant, no: row.get(0)?, id: row::Id(row.get(1)?).into() };
        Ok((own, row::Id(row.get(2)?).into(), row.get(3)?))
    })?;
    let mut all = Vec::new();
    for row in rows {
        let (own, device, device_name) = row?;
        let snapshots = snapshots::listed(connection, &own)?;
        all.push(SeenProfile { profile: own.id, device, device_name, snapshots });
    }
    Ok(all)
}
