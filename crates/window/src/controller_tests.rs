//! Every state and transition, with the documents that `rehome --json` prints.

use jiff::tz::TimeZone;
use serde_json::{Value, json};

use crate::call::{Call, Choice, Heard, Problem, Remember};
use crate::controller::{Command, Controller};
use crate::texts::{ENGLISH, GERMAN};
use crate::view::{Page, Tone, View};
use crate::when::When;

fn when() -> When {
    When::new("2026-11-18T11:00:00Z".parse().unwrap(), TimeZone::UTC)
}

fn no(code: &str) -> Problem {
    Problem { code: code.to_owned(), message: format!("message of {code}"), hint: "hint".to_owned() }
}

/// `rehome schedule status`.
pub fn schedule(last: Option<&str>) -> Value {
    json!({
        "task": "Rehome", "registered": true, "interval_hours": 24, "last_success": last,
        "due": if last.is_some() { "not_yet" } else { "first" }, "at": 1_795_078_800_000_i64,
        "groups": [
            { "group": "accessibility", "title": "Accessibility", "rule": "required", "locked": true, "settings": 74 },
            { "group": "taskbar", "title": "Taskbar", "rule": "optional", "locked": false, "settings": 1 },
            { "group": "typing", "title": "Typing", "rule": "never", "locked": true, "settings": 9 },
            { "group": "app_list", "title": "Apps", "rule": "optional", "locked": false, "settings": 0 },
        ],
    })
}

/// `rehome status`.
pub fn status() -> Value {
    json!({
        "server": "https://rehome.example.com", "organisation": "Example", "user": "mia", "on_server": "kept",
        "last_backup": { "rehearsal": { "outcome": "restorable" } },
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
        "applied": false, "snapshot": "aa11", "device_name": "OLD-PC", "target": "this PC", "mark": "m1",
        "plan": {
            "choices": [
                { "group": "accessibility", "title": "Accessibility", "rule": "required", "locked": true, "taken": true, "changes": 1 },
                { "group": "taskbar", "title": "Taskbar", "rule": "optional", "locked": false, "taken": true, "changes": 2 },
                { "group": "typing", "title": "Typing", "rule": "never", "locked": true, "taken": false, "changes": 0 },
                { "group": "app_list", "title": "The list of apps", "rule": "optional", "locked": false, "taken": true, "changes": 1 },
            ],
            "settings": [
                { "id": "a", "title": "Sticky keys", "action": "set", "old": null, "new": { "number": 1 } },
                { "id": "b", "title": "Alignment of the taskbar", "action": "set", "old": { "number": 1 }, "new": { "number": 0 } },
                { "id": "c", "title": "Task view button", "action": "remove", "old": { "number": 0 } },
                { "id": "d", "title": "Widgets", "action": "skip", "reason": "managed_by_policy", "wanted": null },
                { "id": "e", "title": "Badges", "action": "same", "value": null },
            ],
            "apps": [{ "name": "Editor", "action": "install" }, { "name": "Calculator", "action": "present" }],
            "not_carried": [],
        },
    })
}

/// `rehome restore --yes`.
pub fn restored() -> Value {
    let mut document = plan();
    document["applied"] = json!(true);
    document["outcome"] = json!({
        "journal": 4, "effects": [],
        "applied": [{ "id": "a", "title": "Sticky keys" }, { "id": "b", "title": "Alignment of the taskbar" }],
        "failed": [{ "id": "c", "title": "Task view button", "reason": "read_only_target" }],
    });
    document["apps"] = json!([{ "name": "Editor", "stands": "waiting" }]);
    document
}

fn open(page: Page) -> Controller {
    let mut controller = Controller::new(&ENGLISH, page);
    controller.command(Command::Open(page));
    controller
}

fn backup(schedule: Value) -> Controller {
    let mut controller = open(Page::Backup);
    controller.ended(Call::Schedule, Ok(schedule));
    controller.ended(Call::Status, Ok(status()));
    controller
}

