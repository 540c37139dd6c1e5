//! Every page and state of the window, with the documents that `rehome --json` prints: what tests draw, and `examples/states.rs` on Windows.
//!
//! No part of the window: it is compiled into its tests and into that example only.

use jiff::tz::TimeZone;
use serde_json::{Value, json};
use window::call::{Answer, Call, Choice, Heard, Problem, Which};
use window::controller::{Command, Controller};
use window::texts::{ENGLISH, GERMAN, Texts};
use window::view::Page;
use window::when::When;

/// How a picture is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shot {
    /// White on black.
    pub dark: bool,
    /// In the colours of a contrast theme.
    pub contrast: bool,
    /// How large everything is.
    pub percent: u32,
    /// In pixels of 100 %.
    pub size: (u32, u32),
}

/// As most people see it.
const LIGHT: Shot = Shot { dark: false, contrast: false, percent: 100, size: (860, 640) };

/// The moment of the progress in the pictures, in milliseconds.
const NOW: i64 = 1_795_000_000_000 - 400_000;

/// When somebody looks.
pub fn when() -> When {
    When::new("2026-11-18T11:00:00Z".parse().expect("a time"), TimeZone::UTC)
}

/// `rehome schedule status`.
pub fn schedule(last: Option<&str>) -> Value {
    json!({
        "task": "Rehome", "registered": true, "interval_hours": 24, "last_success": last,
        "due": if last.is_some() { "not_yet" } else { "first" }, "at": 1_795_078_800_000_i64,
        "groups": [
            { "group": "accessibility", "title": "Accessibility", "rule": "required", "locked": true, "on": true, "settings": 74 },
            { "group": "taskbar", "title": "Taskbar", "rule": "optional", "locked": false, "on": true, "settings": 1 },
            { "group": "start", "title": "Start menu", "rule": "optional", "locked": false, "on": false, "settings": 5 },
            { "group": "typing", "title": "Typing", "rule": "never", "locked": true, "on": false, "settings": 9 },
            { "group": "app_list", "title": "Apps", "rule": "optional", "locked": false, "on": true, "settings": 0 },
        ],
        "onedrive_folders": ["Desktop", "Documents"],
    })
}

/// `rehome status`.
pub fn status() -> Value {
    json!({
        "server": "https://rehome.example.com", "organisation": "Example", "user": "mia", "on_server": "kept",
        "last_backup": { "rehearsal": { "outcome": "restorable" } },
    })
}

/// `rehome show`.
pub fn shown() -> Value {
    json!({
        "snapshot": "cc33", "device": { "name": "NEW-PC" },
        "readings": {
            "taskbar.alignment": { "outcome": "set", "value": { "type": "choice", "value": "left" } },
            "taskbar.badges": { "outcome": "default", "value": { "type": "bool", "value": true } },
            "accessibility.of_tomorrow": { "outcome": "set", "value": { "type": "int", "value": 7 } },
        },
        "apps": [
            { "kind": "store", "name": "Editor", "publisher": "Contoso", "pinned": true }, { "kind": "system", "name": "Shell" },
        ],
    })
}

/// `rehome snapshots`.
pub fn pcs() -> Value {
    json!([
        { "device_name": "NEW-PC", "this_device": true, "snapshots": [
            { "snapshot": "cc33", "taken_at": "2026-11-18T08:00:00Z", "settings": 3, "apps": 1, "restorable": true }] },
        { "device_name": "OLD-PC", "this_device": false, "snapshots": [
            { "snapshot": "aa11", "taken_at": "2026-11-17T17:42:00Z", "settings": 143, "apps": 27, "restorable": true },
            { "snapshot": "aa00", "taken_at": "2026-11-02T09:00:00Z", "settings": 140, "apps": 26 }] },
        { "device_name": "ATTIC", "this_device": false, "snapshots": [
            { "snapshot": "bb22", "taken_at": "2026-03-14T09:00:00Z", "settings": 9, "apps": 0, "restorable": false }] },
    ])
}

