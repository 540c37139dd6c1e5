//! Telling apps apart, on made-up registries and on those of real PCs.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use model::catalog::Root;
use model::snapshot::app_id::is_family_name;
use model::snapshot::{Again, AppScope};

use super::*;
use crate::input::read_hive;
use crate::not_tried::not_tried;
use crate::registry::hive::{HiveBytes, HiveFile};
use crate::registry::{HiveRegistry, MemoryRegistry};

const REPOSITORY: &str =
    r"HKEY_CURRENT_USER\Software\Classes\Local Settings\Software\Microsoft\Windows\CurrentVersion\AppModel\Repository";

fn registry(text: &str) -> MemoryRegistry {
    MemoryRegistry::parse(format!("Windows Registry Editor Version 5.00\n{text}").as_bytes()).unwrap()
}

/// A package with its flags and its folder.
fn package(full: &str, flags: u32, folder: &str) -> String {
    let family = FullName::parse(full).map_or_else(|| "Odd_8wekyb3d8bbwe".to_owned(), |full| full.family());
    format!(
        "[{REPOSITORY}\\Families\\{family}\\{full}]\n\"Flags\"=dword:{flags:x}\n\
         [{REPOSITORY}\\Packages\\{full}]\n\"PackageRootFolder\"=\"{folder}\"\n\"DisplayName\"=\"Title\"\n"
    )
}

const STORE: &str = r"C:\\Program Files\\WindowsApps\\x";
const SYSTEM: &str = r"C:\\Windows\\SystemApps\\x";

fn listed(text: &str) -> Vec<(AppKind, String)> {
    let apps = RegistryApps::new(&registry(text)).list().unwrap();
    apps.into_iter().map(|app| (app.kind, app.id)).collect()
}

#[test]
fn frameworks_resources_and_parts_of_windows_are_told_from_apps() {
    let text = [
        package("Contoso.Notes_1.2.3.0_x64__abcdefgh12345", 1, STORE),
        package("Contoso.Notes_1.2.3.0_neutral_split.scale-100_abcdefgh12345", 4, STORE),
        package("Microsoft.VCLibs.140.00_14.0.1.0_x64__8wekyb3d8bbwe", 2, STORE),
        package("Microsoft.Edge_44.1.0.0_neutral__8wekyb3d8bbwe", 1, SYSTEM),
        package("Microsoft.LockApp_10.0.1.1_neutral__cw5n1h2txyewy", 1, STORE),
        package("not a package", 1, STORE),
    ];
    let unflagged = package("Contoso.Frame_1.0.0.0_x64__abcdefgh12345", 3, STORE).replace("\"Flags\"=dword:3\n", "");
    let text = text.concat() + &unflagged + "\"Framework\"=dword:1\n";
    let expected = [
        (AppKind::Store, "Contoso.Notes_abcdefgh12345".to_owned()),
        (AppKind::System, "Microsoft.Edge_8wekyb3d8bbwe".to_owned()),
        (AppKind::System, "Microsoft.LockApp_cw5n1h2txyewy".to_owned()),
    ];
    assert_eq!(listed(&text), expected);
}

#[test]
fn of_several_versions_the_newest_is_listed_once() {
    let text = ["9.0.0.0", "10.0.0.0", "2.0.0.0"]
        .map(|version| package(&format!("Contoso.Notes_{version}_x64__abcdefgh12345"), 1, STORE));
    let apps = RegistryApps::new(&registry(&text.concat())).list().unwrap();
    let [app] = &apps[..] else { panic!("{apps:?}") };
    assert_eq!(app.version.as_deref(), Some("10.0.0.0"));
    assert_eq!(app.name.as_deref(), Some("Title"));
    assert_eq!(app.publisher.as_deref(), Some("abcdefgh12345"));
}

#[test]
fn a_package_is_an_app_if_its_family_has_it_whatever_the_list_of_all_says() {
    let full = "Contoso.Notes_1.2.3.0_x64__abcdefgh12345";
    let both = package(full, 1, STORE);
    let (of_family, of_list) = both.split_at(both.find("\n [").or(both.find("\n[")).unwrap() + 1);
    let expected = [(AppKind::Store, "Contoso.Notes_abcdefgh12345".to_owned())];
    assert_eq!(listed(of_family), expected, "the list does not name it");
    assert_eq!(listed(of_list), [], "no family has it");
    // A family of which the list names another package than it has.
    let newer = of_list.replace("1.2.3.0", "2.0.0.0");
    let apps = RegistryApps::new(&registry(&format!("{of_family}{newer}"))).list().unwrap();
    let versions: Vec<_> = apps.iter().filter_map(|app| app.version.as_deref()).collect();
    assert_eq!(versions, ["1.2.3.0"]);
    assert_eq!(listed(&both.replace("\"Flags\"=dword:1\n", "")), expected, "without flags it is a main package");
}

