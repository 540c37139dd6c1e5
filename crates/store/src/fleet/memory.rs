//! A fleet in memory. A server keeps one of each large organisation, so a person and a PC take few bytes: names stand in one text, and the rare reason why a
//! backup would not come back in a list.

use std::sync::Arc;

use model::device::KeyLevel;
use model::ids::{DeviceId, UserId};
use model::world::Moment;
use rules::engine::room;

use super::Standing;
use super::places::Places;

/// Where a name stands in its [`Fleet`], which gives it: [`Fleet::name`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name(u32);

/// A time to the second, from 1970 to 2106; earlier and later ones are the first and the last of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Second(u32);

impl Second {
    /// No time: before all others.
    pub(super) const NONE: Self = Self(0);

    /// The second that a moment is in.
    pub(super) fn of(moment: Moment) -> Self {
        let seconds = moment.0.div_euclid(1000).clamp(1, i64::from(u32::MAX));
        Self(u32::try_from(seconds).unwrap_or(u32::MAX))
    }

    /// Its beginning.
    pub fn moment(self) -> Moment {
        Moment(i64::from(self.0) * 1000)
    }

    fn some(self) -> Option<Moment> {
        (self != Self::NONE).then(|| self.moment())
    }
}

/// A person as they are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct KnownPerson {
    pub(super) id: UserId,
    pub(super) name: Name,
    pub(super) created: Second,
}

/// How a person stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PersonStands {
    pub(super) devices: u32,
    pub(super) backup: Second,
    pub(super) standing: Standing,
}

/// A PC as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct KnownDevice {
    pub(super) id: DeviceId,
    pub(super) name: Name,
    /// The place of its person: [`Fleet::person_of`] gives them.
    pub(super) person: u32,
    pub(super) created: Second,
}

/// How a PC stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DeviceStands {
    pub(super) backup: Second,
    pub(super) seen: Second,
    /// Why its newest backup would not come back: [`Fleet::trouble`] gives the code. Beyond all codes for none.
    pub(super) trouble: u16,
    pub(super) standing: Standing,
    pub(super) forked: bool,
    pub(super) key_level: Option<KeyLevel>,
}

/// A person of the fleet, switched on.
#[derive(Clone, Copy, Debug)]
pub struct FleetPerson<'a> {
    known: &'a KnownPerson,
    stands: &'a PersonStands,
}

impl FleetPerson<'_> {
    /// Their id.
    pub fn id(&self) -> UserId {
        self.known.id
    }

    /// Their name.
    pub fn name(&self) -> Name {
        self.known.name
    }

    /// Since when they are known.
    pub fn created(&self) -> Second {
        self.known.created
    }

    /// PCs of theirs that have access.
    pub fn devices(&self) -> u32 {
        self.stands.devices
    }

    /// Their newest backup, on any PC; nothing is before all times.
    pub fn backup(&self) -> Second {
        self.stands.backup
    }

    /// The same, as a time.
    pub fn backup_at(&self) -> Option<Moment> {
        self.stands.backup.some()
    }

    /// How they stand.
    pub fn standing(&self) -> Standing {
        self.stands.standing
    }
}

/// A PC of the fleet.
#[derive(Clone, Copy, Debug)]
pub struct FleetDevice<'a> {
    known: &'a KnownDevice,
    stands: &'a DeviceStands,
}

impl FleetDevice<'_> {
    /// Its id.
    pub fn id(&self) -> DeviceId {
        self.known.id
    }

    /// Its name.
    pub fn name(&self) -> Name {
        self.known.name
    }

    /// When it was connected.
    pub fn created(&self) -> Second {
        self.known.created
    }

    /// Its newest backup; nothing is before all times.
    pub fn backup(&self) -> Second {
        self.stands.backup
    }

    /// The same, as a time.
    pub fn backup_at(&self) -> Option<Moment> {
        self.stands.backup.some()
    }

    /// When it last asked anything.
    pub fn seen(&self) -> Second {
        self.stands.seen
    }

    /// How it stands.
    pub fn standing(&self) -> Standing {
        self.stands.standing
    }

    /// Whether two PCs back up as this one.
    pub fn forked(&self) -> bool {
        self.stands.forked
    }

    /// How its key is kept.
    pub fn key_level(&self) -> Option<KeyLevel> {
        self.stands.key_level
    }
}