/// The restore page with the PCs of [`pcs`].
fn restore(page: Page) -> Controller {
    let mut controller = open(page);
    controller.ended(Call::Welcome, Ok(json!({ "show": true, "decision": "show", "user": "Mia" })));
    controller.ended(Call::Pcs, Ok(pcs()));
    controller.ended(Call::Journals, Ok(json!([])));
    controller
}

fn choice(except: &[&str]) -> Choice {
    let except = except.iter().map(|word| (*word).to_owned()).collect();
    Choice { device: "OLD-PC".to_owned(), snapshot: "aa11".to_owned(), except }
}

/// The restore page with the plan of [`plan`].
fn looked(page: Page) -> Controller {
    let mut controller = restore(page);
    assert_eq!(controller.command(Command::Main), [Call::Preview(choice(&[]))]);
    controller.ended(Call::Preview(choice(&[])), Ok(plan()));
    controller
}

fn seen(controller: &Controller) -> View {
    controller.view(&when())
}

#[test]
fn a_page_asks_what_it_shows_and_once() {
    let mut controller = Controller::new(&ENGLISH, Page::Backup);
    assert_eq!(controller.command(Command::Open(Page::Backup)), [Call::Schedule, Call::Status]);
    let view = seen(&controller);
    assert_eq!((view.status.as_str(), view.main_enabled), ("One moment", false));
    assert_eq!(controller.command(Command::Open(Page::Backup)), [], "the answers are on their way");
    assert_eq!(controller.command(Command::Open(Page::Restore)), [Call::Pcs, Call::Journals]);
    assert_eq!(controller.command(Command::Open(Page::Privacy)), [Call::Openings]);
    controller.ended(Call::Openings, Ok(json!({ "openings": [] })));
    assert_eq!(controller.command(Command::Open(Page::Privacy)), []);
    controller.ended(Call::Status, Err(no("server_slow")));
    assert_eq!(controller.command(Command::Refresh), [Call::Status, Call::Openings], "F5 asks all of it anew");
}

#[test]
fn the_backup_page_says_when_and_what_next() {
    let view = seen(&backup(schedule(Some("2026-11-18T08:10:00Z"))));
    assert_eq!((view.tone, view.status.as_str()), (Tone::Good, "Backed up today 08:10"));
    assert_eq!(view.detail, "Next backup: tomorrow 09:00");
    assert_eq!((view.main.as_str(), view.main_enabled), ("Back up now", true));
    let lines: Vec<_> = view.lines.iter().map(|line| (line.title.as_str(), line.detail.as_str(), line.tone)).collect();
    assert_eq!(
        lines,
        [
            ("Accessibility", "74 settings · always, by your organisation", Tone::Good),
            ("Taskbar", "1 setting", Tone::Good),
            ("Typing", "Off by your organisation", Tone::Off),
            ("Apps", "The list of your apps. What a store has is installed again.", Tone::Good),
        ]
    );
    let view = seen(&backup(schedule(None)));
    assert_eq!((view.tone, view.status.as_str()), (Tone::Attention, "Not backed up yet"));
}

#[test]
fn a_backup_that_is_lost_or_damaged_needs_attention() {
    for (change, says) in [
        (json!({ "on_server": "nothing" }), "no longer has it"),
        (
            json!({ "on_server": "kept", "last_backup": { "rehearsal": { "outcome": "failed" } } }),
            "could not be opened",
        ),
    ] {
        let mut controller = backup(schedule(Some("2026-11-18T08:10:00Z")));
        controller.ended(Call::Status, Ok(change));
        let view = seen(&controller);
        assert_eq!(view.tone, Tone::Attention);
        assert!(view.detail.contains(says), "{}", view.detail);
    }
}

