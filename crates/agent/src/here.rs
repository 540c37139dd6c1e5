//! The PC that this program runs on: its facts and policies, and whether something may begin on it.
//!
//! Only Windows has them. Elsewhere this program works on files and disks of other PCs; their own hives and exports say what they know.

use std::path::Path;

use device::apps::{Apps, Installer};
use device::doctor::refusal;
use device::facts::EnrolmentToken;
use device::facts::{Installed, Known, Places};
use device::input::Input;
use device::target::{RegTarget, RestoreTarget};
use model::device::KeyLevel;
use model::envelope::Source;
use model::prerequisite::Activity;
use model::reason::Reason;

use crate::failure::Failure;
use crate::run::Run;

/// What to back up: what the path names, or this PC. With a folder for scratch files winget is asked about this PC's apps, too.
pub fn input(from: Option<&Path>, scratch: Option<&Path>) -> Result<Input, Failure> {
    match from {
        Some(path) => Ok(Input::open(path)?),
        None => live::input(scratch),
    }
}

/// Gives what installs apps on this PC, its apps and its registry; elsewhere such as have nothing.
pub fn with_apps<T>(then: impl FnOnce(&dyn Installer, &dyn Apps, &dyn Places) -> T) -> T {
    live::with_apps(then)
}

/// What to restore to: the `.reg` file, or this PC; under the policy of the server that this PC is connected to.
pub fn target(run: &Run, to: Option<&Path>) -> Result<Box<dyn RestoreTarget>, Failure> {
    let mut target: Box<dyn RestoreTarget> = if let Some(path) = to {
        Box::new(RegTarget::open(path)?)
    } else {
        run.own_state()?;
        live::target()?
    };
    target.obey(&run.server_policy());
    Ok(target)
}

/// Ends the Explorer of this session and sees to it that one runs again; or only says whether there can be one.
pub fn restart_explorer(do_it: bool) -> Result<(), Failure> {
    live::restart_explorer(do_it)
}

#[cfg(windows)]
mod live {
    use std::path::{Path, PathBuf};
    use std::time::Duration;

    use device::apps::winget::{INSTALL_SECONDS_MAX, Winget, WingetError};
    use device::apps::{Apps, Installer, Listed, PcApps, machine_programs};
    use device::facts::{Once, Places};
    use device::input::Input;
    use device::own_files::{Folders, OwnFiles, Whose};
    use device::target::{Effects as _, LivePc, LivePictures, RestoreTarget};
    use model::reason::Reason;
    use win32::{LiveEffects, LivePlaces, LiveRegistry, LiveRegistryWrite};

    use crate::failure::Failure;

    /// Asking winget what it knows takes seconds, so it is done for a backup and not for a comparison.
    pub(super) fn input(scratch: Option<&Path>) -> Result<Input, Failure> {
        let mut notes = Vec::new();
        let asked = match scratch {
            Some(folder) => winget()?.export(&folder.join("winget-export.json")),
            None => Err(WingetError::Missing),
        };
        let exported = match asked {
            Ok(exported) => Some(exported),
            // Many PCs do not have it, and nothing is missing but a help.
            Err(WingetError::Missing) => None,
            Err(error) => {
                notes.push(format!("where apps can be had again is not known: {error}"));
                None
            }
        };
        let mut input = Input::live(
            Box::new(LiveRegistry),
            super::live_known().clone(),
            own_files()?.showing(win32::lock_screen()),
            (listed(), exported),
        );
        input.notes.append(&mut notes);
        Ok(input)
    }

    /// What the PC lists beside the person's registry. A list of programs that cannot be read costs itself: they are listed for reference.
    fn listed() -> Listed {
        let programs = machine_programs(&LivePlaces).unwrap_or_default();
        Listed { programs, packages: win32::packages() }
    }

    /// `winget.exe` where Windows puts the alias of the App Installer for each person (Microsoft Learn, "App execution alias"): no search, so that nothing
    /// else can be found in its stead.
    fn winget() -> Result<Winget, Failure> {
        Ok(Winget {
            program: folder("LOCALAPPDATA")?.join(r"Microsoft\WindowsApps\winget.exe"),
            quietly: win32::without_window,
            wait: crate::world::wait,
            show: win32::open_store_page,
            limit: limit(),
        })
    }

