//! The apps of one PC on another one: listed with what winget knows of them, ordered by a restore, installed one by one by a stand-in for `winget.exe`
//! that writes down its calls and plays back success, failure and a hang. The real one, and the Store, are not here.

use std::path::PathBuf;
use std::process::Stdio;

use serde_json::Value;

use crate::harness::World;

use super::prefix::{Prefix, tool};

const REPOSITORY: &str =
    r"HKEY_CURRENT_USER\Software\Classes\Local Settings\Software\Microsoft\Windows\CurrentVersion\AppModel\Repository";
const UNINSTALL: &str = r"Microsoft\Windows\CurrentVersion\Uninstall";
const POLICIES: &str = r"HKLM\Software\Policies\Rehome";

const EXPORT: &str = r#"{"Sources":[{"Packages":[{"PackageIdentifier":"Contoso.Editor","Version":"2.1"}],
    "SourceDetails":{"Name":"winget","Argument":"","Identifier":"","Type":""}},
    {"Packages":[{"PackageIdentifier":"9NWORKS00000","Version":"1.0.0.7"}],
    "SourceDetails":{"Name":"msstore","Argument":"","Identifier":"","Type":""}}]}"#;

/// An app that both PCs have.
const NOTEPAD: (&str, &str, &str) = ("Microsoft.WindowsNotepad", "11.0.0.1", "8wekyb3d8bbwe");

/// The apps of the old PC: name, version, publisher.
const APPS: [(&str, &str, &str); 6] = [
    ("Contoso.Works", "1.0.0.7", "mcm4njqhnhss8"),
    ("Contoso.Unknown", "1.0.0.1", "mcm4njqhnhss8"),
    ("Microsoft.Todos", "2.0.0.0", "8wekyb3d8bbwe"),
    ("Microsoft.WindowsTerminal", "1.21.0.0", "8wekyb3d8bbwe"),
    ("Microsoft.Paint", "11.0.0.0", "8wekyb3d8bbwe"),
    NOTEPAD,
];

/// What follows an id on every line that installs from the Store.
const FROM_STORE: &str =
    "--exact --source msstore --silent --accept-package-agreements --accept-source-agreements --disable-interactivity";