/// `rehome restore`.
pub fn plan() -> Value {
    json!({
        "applied": false, "snapshot": "aa11", "device_name": "OLD-PC",
        "device": { "name": "OLD-PC", "model": "Contoso Book 14", "build": 22631 }, "target": "this PC", "mark": "m1",
        "plan": {
            "choices": [
                { "group": "accessibility", "title": "Accessibility", "rule": "required", "locked": true, "taken": true, "changes": 1 },
                { "group": "taskbar", "title": "Taskbar", "rule": "optional", "locked": false, "taken": true, "changes": 2 },
                { "group": "typing", "title": "Typing", "rule": "never", "locked": true, "taken": false, "changes": 0 },
                { "group": "app_list", "title": "The list of apps", "rule": "optional", "locked": false, "taken": true, "changes": 1 },
            ],
            "settings": [
                { "id": "accessibility.sticky_keys", "title": "Sticky keys", "category": "accessibility", "action": "set", "old": null, "new": { "type": "bool", "value": true } },
                { "id": "taskbar.alignment", "title": "Alignment of the taskbar", "category": "taskbar", "action": "set", "old": { "type": "int", "value": 1 }, "new": { "type": "int", "value": 0 } },
                { "id": "taskbar.task_view", "title": "Task view button", "category": "taskbar", "action": "remove", "old": { "type": "int", "value": 0 } },
                { "id": "taskbar.widgets", "title": "Widgets", "action": "skip", "reason": "managed_by_policy", "wanted": null },
                { "id": "multitasking.snap.flyout", "title": "Snap flyout", "action": "skip", "reason": "not_on_this_build", "wanted": null },
                { "id": "devices.mouse.speed", "title": "Mouse speed", "action": "skip", "reason": "changed_since_sign_in", "wanted": null },
                { "id": "taskbar.badges", "title": "Badges", "action": "same", "value": null },
            ],
            "apps": [{ "name": "Editor", "action": "install", "pinned": true }, { "name": "Calculator", "action": "present" }],
            "not_carried": [{ "id": "taskbar.pins", "title": "Pins of the taskbar", "reason": "could_carry_code", "because": "they name programs" }],
        },
    })
}

/// `rehome restore --yes`.
pub fn restored() -> Value {
    let mut document = plan();
    document["applied"] = json!(true);
    document["outcome"] = json!({
        "journal": 4, "effects": ["live", "sign_out", { "broadcast": "Environment" }],
        "applied": [
            { "id": "accessibility.sticky_keys", "title": "Sticky keys", "category": "accessibility" },
            { "id": "taskbar.alignment", "title": "Alignment of the taskbar", "category": "taskbar" },
        ],
        "failed": [{ "id": "taskbar.task_view", "title": "Task view button", "reason": "read_only_target" }],
    });
    document["apps"] = json!([{ "name": "Editor", "stands": "waiting" }]);
    document
}

/// The same, where two of the settings show when Explorer starts again.
pub fn waits_for_explorer() -> Value {
    let mut document = restored();
    document["outcome"] = json!({
        "journal": 4, "effects": ["live", "explorer"], "explorer": "restart_needed", "failed": [],
        "applied": [
            { "id": "accessibility.sticky_keys", "title": "Sticky keys", "category": "accessibility" },
            { "id": "taskbar.alignment", "title": "Alignment of the taskbar", "category": "taskbar", "after": "explorer" },
            { "id": "taskbar.task_view", "title": "Task view button", "category": "taskbar", "after": "explorer" },
        ],
    });
    document
}

/// The result of a restore that Explorer has to start again for, in that language, and the steps after it.
fn explorer(texts: &'static Texts, steps: &[Step]) -> Controller {
    let looked = then(
        answered(texts, Page::Restore),
        &[Step::Do(Command::Main), Step::Ended(Call::Preview(choice()), Ok(plan())), Step::Do(Command::Main)],
    );
    let restore = Call::Restore(choice(), Some("m1".to_owned()));
    then(then(looked, &[Step::Ended(restore, Ok(waits_for_explorer()))]), steps)
}

/// A "no" with that code.
pub fn no(code: &str) -> Problem {
    Problem { code: code.to_owned(), message: String::new(), hint: String::new() }
}

