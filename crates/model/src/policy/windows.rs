//! Windows' own policies that Rehome reads: the ones it follows, and the ones it only shows.
//!
//! Sources: Microsoft Learn, Policy CSP `ADMX_SettingSync` and `SettingsSync` (values and the key `SettingSync`), the overview of Windows
//! settings backup and restore (the five policies that stop it). That "do not sync" is the number 2, and a locked check box the number 1,
//! is how the template SettingSync.admx of Windows writes them.

/// The key of Windows' own backup and sync policies, in `HKLM`.
pub const SETTING_SYNC: &str = r"Software\Policies\Microsoft\Windows\SettingSync";

/// The key of the policies on activity history and connected devices, in `HKLM`.
pub const SYSTEM: &str = r"Software\Policies\Microsoft\Windows\System";

/// Where device management leaves the values of the policy area `Connectivity`, in `HKLM`.
pub const MDM_CONNECTIVITY: &str = r"SOFTWARE\Microsoft\PolicyManager\current\device\Connectivity";
/// The same of the policy area `Experience`.
pub const MDM_EXPERIENCE: &str = r"SOFTWARE\Microsoft\PolicyManager\current\device\Experience";
/// The same of the policy area `Privacy`.
pub const MDM_PRIVACY: &str = r"SOFTWARE\Microsoft\PolicyManager\current\device\Privacy";

/// A Windows policy that is followed where Rehome's own says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Twin {
    /// The name of the value in [`SETTING_SYNC`], a `REG_DWORD`.
    pub value: &'static str,
    /// What Group Policy calls it.
    pub title: &'static str,
    /// How it is understood.
    pub meaning: Meaning,
}

/// How a [`Twin`]'s number is understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// 2 means the rule `never`; anything else says nothing.
    DoNotSync,
    /// Said only where the policy of the same name without `UserOverride` is 2: 0 means that people may turn it on again, else they may not.
    Override,
    /// 1 means off; anything else says nothing.
    OffIfOne,
}

/// A Windows policy that Rehome reads and explains but does not follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The key, below `HKLM`.
    pub key: &'static str,
    /// The key where device management leaves a value of the same name, if it is a policy of its own there (Policy CSP, the area's page) and no template that is written to [`Shown::key`].
    pub mdm: Option<&'static str>,
    /// The name of the value, a `REG_DWORD`.
    pub value: &'static str,
    /// What Group Policy calls it; of one that only device management has, what its page says.
    pub title: &'static str,
}

/// Switches Microsoft's own backup: 1 = on, 0 = off, absent = as the version of Windows has it (on from Windows 11 26H2).
///
/// Rehome does not follow it. An organisation that uses Rehome sets it to 0, so that not both restore; following it would turn off Rehome too.
pub const MICROSOFT_BACKUP: Shown = in_one_key(SETTING_SYNC, "EnableWindowsBackup", "Enable Windows Backup");

/// If one of them is 0, Microsoft's own backup never runs, and nothing on screen says so.
pub const SILENT_STOPS: [Shown; 5] = [
    Shown { mdm: Some(MDM_PRIVACY), ..in_one_key(SYSTEM, "EnableActivityFeed", "Enables Activity Feed") },
    Shown {
        mdm: Some(MDM_PRIVACY),
        ..in_one_key(SYSTEM, "PublishUserActivities", "Allow publishing of User Activities")
    },
    Shown { mdm: Some(MDM_PRIVACY), ..in_one_key(SYSTEM, "UploadUserActivities", "Allow upload of User Activities") },
    in_one_key(SYSTEM, "EnableCdp", "Continue experiences on this device"),
    in_one_key(MDM_CONNECTIVITY, "AllowConnectedDevices", "Allow Connected Devices"),
];