#[test]
fn apps_come_back_one_by_one_each_with_its_result_and_what_waits_goes_on_later() {
    let world = World::new();
    let Some((old, new)) = two_pcs_with_apps(&world) else { return };
    std::fs::write(winget(&old).with_file_name("winget.export.json"), EXPORT).unwrap();
    old.rehome(&["backup", "--no-rehearsal"]).ok();
    assert_eq!(listed(&old), listed_words());

    // Desktop programs are listed and stay where they are, unless policy says otherwise.
    let plan = new.json(&["plan", "--from-device", "OLD-PC"]);
    assert_eq!(action(&plan, "{A}"), ("not_available", "needs_installing"));
    new.reg_add(POLICIES, ("RestoreWin32Apps", "REG_DWORD", "1"));

    let script =
        "9NWORKS00000 0\n9NBLGGH5R558 hang\n9N0DX20HK701 8a15001c\n9PCFS5B6T72H 8a150014\nContoso.Editor 8a150107\n";
    std::fs::write(winget(&new).with_file_name("winget.script"), script).unwrap();
    let said = new.rehome_with(
        &["restore", "--from-device", "OLD-PC", "--only", "app-list", "--yes", "--json"],
        ("REHOME_INSTALL_SECONDS", "1"),
    );
    assert_eq!(said.code, Some(3), "two apps cannot be had: {said:?}");
    let done: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(
        stands(&done["apps"]),
        [
            ("Contoso.Unknown_mcm4njqhnhss8", "person", "handed_to_store"),
            ("Contoso.Works_mcm4njqhnhss8", "restored", ""),
            ("Microsoft.Paint_8wekyb3d8bbwe", "failed", "not_available"),
            ("Microsoft.Todos_8wekyb3d8bbwe", "waiting", "install_slow"),
            ("Microsoft.WindowsTerminal_8wekyb3d8bbwe", "failed", "store_off"),
            ("{A}", "waiting", "install_no_network"),
        ]
    );
    let log = std::fs::read_to_string(winget(&new).with_file_name("winget.log")).unwrap();
    let calls: Vec<_> = log.lines().map(str::trim_end).collect();
    let store = |id: &str| format!("install --id {id} {FROM_STORE}");
    let program = format!("install --id Contoso.Editor {}", FROM_STORE.replace("msstore", "winget"));
    assert_eq!(
        calls,
        [store("9NWORKS00000"), store("9PCFS5B6T72H"), store("9NBLGGH5R558"), store("9N0DX20HK701"), program.clone()],
        "one after the other, and nothing that is here already or that only the person can get"
    );

    // The report says of each app what became of it.
    let missing = new.json(&["report"])["missing"].to_string();
    for sentence in
        ["your organisation has blocked it", "not in the Store for this PC", "only its page in the Store is known"]
    {
        assert!(missing.contains(sentence), "{sentence}: {missing}");
    }
    assert!(new.rehome(&["apps"]).stdout.contains("installing it took too long and was ended; next try"));

    // A run that is killed in the middle of an app, or a PC that is restarted: the next one goes on.
    let mut running = new.command(&["apps", "--continue"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let log_lines = || std::fs::read_to_string(winget(&new).with_file_name("winget.log")).unwrap().lines().count();
    while log_lines() == calls.len() && running.try_wait().unwrap().is_none() {
        std::thread::yield_now();
    }
    new.cut_power();
    running.wait().unwrap();
    let script = "9NBLGGH5R558 0\nContoso.Editor 8a150061\n";
    std::fs::write(winget(&new).with_file_name("winget.script"), script).unwrap();
    let done = new.rehome(&["apps", "--continue", "--json"]);
    let done: Value = serde_json::from_str(&done.stdout).unwrap();
    let ended: Vec<_> =
        stands(&done).into_iter().filter(|(_, stands, _)| matches!(*stands, "restored" | "present")).collect();
    assert_eq!(
        ended,
        [
            ("Contoso.Works_mcm4njqhnhss8", "restored", ""),
            ("Microsoft.Todos_8wekyb3d8bbwe", "restored", ""),
            ("{A}", "present", ""),
        ]
    );

    // What the person has got from the Store themself counts as come back.
    new.import_text(&installed(APPS[1]));
    let done: Value = serde_json::from_str(&new.rehome(&["apps", "--continue", "--json"]).stdout).unwrap();
    assert_eq!(stands(&done)[0], ("Contoso.Unknown_mcm4njqhnhss8", "restored", ""));
}

#[test]
fn a_policy_that_switches_the_store_off_is_the_answer_and_nothing_is_tried() {
    let world = World::new();
    let (Some(old), Some(new)) = (Prefix::enrolled(&world, "OLD-PC"), Prefix::enrolled(&world, "NEW-PC")) else {
        return;
    };
    old.import_text(&installed(("Microsoft.Todos", "2.0.0.0", "8wekyb3d8bbwe")));
    old.rehome(&["backup", "--no-rehearsal"]).ok();
    winget(&new);
    new.reg_add(r"HKLM\Software\Policies\Microsoft\WindowsStore", ("RemoveWindowsStore", "REG_DWORD", "1"));
    let said = new.rehome(&["restore", "--from-device", "OLD-PC", "--only", "app-list", "--yes"]);
    assert_eq!(said.code, Some(3), "{said:?}");
    assert!(said.stdout.contains("your organisation has blocked it, or the Store"), "{said:?}");
    assert!(!winget(&new).with_file_name("winget.log").exists());
}

/// An old PC with the apps of [`APPS`] and three programs, and a new one that has one of the apps.
fn two_pcs_with_apps(world: &World) -> Option<(Prefix, Prefix)> {
    let (old, new) = (Prefix::enrolled(world, "OLD-PC")?, Prefix::enrolled(world, "NEW-PC")?);
    old.import_text(&format!(
        "{}[HKEY_LOCAL_MACHINE\\Software\\{UNINSTALL}\\{{A}}]\n\"DisplayName\"=\"Contoso Editor\"\n\"DisplayVersion\"=\"2.1\"\n\n\
         [HKEY_LOCAL_MACHINE\\Software\\WOW6432Node\\{UNINSTALL}\\Ledger]\n\"DisplayName\"=\"Contoso Ledger\"\n\n\
         [HKEY_CURRENT_USER\\Software\\{UNINSTALL}\\Mine]\n\"DisplayName\"=\"Only Mine\"\n",
        APPS.map(installed).concat()
    ));
    new.import_text(&installed(NOTEPAD));
    Some((old, new))
}

/// Puts the stand-in where Windows has the alias of winget, and says where.
fn winget(pc: &Prefix) -> PathBuf {
    let folder = pc.person().join("AppData/Local/Microsoft/WindowsApps");
    std::fs::create_dir_all(&folder).unwrap();
    let program = folder.join("winget.exe");
    std::fs::copy(tool("winget"), &program).unwrap();
    program
}

/// How Windows takes note of a packaged app.
fn installed((name, version, publisher): (&str, &str, &str)) -> String {
    let full = format!("{name}_{version}_x64__{publisher}");
    format!(
        "[{REPOSITORY}\\Families\\{name}_{publisher}\\{full}]\n\"Flags\"=dword:1\n\n\
         [{REPOSITORY}\\Packages\\{full}]\n\"PackageRootFolder\"=\"C:\\\\Program Files\\\\WindowsApps\\\\{full}\"\n\n"
    )
}

/// The apps of the PC's newest backup: kind, id, and how each can be had again.
fn listed(pc: &Prefix) -> Vec<String> {
    let shown = pc.json(&["show", "latest"]);
    let apps = shown["apps"].as_array().unwrap_or_else(|| panic!("{shown}"));
    let of = |app: &Value| {
        let word = |name: &str| app[name].as_str().unwrap_or("-").to_owned();
        ["kind", "id", "store_id", "winget_id", "scope"].map(word).join(" ")
    };
    apps.iter().map(of).collect()
}

fn listed_words() -> Vec<String> {
    let words = [
        "store Contoso.Unknown_mcm4njqhnhss8 - - -",
        "store Contoso.Works_mcm4njqhnhss8 9NWORKS00000 - -",
        "store Microsoft.Paint_8wekyb3d8bbwe 9PCFS5B6T72H - -",
        "store Microsoft.Todos_8wekyb3d8bbwe 9NBLGGH5R558 - -",
        "store Microsoft.WindowsNotepad_8wekyb3d8bbwe 9MSMLRH6LZF3 - -",
        "store Microsoft.WindowsTerminal_8wekyb3d8bbwe 9N0DX20HK701 - -",
        "desktop Ledger - - machine",
        "desktop Mine - - user",
        "desktop {A} - Contoso.Editor machine",
    ];
    words.map(str::to_owned).to_vec()
}

/// What the plan does with an app, and why not.
fn action<'p>(plan: &'p Value, id: &str) -> (&'p str, &'p str) {
    let steps = plan["plan"]["apps"].as_array().unwrap_or_else(|| panic!("{plan}"));
    let step = steps.iter().find(|step| step["id"] == id).unwrap_or_else(|| panic!("{plan}"));
    (step["action"].as_str().unwrap(), step["reason"].as_str().unwrap_or_default())
}

/// Id, state and reason of each app, by id.
fn stands(apps: &Value) -> Vec<(&str, &str, &str)> {
    let apps = apps.as_array().unwrap_or_else(|| panic!("{apps}"));
    let of = |app| {
        let word = |name: &str| -> &str { Value::as_str(&(app as &'_ Value)[name]).unwrap_or_default() };
        (word("id"), word("stands"), word("reason"))
    };
    let mut all: Vec<_> = apps.iter().map(of).collect();
    all.sort_unstable();
    all
}
