//! What an organisation has decided about the Store and about winget on a PC.
//!
//! Looked at before anything is tried, so that a person is told "blocked by policy" and not a number. Values: `RemoveWindowsStore`, `DisableStoreApps` and
//! `RequirePrivateStoreOnly` of the template WindowsStore.admx; `EnableAppInstaller`, `EnableMicrosoftStoreSource` and
//! `EnableDefaultSource` of DesktopAppInstaller.admx. Rules of `AppLocker` are not evaluated: what they refuse, winget reports.

use model::policy::Hive;

use super::registry::number;
use crate::facts::Places;

const STORE: &str = r"Software\Policies\Microsoft\WindowsStore";
const APP_INSTALLER: &str = r"Software\Policies\Microsoft\Windows\AppInstaller";

/// What is switched off by policy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SwitchedOff {
    /// Apps from the Store.
    pub store: bool,
    /// Programs from winget's own source.
    pub programs: bool,
}

/// Reads the policies. What cannot be read counts as not set: winget is then asked and says it.
pub fn switched_off(places: &dyn Places) -> SwitchedOff {
    let is = |hive, key, name, number| value(places, hive, key, name) == Some(number);
    let by_installer = is(Hive::Machine, APP_INSTALLER, "EnableAppInstaller", 0);
    let for_anybody = |name| is(Hive::Machine, STORE, name, 1) || is(Hive::User, STORE, name, 1);
    SwitchedOff {
        store: by_installer
            || is(Hive::Machine, APP_INSTALLER, "EnableMicrosoftStoreSource", 0)
            || for_anybody("RemoveWindowsStore")
            || for_anybody("RequirePrivateStoreOnly")
            || is(Hive::Machine, STORE, "DisableStoreApps", 1),
        programs: by_installer || is(Hive::Machine, APP_INSTALLER, "EnableDefaultSource", 0),
    }
}

fn value(places: &dyn Places, hive: Hive, key: &str, name: &str) -> Option<u32> {
    number(places.value(hive, key, name).ok().flatten())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::RegPlaces;
    use crate::registry::MemoryRegistry;

    fn of(lines: &str) -> SwitchedOff {
        let text = format!("Windows Registry Editor Version 5.00\r\n\r\n{lines}");
        switched_off(&RegPlaces(&MemoryRegistry::parse(text.as_bytes()).unwrap()))
    }

    #[test]
    fn each_policy_says_no_for_itself() {
        let store = "[HKEY_LOCAL_MACHINE\\Software\\Policies\\Microsoft\\WindowsStore]\r\n";
        let installer = "[HKEY_LOCAL_MACHINE\\Software\\Policies\\Microsoft\\Windows\\AppInstaller]\r\n";
        let own = "[HKEY_CURRENT_USER\\Software\\Policies\\Microsoft\\WindowsStore]\r\n";
        assert_eq!(of(""), SwitchedOff::default());
        for lines in [
            format!("{store}\"RemoveWindowsStore\"=dword:1\r\n"),
            format!("{own}\"RequirePrivateStoreOnly\"=dword:1\r\n"),
            format!("{store}\"DisableStoreApps\"=dword:1\r\n"),
            format!("{installer}\"EnableMicrosoftStoreSource\"=dword:0\r\n"),
        ] {
            assert_eq!(of(&lines), SwitchedOff { store: true, programs: false }, "{lines}");
        }
        let all = format!("{installer}\"EnableAppInstaller\"=dword:0\r\n");
        assert_eq!(of(&all), SwitchedOff { store: true, programs: true });
        assert_eq!(of(&format!("{store}\"RemoveWindowsStore\"=dword:0\r\n")), SwitchedOff::default());
    }
}