#[test]
fn only_true_family_names_are_ever_listed() {
    for name in ["Contoso.Notes_abcdefgh12345", "1527c705-839a-4832-9118-54d4Bd6a0c89_cw5n1h2txyewy"] {
        assert!(is_family_name(name), "{name}");
    }
    let hostile = [
        "",
        "_",
        "Contoso",
        "Contoso_",
        "Contoso_short",
        "Contoso_abcdefghijklm",
        "Contoso_ABCDEFGH12345",
        "a b_abcdefgh12345",
        r"..\x_abcdefgh12345",
        "Contoso.Notes_abcdefgh12345 /x",
        "Contoso_x_abcdefgh12345",
        "Cöntoso_abcdefgh12345",
        "xx_abcdefgh12345",
    ];
    for name in hostile {
        assert!(!is_family_name(name), "{name}");
        let (stem, publisher) = name.split_once('_').unwrap_or((name, ""));
        for full in ["x_1.0_x64__abcdefgh12345".to_owned(), format!("{stem}_1.0_x64__{publisher}")] {
            let key = format!("[{REPOSITORY}\\Families\\{name}\\{full}]\n\"Flags\"=dword:1\n");
            assert_eq!(listed(&key), [], "{name} {full}");
        }
    }
}

#[test]
fn programs_are_listed_as_the_control_panel_lists_them() {
    let key = r"HKEY_CURRENT_USER\Software\Microsoft\Windows\CurrentVersion\Uninstall";
    let text = format!(
        "[{key}\\Editor]\n\"DisplayName\"=\"Editor \"\n\"DisplayVersion\"=\"2.1\"\n\"Publisher\"=\"Contoso\"\n\
         [{key}\\Nameless]\n\"DisplayVersion\"=\"1\"\n\
         [{key}\\Part]\n\"DisplayName\"=\"Part\"\n\"SystemComponent\"=dword:1\n\
         [{key}\\KB1]\n\"DisplayName\"=\"Fix\"\n\"ParentKeyName\"=\"Editor\"\n\
         [{key}\\KB2]\n\"DisplayName\"=\"Fix\"\n\"ReleaseType\"=\"Security Update\"\n\
         [{key}\\Indirect]\n\"DisplayName\"=\"@shell32.dll,-1\"\n"
    );
    let apps = RegistryApps::new(&registry(&text)).list().unwrap();
    let editor = App {
        kind: AppKind::Desktop,
        id: "Editor".into(),
        name: Some("Editor".into()),
        version: Some("2.1".into()),
        publisher: Some("Contoso".into()),
        again: Again { scope: Some(AppScope::User), ..Again::default() },
    };
    assert_eq!(apps, [editor]);
}

#[test]
fn a_list_is_sorted_cleaned_and_bounded() {
    let app = |kind, id: String| App {
        kind,
        id,
        name: Some("x\u{202e}\n".into()),
        version: None,
        publisher: Some(" ".into()),
        again: Again::default(),
    };
    let mut apps =
        vec![app(AppKind::System, "z".into()), app(AppKind::Store, "b".into()), app(AppKind::Store, "a".into())];
    apps.push(apps[1].clone());
    let listed = MemoryApps(apps.clone()).list().unwrap();
    assert_eq!(listed.iter().map(|app| app.id.as_str()).collect::<Vec<_>>(), ["a", "b", "z"]);
    assert_eq!((listed[0].name.as_deref(), listed[0].publisher.as_deref()), (Some("x"), None));
    apps.extend((0..APPS_MAX).map(|number| app(AppKind::Desktop, format!("{number:05}"))));
    let listed = MemoryApps(apps).list().unwrap();
    assert_eq!(listed.len(), APPS_MAX);
    assert!(listed.iter().all(|app| app.kind != AppKind::System), "parts of Windows go first");
}

fn hives() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/hives");
    if folder.is_dir() {
        return Some(folder);
    }
    not_tried(&format!("{} is not here", folder.display()), None);
    None
}

