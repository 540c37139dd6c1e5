//! What somebody else decides on a live PC: a policy of its organisation, or the person themself since their first sign-in.

use std::collections::BTreeSet;

use crate::harness::World;

use super::dump::place;
use super::two_pcs;

const ADVANCED: &str = r"Software\Microsoft\Windows\CurrentVersion\Explorer\Advanced";
const SEARCH: &str = r"Software\Microsoft\Windows\CurrentVersion\Search";
const CLIPBOARD: &str = r"Software\Microsoft\Clipboard";

#[test]
fn what_a_policy_or_the_person_has_decided_on_this_pc_is_not_written() {
    let world = World::new();
    let Some((_old, new)) = two_pcs(&world) else { return };
    let windows_search = r"HKLM\Software\Policies\Microsoft\Windows\Windows Search";
    new.reg_add(windows_search, ("SearchOnTaskbarMode", "REG_DWORD", "0"));
    let mdm = r"HKLM\SOFTWARE\Microsoft\PolicyManager\current\device\Experience";
    new.reg_add(mdm, ("AllowClipboardHistory", "REG_DWORD", "0"));
    new.reg_add(&format!(r"HKCU\{ADVANCED}"), ("LaunchTo", "REG_DWORD", "4"));
    let before = new.dump();
    let done = new.rehome(&["restore", "--from-device", "OLD-PC", "--yes", "--json"]).done();
    let said: serde_json::Value = serde_json::from_str(&done).unwrap();
    let reason = |id: &str| {
        let steps = said["plan"]["settings"].as_array().unwrap();
        let step = steps.iter().find(|step| step["id"] == id).unwrap();
        step["reason"].as_str().unwrap_or(step["action"].as_str().unwrap()).to_owned()
    };
    assert_eq!(reason("taskbar.search"), "managed_by_policy");
    assert_eq!(reason("system.clipboard.history"), "managed_by_policy");
    assert_eq!(reason("explorer.open_to"), "changed_since_sign_in");
    assert_eq!(reason("taskbar.alignment"), "set");
    let changed = before.changed(&new.dump());
    let kept: BTreeSet<_> =
        [(SEARCH, "SearchboxTaskbarMode"), (CLIPBOARD, "EnableClipboardHistory"), (ADVANCED, "LaunchTo")]
            .map(|(key, name)| place(key, name))
            .into();
    assert_eq!(changed.intersection(&kept).count(), 0, "{changed:?}");
    assert!(changed.contains(&place(ADVANCED, "TaskbarAl")));

    // This PC now, beside the backup: what was kept, and nothing that came back.
    let found = new.json(&["diff", "latest", "--here", "--from-device", "OLD-PC"]);
    let categories = found["categories"].as_array().unwrap().iter();
    let differ: BTreeSet<_> =
        categories.flat_map(|one| one["settings"].as_array().unwrap()).map(|one| one["id"].as_str().unwrap()).collect();
    assert!(differ.contains("explorer.open_to") && differ.contains("taskbar.search"), "{differ:?}");
    assert!(!differ.contains("taskbar.alignment"), "{differ:?}");
    new.rehome(&["restore", "--from-device", "OLD-PC", "--replace", "explorer.open_to", "--only", "explorer", "--yes"])
        .done();
    assert!(before.changed(&new.dump()).contains(&place(ADVANCED, "LaunchTo")), "asked for");
}
