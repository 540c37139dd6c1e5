//! Facts and policies as exports of a registry have them.

use model::plan::Manager;
use model::policy::{Group, Origin, Rule};

use super::*;
use crate::registry::MemoryRegistry;

/// What a `.reg` export with these lines says.
fn known(lines: &str) -> Known {
    let registry =
        MemoryRegistry::parse(format!("Windows Registry Editor Version 5.00\n\n{lines}\n").as_bytes()).unwrap();
    read(&RegPlaces(&registry), &Asked::default())
}

const CURRENT: &str = r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows NT\CurrentVersion";
const SYSTEM: &str = r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet";

#[test]
fn version_name_model_and_architecture_are_found() {
    let facts = known(&format!(
        "[{CURRENT}]\n\"CurrentBuildNumber\"=\"26100\"\n\"UBR\"=dword:00001352\n\"DisplayVersion\"=\"24H2\"\n\"EditionID\"=\"Enterprise\"\n\
         [{SYSTEM}\\Control\\ComputerName\\ComputerName]\n\"ComputerName\"=\"LAPTOP-ADA\"\n\
         [{SYSTEM}\\Control\\Session Manager\\Environment]\n\"PROCESSOR_ARCHITECTURE\"=\"AMD64\"\n\
         [HKEY_LOCAL_MACHINE\\HARDWARE\\DESCRIPTION\\System\\BIOS]\n\"SystemManufacturer\"=\"Contoso\"\n\"SystemProductName\"=\"Book 14\"\n"
    ))
    .facts;
    let build = facts.exact_build().map(|build| build.to_string());
    assert_eq!(build.as_deref(), Some("26100.4946"));
    let texts = [facts.display_version, facts.edition, facts.name, facts.architecture, facts.maker, facts.model];
    assert_eq!(texts.map(Option::unwrap), ["24H2", "Enterprise", "LAPTOP-ADA", "AMD64", "Contoso", "Book 14"]);
    assert_eq!((facts.join, facts.join_source), (Some(Join::Workgroup), Some(Source::Registry)));
}

#[test]
fn join_states_are_told_apart() {
    let cloud = format!("[{SYSTEM}\\Control\\CloudDomainJoin\\JoinInfo\\AB12]\n\"TenantId\"=\"t\"\n");
    let suffix = format!("[{SYSTEM}\\Services\\Tcpip\\Parameters]\n\"NV Domain\"=\"corp.example\"\n");
    let time = |from: &str| format!("[{SYSTEM}\\Services\\W32Time\\Parameters]\n\"Type\"=\"{from}\"\n");
    let site = format!("[{SYSTEM}\\Services\\Netlogon\\Parameters]\n\"DynamicSiteName\"=\"Default-First-Site-Name\"\n");
    let account =
        "[HKEY_CURRENT_USER\\Software\\Microsoft\\Windows NT\\CurrentVersion\\WorkplaceJoin\\JoinInfo\\AB12]\n";
    let none = format!("[{SYSTEM}\\Services\\Tcpip\\Parameters]\n\"NV Domain\"=\"\"\n[{SYSTEM}\\Control\\Lsa]\n");
    let domain = format!("{suffix}{}", time("nt5ds"));
    let alone = format!("{suffix}{}", time("NTP"));
    let joins = [
        (cloud.clone(), Some(Join::Entra)),
        (format!("{cloud}{domain}"), Some(Join::Hybrid)),
        (format!("{cloud}{site}"), Some(Join::Hybrid)),
        (domain, Some(Join::Domain)),
        (site.clone(), Some(Join::Domain)),
        (format!("{site}{}", time("NTP")), Some(Join::Domain)),
        (account.to_owned(), Some(Join::Registered)),
        (format!("{none}{}", time("NTP")), Some(Join::Workgroup)),
        (none.clone(), Some(Join::Workgroup)),
        // A suffix that somebody has set makes no member of a domain.
        (format!("{cloud}{alone}"), Some(Join::Entra)),
        (format!("{none}{alone}"), Some(Join::Workgroup)),
        (format!("{cloud}{suffix}"), None),
        (format!("{none}{suffix}"), None),
        (format!("{none}{}", time("NT5DS")), None),
    ];
    for (lines, join) in joins {
        assert_eq!(known(&lines).facts.join, join, "{lines}");
    }
    assert_eq!(known("").facts.join, None, "an export without the PC's half says nothing");
}