fn ids(apps: &[App], kind: AppKind) -> BTreeSet<String> {
    apps.iter().filter(|app| app.kind == kind).map(|app| app.id.clone()).collect()
}

/// The classes of jcloudy's PC, beside a user hive of our own making.
fn jcloudy(folder: &Path) -> HiveRegistry {
    let mut tree = hive::writer::Tree::new("ROOT");
    tree.key("Control Panel");
    let user = HiveBytes {
        name: "NTUSER.DAT".into(),
        bytes: tree.to_bytes(&hive::writer::Layout::default()),
        logs: Vec::new(),
    };
    let classes = read_hive(&folder.join("win10-1709-jcloudy.UsrClass.dat")).unwrap();
    assert_eq!(classes.logs.len(), 2, "both logs are found");
    HiveRegistry::open(user, Some(classes)).unwrap()
}

#[test]
fn the_packages_of_a_real_user_are_told_apart() {
    let Some(folder) = hives() else { return };
    let registry = jcloudy(&folder);
    let apps = RegistryApps::new(&registry).list().unwrap();
    // Another reader's list of full names, frameworks among them.
    let text = fs::read_to_string(folder.join("win10-1709-jcloudy.UsrClass.dat.packages.txt")).unwrap();
    let families: BTreeSet<String> = text
        .lines()
        .map(|line| {
            let parts: Vec<&str> = line.trim().split('_').collect();
            format!("{}_{}", parts[0], parts[parts.len() - 1])
        })
        .collect();
    let listed: BTreeSet<String> = apps.iter().map(|app| app.id.clone()).collect();
    let left: Vec<&String> = families.difference(&listed).collect();
    let is_framework = |family: &str| {
        ["NET.Native.", "VCLibs.", "Advertising.Xaml", "Services.Store.Engagement"]
            .iter()
            .any(|mark| family.contains(mark))
    };
    assert!(left.iter().all(|family| is_framework(family)), "only frameworks are left out: {left:?}");
    assert!(listed.iter().all(|family| !is_framework(family)));
    let only_in_families: Vec<&String> = listed.difference(&families).collect();
    assert_eq!(only_in_families, ["windows.immersivecontrolpanel_cw5n1h2txyewy"]);
    let (store, system) = (ids(&apps, AppKind::Store), ids(&apps, AppKind::System));
    assert_eq!((store.len(), system.len()), (34, 31), "65 main packages");
    assert!(store.contains("Microsoft.SkypeApp_kzf8qxf38zg5c"));
    assert!(system.contains("Microsoft.MicrosoftEdge_8wekyb3d8bbwe"), "Edge of 2018 is a part of Windows");
    let notes = apps.iter().find(|app| app.id.starts_with("Microsoft.MicrosoftStickyNotes")).unwrap();
    assert_eq!((notes.name.as_deref(), notes.version.as_deref()), (Some("Microsoft Sticky Notes"), Some("2.1.18.0")));
}

#[test]
fn the_inventory_of_a_real_pc_is_read_with_its_logs() {
    let Some(folder) = hives() else { return };
    let bytes = read_hive(&folder.join("win10-21h2-apt.Amcache.hve")).unwrap();
    assert_eq!(bytes.logs.len(), 2);
    let hive = HiveFile::open(bytes).unwrap();
    assert_eq!(hive.warnings(), [""; 0], "the logs were replayed");
    let apps = AmcacheApps::new(&hive).list().unwrap();

    let text = fs::read_to_string(folder.join("win10-21h2-apt.Amcache.hve.apps.tsv")).unwrap();
    let rows: Vec<Vec<&str>> = text.lines().skip(1).map(|line| line.split('\t').collect()).collect();
    let packages: BTreeSet<String> = rows
        .iter()
        .filter(|row| row[0] == "AppxPackage")
        .map(|row| format!("{}_{}", row[1], row[4].rsplit('_').next().unwrap()))
        .collect();
    let found = &ids(&apps, AppKind::Store) | &ids(&apps, AppKind::System);
    assert_eq!(found, packages);
    // Of the MSI rows four are hidden parts of the Visual C++ bundles, which are rows of their own.
    let visible = |row: &&Vec<&str>| row[0] == "AddRemoveProgram" || (row[0] == "Msi" && !row[1].contains("Runtime -"));
    let programs: BTreeSet<&str> = rows.iter().filter(visible).map(|row| row[1]).collect();
    let found = apps.iter().filter(|app| app.kind == AppKind::Desktop).filter_map(|app| app.name.as_deref());
    assert_eq!(found.collect::<BTreeSet<_>>(), programs);
    assert_eq!(programs.len(), 8);
    eprintln!(
        "Amcache: {} from the Store, {} of Windows, {} programs",
        ids(&apps, AppKind::Store).len(),
        ids(&apps, AppKind::System).len(),
        programs.len()
    );
}

