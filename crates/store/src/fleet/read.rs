//! How a fleet is read: who there is, and then how everybody stands. A row goes where it stays as it comes, because a million of them are not held twice.
//!
//! Who there is changes seldom, and most of a fleet's bytes are that. So whoever has a picture already gives it: while everybody's row still says the same, the new picture
//! shares the old one's [`Roster`], and only how they stand is in memory twice. Both are read in many short transactions, so a picture is of some seconds rather than of one
//! moment.

use std::cmp::Ordering;
use std::sync::Arc;

use model::device::KeyLevel;
use model::erasure::Erased;
use model::ids::{DeviceId, UserId};
use model::world::Moment;
use rules::engine::make_room;

use super::memory::{DeviceStands, Fleet, KnownDevice, KnownPerson, PersonStands, Roster, Second, count};
use super::{CURRENT_MILLIS, Standing, key_level, moment};
use crate::authority::View;
use crate::sql::Row;
use crate::{Store, StoreError, row};

/// Rows that one transaction reads: some ten milliseconds. A long read would keep the write-ahead log from being begun anew, and those who back up meanwhile waiting.
const AT_ONCE: i64 = 10_000;

/// Reads what the view sees. `before`: an earlier picture of the same view.
pub(super) fn read(store: &Store, view: &View, now: Moment, before: Option<&Fleet>) -> Result<Fleet, StoreError> {
    if let Some(before) = before {
        let mut standings = Standings::new(Arc::clone(&before.roster), now);
        if standings.read(store, view, true)? {
            return Ok(standings.done());
        }
    }
    let mut standings = Standings::new(Arc::new(roster(store, view)?), now);
    // Who came or went since the roster was read is not in this picture, or is as they were.
    standings.read(store, view, false)?;
    Ok(standings.done())
}

fn roster(store: &Store, view: &View) -> Result<Roster, StoreError> {
    let mut roster = Roster::default();
    people(store, view, |row| {
        roster.person(row);
        true
    })?;
    devices(store, view, |row| {
        roster.device(row);
        true
    })?;
    roster.close();
    Ok(roster)
}

/// Hands people to `each`, until it says that this will do.
fn people(store: &Store, view: &View, each: impl FnMut(&Person) -> bool) -> Result<(), StoreError> {
    let sql = format!(
        "SELECT u.no, u.id, u.name, u.created_at FROM users u WHERE u.tenant = $1 AND u.no > $2 AND u.disabled_at IS NULL AND NOT EXISTS \
         (SELECT 1 FROM erasures e WHERE e.tenant = u.tenant AND e.kind = {} AND e.owner = u.id) AND {} ORDER BY u.no LIMIT $3",
        Erased::User(UserId([0; 16])).number(),
        view.sees_person()
    );
    let row = |row: &Row<'_>| {
        Ok(Person {
            no: row.get(0)?,
            id: row::Id(row.get(1)?).into(),
            name: row.get(2)?,
            created_at: Moment(row.get(3)?),
        })
    };
    all((store, view), &sql, row, each)
}

/// The same with PCs.
fn devices(store: &Store, view: &View, each: impl FnMut(&Device) -> bool) -> Result<(), StoreError> {
    let sql = format!(
        "SELECT d.no, d.user_no, d.id, d.name, u.id, u.name, d.seen_at, d.created_at, d.revoked_at, d.forked_at, d.key_level \
         FROM devices d JOIN users u ON u.tenant = d.tenant AND u.no = d.user_no \
         WHERE d.tenant = $1 AND d.no > $2 AND {} ORDER BY d.no LIMIT $3",
        view.sees_device()
    );
    let row = |row: &Row<'_>| {
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
    };
    all((store, view), &sql, row, each)
}

/// The same with newest backups, of whomever.
fn backups(store: &Store, view: &View, each: impl FnMut(&Backup) -> bool) -> Result<(), StoreError> {
    let sql = "SELECT no, device_no, user_no, latest_at, trouble FROM profiles \
               WHERE tenant = $1 AND no > $2 AND latest_at IS NOT NULL ORDER BY no LIMIT $3";
    let row = |row: &Row<'_>| {
        Ok(Backup { device: row.get(1)?, user: row.get(2)?, at: Moment(row.get(3)?), trouble: row.get(4)? })
    };
    all((store, view), sql, row, each)
}