/// Who there is: what backups and check-ins do not change. The pictures of a fleet share one for as long as nobody comes, goes or is called otherwise.
#[derive(Debug, Default)]
pub(super) struct Roster {
    /// People who are switched on, by name.
    pub(super) people: Vec<KnownPerson>,
    /// PCs, by name.
    pub(super) devices: Vec<KnownDevice>,
    /// Whose PCs they are beside them: people who are switched off, or whom the view does not see.
    pub(super) others: Vec<(UserId, Name)>,
    pub(super) names: Names,
    /// Where the rows of the database stand in the lists, by their numbers.
    pub(super) places: Rows,
}

/// Where rows stand: people, those beside them, PCs.
#[derive(Debug, Default)]
pub(super) struct Rows {
    pub(super) people: Places,
    pub(super) others: Places,
    pub(super) devices: Places,
}

impl Rows {
    /// Gives back what was taken in advance.
    pub(super) fn close(&mut self) {
        [&mut self.people, &mut self.others, &mut self.devices].into_iter().for_each(Places::close);
    }
}

/// What a view sees of a tenant's people and PCs, at one moment.
#[derive(Clone, Debug)]
pub struct Fleet {
    /// When it was read.
    pub at: Moment,
    pub(super) roster: Arc<Roster>,
    /// How the roster's people stand, in its order.
    pub(super) people: Vec<PersonStands>,
    /// How its PCs stand.
    pub(super) devices: Vec<DeviceStands>,
    pub(super) troubles: Vec<String>,
    /// How many people stand how, and how many PCs, in the order of [`Standing::ALL`].
    pub(super) counts: [Counts; 2],
    /// How many PCs are two.
    pub(super) forked: usize,
}

/// How many stand how.
pub(super) type Counts = [usize; Standing::ALL.len()];

/// Counts them once: pages ask often.
pub(super) fn count(standings: impl Iterator<Item = Standing>) -> Counts {
    standings.fold(Counts::default(), |mut counts, standing| {
        counts[standing as usize] += 1;
        counts
    })
}

impl Fleet {
    /// People who are switched on, by name.
    pub fn people(&self) -> impl ExactSizeIterator<Item = FleetPerson<'_>> {
        self.roster.people.iter().zip(&self.people).map(|(known, stands)| FleetPerson { known, stands })
    }

    /// PCs, by name.
    pub fn devices(&self) -> impl ExactSizeIterator<Item = FleetDevice<'_>> {
        self.roster.devices.iter().zip(&self.devices).map(|(known, stands)| FleetDevice { known, stands })
    }

    /// The name that stands there. A name of another fleet gives any text, or none.
    pub fn name(&self, name: Name) -> &str {
        self.roster.names.get(name)
    }

    /// Why the newest backup of a PC would not come back: code of a reason.
    pub fn trouble(&self, device: FleetDevice<'_>) -> Option<&str> {
        self.troubles.get(usize::from(device.stands.trouble)).map(String::as_str)
    }

    /// Whose a PC is: id and name.
    pub fn person_of(&self, device: FleetDevice<'_>) -> (UserId, Name) {
        let (place, roster) = (device.known.person as usize, &self.roster);
        match roster.people.get(place) {
            Some(person) => (person.id, person.name),
            None => roster.others[place - roster.people.len()],
        }
    }

    /// The name of the person whose a PC is.
    pub fn user_name(&self, device: FleetDevice<'_>) -> &str {
        self.name(self.person_of(device).1)
    }

    /// What a PC is called where it stands alone: with its person.
    pub fn title(&self, device: FleetDevice<'_>) -> String {
        format!("{} ({})", self.name(device.name()), self.user_name(device))
    }

    /// Whether a name holds the words, however either is written.
    pub fn finder(&self, words: &str) -> impl Fn(Name) -> bool {
        let words = words.to_lowercase();
        // Without words no name is looked at: they are all over the memory.
        move |name| words.is_empty() || holds(self.name(name), &words)
    }

    /// How many people stand like that.
    pub fn people_with(&self, standing: Standing) -> usize {
        self.counts[0][standing as usize]
    }

    /// How many PCs are two.
    pub fn devices_forked(&self) -> usize {
        self.forked
    }

    /// How many PCs stand like that.
    pub fn devices_with(&self, standing: Standing) -> usize {
        self.counts[1][standing as usize]
    }
}