#[test]
fn without_a_server_what_is_known_here_stays_on_the_page() {
    let mut controller = backup(schedule(Some("2026-11-18T08:10:00Z")));
    controller.ended(Call::Status, Err(no("server_unreachable")));
    let view = seen(&controller);
    assert_eq!((view.status.as_str(), view.notice.as_str()), ("Backed up today 08:10", "The server cannot be reached"));
    assert!(view.main_enabled, "it can be tried");
    // The other pages have nothing without one, and offer another try.
    let mut controller = open(Page::Restore);
    controller.ended(Call::Pcs, Err(no("server_slow")));
    let view = seen(&controller);
    assert_eq!((view.tone, view.main.as_str()), (Tone::Attention, "Try again"));
    assert_eq!(controller.command(Command::Main), [Call::Pcs], "the journals' answer is still on its way");
}

#[test]
fn switched_off_by_the_organisation_there_is_no_button() {
    let mut off = schedule(None);
    off["refused"] =
        json!({ "code": "policy_off", "message": "backups are switched off by the policy of the server `IT`" });
    let mut controller = backup(off);
    let view = seen(&controller);
    assert_eq!((view.tone, view.status.as_str(), view.main_enabled), (Tone::Off, "Off by your organisation", false));
    assert!(view.detail.contains("`IT`"), "who decided it is named");
    assert!(!controller.command(Command::Main).contains(&Call::BackUp));
}

#[test]
fn a_pc_that_is_not_connected_backs_nothing_up() {
    let mut controller = backup(schedule(None));
    controller.ended(Call::Status, Err(no("not_enrolled")));
    assert_eq!(seen(&controller).status, "This PC is not connected yet");
    assert_eq!(controller.command(Command::Main), [Call::Schedule, Call::Status]);
}

#[test]
fn a_backup_runs_once_says_how_far_it_is_and_what_came_of_it() {
    let mut controller = backup(schedule(None));
    assert_eq!(controller.command(Command::Main), [Call::BackUp]);
    assert_eq!(controller.command(Command::Main), [], "a second click is no second run");
    assert!(controller.is_busy());
    assert_eq!(seen(&controller).progress, Some(-1.0));
    controller.heard(&Call::BackUp, Heard { station: "upload".to_owned(), stage: None, share: Some(0.5) });
    let view = seen(&controller);
    assert_eq!((view.detail.as_str(), view.progress, view.main_enabled), ("Sending", Some(0.5), false));
    // A station of a newer program has no words yet.
    controller.heard(&Call::BackUp, Heard { station: "polish".to_owned(), stage: None, share: None });
    assert_eq!(seen(&controller).detail, "One moment");
    // Another page goes on showing it.
    controller.command(Command::Open(Page::Restore));
    assert_eq!(seen(&controller).status, "Backing up");
    controller.command(Command::Open(Page::Backup));
    let done = json!({ "outcome": "created", "settings": 143, "apps": 1, "warnings": ["the picture was too large"] });
    assert_eq!(controller.ended(Call::BackUp, Ok(done)), [Call::Schedule, Call::Status], "what is known is old now");
    let view = seen(&controller);
    assert_eq!((view.status.as_str(), view.detail.as_str()), ("Backed up", "143 settings · 1 app"));
    assert_eq!((view.tone, view.lines[0].title.as_str()), (Tone::Attention, "the picture was too large"));
    assert_eq!(view.main, "Close");
    controller.command(Command::Main);
    assert!(!controller.is_busy());
    assert_ne!(seen(&controller).status, "Backed up", "the result goes");
}

#[test]
fn a_backup_without_a_change_says_so() {
    let mut controller = backup(schedule(None));
    controller.command(Command::Main);
    controller.ended(Call::BackUp, Ok(json!({ "outcome": "unchanged", "settings": 2, "apps": 0, "warnings": [] })));
    let view = seen(&controller);
    assert_eq!((view.tone, view.status.as_str()), (Tone::Good, "Nothing has changed since the last backup"));
}

