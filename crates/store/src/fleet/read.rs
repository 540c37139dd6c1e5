//! How a fleet is read: people, then their PCs, then what each backed up last. A row goes where it stays as it comes, because a million of them are not held twice.

use std::collections::HashMap;

use model::device::KeyLevel;
use model::erasure::Erased;
use model::ids::{DeviceId, UserId};
use model::world::Moment;
use rules::engine::make_room;

use super::memory::{Fleet, FleetDevice, FleetPerson, Second, count};
use super::{CURRENT_MILLIS, Standing, key_level, moment};
use crate::authority::View;
use crate::sql::Connection;
use crate::{StoreError, row};

/// Reads what the view sees.
pub(super) fn read(connection: &Connection, view: &View, now: Moment) -> Result<Fleet, StoreError> {
    let mut reading = Reading::new(now);
    people(connection, view, &mut reading)?;
    devices(connection, view, &mut reading)?;
    backups(connection, view, &mut reading)?;
    Ok(reading.done())
}

fn people(connection: &Connection, view: &View, reading: &mut Reading) -> Result<(), StoreError> {
    let sql = format!(
        "SELECT u.no, u.id, u.name, u.created_at FROM users u WHERE u.tenant = $1 AND u.disabled_at IS NULL AND NOT EXISTS \
         (SELECT 1 FROM erasures e WHERE e.tenant = u.tenant AND e.kind = {} AND e.owner = u.id) AND {} ORDER BY u.name",
        Erased::User(UserId([0; 16])).number(),
        view.sees_person()
    );
    let mut statement = connection.prepare(&sql)?;
    let rows = statement.query_map([view.scope().no], |row| {
        Ok(Person {
            no: row.get(0)?,
            id: row::Id(row.get(1)?).into(),
            name: row.get(2)?,
            created_at: Moment(row.get(3)?),
        })
    })?;
    rows.into_iter().try_for_each(|row| row.map(|row| reading.person(&row)))?;
    Ok(())
}

fn devices(connection: &Connection, view: &View, reading: &mut Reading) -> Result<(), StoreError> {
    let sql = format!(
        "SELECT d.no, d.user_no, d.id, d.name, u.id, u.name, d.seen_at, d.created_at, d.revoked_at, d.forked_at, d.key_level \
         FROM devices d JOIN users u ON u.tenant = d.tenant AND u.no = d.user_no WHERE d.tenant = $1 AND {}",
        view.sees_device()
    );
    let mut statement = connection.prepare(&sql)?;
    let rows = statement.query_map([view.scope().no], |row| {
        Ok(Device {
            no: row.get(0)?,
            user_no: row.get(1)?,
            id: row::Id(row.get(2)?).into(),
            name: row.get(3)?,
            user: row::Id(row.get(4)?).into(),
            user_name: row.get(5)?,
            seen_at: Moment(row.get(6)?),
            created_at: Moment(row.get(7)?),
            is_revoked: moment(row, 8)?.is_some(),
            forked: moment(row, 9)?.is_some(),
            key_level: key_level(row, 10)?,
        })
    })?;
    rows.into_iter().try_for_each(|row| row.map(|row| reading.device(&row)))?;
    Ok(())
}

fn backups(connection: &Connection, view: &View, reading: &mut Reading) -> Result<(), StoreError> {
    let sql = "SELECT device_no, user_no, latest_at, trouble FROM profiles WHERE tenant = $1 AND latest_at IS NOT NULL";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map([view.scope().no], |row| {
        Ok(Backup { device: row.get(0)?, user: row.get(1)?, at: Moment(row.get(2)?), trouble: row.get(3)? })
    })?;
    rows.into_iter().try_for_each(|row| row.map(|row| reading.backup(row)))?;
    Ok(())
}

/// A person's row.
struct Person {
    no: i64,
    id: UserId,
    name: String,
    created_at: Moment,
}

/// A PC's row, with its person's.
struct Device {
    no: i64,
    user_no: i64,
    id: DeviceId,
    name: String,
    user: UserId,
    user_name: String,
    seen_at: Moment,
    created_at: Moment,
    is_revoked: bool,
    forked: bool,
    key_level: Option<KeyLevel>,
}

/// A profile's newest backup: whose, by the numbers of the rows.
struct Backup {
    device: i64,
    user: i64,
    at: Moment,
    trouble: Option<String>,
}

/// Where rows stand, by their numbers, which are given one after the other: a list by number with few gaps.
#[derive(Default)]
struct Places {
    /// One more than the place; 0 for none.
    by_number: Vec<u32>,
    /// Those whose numbers are beyond the list.
    beyond: HashMap<i64, u32>,
    rows: u32,
}

/// The largest number that is in the list: four bytes for each up to it.
const LISTED_MAX: usize = 16 * 1024 * 1024;

