//! A fleet in memory. A server keeps one of each large organisation, so a person and a PC take few bytes: names stand in one text, and the rare reason why a
//! backup would not come back in a list.

use model::device::KeyLevel;
use model::ids::{DeviceId, UserId};
use model::world::Moment;

use super::Standing;

/// Where a name stands in its [`Fleet`], which gives it: [`Fleet::name`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name {
    at: u32,
    length: u32,
}

/// A person of the fleet, switched on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FleetPerson {
    /// Their id.
    pub id: UserId,
    /// Their name.
    pub name: Name,
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
    pub name: Name,
    /// Whose it is.
    pub user: UserId,
    /// Their name.
    pub user_name: Name,
    /// How it stands.
    pub standing: Standing,
    /// Its newest backup.
    pub backup_at: Option<Moment>,
    /// Why that would not come back: [`Fleet::trouble`] gives the code.
    pub(super) trouble: Option<u16>,
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
    pub(super) names: Names,
    pub(super) troubles: Vec<String>,
    /// How many people stand how, and how many PCs, in the order of [`Standing::ALL`].
    pub(super) counts: [Counts; 2],
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
    /// The name that stands there. A name of another fleet gives any text, or none.
    pub fn name(&self, name: Name) -> &str {
        self.names.get(name)
    }

    /// Why the newest backup of a PC would not come back: code of a reason.
    pub fn trouble(&self, device: &FleetDevice) -> Option<&str> {
        self.troubles.get(usize::from(device.trouble?)).map(String::as_str)
    }

    /// What a PC is called where it stands alone: with its person.
    pub fn title(&self, device: &FleetDevice) -> String {
        format!("{} ({})", self.name(device.name), self.name(device.user_name))
    }

    /// Whether a name holds the words, however either is written.
    pub fn finder(&self, words: &str) -> impl Fn(Name) -> bool {
        let words = words.to_lowercase();
        move |name| holds(self.name(name), &words)
    }

    /// How many people stand like that.
    pub fn people_with(&self, standing: Standing) -> usize {
        self.counts[0][standing as usize]
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

/// Names, one after the other.
#[derive(Clone, Debug, Default)]
pub(super) struct Names(String);

impl Names {
    /// Keeps a name. Beyond four gigabytes of names it keeps empty ones: no organisation has them, and a name is shown and decides nothing.
    pub(super) fn keep(&mut self, name: &str) -> Name {
        let place = u32::try_from(self.0.len()).ok().zip(u32::try_from(name.len()).ok());
        let Some((at, length)) = place else { return Name { at: 0, length: 0 } };
        self.0.push_str(name);
        Name { at, length }
    }

    pub(super) fn get(&self, name: Name) -> &str {
        let at = name.at as usize;
        self.0.get(at..at + name.length as usize).unwrap_or_default()
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
}