#[test]
fn a_run_that_failed_can_be_tried_again() {
    for (code, says) in [("busy", "Rehome is at work already"), ("disk_full", "message of disk_full")] {
        let mut controller = backup(schedule(None));
        controller.command(Command::Main);
        controller.ended(Call::BackUp, Err(no(code)));
        let view = seen(&controller);
        assert_eq!((view.tone, view.status.as_str(), view.main.as_str()), (Tone::Attention, says, "Try again"));
        assert_eq!(controller.command(Command::Main), [Call::BackUp]);
    }
}

#[test]
fn old_pcs_come_first_and_this_one_last() {
    let view = seen(&restore(Page::Restore));
    let cards: Vec<_> =
        view.cards.iter().map(|card| (card.title.as_str(), card.when.as_str(), card.mark.as_str())).collect();
    assert_eq!(
        cards,
        [
            ("OLD-PC", "yesterday 17:42", ""),
            ("ATTIC", "2026-03-14 09:00", "Cannot be opened"),
            ("OLD-PC", "2026-11-02 09:00", ""),
            ("NEW-PC", "today 08:00", "This PC"),
        ]
    );
    assert_eq!(view.cards[0].detail, "143 settings · 27 apps");
    assert!(view.cards[0].chosen && !view.cards[1].chosen, "the newest is chosen");
}

#[test]
fn without_a_backup_there_is_nothing_to_choose() {
    let mut controller = open(Page::Restore);
    controller.ended(Call::Pcs, Ok(json!([{ "device_name": "NEW-PC", "this_device": true, "snapshots": [] }])));
    controller.ended(Call::Journals, Ok(json!([])));
    let view = seen(&controller);
    assert_eq!((view.status.as_str(), view.main.as_str()), ("There is no backup to choose yet", "Try again"));
    assert_eq!(controller.command(Command::Main), [Call::Pcs, Call::Journals]);
}

#[test]
fn a_restore_is_looked_at_then_agreed_to_by_its_mark() {
    let mut controller = looked(Page::Restore);
    let view = seen(&controller);
    assert_eq!((view.status.as_str(), view.detail.as_str()), ("From OLD-PC", "3 changes · 1 app"));
    let groups: Vec<_> = view.groups.iter().map(|group| (group.title.as_str(), group.ticked, group.locked)).collect();
    assert_eq!(groups, [("Accessibility", true, true), ("Taskbar", true, false), ("Apps", true, false)]);
    assert_eq!(view.groups[0].detail, "Set by your organisation");
    let lines: Vec<_> = view.lines.iter().map(|line| line.detail.as_str()).collect();
    assert_eq!(lines, ["– → 1", "1 → 0", "0 → as Windows has it"]);
    assert_eq!(controller.command(Command::Main), [Call::Restore(choice(&[]), "m1".to_owned())]);
    assert_eq!(seen(&controller).notice, "You can go on working. Keep this window open until it is done.");
    controller.ended(Call::Restore(choice(&[]), "m1".to_owned()), Ok(restored()));
    let view = seen(&controller);
    assert_eq!((view.status.as_str(), view.detail.as_str()), ("Restored", "2 settings"));
    let lines: Vec<_> = view.lines.iter().map(|line| (line.title.as_str(), line.tone)).collect();
    assert_eq!(lines, [("Task view button", Tone::Attention), ("Widgets", Tone::Off)]);
    assert_eq!(view.notice, "1 app is being installed in the background.");
    assert_eq!(view.second, "Undo");
    assert_eq!(controller.command(Command::Second), [Call::Undo]);
    controller.ended(Call::Undo, Ok(json!({ "applied": [{}, {}] })));
    assert_eq!(seen(&controller).status, "Taken back");
}