impl Places {
    /// The next row has this number. Gives its place.
    fn next(&mut self, number: i64) -> u32 {
        let place = self.rows;
        self.rows = self.rows.checked_add(1).expect("a row in memory takes more than a byte");
        match usize::try_from(number).ok().filter(|number| *number < LISTED_MAX) {
            Some(number) => {
                if self.by_number.len() <= number {
                    let more = number + 1 - self.by_number.len();
                    make_room(&mut self.by_number, more);
                    self.by_number.resize(number + 1, 0);
                }
                self.by_number[number] = self.rows;
            }
            None => drop(self.beyond.insert(number, place)),
        }
        place
    }

    fn find(&self, number: i64) -> Option<usize> {
        let listed = usize::try_from(number).ok().and_then(|number| self.by_number.get(number));
        let place = match listed {
            Some(more) => more.checked_sub(1)?,
            None => *self.beyond.get(&number)?,
        };
        Some(place as usize)
    }
}

/// A fleet that is being read.
struct Reading {
    fleet: Fleet,
    people: Places,
    /// Those who are not among the people, behind them.
    others: Places,
    devices: Places,
}

impl Reading {
    fn new(at: Moment) -> Self {
        let (people, devices, others, names, troubles, counts, forked) = Default::default();
        let fleet = Fleet { at, people, devices, others, names, troubles, counts, forked };
        Self { fleet, people: Places::default(), others: Places::default(), devices: Places::default() }
    }

    fn person(&mut self, row: &Person) {
        self.people.next(row.no);
        make_room(&mut self.fleet.people, 1);
        self.fleet.people.push(FleetPerson {
            id: row.id,
            name: self.fleet.names.keep(&row.name),
            devices: 0,
            backup: Second::NONE,
            created: Second::of(row.created_at),
            standing: Standing::Unconnected,
        });
    }

    /// The place of a PC's person, who is put with the others if they are not known.
    fn person_of(&mut self, row: &Device) -> u32 {
        if let Some(place) = self.people.find(row.user_no) {
            return u32::try_from(place).expect(NUMBERED);
        }
        let place = self.others.find(row.user_no).unwrap_or_else(|| {
            self.fleet.others.push((row.user, self.fleet.names.keep(&row.user_name)));
            self.others.next(row.user_no) as usize
        });
        u32::try_from(self.fleet.people.len() + place).expect(NUMBERED)
    }

    fn device(&mut self, row: &Device) {
        self.devices.next(row.no);
        let place = self.person_of(row);
        if let Some(person) = self.fleet.people.get_mut(place as usize).filter(|_| !row.is_revoked) {
            person.devices += 1;
            person.standing = Standing::Never;
        }
        self.fleet.forked += usize::from(row.forked);
        make_room(&mut self.fleet.devices, 1);
        self.fleet.devices.push(FleetDevice {
            id: row.id,
            name: self.fleet.names.keep(&row.name),
            person: place,
            backup: Second::NONE,
            seen: Second::of(row.seen_at),
            created: Second::of(row.created_at),
            trouble: u16::MAX,
            standing: if row.is_revoked { Standing::Unconnected } else { Standing::Never },
            forked: row.forked,
            key_level: row.key_level,
        });
    }

    fn backup(&mut self, row: Backup) {
        let device = self.devices.find(row.device).map(|place| &mut self.fleet.devices[place]);
        let live = device.as_ref().filter(|device| device.standing != Standing::Unconnected);
        let stands = standing(row.at, live.map(|device| device.seen.moment()), row.trouble.is_some(), self.fleet.at);
        let at = Second::of(row.at);
        if let Some(place) = self.people.find(row.user) {
            let person = &mut self.fleet.people[place];
            person.standing = person.standing.min(stands);
            person.backup = person.backup.max(at);
        }
        if let Some(device) = device {
            if device.standing != Standing::Unconnected {
                device.standing = stands;
            }
            device.backup = at;
            device.trouble = row.trouble.map_or(u16::MAX, |code| number(&mut self.fleet.troubles, code));
        }
    }

    fn done(self) -> Fleet {
        let Self { mut fleet, people, others, devices } = self;
        drop((people, others, devices));
        let names = &fleet.names;
        fleet.devices.sort_unstable_by(|a, b| (names.get(a.name), a.id).cmp(&(names.get(b.name), b.id)));
        fleet.counts = [
            count(fleet.people.iter().map(|person| person.standing)),
            count(fleet.devices.iter().map(|device| device.standing)),
        ];
        fleet.devices.shrink_to_fit();
        fleet.people.shrink_to_fit();
        fleet.others.shrink_to_fit();
        fleet.names.close();
        fleet
    }
}

const NUMBERED: &str = "a place in memory is below four billion";

