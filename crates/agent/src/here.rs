//! The PC that this program runs on: its facts and policies, and whether something may begin on it.
//!
//! Only Windows has them. Elsewhere this program works on files and disks of other PCs; their own hives and exports say what they know.

use std::path::Path;

use device::doctor::refusal;
use device::facts::{Installed, Known};
use device::input::Input;
use device::target::{RegTarget, RestoreTarget};
use model::envelope::Source;
use model::prerequisite::Activity;
use model::reason::Reason;

use crate::failure::Failure;

/// What to back up: what the path names, or this PC.
pub fn input(from: Option<&Path>) -> Result<Input, Failure> {
    match from {
        Some(path) => Ok(Input::open(path)?),
        None => live::input(),
    }
}

/// What to restore to: the `.reg` file, or this PC.
pub fn target(to: Option<&Path>) -> Result<Box<dyn RestoreTarget>, Failure> {
    match to {
        Some(path) => Ok(Box::new(RegTarget::open(path)?)),
        None => live::target(),
    }
}

#[cfg(windows)]
mod live {
    use std::path::PathBuf;

    use device::input::Input;
    use device::target::{LivePc, LivePictures, RestoreTarget};
    use model::reason::Reason;
    use win32::{LiveEffects, LiveRegistry, LiveRegistryWrite};

    use crate::failure::Failure;

    pub(super) fn input() -> Result<Input, Failure> {
        Ok(Input::live(Box::new(LiveRegistry), win32::known(), pictures()?.windows_copy))
    }

    pub(super) fn target() -> Result<Box<dyn RestoreTarget>, Failure> {
        let files = pictures()?.files(&LiveRegistry);
        let (registry, effects) = (Box::new(LiveRegistryWrite), Box::new(LiveEffects));
        Ok(Box::new(LivePc { registry, known: win32::known(), files, effects }))
    }

    /// Windows' own place for its copy, and a folder of ours in the person's local data.
    fn pictures() -> Result<LivePictures, Failure> {
        let (roaming, local) = (folder("APPDATA")?, folder("LOCALAPPDATA")?);
        let windows_copy = roaming.join(r"Microsoft\Windows\Themes\TranscodedWallpaper");
        Ok(LivePictures { windows_copy, ours: local.join("Rehome.files") })
    }

    fn folder(name: &str) -> Result<PathBuf, Failure> {
        let missing = || Failure::new(Reason::ConfigInvalid, format!("the environment does not name `{name}`"));
        std::env::var_os(name).map(PathBuf::from).ok_or_else(missing)
    }
}

#[cfg(not(windows))]
mod live {
    use device::input::Input;
    use device::target::RestoreTarget;
    use model::reason::Reason;

    use crate::failure::Failure;

    pub(super) fn input() -> Result<Input, Failure> {
        Err(Failure::new(Reason::Usage, "this is not Windows: there is no PC here to back up")
            .hint("name one with `--from`"))
    }

    pub(super) fn target() -> Result<Box<dyn RestoreTarget>, Failure> {
        Err(Failure::new(Reason::Usage, "this is not Windows: there is no PC here to restore to")
            .hint("name a file with `--to`"))
    }
}

/// What this PC says of itself; `None` where there is no Windows to ask.
#[cfg_attr(windows, expect(clippy::unnecessary_wraps, reason = "only Windows always has an answer"))]
pub fn known() -> Option<Known> {
    #[cfg(windows)]
    return Some(win32::known());
    #[cfg(not(windows))]
    None
}

/// What the installer was told about this PC; nothing where there is no Windows to ask.
pub fn installed() -> Installed {
    #[cfg(windows)]
    return device::facts::installed(&win32::LivePlaces);
    #[cfg(not(windows))]
    Installed::default()
}

/// Stops an undo that policy leaves to others: to an administrator, who runs this elevated, or to nobody.
pub fn allow_undo(known: &Known) -> Result<(), Failure> {
    let allowed = known.policy().undo_by();
    let is_allowed = match allowed.value {
        "nobody" => false,
        "administrator" => known.facts.elevated == Some(true),
        _ => true,
    };
    let who = if allowed.value == "nobody" { "nobody" } else { "only an administrator, with an elevated prompt," };
    let refused = || format!("{who} may take a restore back here, by the {}", allowed.origin);
    if is_allowed { Ok(()) } else { Err(Failure::new(Reason::UndoNotAllowed, refused())) }
}

/// Stops what policy or the prerequisites do not allow. Prerequisites are asked of the live PC only: a disk or a file runs elsewhere.
pub fn allow(activity: Activity, known: &Known, source: Source) -> Result<(), Failure> {
    let facts = (source == Source::Live).then_some(&known.facts);
    match refusal(activity, &known.policy(), facts) {
        Some(refusal) => Err(Failure::new(refusal.reason, refusal.message)),
        None => Ok(()),
    }
}