#[test]
fn a_user_s_own_list_of_packages_goes_before_that_of_the_pc() {
    let Some(folder) = hives() else { return };
    let registry = jcloudy(&folder);
    let own = ids(&RegistryApps::new(&registry).list().unwrap(), AppKind::Store);
    assert!(registry.warnings().is_empty());
    let amcache = HiveFile::open(read_hive(&folder.join("win10-21h2-apt.Amcache.hve")).unwrap()).unwrap();
    let input = Input {
        registry: Box::new(registry),
        source: model::envelope::Source::Hive,
        facts: model::snapshot::DeviceFacts::default(),
        known: crate::facts::Known::default(),
        files: crate::own_files::OwnFiles::default(),
        amcache: Some(amcache),
        listed: Listed::default(),
        exported: None,
        warnings: Vec::new(),
        notes: Vec::new(),
    };
    let apps = InputApps(&input).list().unwrap();
    assert_eq!(ids(&apps, AppKind::Store), own);
    assert_eq!(ids(&apps, AppKind::Desktop).len(), 8, "programs of the whole PC");
    assert!(input.registry.subkeys(Root::Classes, "Local Settings").unwrap().len() > 1);
}

/// The families that were pinned to Start.
fn pinned(apps: &[App]) -> BTreeSet<&str> {
    apps.iter().filter(|app| app.again.pinned).map(|app| app.id.as_str()).collect()
}

/// A layout of Start with this document, as an export has it.
fn layout(document: &str) -> String {
    let hex: Vec<String> = document.bytes().map(|byte| format!("{byte:02x}")).collect();
    let key = r"HKEY_CURRENT_USER\Software\Microsoft\Windows\CurrentVersion\Start";
    format!("[{key}]\n\"Config\"=hex:{}\n", hex.join(","))
}

#[test]
fn apps_that_the_layout_of_start_names_are_marked_as_pinned() {
    let apps = [
        package("Contoso.Notes_1.2.3.0_x64__abcdefgh12345", 1, STORE),
        package("Contoso.Paint_1.0.0.0_x64__abcdefgh12345", 1, STORE),
    ];
    let list = |text: &str| RegistryApps::new(&registry(&(apps.concat() + text))).list().unwrap();
    let document = r#"{"pinnedList":[{"packagedAppId":"contoso.NOTES_abcdefgh12345!App"},
        {"packagedAppId":"Contoso.Gone_abcdefgh12345!App"},{"desktopAppLink":"C:\\x.lnk"}]}"#;
    assert_eq!(
        pinned(&list(&layout(document))),
        ["Contoso.Notes_abcdefgh12345"].into(),
        "and nothing that is not there"
    );
    for nothing in [String::new(), layout("{}"), layout("no layout")] {
        assert_eq!(pinned(&list(&nothing)), [].into());
    }
}

#[test]
fn pins_of_a_real_layout_mark_the_packages_of_a_real_user() {
    let Some(folder) = hives() else { return };
    let document = fs::read(folder.join("../start-layout/Windows11StartMenuLayout.json")).unwrap();
    let mut tree = hive::writer::Tree::new("ROOT");
    // What a user's hive is known by.
    tree.key("Control Panel");
    tree.key(r"Software\Microsoft\Windows\CurrentVersion\Start").set("Config", 3, document);
    let user = HiveBytes {
        name: "NTUSER.DAT".into(),
        bytes: tree.to_bytes(&hive::writer::Layout::default()),
        logs: Vec::new(),
    };
    let classes = read_hive(&folder.join("win10-1709-jcloudy.UsrClass.dat")).unwrap();
    let registry = HiveRegistry::open(user, Some(classes)).unwrap();
    let apps = RegistryApps::new(&registry).list().unwrap();
    let expected = [
        "Microsoft.Windows.Photos_8wekyb3d8bbwe",
        "Microsoft.WindowsAlarms_8wekyb3d8bbwe",
        "Microsoft.WindowsCalculator_8wekyb3d8bbwe",
        "windows.immersivecontrolpanel_cw5n1h2txyewy",
    ];
    assert_eq!(pinned(&apps), expected.into(), "Notepad was no package yet; links are not read");
}