/// The place of a code in the list, where it is put if it is new. There are some dozens of codes; beyond all numbers the last is given.
fn number(codes: &mut Vec<String>, code: String) -> u16 {
    let place = codes.iter().position(|known| *known == code).unwrap_or_else(|| {
        codes.push(code);
        codes.len() - 1
    });
    u16::try_from(place).unwrap_or(u16::MAX).min(u16::MAX - 1)
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

#[cfg(test)]
mod tests {
    use super::super::DAY_MILLIS;
    use super::*;

    const NOW: Moment = Moment(1_795_000_000_000);

    fn days_ago(days: i64) -> Moment {
        NOW.plus_millis(-days * DAY_MILLIS)
    }

    fn id(no: i64) -> [u8; 16] {
        [u8::try_from(no).unwrap(); 16]
    }

    fn person(no: i64, name: &str) -> Person {
        Person { no, id: UserId(id(no)), name: name.to_owned(), created_at: NOW }
    }

    fn device(no: i64, user_no: i64, seen_days_ago: i64) -> Device {
        Device {
            no,
            user_no,
            id: DeviceId(id(no)),
            name: format!("PC-{no}"),
            user: UserId(id(user_no)),
            user_name: format!("person {user_no}"),
            seen_at: days_ago(seen_days_ago),
            created_at: NOW,
            is_revoked: false,
            forked: false,
            key_level: None,
        }
    }

    fn backup(device: i64, user: i64, days: i64, trouble: Option<&str>) -> Backup {
        Backup { device, user, at: days_ago(days), trouble: trouble.map(str::to_owned) }
    }

    fn fleet(people: &[Person], devices: &[Device], backups: Vec<Backup>) -> Fleet {
        let mut reading = Reading::new(NOW);
        for row in people {
            reading.person(row);
        }
        for row in devices {
            reading.device(row);
        }
        for row in backups {
            reading.backup(row);
        }
        reading.done()
    }

    #[test]
    fn everybody_stands_as_their_best_backup_does() {
        let people: Vec<Person> = (1..=6).map(|no| person(no, &format!("p{no}"))).collect();
        let devices =
            [device(1, 1, 0), device(2, 2, 40), device(3, 3, 0), device(4, 4, 0), device(5, 6, 50), device(6, 6, 1)];
        let newest = vec![
            backup(1, 1, 60, None),
            backup(2, 2, 40, None),
            backup(4, 4, 1, Some("integrity_failed")),
            backup(5, 6, 50, None),
            backup(6, 6, 2, None),
        ];
        let fleet = fleet(&people, &devices, newest);
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
        let troubles: Vec<_> = fleet.devices.iter().map(|device| fleet.trouble(device)).collect();
        assert_eq!(troubles, [None, None, None, Some("integrity_failed"), None, None]);
    }

    #[test]
    fn a_withdrawn_pc_leaves_its_person_restorable_for_a_while() {
        let gone = [Device { is_revoked: true, ..device(1, 1, 0) }];
        let now = fleet(&[person(1, "ada")], &gone, vec![backup(1, 1, 3, None)]);
        assert_eq!((now.people[0].standing, now.people[0].devices), (Standing::Restorable, 0));
        assert_eq!(now.devices[0].standing, Standing::Unconnected);
        let later = fleet(&[person(1, "ada")], &gone, vec![backup(1, 1, 31, None)]);
        assert_eq!(later.people[0].standing, Standing::Stale, "nobody asks for it any more");
    }

    #[test]
    fn pcs_are_by_name_and_name_their_people_also_those_who_are_switched_off() {
        let named = |no: i64, user: i64, name: &str| Device { name: name.to_owned(), ..device(no, user, 0) };
        let fleet = fleet(&[person(7, "ada")], &[named(1, 7, "B"), named(2, 8, "A"), named(3, 7, "A")], vec![]);
        let listed: Vec<_> = fleet.devices.iter().map(|pc| (fleet.name(pc.name), fleet.user_name(pc))).collect();
        assert_eq!(listed, [("A", "person 8"), ("A", "ada"), ("B", "ada")]);
    }

    #[test]
    fn a_person_who_is_switched_off_and_has_two_pcs_is_kept_once() {
        let fleet = fleet(&[person(7, "ada")], &[device(1, 8, 0), device(2, 7, 0), device(3, 8, 0)], vec![]);
        let people: Vec<_> = fleet.devices.iter().map(|pc| fleet.person_of(pc).0).collect();
        assert_eq!(people, [UserId(id(8)), UserId(id(7)), UserId(id(8))]);
        assert_eq!(fleet.others.len(), 1);
    }

    #[test]
    fn rows_are_found_by_numbers_of_any_size() {
        let mut places = Places::default();
        let numbers = [7, 3, i64::MAX, 0, -1, 1 << 24, (1 << 24) - 1];
        for number in numbers {
            places.next(number);
        }
        assert_eq!(numbers.map(|number| places.find(number)), [0, 1, 2, 3, 4, 5, 6].map(Some));
        assert_eq!([1, 8, -2, i64::MAX - 1].map(|number| places.find(number)), [None; 4]);
    }
}
