//! Where a setting may never live (rule R9).
//!
//! Each row is an area of the registry from which Windows starts programs, loads libraries, redirects files or traffic, or keeps
//! secrets. An entry of the catalog that touches one does not build, and there is no waiver: where something harmless lives beside
//! something dangerous, the row itself names the dangerous values. The seed is the table of `docs/threat-model.md`.

/// An area that no setting may touch.
#[derive(Debug, PartialEq, Eq)]
pub struct Blocked {
    /// Key below the root, with everything below it. A component `*` stands for any one component, `x*` for any that begins so.
    /// Empty: every key.
    pub key: &'static str,
    /// Value names that are blocked at the key itself; `*` at the end as in keys. Empty: all values, there and below.
    pub names: &'static [&'static str],
    /// What a value there can do.
    pub why: &'static str,
}

const START: &str = "starts programs at sign-in";
const SHELL: &str = "starts or replaces a shell, or runs commands inside one";
const SEARCH: &str = "decides which programs and libraries are found";
const COM: &str = "decides which program or library opens a type, an address or a class";
const FOLDER: &str = "redirects folders or what opens in them";
const ADDIN: &str = "loads add-ins or extensions";
const POLICY: &str = "belongs to the organisation's policy";
const TRAFFIC: &str = "redirects traffic or sends credentials to another host";
const FILE: &str = "names a file that Windows loads, also from another host";
const INPUT: &str = "loads input methods by class";
const ASSIST: &str = "starts assistive programs";
const GUARD: &str = "runs debuggers or scripts, or switches protection off";
const SECRET: &str = "keeps secrets, or is not the person's own";
const OPAQUE: &str = "holds packed data that is not understood byte by byte";

const fn all(key: &'static str, why: &'static str) -> Blocked {
    Blocked { key, names: &[], why }
}