/// Whether a name holds words, which are in small letters. Most names are of ASCII, and are looked at where they stand.
fn holds(name: &str, words: &str) -> bool {
    if words.is_empty() {
        return true;
    }
    if !name.is_ascii() {
        return name.to_lowercase().contains(words);
    }
    name.as_bytes().windows(words.len()).any(|part| part.eq_ignore_ascii_case(words.as_bytes()))
}

/// Names, one after the other, each after a character whose number is the name's length.
#[derive(Clone, Debug, Default)]
pub(super) struct Names(String);

/// The longest name that is kept, in bytes: lengths are numbers of characters, and after these come such as are none.
const NAME_MAX: usize = 0xD7FF;

impl Names {
    /// Keeps a name. Beyond four gigabytes of names it keeps empty ones, and of one that is longer than [`NAME_MAX`] its beginning: no organisation has them, and a name
    /// is shown and decides nothing.
    pub(super) fn keep(&mut self, name: &str) -> Name {
        let name = &name[..name.floor_char_boundary(NAME_MAX)];
        let length = u32::try_from(name.len()).ok().and_then(char::from_u32);
        let (Ok(at), Some(length)) = (u32::try_from(self.0.len()), length) else { return Name(u32::MAX) };
        if let Some(more) = room((self.0.len(), self.0.capacity()), length.len_utf8() + name.len(), 1) {
            self.0.reserve_exact(more);
        }
        self.0.push(length);
        self.0.push_str(name);
        Name(at)
    }

    pub(super) fn get(&self, name: Name) -> &str {
        let mut rest = self.0.get(name.0 as usize..).unwrap_or_default().chars();
        let length = rest.next().map_or(0, |length| length as usize);
        rest.as_str().get(..length).unwrap_or_default()
    }

    /// Whether that is what was kept of this name.
    pub(super) fn is(&self, kept: Name, name: &str) -> bool {
        self.get(kept) == &name[..name.floor_char_boundary(NAME_MAX)]
    }

    /// Gives back what was taken in advance.
    pub(super) fn close(&mut self) {
        self.0.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_however_it_is_written() {
        assert!(holds("PC-0077", "c-00") && holds("pc", "") && !holds("PC", "pc-") && !holds("", "a"));
        assert!(holds("Jürgen Öztürk", "özt") && !holds("Jurgen", "ü"));
        assert!(holds("KELVIN", "kelvin"));
    }

    #[test]
    fn a_name_is_given_as_it_was_kept() {
        let mut names = Names::default();
        let kept = ["Ada", "", "Jürgen", "Ada"].map(|name| names.keep(name));
        assert_eq!(kept.map(|name| names.get(name)), ["Ada", "", "Jürgen", "Ada"]);
        assert_eq!(Names::default().get(kept[0]), "", "of another fleet");
    }

    #[test]
    fn names_of_any_length_are_kept() {
        let mut names = Names::default();
        let long: Vec<String> =
            [127, 128, 2_047, 2_048, NAME_MAX, NAME_MAX + 3].map(|length| "a".repeat(length)).into();
        let kept: Vec<Name> = long.iter().map(|name| names.keep(name)).collect();
        for (name, kept) in long.iter().zip(kept) {
            assert_eq!(names.get(kept), &name[..name.len().min(NAME_MAX)]);
        }
        let wide = names.keep(&"\u{e4}".repeat(NAME_MAX));
        assert_eq!(names.get(wide).chars().count(), NAME_MAX / 2, "cut between characters");
    }

    #[test]
    fn times_are_kept_to_the_second() {
        let now = Moment(1_795_000_000_999);
        assert_eq!(Second::of(now).moment(), Moment(1_795_000_000_000));
        assert_eq!((Second::of(now).some(), Second::NONE.some()), (Some(Moment(1_795_000_000_000)), None));
        assert!(Second::of(Moment(i64::MIN)) > Second::NONE && Second::of(Moment(i64::MAX)) > Second::of(now));
    }

    #[test]
    fn a_person_takes_36_bytes_and_a_pc_44_of_which_28_are_read_anew() {
        assert_eq!((size_of::<KnownPerson>(), size_of::<KnownDevice>()), (24, 28));
        assert_eq!((size_of::<PersonStands>(), size_of::<DeviceStands>()), (12, 16));
    }
}
