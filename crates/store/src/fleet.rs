//! The fleet at one moment: who could be restored right now, and why not; every PC with its newest backup.
//!
//! Lists, counts and filters of the console are answered from a [`Fleet`] in memory, because a hundred thousand rows are counted there in less than a
//! millisecond and in the database in hundreds. It holds what a [`View`] sees and nothing else, and it is a picture: whoever keeps one says of when it is.
//! One thing by itself (a PC's page) is always read anew.

use std::collections::HashMap;

use crate::sql::{Connection, OptionalExtension, Row};
use model::device::KeyLevel;
use model::erasure::Erased;
use model::ids::{DeviceId, ProfileId, ReportId, UserId};
use model::world::Moment;

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

/// A person of the fleet, switched on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FleetPerson {
    /// Their id.
    pub id: UserId,
    /// Their name.
    pub name: String,
    /// How they stand.
    pub standing: Standing,
    /// PCs of theirs that have access.
    pub devices: u32,
    /// Their newest backup, on any PC.
    pub backup_at: Option<Moment>,
    /// Since when they are known.
    pub created_at: Moment,
}

/// A PC of the fleet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FleetDevice {
    /// Its id.
    pub id: DeviceId,
    /// Its name.
    pub name: String,
    /// Whose it is.
    pub user: UserId,
    /// Their name.
    pub user_name: String,
    /// How it stands.
    pub standing: Standing,
    /// Its newest backup.
    pub backup_at: Option<Moment>,
    /// Why that would not come back: code of a reason.
    pub trouble: Option<String>,
    /// When it last asked anything.
    pub seen_at: Moment,
    /// When it was connected.
    pub created_at: Moment,
    /// Whether two PCs back up as this one.
    pub forked: bool,
    /// How its key is kept.
    pub key_level: Option<KeyLevel>,
}

/// What a view sees of a tenant's people and PCs, at one moment.
#[derive(Clone, Debug)]
pub struct Fleet {
    /// When it was read.
    pub at: Moment,
    /// People who are switched on, by name.
    pub people: Vec<FleetPerson>,
    /// PCs, by name.
    pub devices: Vec<FleetDevice>,
}

impl Fleet {
    /// How many people stand like that.
    pub fn people_with(&self, standing: Standing) -> usize {
        self.people.iter().filter(|person| person.standing == standing).count()
    }