/// Hands rows to `each`, by their numbers, which are the first column, until it says that this will do. The question takes the tenant, a number after which to begin, and how many at most.
fn all<T>(
    (store, view): (&Store, &View),
    sql: &str,
    mut take: impl FnMut(&Row<'_>) -> crate::sql::Result<T>,
    mut each: impl FnMut(&T) -> bool,
) -> Result<(), StoreError> {
    let mut after = i64::MIN;
    loop {
        let mut met = 0;
        let goes_on = store.read(|connection| {
            // Not kept compiled: the text is another for each view.
            let mut statement = connection.prepare(sql)?;
            let mut rows = statement.query((view.scope().no, after, AT_ONCE))?;
            while let Some(row) = rows.next()? {
                (after, met) = (row.get(0)?, met + 1);
                if !each(&take(&row)?) {
                    return Ok(false);
                }
            }
            Ok::<_, StoreError>(met == AT_ONCE)
        })?;
        if !goes_on {
            return Ok(());
        }
    }
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

impl Roster {
    fn person(&mut self, row: &Person) {
        self.places.people.next(row.no);
        make_room(&mut self.people, 1);
        let name = self.names.keep(&row.name);
        self.people.push(KnownPerson { id: row.id, name, created: Second::of(row.created_at) });
    }

    /// The place of a PC's person, who is put with the others if they are not known.
    fn keep_person_of(&mut self, row: &Device) -> u32 {
        self.person_of(row).unwrap_or_else(|| {
            self.places.others.next(row.user_no);
            self.others.push((row.user, self.names.keep(&row.user_name)));
            numbered(self.people.len() + self.others.len() - 1)
        })
    }

    fn person_of(&self, row: &Device) -> Option<u32> {
        let beside = || self.places.others.find(row.user_no).map(|place| self.people.len() + place);
        self.places.people.find(row.user_no).or_else(beside).map(numbered)
    }

    fn device(&mut self, row: &Device) {
        self.places.devices.next(row.no);
        let (person, name) = (self.keep_person_of(row), self.names.keep(&row.name));
        make_room(&mut self.devices, 1);
        self.devices.push(KnownDevice { id: row.id, name, person, created: Second::of(row.created_at) });
    }

    /// Puts people and PCs in their order, and gives back what was taken in advance.
    fn close(&mut self) {
        let Self { people, devices, others, names, places } = self;
        let ranks = ranks(people.len(), |a, b| {
            let key = |place: usize| (names.get(people[place].name), people[place].id);
            key(a).cmp(&key(b))
        });
        places.people.move_to(&ranks);
        for device in devices.iter_mut().filter(|device| (device.person as usize) < people.len()) {
            device.person = ranks[device.person as usize];
        }
        arrange(people, ranks);
        let ranks = self::ranks(devices.len(), |a, b| {
            let key = |place: usize| (names.get(devices[place].name), devices[place].id);
            key(a).cmp(&key(b))
        });
        places.devices.move_to(&ranks);
        arrange(devices, ranks);
        places.close();
        people.shrink_to_fit();
        devices.shrink_to_fit();
        others.shrink_to_fit();
        names.close();
    }

    /// Whether a person's row says the same as when the roster was read. Their place, if so.
    fn knows_person(&self, row: &Person) -> Option<usize> {
        let place = self.places.people.find(row.no)?;
        let known = self.people[place];
        let same = known.id == row.id && known.created == Second::of(row.created_at);
        (same && self.names.is(known.name, &row.name)).then_some(place)
    }

    /// The same of a PC's, with its person's.
    fn knows_device(&self, row: &Device) -> Option<usize> {
        let (place, person) = (self.places.devices.find(row.no)?, self.person_of(row)?);
        let known = self.devices[place];
        let same = known.id == row.id && known.person == person && known.created == Second::of(row.created_at);
        // A person who is not beside the others was asked for by themselves.
        let beside = (person as usize).checked_sub(self.people.len()).map(|place| self.others[place]);
        let called = beside.is_none_or(|(id, name)| id == row.user && self.names.is(name, &row.user_name));
        (same && called && self.names.is(known.name, &row.name)).then_some(place)
    }
}

/// Which place each of so many has in an order.
fn ranks(count: usize, order: impl Fn(usize, usize) -> Ordering) -> Vec<u32> {
    let mut sorted: Vec<u32> = (0..numbered(count)).collect();
    sorted.sort_unstable_by(|a, b| order(*a as usize, *b as usize));
    let mut ranks = vec![0; count];
    for (place, rank) in sorted.iter().zip(0..) {
        ranks[*place as usize] = rank;
    }
    ranks
}

/// Puts each element in the place that is its rank.
fn arrange<T>(list: &mut [T], mut ranks: Vec<u32>) {
    for place in 0..list.len() {
        while ranks[place] as usize != place {
            let to = ranks[place] as usize;
            list.swap(place, to);
            ranks.swap(place, to);
        }
    }
}

fn numbered(place: usize) -> u32 {
    u32::try_from(place).expect("a place in memory is below four billion")
}

/// How those on a roster stand, as it is being read.
struct Standings {
    fleet: Fleet,
    /// How many of the roster's people and PCs were met as they are on it.
    met: [usize; 2],
    /// Whether somebody was met who is not on it as they are.
    others: bool,
}

impl Standings {
    fn new(roster: Arc<Roster>, at: Moment) -> Self {
        let person = PersonStands { devices: 0, backup: Second::NONE, standing: Standing::Unconnected };
        let device = DeviceStands {
            backup: Second::NONE,
            seen: Second::NONE,
            trouble: u16::MAX,
            standing: Standing::Never,
            forked: false,
            key_level: None,
        };
        let (people, devices) = (vec![person; roster.people.len()], vec![device; roster.devices.len()]);
        let (troubles, counts, forked) = Default::default();
        Self { fleet: Fleet { at, roster, people, devices, troubles, counts, forked }, met: [0; 2], others: false }
    }

    /// Reads how everybody stands. `exactly`: those who are on the roster and nobody else; `false` then says that it is not what the view sees now, and that not all was read.
    fn read(&mut self, store: &Store, view: &View, exactly: bool) -> Result<bool, StoreError> {
        people(store, view, |row| self.person(row) || !exactly)?;
        if !(exactly && self.others) {
            devices(store, view, |row| self.device(row) || !exactly)?;
        }
        if exactly && !self.is_so() {
            return Ok(false);
        }
        backups(store, view, |row| {
            self.backup(row);
            true
        })?;
        Ok(true)
    }

    /// Whether exactly those were met who are on the roster, as they are on it.
    fn is_so(&self) -> bool {
        !self.others && self.met == [self.fleet.people.len(), self.fleet.devices.len()]
    }

    /// Whether they are on the roster as they are.
    fn person(&mut self, row: &Person) -> bool {
        let known = self.fleet.roster.knows_person(row).is_some();
        self.met[0] += usize::from(known);
        self.others |= !known;
        known
    }

    /// The same of a PC, whose row says how it stands.
    fn device(&mut self, row: &Device) -> bool {
        let Some(place) = self.fleet.roster.knows_device(row) else {
            self.others = true;
            return false;
        };
        self.met[1] += 1;
        let person = self.fleet.roster.devices[place].person;
        if let Some(person) = self.fleet.people.get_mut(person as usize).filter(|_| !row.is_revoked) {
            person.devices += 1;
            person.standing = Standing::Never;
        }
        self.fleet.forked += usize::from(row.forked);
        self.fleet.devices[place] = DeviceStands {
            seen: Second::of(row.seen_at),
            standing: if row.is_revoked { Standing::Unconnected } else { Standing::Never },
            forked: row.forked,
            key_level: row.key_level,
            ..self.fleet.devices[place]
        };
        true
    }

    fn backup(&mut self, row: &Backup) {
        let places = &self.fleet.roster.places;
        let (device, person) = (places.devices.find(row.device), places.people.find(row.user));
        let device = device.map(|place| &mut self.fleet.devices[place]);
        let live = device.as_ref().filter(|device| device.standing != Standing::Unconnected);
        let stands = standing(row.at, live.map(|device| device.seen.moment()), row.trouble.is_some(), self.fleet.at);
        let at = Second::of(row.at);
        if let Some(place) = person {
            let person = &mut self.fleet.people[place];
            person.standing = person.standing.min(stands);
            person.backup = person.backup.max(at);
        }
        if let Some(device) = device {
            if device.standing != Standing::Unconnected {
                device.standing = stands;
            }
            device.backup = at;
            device.trouble = row.trouble.as_deref().map_or(u16::MAX, |code| number(&mut self.fleet.troubles, code));
        }
    }

    fn done(self) -> Fleet {
        let mut fleet = self.fleet;
        fleet.counts = [
            count(fleet.people.iter().map(|person| person.standing)),
            count(fleet.devices.iter().map(|device| device.standing)),
        ];
        fleet
    }
}

/// The place of a code in the list, where it is put if it is new. There are some dozens of codes; beyond all numbers the last is given.
fn number(codes: &mut Vec<String>, code: &str) -> u16 {
    let place = codes.iter().position(|known| known == code).unwrap_or_else(|| {
        codes.push(code.to_owned());
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

    fn fleet(people: &[Person], devices: &[Device], backups: &[Backup]) -> Fleet {
        let mut roster = Roster::default();
        for row in people {
            roster.person(row);
        }
        for row in devices {
            roster.device(row);
        }
        roster.close();
        stand(Arc::new(roster), (people, devices), backups).expect("the roster is of these rows")
    }

    fn stand(roster: Arc<Roster>, (people, devices): (&[Person], &[Device]), backups: &[Backup]) -> Option<Fleet> {
        let mut standings = Standings::new(roster, NOW);
        for row in people {
            standings.person(row);
        }
        for row in devices {
            standings.device(row);
        }
        for row in backups {
            standings.backup(row);
        }
        standings.is_so().then(|| standings.done())
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
        let fleet = fleet(&people, &devices, &newest);
        let stands: Vec<Standing> = fleet.people().map(|person| person.standing()).collect();
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
        assert_eq!(fleet.devices().map(|device| device.standing()).collect::<Vec<_>>()[4], Standing::Stale);
        let troubles: Vec<_> = fleet.devices().map(|device| fleet.trouble(device)).collect();
        assert_eq!(troubles, [None, None, None, Some("integrity_failed"), None, None]);
    }

    #[test]
    fn a_withdrawn_pc_leaves_its_person_restorable_for_a_while() {
        let gone = [Device { is_revoked: true, ..device(1, 1, 0) }];
        let now = fleet(&[person(1, "ada")], &gone, &[backup(1, 1, 3, None)]);
        assert_eq!((now.people[0].standing, now.people[0].devices), (Standing::Restorable, 0));
        assert_eq!(now.devices[0].standing, Standing::Unconnected);
        let later = fleet(&[person(1, "ada")], &gone, &[backup(1, 1, 31, None)]);
        assert_eq!(later.people[0].standing, Standing::Stale, "nobody asks for it any more");
    }

    #[test]
    fn pcs_are_by_name_and_name_their_people_also_those_who_are_switched_off() {
        let named = |no: i64, user: i64, name: &str| Device { name: name.to_owned(), ..device(no, user, 0) };
        let fleet = fleet(&[person(7, "ada")], &[named(1, 7, "B"), named(2, 8, "A"), named(3, 7, "A")], &[]);
        let listed: Vec<_> = fleet.devices().map(|pc| (fleet.name(pc.name()), fleet.user_name(pc))).collect();
        assert_eq!(listed, [("A", "person 8"), ("A", "ada"), ("B", "ada")]);
    }

    #[test]
    fn a_person_who_is_switched_off_and_has_two_pcs_is_kept_once() {
        let fleet = fleet(&[person(7, "ada")], &[device(1, 8, 0), device(2, 7, 0), device(3, 8, 0)], &[]);
        let people: Vec<_> = fleet.devices().map(|pc| fleet.person_of(pc).0).collect();
        assert_eq!(people, [UserId(id(8)), UserId(id(7)), UserId(id(8))]);
        assert_eq!(fleet.roster.others.len(), 1);
    }

    #[test]
    fn a_picture_shares_who_there_is_with_the_one_before_until_somebody_comes_goes_or_is_called_otherwise() {
        let people = || vec![person(1, "ada"), person(2, "bob")];
        let devices = || vec![device(2, 1, 0), device(1, 2, 3), device(3, 9, 1)];
        let before = fleet(&people(), &devices(), &[]);
        let again = |people: &[Person], devices: &[Device]| {
            stand(Arc::clone(&before.roster), (people, devices), &[backup(1, 2, 2, None)])
        };
        let mut later = devices();
        later[1].seen_at = days_ago(0);
        later[0].is_revoked = true;
        let now = again(&people(), &later).expect("nobody came or went");
        let stands: Vec<_> = now.devices().map(|pc| (fleet_name(&now, pc), pc.standing())).collect();
        let wanted = [("PC-1", Standing::Restorable), ("PC-2", Standing::Unconnected), ("PC-3", Standing::Never)];
        assert_eq!(stands, wanted);
        assert_eq!(before.devices().map(|pc| pc.standing()).collect::<Vec<_>>(), [Standing::Never; 3], "as it was");
        let other = |change: fn(&mut Vec<Person>, &mut Vec<Device>)| {
            let (mut people, mut devices) = (people(), devices());
            change(&mut people, &mut devices);
            again(&people, &devices).is_none()
        };
        assert!(!other(|_, _| ()));
        assert!(other(|people, _| people.push(person(3, "eve"))), "somebody came");
        assert!(other(|people, _| drop(people.pop())), "somebody went");
        assert!(other(|people, _| "ida".clone_into(&mut people[0].name)));
        assert!(other(|people, _| people[0].id = UserId(id(7))));
        assert!(other(|_, devices| devices.push(device(4, 1, 0))), "a PC came");
        assert!(other(|_, devices| drop(devices.pop())), "a PC went");
        assert!(other(|_, devices| "PC-1b".clone_into(&mut devices[1].name)));
        assert!(other(|_, devices| devices[1].user_no = 1), "a PC went to somebody else");
        assert!(other(|_, devices| "nine".clone_into(&mut devices[2].user_name)), "of somebody who is switched off");
    }

    fn fleet_name<'a>(fleet: &'a Fleet, pc: super::super::FleetDevice<'_>) -> &'a str {
        fleet.name(pc.name())
    }
}