    /// The longest installation that is waited for. Tests cannot wait a quarter of an hour for a program that hangs.
    fn limit() -> Duration {
        let seconds = std::env::var("REHOME_INSTALL_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
        Duration::from_secs(seconds.unwrap_or(INSTALL_SECONDS_MAX).min(INSTALL_SECONDS_MAX))
    }

    pub(super) fn with_apps<T>(then: impl FnOnce(&dyn Installer, &dyn Apps, &dyn Places) -> T) -> T {
        let listed = listed();
        let here = PcApps { registry: &LiveRegistry, listed: &listed };
        match winget() {
            Ok(winget) => then(&winget, &here, &LivePlaces),
            Err(_) => then(&device::apps::Unavailable, &here, &LivePlaces),
        }
    }

    pub(super) fn target() -> Result<Box<dyn RestoreTarget>, Failure> {
        let files = pictures()?.files(&LiveRegistry);
        let (registry, effects) = (Box::new(LiveRegistryWrite), Box::new(LiveEffects));
        Ok(Box::new(LivePc { registry, listed: listed(), known: super::live_known().clone(), files, effects }))
    }

    pub(super) fn restart_explorer(do_it: bool) -> Result<(), Failure> {
        if !do_it {
            return Ok(());
        }
        LiveEffects.restart_explorer().map_err(|error| Failure::of(&error, error.reason()))
    }

    /// Where Windows keeps the person's files, and a folder of ours in their local data.
    fn pictures() -> Result<LivePictures, Failure> {
        Ok(LivePictures {
            windows: own_files()?,
            lock_screen: win32::lock_screen(),
            ours: folder("LOCALAPPDATA")?.join("Rehome.files"),
        })
    }

    fn own_files() -> Result<OwnFiles, Failure> {
        let folders =
            Folders { roaming: folder("APPDATA")?, program_data: folder("ProgramData")?, public: folder("PUBLIC")? };
        let (person, places) = (win32::person(), Once::new(&LivePlaces));
        let whose = person.as_deref().map(|sid| Whose { sid, places: &places });
        Ok(OwnFiles::live(&folders, whose))
    }

    fn folder(name: &str) -> Result<PathBuf, Failure> {
        let missing = || Failure::new(Reason::ConfigInvalid, format!("the environment does not name `{name}`"));
        std::env::var_os(name).map(PathBuf::from).ok_or_else(missing)
    }
}

#[cfg(not(windows))]
mod live {
    use std::path::Path;

    use device::apps::{Apps, Installer, MemoryApps, Unavailable};
    use device::facts::{Places, RegPlaces};
    use device::input::Input;
    use device::registry::MemoryRegistry;
    use device::target::RestoreTarget;
    use model::reason::Reason;

    use crate::failure::Failure;

    pub(super) fn with_apps<T>(then: impl FnOnce(&dyn Installer, &dyn Apps, &dyn Places) -> T) -> T {
        then(&Unavailable, &MemoryApps::default(), &RegPlaces(&MemoryRegistry::new()))
    }

    pub(super) fn input(_: Option<&Path>) -> Result<Input, Failure> {
        Err(Failure::new(Reason::Usage, "this is not Windows: there is no PC here to back up")
            .hint("name one with `--from`"))
    }