const fn named(key: &'static str, names: &'static [&'static str], why: &'static str) -> Blocked {
    Blocked { key, names, why }
}

/// The block list. Compared without case; a component `WOW6432Node` is skipped.
pub const BLOCKED: &[Blocked] = &[
    all(r"Software\Microsoft\Windows\CurrentVersion\Run*", START),
    all(r"Software\Microsoft\Windows NT\CurrentVersion\Run*", START),
    all(r"Software\Microsoft\Windows\CurrentVersion\Explorer\StartupApproved", START),
    named(
        r"Software\Microsoft\Windows NT\CurrentVersion\Windows",
        &["Load", "Run", "Programs", "Device", "AppInit_DLLs", "LoadAppInit_DLLs", "IconServiceLib", "Spooler"],
        START,
    ),
    all(r"Software\Microsoft\Active Setup", START),
    all(r"Software\Microsoft\Windows NT\CurrentVersion\Winlogon", SHELL),
    all(r"Software\Microsoft\Windows NT\CurrentVersion\Image File Execution Options", SHELL),
    all(r"Software\Microsoft\Windows NT\CurrentVersion\AppCompatFlags", SHELL),
    all(r"Software\Microsoft\Command Processor", SHELL),
    all(r"Software\Microsoft\PowerShell", SHELL),
    all(r"Software\Microsoft\PowerShellCore", SHELL),
    all(r"Software\Microsoft\Windows Script", SHELL),
    all(r"Software\Microsoft\Windows Script Host", SHELL),
    all(r"Console\*", SHELL),
    named("Console", &["FaceName", "DelegationConsole", "DelegationTerminal"], SHELL),
    all("Environment", SEARCH),
    all("Volatile Environment", SEARCH),
    all(r"Software\Classes", COM),
    all(r"Software\Microsoft\Windows\CurrentVersion\Explorer\FileExts", COM),
    all(r"Software\Microsoft\Windows\CurrentVersion\App Paths", COM),
    all(r"Software\Microsoft\Windows\Shell\Associations", COM),
    all(r"Software\RegisteredApplications", COM),
    all(r"Software\Clients", COM),
    // The key's own number `DisableAutoplay` is a switch; what is started for which medium stands in the keys below it.
    all(r"Software\Microsoft\Windows\CurrentVersion\Explorer\AutoplayHandlers\*", COM),
    all(r"Software\Microsoft\Windows\CurrentVersion\Explorer\MyComputer", FOLDER),
    all(r"Software\Microsoft\Windows\CurrentVersion\Explorer\Shell Folders", FOLDER),
    all(r"Software\Microsoft\Windows\CurrentVersion\Explorer\User Shell Folders", FOLDER),
    all(r"Software\Microsoft\Windows\CurrentVersion\Explorer\Desktop\NameSpace", FOLDER),
    all(r"Software\Microsoft\Windows\CurrentVersion\Explorer\MountPoints2", FOLDER),
    all(r"Software\Microsoft\Windows\CurrentVersion\Explorer\FolderDescriptions", FOLDER),
    all(r"Software\Microsoft\Windows\CurrentVersion\Explorer\Shell*", FOLDER),
    all(r"Software\Microsoft\Windows\CurrentVersion\Explorer\Browser Helper Objects", ADDIN),
    all(r"Software\Microsoft\Windows\CurrentVersion\Shell Extensions", ADDIN),
    all(r"Software\Microsoft\Office*", ADDIN),
    all(r"Software\Microsoft\VBA", ADDIN),
    all(r"Software\Microsoft\Edge*", ADDIN),
    all(r"Software\Microsoft\Internet Explorer", ADDIN),
    all(r"Software\Google", ADDIN),
    all(r"Software\Chromium", ADDIN),
    all(r"Software\Mozilla", ADDIN),
    all(r"Software\Policies", POLICY),
    all(r"Software\Microsoft\Windows\CurrentVersion\Policies", POLICY),
    all(r"Software\Microsoft\Windows\CurrentVersion\Group Policy*", POLICY),
    all(r"Software\Microsoft\PolicyManager", POLICY),
    all(r"Software\Microsoft\Windows\CurrentVersion\Internet Settings", TRAFFIC),
    all("Network", TRAFFIC),
    all("Printers", TRAFFIC),
    all(r"Software\Microsoft\Windows NT\CurrentVersion\Devices", TRAFFIC),
    all(r"Software\Microsoft\Windows NT\CurrentVersion\PrinterPorts", TRAFFIC),
    all(r"Software\Microsoft\Terminal Server Client", TRAFFIC),
    named(
        r"Control Panel\Desktop",
        &["SCRNSAVE.EXE", "Wallpaper", "OriginalWallpaper", "ConvertedWallpaper", "TranscodedImageCache*"],
        FILE,
    ),
    named(
        r"Control Panel\Cursors",
        &[
            "",
            "AppStarting",
            "Arrow",
            "Crosshair",
            "Hand",
            "Help",
            "IBeam",
            "No",
            "NWPen",
            "Person",
            "Pin",
            "Scheme Source",
            "SizeAll",
            "SizeNESW",
            "SizeNS",
            "SizeNWSE",
            "SizeWE",
            "UpArrow",
            "Wait",
        ],
        FILE,
    ),
    all(r"Control Panel\Cursors\*", FILE),
    all(r"Control Panel\don't load", FILE),
    all("AppEvents", FILE),
    all(r"Software\Microsoft\Windows\CurrentVersion\ThemeManager", FILE),
    // `Themes\Personalize` and the `Themes\History` beside it hold numbers only; these values and keys name files.
    named(
        r"Software\Microsoft\Windows\CurrentVersion\Themes",
        &[
            "CurrentTheme",
            "ThemeMRU",
            "InstallTheme*",
            "InstallVisualStyle*",
            "LastTheme*",
            "WallpaperSetFromTheme",
            "SetupVersion",
        ],
        FILE,
    ),
    all(r"Software\Microsoft\Windows\CurrentVersion\Themes\InstalledThemes", FILE),
    all(r"Software\Microsoft\Windows\CurrentVersion\Themes\LastTheme", FILE),
    all(r"Software\Microsoft\Windows\CurrentVersion\Explorer\Wallpapers", FILE),
    all(r"Software\Microsoft\CTF", INPUT),
    all(r"Software\Microsoft\IME*", INPUT),
    all(r"Software\Microsoft\Windows NT\CurrentVersion\Accessibility", ASSIST),
    named(r"Control Panel\Accessibility\SlateLaunch", &["ATapp"], ASSIST),
    all(r"Software\Microsoft\Windows\Windows Error Reporting", GUARD),
    all(r"Software\Microsoft\Windows NT\CurrentVersion\AeDebug", GUARD),
    all(r"Software\Microsoft\HtmlHelp Author", GUARD),
    all(r"Software\Microsoft\Windows\CurrentVersion\Uninstall", GUARD),
    all(r"Software\Microsoft\Windows\CurrentVersion\AppHost", GUARD),
    all(r"Software\Microsoft\Windows Defender*", GUARD),
    all(r"Software\Microsoft\.NETFramework", GUARD),
    all(r"Software\Microsoft\Windows\CurrentVersion\CloudStore", OPAQUE),
    all("HKLM", SECRET),
    all("HKEY_*", SECRET),
    all("SAM", SECRET),
    all("Security", SECRET),
    all(r"System\CurrentControlSet", SECRET),
    all("Identities", SECRET),
    all(r"Software\Microsoft\Cryptography", SECRET),
    all(r"Software\Microsoft\SystemCertificates", SECRET),
    all(r"Software\Microsoft\Protected Storage System Provider", SECRET),
    all(r"Software\Microsoft\Credentials", SECRET),
    all(r"Software\Microsoft\Vault", SECRET),
    all(r"Software\Microsoft\IdentityCRL", SECRET),
    all(r"Software\Microsoft\IdentityStore", SECRET),
    all(r"Software\Microsoft\WlanSvc", SECRET),
    all(r"Software\Microsoft\Windows NT\CurrentVersion\ProfileList", SECRET),
    // Wherever they stand, values of these names are commands, libraries or addresses.
    named(
        "",
        &[
            "AppInit_DLLs",
            "AutoConfigURL",
            "AutoRun",
            "Command",
            "CommandLine",
            "Debugger",
            "DelegateExecute",
            "DllName",
            "DllPath",
            "ImagePath",
            "InprocServer32",
            "LocalServer32",
            "ProxyServer",
            "ServiceDll",
            "Shell",
            "StubPath",
            "UserInitMprLogonScript",
            "Userinit",
            "VerifierDlls",
        ],
        SEARCH,
    ),
];

/// The row that blocks a value, if one does. `key` is relative to the root, with backslashes.
pub fn blocked(key: &str, name: &str) -> Option<&'static Blocked> {
    BLOCKED.iter().find(|row| {
        below(row.key, key).is_some_and(|exactly| {
            row.names.is_empty()
                || ((exactly || row.key.is_empty()) && row.names.iter().any(|pattern| fits(pattern, name)))
        })
    })
}

/// Whether a key is the pattern's or lies below it; `Some(true)` if it is exactly the pattern's.
fn below(pattern: &str, key: &str) -> Option<bool> {
    let mut components = key.split('\\').filter(|part| !part.is_empty() && !part.eq_ignore_ascii_case("WOW6432Node"));
    for wanted in pattern.split('\\').filter(|part| !part.is_empty()) {
        if !fits(wanted, components.next()?) {
            return None;
        }
    }
    Some(components.next().is_none())
}

/// Whether a component or a name fits a pattern, without case. Block-list names are ASCII.
fn fits(pattern: &str, text: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => text.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start)),
        None => text.eq_ignore_ascii_case(pattern),
    }
}