/// Why Explorer runs as before.
fn stays() -> Problem {
    Problem {
        message: "Explorer cannot be ended: Access is denied. (os error 5)".to_owned(),
        hint: "sign out and in again: everything is stored, and seen then".to_owned(),
        ..no("explorer_stays")
    }
}

fn choice() -> Choice {
    Choice { device: "OLD-PC".to_owned(), snapshot: "aa11".to_owned(), except: vec![] }
}

fn opened(texts: &'static Texts, page: Page) -> Controller {
    let mut controller = Controller::new(texts, page);
    controller.command(Command::Open(page));
    controller
}

/// With everything that a page asks for answered.
pub fn answered(texts: &'static Texts, page: Page) -> Controller {
    let mut controller = opened(texts, page);
    controller.ended(Call::Schedule, Ok(schedule(Some("2026-11-18T08:10:00Z"))));
    controller.ended(Call::Status, Ok(status()));
    controller.ended(Call::Welcome, Ok(json!({ "user": "Mia" })));
    controller.ended(Call::Pcs, Ok(pcs()));
    if page == Page::Welcome {
        let eased = json!({ "applied": true, "outcome": { "journal": 1, "applied": [{}], "failed": [] } });
        controller.ended(Call::Ease(which()), Ok(eased));
    }
    controller.ended(Call::Glance(which()), Ok(plan()));
    controller.ended(Call::Journals, Ok(json!([])));
    controller.ended(Call::Openings, Ok(json!({ "openings": [] })));
    controller
}

/// *Welcome back* where the organisation has the newest backup restored without asking, and what it asks of `rehome`.
pub fn unasked() -> (Controller, Vec<Call>) {
    let mut controller = Controller::new(&ENGLISH, Page::Welcome);
    let restores = json!({ "device_name": "OLD-PC", "snapshot": "aa11", "taken_at": "2026-11-17T17:42:00Z" });
    controller.ended(Call::Welcome, Ok(json!({ "show": true, "user": "Mia", "restores": restores })));
    let calls = controller.command(Command::Open(Page::Welcome));
    (controller, calls)
}

fn which() -> Which {
    Which { device: "OLD-PC".to_owned(), snapshot: "aa11".to_owned() }
}

fn then(mut controller: Controller, steps: &[Step]) -> Controller {
    for step in steps {
        match step.clone() {
            Step::Do(command) => drop(controller.command(command)),
            Step::Heard(call, heard) => controller.heard(&call, &heard, NOW - 9_000),
            Step::Ended(call, answer) => drop(controller.ended(call, answer)),
        }
    }
    controller
}

#[derive(Clone)]
enum Step {
    Do(Command),
    Heard(Call, Heard),
    Ended(Call, Answer),
}

fn exported() -> Controller {
    let mut controller = answered(&ENGLISH, Page::Privacy);
    let mut calls = controller.command(Command::Second);
    while let Some(call) = calls.pop() {
        let Call::Export(which) = &call else { break };
        let document =
            json!({ "output": format!("C:\\Users\\mia\\Documents\\rehome-{}-{}.json", which.device, which.snapshot) });
        calls = controller.ended(call, Ok(document));
    }
    controller
}