#[test]
fn a_shared_pc_and_a_kiosk_are_known_and_what_says_nothing_is_neither() {
    let shared = r"[HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows\CurrentVersion\SharedPC\NodeValues]";
    let kiosk = r"[HKEY_CURRENT_USER\Software\Microsoft\Windows\AssignedAccessConfiguration";
    let of = |lines: &str| known(lines).facts.shared;
    for said in ["\"01\"=dword:00000001\n", "\"18\"=dword:00000001\n"] {
        assert_eq!(of(&format!("{shared}\n{said}")), Some(true), "{said}");
    }
    assert_eq!(of(&format!("{kiosk}]\n\"Id\"=\"{{1}}\"\n")), Some(true));
    assert_eq!(of(&format!("{kiosk}\\Configs]\n\"Id\"=\"{{1}}\"\n")), Some(true));
    // Another person of the same PC is held to a kiosk: the PC's half lists them all.
    let other = kiosk.replace("HKEY_CURRENT_USER", "HKEY_LOCAL_MACHINE");
    for said in
        ["\"01\"=dword:00000000\n", "\"02\"=dword:00000001\n", "\"01\"=\"1\"\n", &format!("{other}]\n\"a\"=\"b\"\n")]
    {
        assert_eq!(of(&format!("{shared}\n{said}")), None, "{said}");
    }
    assert_eq!(of(""), None);
}

#[test]
fn what_windows_says_goes_before_the_registry() {
    let registry = MemoryRegistry::new();
    let asked = Asked { join: Some(Join::Hybrid), name: Some("PC-7".to_owned()), ..Asked::default() };
    let facts = read(&RegPlaces(&registry), &asked).facts;
    assert_eq!((facts.join, facts.join_source), (Some(Join::Hybrid), Some(Source::Windows)));
    assert_eq!(facts.name.as_deref(), Some("PC-7"));
}

/// What OneDrive has of `Desktop` at a place, with an account whose folder is `root`, for a person whose profile the PC lists.
fn desktop_is_taken(place: &str, root: &str, profile: Option<&str>) -> bool {
    let user = r"HKEY_CURRENT_USER\Software\Microsoft";
    let list = r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows NT\CurrentVersion\ProfileList";
    let escaped = |path: &str| path.replace('\\', r"\\");
    let expand = |path: &str| {
        let units: Vec<_> =
            path.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).map(|byte| format!("{byte:02x}")).collect();
        format!("hex(2):{}", units.join(","))
    };
    let listed = profile.map(|at| format!("[{list}\\S-1-5-21-1-2-3-1001]\n\"ProfileImagePath\"={}\n", expand(at)));
    let text = format!(
        "Windows Registry Editor Version 5.00\n\n[{user}\\OneDrive\\Accounts\\Business1]\n\"UserFolder\"=\"{}\"\n\
         [{user}\\Windows\\CurrentVersion\\Explorer\\User Shell Folders]\n\"Desktop\"={}\n{}",
        escaped(root),
        expand(place),
        listed.unwrap_or_default(),
    );
    let registry = MemoryRegistry::parse(text.as_bytes()).unwrap();
    let asked = Asked { person: Some("S-1-5-21-1-2-3-1001".to_owned()), ..Asked::default() };
    let of = |asked: &Asked| read(&RegPlaces(&registry), asked).facts.onedrive_folders.unwrap();
    if profile.is_none() {
        assert_eq!(of(&asked), of(&Asked::default()), "whether or not it is known whose profile it is");
    }
    of(&asked) == ["Desktop"]
}