    pub(super) fn restart_explorer(_: bool) -> Result<(), Failure> {
        Err(Failure::new(Reason::NoExplorer, "this is not Windows: there is no Explorer here")
            .hint("run it on the PC that was restored to"))
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
    return Some(live_known().clone());
    #[cfg(not(windows))]
    None
}

/// The same, under the policy of the server that this PC is connected to.
pub fn known_under(run: &Run) -> Known {
    let mut known = known().unwrap_or_default();
    run.server_policy().join(&mut known.values);
    known
}

/// What this PC says of itself, read once a run: each call costs some hundred calls of the registry.
#[cfg(windows)]
fn live_known() -> &'static Known {
    static KNOWN: std::sync::OnceLock<Known> = std::sync::OnceLock::new();
    KNOWN.get_or_init(win32::known)
}

/// The enrolment token that the installer was given, if nobody has used it yet.
pub fn enrolment_token() -> Option<EnrolmentToken> {
    #[cfg(windows)]
    return device::facts::enrolment_token(&win32::LivePlaces);
    #[cfg(not(windows))]
    None
}

/// Deletes that token. Where it cannot be deleted the server counts its uses all the same.
pub fn forget_enrolment_token() {
    #[cfg(windows)]
    drop(win32::machine::forget_token());
}

/// What the installer was told about this PC; nothing where there is no Windows to ask.
pub fn installed() -> Installed {
    #[cfg(windows)]
    return live_known().installed.clone();
    #[cfg(not(windows))]
    Installed::default()
}

/// Stops an undo that policy leaves to nobody, or to people who are administrators of the PC: they run this elevated, in the account that was restored to.
/// Somebody else's settings nobody takes back, an administrator neither: whoever gives their own password runs this with their own settings and journals.
pub fn allow_undo(known: &Known) -> Result<(), Failure> {
    let policy = known.policy();
    let (who, next) = match policy.undo_by().value {
        "nobody" => ("nobody", Reason::UndoNotAllowed.next()),
        "administrator" if known.facts.elevated != Some(true) => {
            ("only an administrator, with an elevated prompt,", ELEVATED)
        }
        _ => return Ok(()),
    };
    let message = format!("{who} may take a restore back here, by the {}", policy.who("restore.undo_by"));
    Err(Failure::new(Reason::UndoNotAllowed, message).hint(next))
}

/// What to do where an undo asks for an administrator.
const ELEVATED: &str = "run it in this very account with `Run as administrator`; if the account is no administrator of this PC, have your \
    administrator set the policy `UndoAllowed` to `person` for it until this is done";

/// Stops a backup of a PC whose own key is kept in a weaker place than policy demands.
pub fn allow_key(known: &Known, level: KeyLevel) -> Result<(), Failure> {
    let least = known.policy().key_level();
    if level >= least.value {
        return Ok(());
    }
    let message = format!(
        "the key of this PC is `{level}`, and by the {} it is at least `{}`",
        known.policy().who("agent.key_level"),
        least.value
    );
    Err(Failure::new(Reason::KeyTooWeak, message))
}

/// Stops what policy or the prerequisites do not allow. Prerequisites are asked of the live PC only: a disk or a file runs elsewhere.
pub fn allow(activity: Activity, known: &Known, source: Source) -> Result<(), Failure> {
    let facts = (source == Source::Live).then_some(&known.facts);
    match refusal(activity, &known.policy(), facts) {
        Some(refusal) => Err(Failure::new(refusal.reason, refusal.message)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use model::policy::{Given, Values};

    use super::*;

    fn known(allowed: &str, elevated: Option<bool>) -> Known {
        let server = [("restore.undo_by", Given::Text(allowed.to_owned()))].into_iter().collect();
        let mut known = Known { values: Values { server, ..Values::default() }, ..Known::default() };
        known.facts.elevated = elevated;
        known
    }

    #[test]
    fn an_undo_that_asks_for_an_administrator_says_in_which_account_and_what_else_can_be_done() {
        for elevated in [Some(false), None] {
            let refused = allow_undo(&known("administrator", elevated)).unwrap_err();
            assert_eq!(refused.reason(), Some(Reason::UndoNotAllowed));
            let (message, _, hint) = refused.to_text().unwrap();
            assert!(message.starts_with("only an administrator, with an elevated prompt,"), "{message}");
            assert!(hint.contains("in this very account") && hint.contains("`UndoAllowed` to `person`"), "{hint}");
        }
        assert!(allow_undo(&known("administrator", Some(true))).is_ok());
        let (_, _, hint) = allow_undo(&known("nobody", Some(true))).unwrap_err().to_text().unwrap();
        assert_eq!(hint, "ask your administrator", "an elevated prompt changes nothing there");
        assert!(allow_undo(&known("person", Some(false))).is_ok());
    }
}