#[test]
fn a_tick_asks_for_a_new_plan_and_an_older_answer_is_dropped() {
    let mut controller = looked(Page::Restore);
    assert_eq!(controller.command(Command::Tick(0)), [], "a locked group stays");
    assert_eq!(controller.command(Command::Tick(1)), [Call::Preview(choice(&["taskbar"]))]);
    assert_eq!(controller.command(Command::Main), [], "nothing is agreed to that is not seen");
    controller.ended(Call::Preview(choice(&[])), Ok(plan()));
    assert_eq!(seen(&controller).status, "Comparing with this PC", "that was the plan with the taskbar");
    let mut less = plan();
    less["mark"] = json!("m2");
    less["plan"]["choices"][1]["taken"] = json!(false);
    controller.ended(Call::Preview(choice(&["taskbar"])), Ok(less));
    assert!(!seen(&controller).groups[1].ticked);
    assert_eq!(controller.command(Command::Tick(1)), [Call::Preview(choice(&[]))], "and back");
    assert_eq!(controller.command(Command::Tick(9)), []);
}

#[test]
fn a_policy_that_changes_in_between_is_shown_and_not_carried_out() {
    let mut controller = looked(Page::Restore);
    controller.command(Command::Main);
    let mut newer = plan();
    newer["mark"] = json!("m2");
    controller.ended(Call::Restore(choice(&[]), "m1".to_owned()), Ok(newer));
    assert!(!controller.is_busy());
    assert_eq!(seen(&controller).status, "From OLD-PC", "the new plan is looked at first");
    assert_eq!(controller.command(Command::Main), [Call::Restore(choice(&[]), "m2".to_owned())]);
    // The network is lost in the middle: what happened is looked at anew, not repeated blindly.
    controller.ended(Call::Restore(choice(&[]), "m2".to_owned()), Err(no("server_unreachable")));
    assert_eq!(controller.command(Command::Main), [Call::Preview(choice(&[]))]);
}

#[test]
fn a_pc_that_has_everything_has_nothing_to_restore() {
    let mut same = plan();
    same["plan"]["settings"] = json!([]);
    same["plan"]["apps"] = json!([]);
    let mut controller = restore(Page::Restore);
    controller.command(Command::Main);
    controller.ended(Call::Preview(choice(&[])), Ok(same));
    let view = seen(&controller);
    assert_eq!((view.detail.as_str(), view.main_enabled), ("This PC has all of it already.", false));
    assert_eq!(view.second, "Back");
    controller.command(Command::Second);
    assert_eq!(seen(&controller).cards.len(), 4);
}

#[test]
fn a_plan_that_does_not_come_can_be_asked_for_again() {
    let mut controller = restore(Page::Restore);
    controller.command(Command::Choose(1));
    controller.command(Command::Choose(77));
    let attic = Choice { device: "ATTIC".to_owned(), snapshot: "bb22".to_owned(), except: vec![] };
    assert_eq!(controller.command(Command::Main), [Call::Preview(attic.clone())]);
    controller.ended(Call::Preview(attic.clone()), Err(no("integrity_failed")));
    assert_eq!(seen(&controller).status, "message of integrity_failed");
    assert_eq!(controller.command(Command::Main), [Call::Preview(attic)]);
}

#[test]
fn a_restore_of_last_week_can_be_taken_back_from_the_list() {
    let mut controller = open(Page::Restore);
    controller.ended(Call::Pcs, Ok(pcs()));
    let journals = json!([
        { "number": 3, "at": 1_794_990_000_000_i64, "state": "done", "undo_of": 1, "settings": 2 },
        { "number": 2, "at": 1_794_990_000_000_i64, "state": "done", "undo_of": null, "settings": 2 },
    ]);
    controller.ended(Call::Journals, Ok(journals));
    assert_eq!(seen(&controller).second, "Take back the restore of today 08:20");
    assert_eq!(controller.command(Command::Second), [Call::Undo]);
}