/// Of Microsoft's own sync, what is shown and not followed: parts that Rehome does not carry or Windows has no more, and the switch of device management for all of it, which
/// baselines set for personal accounts; who manages PCs says `EnableBackup` to Rehome itself.
pub const ONLY_MICROSOFTS: [Shown; 6] = [
    in_one_key(SETTING_SYNC, "DisableApplicationSettingSync", "Do not sync app settings"),
    in_one_key(SETTING_SYNC, "DisableCredentialsSettingSync", "Do not sync passwords"),
    in_one_key(SETTING_SYNC, "DisableDesktopThemeSettingSync", "Do not sync desktop personalization"),
    in_one_key(SETTING_SYNC, "DisableStartLayoutSettingSync", "Do not sync start settings"),
    in_one_key(SETTING_SYNC, "DisableWebBrowserSettingSync", "Do not sync browser settings"),
    in_one_key(MDM_EXPERIENCE, "AllowSyncMySettings", "Allow Sync My Settings"),
];

/// All that are only shown.
pub fn shown() -> impl Iterator<Item = &'static Shown> {
    [&MICROSOFT_BACKUP].into_iter().chain(&SILENT_STOPS).chain(&ONLY_MICROSOFTS)
}

const fn in_one_key(key: &'static str, value: &'static str, title: &'static str) -> Shown {
    Shown { key, mdm: None, value, title }
}

const fn rule(value: &'static str, title: &'static str) -> Twin {
    Twin { value, title, meaning: Meaning::DoNotSync }
}

const fn by_person(value: &'static str, title: &'static str) -> Twin {
    Twin { value, title, meaning: Meaning::Override }
}

const ALL: Twin = rule("DisableSettingSync", "Do not sync");
const ALL_OVERRIDE: Twin = by_person("DisableSettingSyncUserOverride", "Do not sync: allow users to turn syncing on");

/// For the category of accessibility.
pub const ACCESSIBILITY: &[Twin] =
    &[rule("DisableAccessibilitySettingSync", "Do not sync accessibility settings"), ALL];
/// Who may change it.
pub const ACCESSIBILITY_OVERRIDE: &[Twin] = &[
    by_person(
        "DisableAccessibilitySettingSyncUserOverride",
        "Do not sync accessibility settings: allow users to turn it on",
    ),
    ALL_OVERRIDE,
];
/// For the categories of language, region and typing.
pub const LANGUAGE: &[Twin] = &[rule("DisableLanguageSettingSync", "Do not sync language preferences settings"), ALL];
/// Who may change it.
pub const LANGUAGE_OVERRIDE: &[Twin] = &[
    by_person(
        "DisableLanguageSettingSyncUserOverride",
        "Do not sync language preferences settings: allow users to turn it on",
    ),
    ALL_OVERRIDE,
];
/// For the categories of colours, desktop, taskbar and Start.
pub const PERSONALIZE: &[Twin] = &[rule("DisablePersonalizationSettingSync", "Do not sync personalize"), ALL];
/// Who may change it.
pub const PERSONALIZE_OVERRIDE: &[Twin] = &[
    by_person("DisablePersonalizationSettingSyncUserOverride", "Do not sync personalize: allow users to turn it on"),
    ALL_OVERRIDE,
];
/// For all other categories.
pub const OTHER: &[Twin] = &[rule("DisableWindowsSettingSync", "Do not sync other Windows settings"), ALL];
/// Who may change it.
pub const OTHER_OVERRIDE: &[Twin] = &[
    by_person("DisableWindowsSettingSyncUserOverride", "Do not sync other Windows settings: allow users to turn it on"),
    ALL_OVERRIDE,
];
/// For the list of apps. "Do not sync" is not among them: Windows keeps the list of apps apart from the settings.
pub const APPS: &[Twin] = &[rule("DisableAppSyncSettingSync", "Do not sync Apps")];
/// Who may change it.
pub const APPS_OVERRIDE: &[Twin] =
    &[by_person("DisableAppSyncSettingSyncUserOverride", "Do not sync Apps: allow users to turn it on")];
/// For metered networks.
pub const METERED: &[Twin] = &[Twin {
    value: "DisableSyncOnPaidNetwork",
    title: "Do not sync on metered connections",
    meaning: Meaning::OffIfOne,
}];