    /// How many PCs stand like that.
    pub fn devices_with(&self, standing: Standing) -> usize {
        self.devices.iter().filter(|device| device.standing == standing).count()
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

/// A person with the number of their row.
type NumberedPerson = (i64, FleetPerson);

/// A PC with the numbers of its row and of its person's.
type NumberedDevice = (i64, i64, FleetDevice);

/// A profile's newest backup.
struct Newest {
    device: i64,
    user: i64,
    at: Moment,
    trouble: Option<String>,
}

fn moment(row: &Row<'_>, column: usize) -> crate::sql::Result<Option<Moment>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(Moment))
}

fn key_level(row: &Row<'_>, column: usize) -> crate::sql::Result<Option<KeyLevel>> {
    Ok(row.get::<_, Option<String>>(column)?.and_then(|word| KeyLevel::from_word(&word)))
}

fn newest(connection: &Connection, tenant: i64) -> Result<Vec<Newest>, StoreError> {
    let sql = "SELECT device_no, user_no, latest_at, trouble FROM profiles WHERE tenant = $1 AND latest_at IS NOT NULL";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map([tenant], |row| {
        Ok(Newest { device: row.get(0)?, user: row.get(1)?, at: Moment(row.get(2)?), trouble: row.get(3)? })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// A PC's rows, with the numbers of the PC and its person.
fn fleet_devices(connection: &Connection, view: &View) -> Result<Vec<NumberedDevice>, StoreError> {
    let sql = format!(
        "SELECT d.no, d.user_no, d.id, d.name, u.id, u.name, d.seen_at, d.created_at, d.revoked_at, d.forked_at, d.key_level \
         FROM devices d JOIN users u ON u.tenant = d.tenant AND u.no = d.user_no WHERE d.tenant = $1 AND {}",
        view.sees_device()
    );
    let mut statement = connection.prepare(&sql)?;
    let rows = statement.query_map([view.scope().no], |row| {
        let revoked = row.get::<_, Option<i64>>(8)?.is_some();
        let device = FleetDevice {
            id: row::Id(row.get(2)?).into(),
            name: row.get(3)?,
            user: row::Id(row.get(4)?).into(),
            user_name: row.get(5)?,
            standing: if revoked { Standing::Unconnected } else { Standing::Never },
            backup_at: None,
            trouble: None,
            seen_at: Moment(row.get(6)?),
            created_at: Moment(row.get(7)?),
            forked: row.get::<_, Option<i64>>(9)?.is_some(),
            key_level: key_level(row, 10)?,
        };
        Ok((row.get(0)?, row.get(1)?, device))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn fleet_people(connection: &Connection, view: &View) -> Result<Vec<NumberedPerson>, StoreError> {
    let sql = format!(
        "SELECT u.no, u.id, u.name, u.created_at FROM users u WHERE u.tenant = $1 AND u.disabled_at IS NULL AND NOT EXISTS \
         (SELECT 1 FROM erasures e WHERE e.tenant = u.tenant AND e.kind = {} AND e.owner = u.id) AND {} ORDER BY u.name",
        Erased::User(UserId([0; 16])).number(),
        view.sees_person()
    );
    let mut statement = connection.prepare(&sql)?;
    let rows = statement.query_map([view.scope().no], |row| {
        let person = FleetPerson {
            id: row::Id(row.get(1)?).into(),
            name: row.get(2)?,
            standing: Standing::Unconnected,
            devices: 0,
            backup_at: None,
            created_at: Moment(row.get(3)?),
        };
        Ok((row.get(0)?, person))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// How a backup stands that was made at `at` by a PC that last asked at `seen`, or of which nothing more is known.
fn standing(at: Moment, seen: Option<Moment>, trouble: bool, now: Moment) -> Standing {
    let current = seen.map_or(at.0, |seen| seen.0.max(at.0));
    if now.0.saturating_sub(current) > CURRENT_MILLIS {
        Standing::Stale
    } else if trouble {
        Standing::Failed
    } else {
        Standing::Restorable
    }
}

fn assemble(
    (mut people, mut devices): (Vec<NumberedPerson>, Vec<NumberedDevice>),
    newest: Vec<Newest>,
    now: Moment,
) -> Fleet {
    let by_no: HashMap<i64, usize> = devices.iter().enumerate().map(|(index, (no, _, _))| (*no, index)).collect();
    let person_of: HashMap<i64, usize> = people.iter().enumerate().map(|(index, (no, _))| (*no, index)).collect();
    for (_, user, device) in &devices {
        if device.standing != Standing::Unconnected
            && let Some(&index) = person_of.get(user)
        {
            let person = &mut people[index].1;
            person.devices += 1;
            person.standing = Standing::Never;
        }
    }
    for backup in newest {
        let device = by_no.get(&backup.device).copied();
        let live = device.map(|index| &devices[index].2).filter(|device| device.standing != Standing::Unconnected);
        let stands = standing(backup.at, live.map(|device| device.seen_at), backup.trouble.is_some(), now);
        if let Some(&index) = person_of.get(&backup.user) {
            let person = &mut people[index].1;
            person.standing = person.standing.min(stands);
            person.backup_at = person.backup_at.max(Some(backup.at));
        }
        if let Some(index) = device {
            let device = &mut devices[index].2;
            if device.standing != Standing::Unconnected {
                device.standing = stands;
            }
            (device.backup_at, device.trouble) = (Some(backup.at), backup.trouble);
        }
    }
    let mut devices: Vec<FleetDevice> = devices.into_iter().map(|(_, _, device)| device).collect();
    devices.sort_by(|a, b| (&a.name, a.id).cmp(&(&b.name, b.id)));
    Fleet { at: now, people: people.into_iter().map(|(_, person)| person).collect(), devices }
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
    /// Reads the fleet that the view sees. Some hundred milliseconds for a hundred thousand PCs: keep what it gives.
    pub fn fleet(&self, view: &View, now: Moment) -> Result<Fleet, StoreError> {
        self.read(|connection| {
            let seen = (fleet_people(connection, view)?, fleet_devices(connection, view)?);
            Ok(assemble(seen, newest(connection, view.scope().no)?, now))
        })
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

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Moment = Moment(1_795_000_000_000);

    fn person(no: i64, name: &str) -> (i64, FleetPerson) {
        let id = UserId([u8::try_from(no).unwrap(); 16]);
        let (standing, devices, backup_at, created_at) = (Standing::Unconnected, 0, None, NOW);
        (no, FleetPerson { id, name: name.to_owned(), standing, devices, backup_at, created_at })
    }

    fn device(no: i64, user: i64, seen_days_ago: i64) -> (i64, i64, FleetDevice) {
        let device = FleetDevice {
            id: DeviceId([u8::try_from(no).unwrap(); 16]),
            name: format!("PC-{no}"),
            user: UserId([u8::try_from(user).unwrap(); 16]),
            user_name: String::new(),
            standing: Standing::Never,
            backup_at: None,
            trouble: None,
            seen_at: NOW.plus_millis(-seen_days_ago * DAY_MILLIS),
            created_at: NOW,
            forked: false,
            key_level: None,
        };
        (no, user, device)
    }

    fn backup(device: i64, user: i64, days_ago: i64, trouble: Option<&str>) -> Newest {
        Newest { device, user, at: NOW.plus_millis(-days_ago * DAY_MILLIS), trouble: trouble.map(str::to_owned) }
    }

    #[test]
    fn everybody_stands_as_their_best_backup_does() {
        let people = (1..=6).map(|no| person(no, &format!("p{no}"))).collect();
        let devices = vec![
            device(1, 1, 0),
            device(2, 2, 40),
            device(3, 3, 0),
            device(4, 4, 0),
            device(5, 6, 50),
            device(6, 6, 1),
        ];
        let newest = vec![
            backup(1, 1, 60, None),
            backup(2, 2, 40, None),
            backup(4, 4, 1, Some("integrity_failed")),
            backup(5, 6, 50, None),
            backup(6, 6, 2, None),
        ];
        let fleet = assemble((people, devices), newest, NOW);
        let stands: Vec<Standing> = fleet.people.iter().map(|person| person.standing).collect();
        // The first PC has had nothing new for 60 days and asked today: its backup is current.
        let wanted = [
            Standing::Restorable,
            Standing::Stale,
            Standing::Never,
            Standing::Failed,
            Standing::Unconnected,
            Standing::Restorable,
        ];
        assert_eq!(stands, wanted);
        assert_eq!(fleet.people_with(Standing::Restorable), 2);
        assert_eq!(fleet.people[5].devices, 2);
        assert_eq!(fleet.devices.iter().map(|device| device.standing).collect::<Vec<_>>()[4], Standing::Stale);
    }

    #[test]
    fn a_withdrawn_pc_leaves_its_person_restorable_for_a_while() {
        let mut gone = device(1, 1, 0);
        gone.2.standing = Standing::Unconnected;
        let fleet = assemble((vec![person(1, "ada")], vec![gone]), vec![backup(1, 1, 3, None)], NOW);
        assert_eq!((fleet.people[0].standing, fleet.people[0].devices), (Standing::Restorable, 0));
        assert_eq!(fleet.devices[0].standing, Standing::Unconnected);
        let mut gone = device(1, 1, 0);
        gone.2.standing = Standing::Unconnected;
        let later = assemble((vec![person(1, "ada")], vec![gone]), vec![backup(1, 1, 31, None)], NOW);
        assert_eq!(later.people[0].standing, Standing::Stale, "nobody asks for it any more");
    }
}