#[test]
fn welcome_back_shows_other_pcs_by_their_newest_backup() {
    let mut controller = Controller::new(&ENGLISH, Page::Welcome);
    assert_eq!(controller.command(Command::Open(Page::Welcome)), [Call::Welcome, Call::Pcs]);
    let view = seen(&controller);
    assert_eq!((view.status.as_str(), view.second.as_str()), ("Looking for your PCs", "Set up as a new PC"));
    let view = seen(&restore(Page::Welcome));
    assert_eq!(view.title, "Welcome back, Mia");
    assert_eq!(view.cards.iter().map(|card| card.title.as_str()).collect::<Vec<_>>(), ["OLD-PC", "ATTIC"]);
    assert_eq!(view.main, "Restore from this PC");
}

#[test]
fn welcome_back_always_lets_the_person_go_on() {
    // A slow server: nothing has come yet.
    let mut controller = open(Page::Welcome);
    assert_eq!(controller.command(Command::Second), [Call::Remember(Remember::NewPc)]);
    assert!(controller.is_closed());
    // No server.
    let mut controller = open(Page::Welcome);
    controller.ended(Call::Pcs, Err(no("server_unreachable")));
    assert_eq!(seen(&controller).second, "Set up as a new PC");
    assert_eq!(controller.command(Command::Dismiss), [], "closed without an answer: it comes back once");
    assert!(controller.is_closed());
}

#[test]
fn welcome_back_restores_remembers_it_and_goes() {
    let mut controller = looked(Page::Welcome);
    let restore = || Call::Restore(choice(&[]), "m1".to_owned());
    assert_eq!(controller.command(Command::Main), [restore()]);
    assert_eq!(controller.command(Command::Second), [], "a restore is not walked away from by this button");
    let calls = controller.ended(restore(), Ok(restored()));
    assert_eq!(calls, [Call::Schedule, Call::Status, Call::Remember(Remember::Restored)]);
    assert_eq!(controller.command(Command::Main), []);
    assert!(controller.is_closed());
}

#[test]
fn privacy_says_who_has_looked() {
    let mut controller = open(Page::Privacy);
    controller.ended(Call::Status, Ok(status()));
    controller.ended(Call::Openings, Ok(json!({ "openings": [] })));
    let view = seen(&controller);
    assert_eq!((view.tone, view.status.as_str()), (Tone::Good, "Nobody has opened your backups but you"));
    assert_eq!(view.detail, "Kept encrypted for Example on https://rehome.example.com");
    let opening = json!({ "opened_by": null, "open_from_at": "2026-11-17T09:00:00Z", "purpose": "ticket\u{7} 7" });
    controller.ended(Call::Openings, Ok(json!({ "openings": [opening] })));
    let view = seen(&controller);
    assert_eq!(view.status, "Your backups were opened once");
    assert_eq!(view.lines[0].title, "The server's operator, yesterday 09:00");
    assert_eq!(view.lines[0].detail, "ticket 7", "control characters of others are not shown");
}

#[test]
fn documents_of_another_shape_change_nothing_for_the_worse() {
    for odd in [Value::Null, json!([]), json!({}), json!("x"), json!({ "plan": 3, "openings": 1, "groups": {} })] {
        for page in [Page::Backup, Page::Restore, Page::Privacy, Page::Welcome] {
            let mut controller = open(page);
            for call in [Call::Schedule, Call::Status, Call::Pcs, Call::Journals, Call::Openings, Call::Welcome] {
                controller.ended(call, Ok(odd.clone()));
            }
            controller.command(Command::Choose(0));
            controller.command(Command::Main);
            controller.ended(Call::BackUp, Ok(odd.clone()));
            assert!(!seen(&controller).title.is_empty());
        }
    }
}

#[test]
fn every_text_is_there_in_german_too() {
    let mut controller = Controller::new(&GERMAN, Page::Welcome);
    controller.command(Command::Open(Page::Welcome));
    controller.ended(Call::Welcome, Ok(json!({ "user": "Mia" })));
    controller.ended(Call::Pcs, Ok(pcs()));
    let view = seen(&controller);
    assert_eq!(view.title, "Willkommen zurück, Mia");
    assert_eq!(view.cards[0].when, "gestern 17:42");
    assert_eq!(view.main, "Von diesem PC wiederherstellen");
}