/// Every page and state.
pub fn states() -> Vec<(&'static str, Controller)> {
    use Step::{Do, Ended, Heard as Hears};
    let main = || Do(Command::Main);
    let sending = || Heard { station: "upload".to_owned(), stage: None, done: 0, share: Some(0.6) };
    let looked = |page| then(answered(&ENGLISH, page), &[main(), Ended(Call::Preview(choice()), Ok(plan()))]);
    let restoring = || Call::Restore(choice(), Some("m1".to_owned()));
    let applying = || Heard { station: "apply".to_owned(), stage: Some("look".to_owned()), done: 1, share: Some(0.5) };
    let backed_up = json!({ "outcome": "created", "settings": 143, "apps": 27, "warnings": [],
        "categories": [{ "category": "taskbar", "settings": 4 }, { "category": "explorer", "settings": 9 }],
        "left_out": [{ "id": "taskbar.pins", "title": "Pins of the taskbar", "because": "they name programs" }] });
    let mut off = schedule(None);
    off["refused"] =
        json!({ "code": "policy_off", "message": "backups are switched off by the policy of the server `Shared PCs`" });
    let mut fails = schedule(Some("2026-11-12T08:10:00Z"));
    fails["last_failure"] = json!({ "code": "quota_exceeded", "since": "2026-11-16T08:10:00Z", "told": false });
    let opening = json!({ "opened_by": "ida@example.com", "open_from_at": "2026-11-17T09:00:00Z", "purpose": "ticket 4711: taskbar lost" });
    let backup = || answered(&ENGLISH, Page::Backup);
    let welcome = || answered(&ENGLISH, Page::Welcome);
    vec![
        ("backup", backup()),
        ("backup-waiting", opened(&ENGLISH, Page::Backup)),
        ("backup-never", then(backup(), &[Ended(Call::Schedule, Ok(schedule(None)))])),
        ("backup-off", then(backup(), &[Ended(Call::Schedule, Ok(off))])),
        ("backup-fails", then(backup(), &[Ended(Call::Schedule, Ok(fails))])),
        ("backup-offline", then(backup(), &[Ended(Call::Status, Err(no("server_unreachable")))])),
        ("backup-open", then(backup(), &[Do(Command::Toggle(5)), Ended(Call::Show, Ok(shown()))])),
        ("backup-lost", then(backup(), &[Ended(Call::Status, Ok(json!({ "on_server": "nothing" })))])),
        ("backup-running", then(backup(), &[main(), Hears(Call::BackUp, sending())])),
        ("backup-done", then(backup(), &[main(), Ended(Call::BackUp, Ok(backed_up))])),
        ("backup-failed", then(backup(), &[main(), Ended(Call::BackUp, Err(no("server_slow")))])),
        ("restore", answered(&ENGLISH, Page::Restore)),
        ("restore-none", then(answered(&ENGLISH, Page::Restore), &[Ended(Call::Pcs, Ok(json!([])))])),
        ("restore-older", then(answered(&ENGLISH, Page::Restore), &[Do(Command::Third)])),
        ("restore-preview", looked(Page::Restore)),
        ("restore-running", then(looked(Page::Restore), &[main(), Hears(restoring(), applying())])),
        ("restore-result", then(looked(Page::Restore), &[main(), Ended(restoring(), Ok(restored()))])),
        ("explorer", explorer(&ENGLISH, &[])),
        ("explorer-running", explorer(&ENGLISH, &[Do(Command::Third)])),
        ("explorer-failed", explorer(&ENGLISH, &[Do(Command::Third), Ended(Call::RestartExplorer, Err(stays()))])),
        (
            "explorer-done",
            explorer(&ENGLISH, &[Do(Command::Third), Ended(Call::RestartExplorer, Ok(json!({ "restarted": true })))]),
        ),
        ("privacy", answered(&ENGLISH, Page::Privacy)),
        (
            "privacy-opened",
            then(answered(&ENGLISH, Page::Privacy), &[Ended(Call::Openings, Ok(json!({ "openings": [opening] })))]),
        ),
        ("privacy-delete", then(answered(&ENGLISH, Page::Privacy), &[Do(Command::Third)])),
        ("privacy-exported", exported()),
        ("welcome", welcome()),
        ("welcome-more", then(welcome(), &[Do(Command::Second), Do(Command::Choose(2))])),
        ("welcome-at-once", then(opened(&ENGLISH, Page::Welcome), &[Ended(Call::Pcs, Ok(pcs()))])),
        ("welcome-waiting", opened(&ENGLISH, Page::Welcome)),
        ("welcome-offline", then(welcome(), &[Ended(Call::Pcs, Err(no("server_unreachable")))])),
        ("welcome-unasked", then(unasked().0, &[Hears(Call::Restore(choice(), None), applying())])),
        ("welcome-unasked-failed", then(unasked().0, &[Ended(Call::Restore(choice(), None), Err(no("server_slow")))])),
        ("welcome-result", then(looked(Page::Welcome), &[main(), Ended(restoring(), Ok(restored()))])),
    ]
}

