//! Which snapshot is meant: `latest`, or the first digits of an id; of this PC, or of another PC by its name.

use device::list;
use device::upload::server::Server;
use model::api::{ProfileSummary, SnapshotSummary};
use model::reason::Reason;

use crate::failure::Failure;
use crate::near::nearest;
use crate::paint::tame;
use crate::run::Connection;

/// The fewest digits of an id that are taken, so that a stray word is no id.
const DIGITS_MIN: usize = 4;

/// How many digits of an id are shown.
pub const DIGITS_SHOWN: usize = 8;

/// A snapshot that was found, and the PC it was taken on.
#[derive(Clone, Debug)]
pub struct Found {
    /// The snapshot.
    pub snapshot: SnapshotSummary,
    /// Name of the PC.
    pub device_name: String,
}

impl Found {
    /// The first digits of the id.
    pub fn short_id(&self) -> String {
        short(&self.snapshot)
    }
}

/// The first digits of a snapshot's id.
pub fn short(summary: &SnapshotSummary) -> String {
    summary.snapshot.to_string()[..DIGITS_SHOWN].to_owned()
}

/// Finds what `id` means: on the PC called `device`, or on this one and then on all others.
pub fn find(connection: &Connection, server: &Server<'_>, id: &str, device: Option<&str>) -> Result<Found, Failure> {
    let digits = digits(id)?;
    let profiles = list::profiles(server)?;
    if let Some(name) = device {
        let newest = named(&profiles, name)?;
        // A PC that was reset has its old name again: an id says which of the two is meant.
        let is_same = |profile: &&ProfileSummary| profile.device_name.eq_ignore_ascii_case(name);
        let same = || profiles.iter().filter(is_same).collect();
        let meant: Vec<_> = if digits.is_some() { same() } else { vec![newest] };
        return pick(server, &meant, digits.as_deref());
    }
    let mine = profiles.iter().find(|profile| profile.profile == connection.enrolment.profile);
    match (&digits, mine) {
        (None, Some(mine)) if mine.latest.is_some() => pick(server, &[mine], None),
        (None, _) => Err(nothing_here(&profiles)),
        (Some(_), _) => pick(server, &profiles.iter().collect::<Vec<_>>(), digits.as_deref()),
    }
}

/// `None` for `latest`; otherwise the digits, in lower case.
fn digits(id: &str) -> Result<Option<String>, Failure> {
    if id.eq_ignore_ascii_case("latest") {
        return Ok(None);
    }
    let fits = (DIGITS_MIN..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !fits {
        let shown = tame(id, 80);
        return Err(Failure::new(Reason::Usage, format!("`{shown}` is not a snapshot id"))
            .hint("write `latest`, or at least four digits of an id from `rehome snapshots`"));
    }
    Ok(Some(id.to_ascii_lowercase()))
}

/// The profile of the PC with that name; of several with the same name the one with the newest backup.
pub fn named<'a>(profiles: &'a [ProfileSummary], name: &str) -> Result<&'a ProfileSummary, Failure> {
    // The list begins with the newest backup.
    let found = profiles.iter().find(|profile| profile.device_name.eq_ignore_ascii_case(name));
    found.ok_or_else(|| {
        let failure = Failure::new(Reason::NoProfile, format!("none of your PCs is called `{}`", tame(name, 64)));
        let names = || profiles.iter().map(|profile| profile.device_name.as_str());
        match nearest(name, names()) {
            Some(near) => failure.hint(format!("did you mean `{}`?", tame(near, 64))),
            None if profiles.is_empty() => failure,
            None => failure.hint(format!("yours are: {}", tame(&names().collect::<Vec<_>>().join(", "), 300))),
        }
    })
}

/// The snapshot that begins with `digits` (the newest if there are none) in one of the profiles.
fn pick(server: &Server<'_>, profiles: &[&ProfileSummary], digits: Option<&str>) -> Result<Found, Failure> {
    let mut found: Vec<Found> = Vec::new();
    for profile in profiles {
        let found_here = |snapshot| Found { snapshot, device_name: profile.device_name.clone() };
        match (digits, &profile.latest) {
            (_, None) => {}
            (None, Some(latest)) => found.push(found_here(latest.clone())),
            (Some(digits), Some(_)) => {
                let all = list::snapshots(server, profile.profile)?;
                found
                    .extend(all.into_iter().filter(|one| one.snapshot.to_string().starts_with(digits)).map(found_here));
            }
        }
    }
    // The same content may have been kept more than once; those are one and the same.
    let same = found.windows(2).all(|pair| pair[0].snapshot.snapshot == pair[1].snapshot.snapshot);
    match found.into_iter().next() {
        Some(first) if same => Ok(first),
        Some(_) => Err(Failure::new(
            Reason::AmbiguousId,
            format!("several snapshots begin with `{}`", digits.unwrap_or_default()),
        )),
        None => Err(match digits {
            Some(digits) => Failure::new(Reason::NoSuchSnapshot, format!("no snapshot begins with `{digits}`")),
            None => Failure::new(Reason::NoProfile, "that PC has no backup yet"),
        }),
    }
}

/// This PC has no backup, as on a new one. Says where there is one.
fn nothing_here(profiles: &[ProfileSummary]) -> Failure {
    let failure = Failure::new(Reason::NoProfile, "this PC has no backup yet");
    match profiles.iter().find(|profile| profile.latest.is_some()) {
        Some(other) => failure
            .hint(format!("your newest backup is from `{0}`: add `--from-device {0}`", tame(&other.device_name, 64))),
        None => failure,
    }
}