/// Windows keeps the place of a folder unexpanded; compared as it stands, no folder was ever OneDrive's.
#[test]
fn a_folder_is_onedrives_wherever_windows_has_it_written() {
    const ROOT: &str = r"C:\Users\ada\OneDrive - Contoso";
    let long = "Vertrieb und Beratung ".repeat(10);
    let long = long.trim();
    let rows = [
        (r"%USERPROFILE%\OneDrive - Contoso\Desktop", ROOT, true),
        (r"%UserProfile%\onedrive - contoso\Desktop", ROOT, true),
        (r"C:\Users\ada\onedrive - contoso\Desktop\", ROOT, true),
        (r"%USERPROFILE%\OneDrive - Contoso\Desktop", r"%USERPROFILE%\OneDrive - Contoso\", true),
        (&format!(r"%USERPROFILE%\OneDrive - {long}\Desktop"), &format!(r"C:\Users\ada\OneDrive - {long}"), true),
        (r"D:\Cloud\Desktop", r"D:\Cloud", true),
        (r"%USERPROFILE%\Desktop", ROOT, false),
        (r"C:\Users\ada\Desktop", ROOT, false),
        (r"%USERPROFILE%\OneDrive - Contoso 2\Desktop", ROOT, false),
        (r"%USERPROFILE%\OneDrive - Contoso\Desktop", r"C:\Users\ada\OneDrive", false),
        (r"%USERPROFILE%\OneDrive - Contoso\Desktop", r"D:\OneDrive - Contoso", false),
        (r"%USERPROFILE%\OneDrive - Contoso\Desktop", "", false),
        (r"\\server\ada\Desktop", ROOT, false),
    ];
    for (place, root, taken) in rows {
        for profile in [None, Some(r"C:\Users\ada"), Some(r"c:\users\Ada\")] {
            assert_eq!(desktop_is_taken(place, root, profile), taken, "{place} in {root}, {profile:?}");
        }
    }
    // Whoever has their profile elsewhere is compared there, and nowhere else.
    let (place, elsewhere) = (r"%USERPROFILE%\OneDrive\Desktop", r"D:\People\ada\OneDrive");
    assert!(desktop_is_taken(place, elsewhere, Some(r"D:\People\ada")));
    assert!(!desktop_is_taken(place, r"C:\Users\ada\OneDrive", Some(r"D:\People\ada")));
    assert!(!desktop_is_taken(place, r"C:\Users\ada.contoso\OneDrive", Some(r"C:\Users\ada")));
    assert_eq!(known("").facts.onedrive_folders, None);
}

/// A key of an enrolment stays where one was ended or failed.
#[test]
fn management_is_named_once_and_only_while_the_pc_is_enrolled() {
    let key = r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Enrollments";
    let of = |id: &str, provider: &str, state: &str| format!("[{key}\\{id}]\n\"ProviderID\"=\"{provider}\"\n{state}");
    let state = |number: u32| format!("\"EnrollmentState\"=dword:{number:08x}\n");
    let managed = |lines: &str| known(lines).facts.management;
    let twice = of("A", "MS DM Server", &state(1)) + &of("B", "MS DM Server", &state(1)) + &format!("[{key}\\C]\n");
    assert_eq!(managed(&twice), ["MS DM Server"]);
    let left = of("A", "MS DM Server", &state(3)) + &of("B", "Contoso", "") + &of("C", "Fleet", &state(1));
    assert_eq!(managed(&left), ["Fleet"]);
}

#[test]
fn policies_of_both_halves_and_of_windows_are_found() {
    let found = known(
        "[HKEY_LOCAL_MACHINE\\Software\\Policies\\Rehome]\n\"BackupIntervalHours\"=dword:00000018\n\"EnableRestore\"=\"no\"\n\
         [HKEY_CURRENT_USER\\Software\\Policies\\Rehome\\Categories]\n\"Taskbar\"=\"never\"\n\
         [HKEY_LOCAL_MACHINE\\SOFTWARE\\Policies\\Microsoft\\Windows\\SettingSync]\n\"DisableLanguageSettingSync\"=dword:00000002\n\
         \"EnableWindowsBackup\"=dword:00000001\n",
    );
    let policy = found.policy();
    assert_eq!((policy.interval_hours().value, policy.interval_hours().origin), (24, Origin::Machine));
    let rule = |category| policy.rule(Group::Settings(category));
    assert_eq!(rule(model::catalog::Category::Taskbar).origin, Origin::User);
    assert_eq!(rule(model::catalog::Category::Taskbar).rule, Rule::Never);
    assert_eq!(rule(model::catalog::Category::Language).rule, Rule::Never);
    assert_eq!(found.shown_number(&model::policy::windows::MICROSOFT_BACKUP), Some(1));
    let told: Vec<_> = policy.problems.iter().map(|problem| problem.policy.value).collect();
    assert_eq!(told, ["EnableRestore"]);
}

/// Device management that keeps Microsoft's backup from running was not seen: only the key of Group Policy was read.
#[test]
fn what_stops_microsoft_s_backup_is_found_whoever_set_it() {
    use model::policy::windows::{SILENT_STOPS, SYSTEM};
    let [feed, publish, upload, ..] = SILENT_STOPS;
    let group = format!("[HKEY_LOCAL_MACHINE\\{SYSTEM}]\n");
    let mdm = r"[HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\PolicyManager\current\device\Privacy]";
    let found = known(&format!(
        "{group}\"EnableActivityFeed\"=dword:00000001\n\"UploadUserActivities\"=dword:00000000\n\
         {mdm}\n\"EnableActivityFeed\"=dword:00000000\n\"PublishUserActivities\"=dword:00000000\n\"UploadUserActivities\"=dword:00000001\n"
    ));
    assert_eq!([feed, publish, upload].map(|stop| found.shown_number(&stop)), [Some(0); 3], "what one forbids");
    let found = known(&format!("{group}\"EnableActivityFeed\"=dword:00000001\n"));
    assert_eq!([feed, publish].map(|stop| found.shown_number(&stop)), [Some(1), None]);
}

#[test]
fn texts_that_could_trick_a_terminal_are_not_taken_over() {
    let lines =
        format!("[{CURRENT}]\n\"EditionID\"=hex(1):1b,00,5b,00,00,00\n\"DisplayVersion\"=\"{}\"\n", "x".repeat(300));
    let facts = known(&lines).facts;
    assert_eq!((facts.edition, facts.display_version), (None, None));
}

/// By whom the settings of a PC with these lines are managed, by id.
fn managed(lines: &str) -> Vec<(&'static str, String, Manager)> {
    known(lines).managed.into_iter().map(|(id, by)| (id, by.policy, by.by)).collect()
}

#[test]
fn a_policy_owns_its_settings_wherever_it_was_set() {
    let clipboard = "system.clipboard.history";
    let by = |by| vec![(clipboard, "clipboard_history".to_owned(), by)];
    let group = r"[HKEY_LOCAL_MACHINE\Software\Policies\Microsoft\Windows\System]".replace(r"\\", r"\");
    let mdm = r"[HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\PolicyManager\current\device\Experience]".replace(r"\\", r"\");
    assert_eq!(managed(&format!("{group}\n\"AllowClipboardHistory\"=dword:00000000\n")), by(Manager::MachinePolicy));
    assert_eq!(managed(&format!("{mdm}\n\"AllowClipboardHistory\"=dword:00000000\n")), by(Manager::DeviceManagement));
    // What a person may choose by policy is theirs, and a value that is none owns nothing.
    assert_eq!(managed(&format!("{group}\n\"AllowClipboardHistory\"=dword:00000001\n")), []);
    assert_eq!(managed(&format!("{group}\n\"AllowClipboardHistory\"=\"\"\n")), []);
    let user = "[HKEY_CURRENT_USER\\Software\\Policies\\Microsoft\\Windows\\Control Panel\\Desktop]\n\"ScreenSaveTimeOut\"=\"600\"\n";
    assert_eq!(managed(user), [("system.screen_saver.wait", "screen_saver_wait".to_owned(), Manager::UserPolicy)]);
    assert_eq!(managed(""), []);
}

#[test]
fn device_management_of_another_person_is_not_this_ones() {
    let of = |person: &str| {
        format!(
            "[HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\PolicyManager\\current\\{person}\\WindowsAI]\n\"TurnOffWindowsCopilot\"=dword:00000001\n"
        )
    };
    let (ada, bob) = ("S-1-12-1-1-2-3-4", "S-1-5-21-1-2-3-1001");
    let copilot = [("taskbar.copilot", "no_copilot".to_owned(), Manager::DeviceManagement)];
    let asked = |person: &str, lines: &str| {
        let text = format!("Windows Registry Editor Version 5.00\n\n{lines}\n");
        let registry = MemoryRegistry::parse(text.as_bytes()).unwrap();
        let asked = Asked { person: Some(person.to_owned()), ..Asked::default() };
        let found = read(&RegPlaces(&registry), &asked).managed.into_iter();
        found.map(|(id, by)| (id, by.policy, by.by)).collect::<Vec<_>>()
    };
    assert_eq!(managed(&of(ada)), copilot, "the only person that policies are for");
    assert_eq!(managed(&(of(ada) + &of(bob))), [], "nobody says which of the two it is");
    assert_eq!(asked(ada, &of(ada)), copilot);
    assert_eq!(asked(ada, &of(bob)), []);
}