/// All pictures, by name: every state in every look, and some of them for people of another language or with another screen.
pub fn pictures() -> Vec<(String, Controller, Shot)> {
    let mut all = Vec::new();
    for (look, shot) in
        [("light", LIGHT), ("dark", Shot { dark: true, ..LIGHT }), ("contrast", Shot { contrast: true, ..LIGHT })]
    {
        all.extend(states().into_iter().map(|(name, controller)| (format!("{name}-{look}"), controller, shot)));
    }
    let mut more = |name: &str, controller, shot| all.push((name.to_owned(), controller, shot));
    more("welcome-german", answered(&GERMAN, Page::Welcome), LIGHT);
    let german = || answered(&GERMAN, Page::Backup);
    more("backup-german", german(), LIGHT);
    more("backup-german-narrow", german(), Shot { size: (480, 720), ..LIGHT });
    more("restore-german-narrow", answered(&GERMAN, Page::Restore), Shot { size: (480, 720), ..LIGHT });
    more("backup-german-250", german(), Shot { percent: 250, ..LIGHT });
    let explorer_german =
        || explorer(&GERMAN, &[Step::Do(Command::Third), Step::Ended(Call::RestartExplorer, Err(stays()))]);
    more("explorer-200", explorer(&ENGLISH, &[]), Shot { percent: 200, ..LIGHT });
    more("explorer-dark-200", explorer(&ENGLISH, &[]), Shot { percent: 200, dark: true, ..LIGHT });
    more("explorer-german", explorer(&GERMAN, &[]), LIGHT);
    more("explorer-german-failed-narrow", explorer_german(), Shot { size: (480, 720), ..LIGHT });
    more("restore-right-to-left", right_to_left(Page::Restore), LIGHT);
    more("welcome-right-to-left", right_to_left(Page::Welcome), LIGHT);
    more(
        "preview-right-to-left",
        then(right_to_left(Page::Restore), &[Step::Do(Command::Main), looked_right_to_left()]),
        LIGHT,
    );
    all
}

/// A person whose name and PCs are written from right to left, in Hebrew and in Arabic, before a window that is not.
fn right_to_left(page: Page) -> Controller {
    let mut controller = opened(&ENGLISH, page);
    controller.ended(Call::Welcome, Ok(json!({ "user": "מיה כהן" })));
    let pcs = json!([
        { "device_name": "המחשב הישן של מיה", "this_device": false, "snapshots": [
            { "snapshot": "aa11", "taken_at": "2026-11-17T17:42:00Z", "settings": 143, "apps": 27 }] },
        { "device_name": "حاسوب ميا 2 (OLD-PC)", "this_device": false, "snapshots": [
            { "snapshot": "bb22", "taken_at": "2026-11-02T09:00:00Z", "settings": 9, "apps": 1 }] },
    ]);
    controller.ended(Call::Pcs, Ok(pcs));
    if page == Page::Welcome {
        let eased = json!({ "applied": true, "outcome": { "journal": 1, "applied": [{}], "failed": [] } });
        controller.ended(Call::Ease(hebrew()), Ok(eased));
    }
    controller.ended(Call::Glance(hebrew()), Ok(plan()));
    controller
}

fn hebrew() -> Which {
    Which { device: "המחשב הישן של מיה".to_owned(), snapshot: "aa11".to_owned() }
}

/// What would come back of it, with values that people wrote themselves.
fn looked_right_to_left() -> Step {
    let Which { device, snapshot } = hebrew();
    let mut plan = plan();
    plan["device_name"] = json!(device);
    plan["plan"]["settings"] = json!([
        { "id": "a", "title": "Name of the desktop", "category": "desktop", "action": "set", "old": "Desk 1", "new": "שולחן עבודה 1" },
        { "id": "b", "title": "Name of the scheme", "category": "desktop", "action": "set", "old": "مخطط ألوان", "new": "ערכת צבעים" },
        { "id": "c", "title": "Sound of the bell", "category": "desktop", "action": "remove", "old": "פעמון (Bell)" },
    ]);
    plan["plan"]["apps"] = json!([{ "name": "عارض الصور", "action": "install" }]);
    Step::Ended(Call::Preview(Choice { device, snapshot, except: vec![] }), Ok(plan))
}
