//! Every state and transition, with the documents that `rehome --json` prints.

use jiff::tz::TimeZone;
use serde_json::{Value, json};

use crate::call::{Call, Choice, Heard, Problem, Remember, Which, Wish};
use crate::controller::{Command, Controller, explained};
use crate::samples::{pcs, plan, restored, schedule, shown, status, waits_for_explorer};
use crate::texts::{ENGLISH, GERMAN};
use crate::view::{Kind, Page, Tone, View};
use crate::when::When;

fn when() -> When {
    When::new("2026-11-18T11:00:00Z".parse().unwrap(), TimeZone::UTC)
}

pub(crate) fn no(code: &str) -> Problem {
    Problem { code: code.to_owned(), message: format!("message of {code}"), hint: "hint".to_owned() }
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
    let calls = controller.ended(Call::Pcs, Ok(pcs()));
    if page == Page::Welcome {
        assert_eq!(calls, [Call::Ease(which("OLD-PC", "aa11"))]);
        let eased = json!({ "applied": true, "outcome": { "journal": 1, "applied": [{}], "failed": [] } });
        controller.ended(Call::Ease(which("OLD-PC", "aa11")), Ok(eased));
    }
    controller.ended(Call::Journals, Ok(json!([])));
    controller
}

fn which(device: &str, snapshot: &str) -> Which {
    Which { device: device.to_owned(), snapshot: snapshot.to_owned() }
}

pub(crate) fn choice(except: &[&str]) -> Choice {
    let except = except.iter().map(|word| (*word).to_owned()).collect();
    Choice { device: "OLD-PC".to_owned(), snapshot: "aa11".to_owned(), except }
}

/// The restore page with the plan of [`plan`].
pub(crate) fn looked(page: Page) -> Controller {
    let mut controller = restore(page);
    assert_eq!(controller.command(Command::Main), [Call::Preview(choice(&[]))]);
    controller.ended(Call::Preview(choice(&[])), Ok(plan()));
    controller
}

pub(crate) fn seen(controller: &Controller) -> View {
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
    assert_eq!(controller.command(Command::Open(Page::Privacy)), [Call::Openings], "the others are on their way");
    controller.ended(Call::Openings, Ok(json!({ "openings": [] })));
    controller.ended(Call::Pcs, Ok(pcs()));
    assert_eq!(controller.command(Command::Open(Page::Privacy)), []);
    controller.ended(Call::Status, Err(no("server_slow")));
    assert_eq!(
        controller.command(Command::Refresh),
        [Call::Status, Call::Openings, Call::Pcs],
        "F5 asks all of it anew"
    );
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
            ("How it stands", "", Tone::Plain),
            ("Apps", "Backed up today 08:10", Tone::Good),
            ("Settings", "Backed up today 08:10", Tone::Good),
            ("What is in it", "", Tone::Plain),
            ("Accessibility", "74 settings · always, by your organisation", Tone::Good),
            ("Taskbar", "1 setting", Tone::Good),
            ("Start menu", "Off, as you chose", Tone::Off),
            ("Typing", "Off by your organisation", Tone::Off),
            ("Apps", "The list of your apps. What a store has is installed again.", Tone::Good),
            ("What is not in it", "", Tone::Plain),
            ("Files", "Not in it. OneDrive keeps Desktop, Documents: folder backup is on.", Tone::Good),
            (
                "Desktop programs",
                "Not in it. They are installed anew by you or your organisation; a backup lists which there were.",
                Tone::Plain
            ),
        ]
    );
    let view = seen(&backup(schedule(None)));
    assert_eq!((view.tone, view.status.as_str()), (Tone::Attention, "Not backed up yet"));
    assert!(view.lines.iter().all(|line| line.kind != Kind::Closed), "there is nothing to open yet");
    assert_eq!((view.lines[1].detail.as_str(), view.lines[2].tone), ("Not backed up yet", Tone::Attention));
}

#[test]
fn apps_and_settings_stand_each_by_itself() {
    let with = |change: &dyn Fn(&mut Value)| {
        let mut document = schedule(Some("2026-11-18T08:10:00Z"));
        change(&mut document);
        seen(&backup(document)).lines[1..3].to_vec()
    };
    let lines = with(&|document| {
        document["groups"][4] =
            json!({ "group": "app_list", "rule": "never", "locked": true, "on": false, "settings": 0 });
    });
    assert_eq!((lines[0].tone, lines[0].detail.as_str()), (Tone::Off, "Off by your organisation"));
    assert_eq!(lines[1].tone, Tone::Good, "the settings are");
    let lines = with(&|document| document["groups"][4]["on"] = json!(false));
    assert_eq!(lines[0].detail, "Off, as you chose");
    let mut controller = backup(schedule(Some("2026-11-18T08:10:00Z")));
    controller.ended(Call::Status, Ok(json!({ "on_server": "nothing" })));
    let line = &seen(&controller).lines[2];
    assert_eq!(line.tone, Tone::Attention);
    assert!(line.detail.starts_with("Needs attention: The server no longer has it"), "{}", line.detail);
    for (folders, tone) in [(json!([]), Tone::Attention), (json!(null), Tone::Plain)] {
        let mut document = schedule(None);
        document["onedrive_folders"] = folders;
        let view = seen(&backup(document));
        assert_eq!(view.lines.iter().find(|line| line.title == "Files").map(|line| line.tone), Some(tone));
    }
}

#[test]
fn a_category_opens_to_its_settings_with_their_values() {
    let mut controller = backup(schedule(Some("2026-11-18T08:10:00Z")));
    assert_eq!(seen(&controller).lines[5].kind, Kind::Closed);
    assert_eq!(controller.command(Command::Toggle(0)), [], "a heading opens nothing");
    assert_eq!(controller.command(Command::Toggle(5)), [Call::Show]);
    let view = seen(&controller);
    assert_eq!((view.lines[5].kind, view.lines[6].title.as_str()), (Kind::Open, "One moment"));
    controller.ended(Call::Show, Ok(shown()));
    let view = seen(&controller);
    assert_eq!((view.lines[6].detail.as_str(), view.lines[6].kind), ("left", Kind::Inner));
    assert_eq!(view.lines[7].title, "Start menu", "what is as Windows has it is not listed");
    assert_eq!(controller.command(Command::Toggle(4)), [], "it is known now");
    let view = seen(&controller);
    assert_eq!((view.lines[5].title.as_str(), view.lines[5].detail.as_str()), ("accessibility.of_tomorrow", "7"));
    controller.command(Command::Toggle(4));
    assert_eq!(seen(&controller).lines[5].kind, Kind::Closed, "and closed again");
    // The last category that has nothing set, and the apps.
    controller.command(Command::Toggle(8));
    let view = seen(&controller);
    assert_eq!((view.lines[9].title.as_str(), view.lines[9].detail.as_str()), ("Editor", "Contoso · pinned to Start"));
    // No server: said in its place, and asked again by the next click.
    let mut controller = backup(schedule(Some("2026-11-18T08:10:00Z")));
    controller.command(Command::Toggle(5));
    controller.ended(Call::Show, Err(no("server_unreachable")));
    assert_eq!(seen(&controller).lines[6].title, "The server cannot be reached");
    controller.command(Command::Toggle(5));
    assert_eq!(controller.command(Command::Toggle(5)), [Call::Show]);
}

#[test]
fn what_a_backup_remembers_is_chosen_where_it_is_the_persons_to_say() {
    let mut controller = backup(schedule(Some("2026-11-18T08:10:00Z")));
    let view = seen(&controller);
    let groups: Vec<_> = view
        .groups
        .iter()
        .map(|group| (group.title.as_str(), group.ticked, group.locked, group.detail.as_str()))
        .collect();
    assert_eq!(
        groups,
        [
            ("Remember my apps", true, false, "The list of your apps. What a store has is installed again."),
            ("Remember my preferences", false, true, ""),
            ("Accessibility", true, true, "Always, by your organisation"),
            ("Accounts, Wi-Fi networks and passwords", false, true, "Never in a backup"),
            ("Personalization", true, false, "6 settings"),
            ("Language preferences and dictionary", false, true, "Off by your organisation"),
        ]
    );
    assert_eq!(controller.command(Command::Tick(2)), [], "locked");
    let wish = |on| Call::Wish(Wish { groups: vec!["taskbar".to_owned(), "start".to_owned()], on });
    assert_eq!(controller.command(Command::Tick(4)), [wish(false)]);
    let mut groups = schedule(None)["groups"].clone();
    groups[1]["on"] = json!(false);
    controller.ended(wish(false), Ok(groups));
    assert!(!seen(&controller).groups[4].ticked);
    assert_eq!(controller.command(Command::Tick(4)), [wish(true)]);
    // The policy has changed in the middle: why is said, and nothing is ticked that is not so.
    controller.ended(wish(true), Err(no("policy_off")));
    let view = seen(&controller);
    assert_eq!((view.groups[4].ticked, view.notice.as_str()), (false, "Off by your organisation"));
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
    controller.heard(
        &Call::BackUp,
        &Heard { station: "upload".to_owned(), stage: None, done: 0, share: Some(0.5) },
        when().millis(),
    );
    let view = seen(&controller);
    assert_eq!((view.detail.as_str(), view.progress, view.main_enabled), ("Sending", Some(0.5), false));
    // A station of a newer program has no words yet.
    controller.heard(
        &Call::BackUp,
        &Heard { station: "polish".to_owned(), stage: None, done: 0, share: None },
        when().millis(),
    );
    assert_eq!(seen(&controller).detail, "One moment");
    // Another page goes on showing it.
    controller.command(Command::Open(Page::Restore));
    assert_eq!(seen(&controller).status, "Backing up");
    controller.command(Command::Open(Page::Backup));
    let done = json!({
        "outcome": "created", "settings": 143, "apps": 1, "warnings": ["the picture was too large"],
        "categories": [{ "category": "taskbar", "settings": 4 }],
        "left_out": [{ "id": "taskbar.pins", "title": "Pins of the taskbar", "because": "they name programs" }],
    });
    assert_eq!(controller.ended(Call::BackUp, Ok(done)), [Call::Schedule, Call::Status], "what is known is old now");
    let view = seen(&controller);
    assert_eq!((view.status.as_str(), view.detail.as_str()), ("Backed up", "143 settings · 1 app"));
    assert_eq!((view.tone, view.lines[0].title.as_str()), (Tone::Attention, "the picture was too large"));
    let lines: Vec<_> = view.lines.iter().map(|line| (line.title.as_str(), line.detail.as_str())).collect();
    assert_eq!(
        lines[1..],
        [
            ("What is in it", ""),
            ("Taskbar", "4 settings"),
            ("Does not come back", ""),
            ("Pins of the taskbar", "they name programs")
        ]
    );
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
    for (code, says) in [
        ("busy", "Rehome is at work already"),
        ("disk_full", "The disk of this PC is full"),
        ("parts_missing", "Message of parts_missing"),
    ] {
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
    let mut controller = restore(Page::Restore);
    let view = seen(&controller);
    let cards: Vec<_> =
        view.cards.iter().map(|card| (card.title.as_str(), card.when.as_str(), card.mark.as_str())).collect();
    assert_eq!(
        cards,
        [
            ("OLD-PC", "yesterday 17:42", ""),
            ("ATTIC", "2026-03-14 09:00", "Cannot be opened"),
            ("NEW-PC", "today 08:00", "This PC"),
        ]
    );
    assert_eq!(view.cards[0].detail, "143 settings · 27 apps");
    assert!(view.cards[0].chosen && !view.cards[1].chosen, "the newest is chosen");
    assert_eq!(view.cards[0].about, "", "what it was is asked for, and nobody waits for that");
    controller.ended(Call::Glance(which("OLD-PC", "aa11")), Ok(plan()));
    let about = "Contoso Book 14 · Windows build 22631 · 3 settings differ from this PC";
    assert_eq!(seen(&controller).cards[0].about, about);
    controller.ended(Call::Glance(which("OLD-PC", "aa11")), Err(no("server_slow")));
    assert_eq!(seen(&controller).cards[0].about, about, "what is known stays");
}

#[test]
fn the_list_asks_of_each_other_pc_what_it_was() {
    let mut controller = open(Page::Restore);
    // What cannot be opened and what is here already is not asked for.
    assert_eq!(controller.ended(Call::Pcs, Ok(pcs())), [Call::Glance(which("OLD-PC", "aa11"))]);
}

#[test]
fn an_older_backup_of_a_pc_can_be_chosen() {
    let mut controller = restore(Page::Restore);
    assert_eq!(seen(&controller).third, "Older backups of this PC");
    controller.command(Command::Choose(1));
    assert_eq!(seen(&controller).third, "", "that one has no other");
    controller.command(Command::Choose(0));
    controller.command(Command::Third);
    let view = seen(&controller);
    let cards: Vec<_> = view.cards.iter().map(|card| (card.title.as_str(), card.chosen)).collect();
    assert_eq!(cards, [("yesterday 17:42", true), ("2026-11-02 09:00", false)]);
    assert_eq!((view.status.as_str(), view.second.as_str()), ("Backups of OLD-PC", "Back"));
    controller.command(Command::Choose(1));
    controller.command(Command::Choose(7));
    let older = Choice { device: "OLD-PC".to_owned(), snapshot: "aa00".to_owned(), except: vec![] };
    assert_eq!(controller.command(Command::Main), [Call::Preview(older)]);
    controller.command(Command::Second);
    assert_eq!(seen(&controller).cards.len(), 3, "back to the PCs");
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
    let lines: Vec<_> = view.lines.iter().map(|line| (line.title.as_str(), line.detail.as_str())).collect();
    assert_eq!(
        lines,
        [
            ("Accessibility", ""),
            ("Sticky keys", "– → on"),
            ("Taskbar", ""),
            ("Alignment of the taskbar", "1 → 0"),
            ("Task view button", "0 → as Windows has it"),
            ("Apps", ""),
            ("Editor", "is installed in the background · pinned to Start"),
            ("Stays as it is on this PC", ""),
            ("Widgets", "Managed by your organisation"),
            ("Snap flyout", "Not on this Windows"),
            ("Mouse speed", "Left as you have set it on this PC"),
            ("Does not come back", ""),
            ("Pins of the taskbar", "they name programs"),
        ]
    );
    assert_eq!(controller.command(Command::Main), [Call::Restore(choice(&[]), Some("m1".to_owned()))]);
    assert_eq!(seen(&controller).notice, "You can go on working. Keep this window open until it is done.");
    controller.ended(Call::Restore(choice(&[]), Some("m1".to_owned())), Ok(restored()));
    let view = seen(&controller);
    assert_eq!((view.status.as_str(), view.detail.as_str()), ("Restored", "2 settings"));
    let lines: Vec<_> = view.lines.iter().map(|line| line.title.as_str()).collect();
    assert_eq!(
        lines,
        [
            "Needs you",
            "Task view button",
            "Sign out and in again",
            "Mouse speed",
            "Managed by your organisation",
            "Widgets",
            "Not available on this Windows",
            "Snap flyout",
            "Restored",
            "Sticky keys",
            "Alignment of the taskbar",
        ]
    );
    assert!(view.foot.starts_with("You can take this back for 30 days"), "{}", view.foot);
    assert_eq!(view.notice, "1 app is being installed in the background.");
    assert_eq!(view.second, "Undo");
    assert_eq!(controller.command(Command::Second), [Call::Undo]);
    controller.ended(Call::Undo, Ok(json!({ "applied": [{}, {}] })));
    assert_eq!(seen(&controller).status, "Taken back");
}

#[test]
fn what_needs_the_person_says_what_they_do_next() {
    let mut document = restored();
    document["outcome"]["not_live"] = json!([
        { "effect": "lock_screen", "why": "no call", "choose": { "file": r"C:\Users\ada\AppData\Local\Rehome.files\lock_screen.jpg", "page": "Settings" } },
        { "effect": "account_picture", "why": "no call", "choose": { "file": null, "page": "Settings" } },
        { "effect": { "spi": 20 }, "why": "no window", "choose": null },
    ]);
    let mut controller = looked(Page::Restore);
    controller.command(Command::Main);
    controller.ended(Call::Restore(choice(&[]), Some("m1".to_owned())), Ok(document));
    let lines = seen(&controller).lines;
    let needs = lines.iter().skip(1).take_while(|line| line.kind != Kind::Heading);
    let needs: Vec<_> = needs.map(|line| (line.title.as_str(), line.detail.as_str())).collect();
    assert_eq!(
        needs,
        [
            (
                "Task view button",
                "The place where it should go is read-only. Ask who manages that place, or choose another one",
            ),
            ("Sign out and in again", "Then you see the rest of it"),
            (
                "Lock screen picture",
                r"Choose it in Settings, Personalization, Lock screen; it is saved as C:\Users\ada\AppData\Local\Rehome.files\lock_screen.jpg",
            ),
            ("Account picture", "Choose another in Settings, Accounts, Your info"),
            (
                "Mouse speed",
                "Left as you have set it on this PC. Nothing to do if it should stay; otherwise set it in Windows Settings as you had it.",
            ),
        ]
    );
}

#[test]
fn an_app_without_a_name_goes_by_its_id_and_parts_of_windows_are_not_missed() {
    let mut document = restored();
    document["plan"]["apps"] = json!([
        { "name": null, "id": "Contoso.Notes_1", "kind": "desktop", "action": "not_available", "reason": "not_found" },
        { "name": null, "id": "Shell_1", "kind": "system", "action": "not_available", "reason": "not_found" },
    ]);
    let mut controller = looked(Page::Restore);
    controller.command(Command::Main);
    controller.ended(Call::Restore(choice(&[]), Some("m1".to_owned())), Ok(document));
    let titles: Vec<_> = seen(&controller).lines.into_iter().map(|line| line.title).collect();
    assert!(titles.contains(&"Contoso.Notes_1".to_owned()), "{titles:?}");
    assert!(!titles.contains(&"Shell_1".to_owned()) && !titles.contains(&String::new()), "{titles:?}");
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
    controller.ended(Call::Restore(choice(&[]), Some("m1".to_owned())), Ok(newer));
    assert!(!controller.is_busy());
    assert_eq!(seen(&controller).status, "From OLD-PC", "the new plan is looked at first");
    assert_eq!(controller.command(Command::Main), [Call::Restore(choice(&[]), Some("m2".to_owned()))]);
    // The network is lost in the middle: what happened is looked at anew, not repeated blindly.
    controller.ended(Call::Restore(choice(&[]), Some("m2".to_owned())), Err(no("server_unreachable")));
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
    assert_eq!(seen(&controller).cards.len(), 3);
}

#[test]
fn a_plan_that_does_not_come_can_be_asked_for_again() {
    let mut controller = restore(Page::Restore);
    controller.command(Command::Choose(1));
    controller.command(Command::Choose(77));
    let attic = Choice { device: "ATTIC".to_owned(), snapshot: "bb22".to_owned(), except: vec![] };
    assert_eq!(controller.command(Command::Main), [Call::Preview(attic.clone())]);
    controller.ended(Call::Preview(attic.clone()), Err(no("wrong_key")));
    assert_eq!(seen(&controller).status, "Message of wrong_key");
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
fn a_restore_says_how_far_it_is_and_how_long_it_may_take() {
    let mut controller = looked(Page::Restore);
    controller.command(Command::Main);
    let call = Call::Restore(choice(&[]), Some("m1".to_owned()));
    let heard = |stage: &str, done| Heard {
        station: "apply".to_owned(),
        stage: Some(stage.to_owned()),
        done,
        share: Some(1.0),
    };
    let begin = when().millis() - 4_000;
    controller.heard(&call, &heard("first", 1), begin);
    let view = seen(&controller);
    assert_eq!(view.progress, Some(1.0 / 3.0), "of all stages, not of this one");
    assert_eq!(view.detail, "Restoring · less than a minute left");
    let lines: Vec<_> = view.lines.iter().map(|line| line.detail.as_str()).collect();
    assert_eq!(lines, ["now", "to come", "to come"]);
    controller.heard(&call, &heard("look", 1), begin);
    let view = seen(&controller);
    assert_eq!((view.progress, view.lines[0].tone), (Some(2.0 / 3.0), Tone::Good));
    // Slow: half an hour for one of three settings.
    controller.command(Command::Main);
    let mut slow = looked(Page::Restore);
    slow.command(Command::Main);
    slow.heard(&call, &heard("first", 1), when().millis() - 1_800_000);
    assert_eq!(seen(&slow).detail, "Restoring · about 60 minutes left");
    // Too early to tell.
    let mut early = looked(Page::Restore);
    early.command(Command::Main);
    early.heard(&call, &heard("first", 1), when().millis());
    assert_eq!(seen(&early).detail, "Restoring");
}

#[test]
fn welcome_back_shows_the_newest_pc_and_the_others_behind_more_options() {
    let mut controller = Controller::new(&ENGLISH, Page::Welcome);
    assert_eq!(controller.command(Command::Open(Page::Welcome)), [Call::Welcome, Call::Pcs]);
    let view = seen(&controller);
    assert_eq!((view.status.as_str(), view.second.as_str()), ("Looking for your PCs", "Set up as a new PC"));
    let mut controller = restore(Page::Welcome);
    let titles = |view: &View| view.cards.iter().map(|card| card.title.clone()).collect::<Vec<_>>();
    let view = seen(&controller);
    assert_eq!(view.title, "Welcome back, Mia");
    assert_eq!(titles(&view), ["OLD-PC"]);
    assert_eq!((view.main.as_str(), view.second.as_str()), ("Restore from this PC", "More options"));
    assert_eq!(view.third, "Not now");
    controller.command(Command::Second);
    let view = seen(&controller);
    assert_eq!(titles(&view), ["OLD-PC", "ATTIC", "Set up as a new PC"]);
    assert_eq!((view.main.as_str(), view.second.as_str()), ("Continue", "Back"));
    controller.command(Command::Second);
    assert_eq!(titles(&seen(&controller)), ["OLD-PC"]);
}

#[test]
fn accessibility_language_and_keyboard_come_back_at_once_and_go_with_the_old_pc() {
    let mut controller = open(Page::Welcome);
    let ease = || Call::Ease(which("OLD-PC", "aa11"));
    assert_eq!(controller.ended(Call::Pcs, Ok(pcs())), [ease()]);
    let view = seen(&controller);
    assert_eq!(view.status, "Accessibility, language and keyboard are coming back from OLD-PC");
    assert_eq!(controller.command(Command::Main), [], "a plan of now would be another one in a moment");
    assert_eq!(seen(&controller).status, "Comparing with this PC");
    let eased = json!({ "applied": true, "outcome": { "journal": 1, "applied": [{}], "failed": [] } });
    let calls = controller.ended(ease(), Ok(eased));
    let eased = Call::Remember(Remember::Eased(1));
    let now = [eased, Call::Glance(which("OLD-PC", "aa11")), Call::Preview(choice(&[]))];
    assert_eq!(calls, now, "now it can be made");
    controller.command(Command::Second);
    let view = seen(&controller);
    assert_eq!(
        (view.tone, view.status.as_str()),
        (Tone::Good, "Accessibility, language and keyboard are already as on OLD-PC")
    );
    assert_eq!(
        controller.ended(Call::Pcs, Ok(pcs())).len(),
        1,
        "once: the list came anew, and is asked for what PCs were"
    );
    // A new PC: what came back goes.
    controller.command(Command::Second);
    controller.command(Command::Choose(2));
    assert!(seen(&controller).cards[2].chosen);
    assert_eq!(controller.command(Command::Main), [Call::Remember(Remember::NewPc), Call::Unease(1)]);
    assert!(controller.is_closed());
    // It did not work: the page goes on without.
    let mut controller = open(Page::Welcome);
    controller.ended(Call::Pcs, Ok(pcs()));
    controller.ended(ease(), Err(no("server_slow")));
    let view = seen(&controller);
    assert_eq!((view.status.as_str(), view.main_enabled), ("", true));
    controller.command(Command::Second);
    controller.command(Command::Choose(2));
    assert_eq!(controller.command(Command::Main), [Call::Remember(Remember::NewPc)], "there is nothing to take back");
}

#[test]
fn what_an_earlier_showing_has_given_back_goes_with_the_old_pc_too() {
    let mut controller = Controller::new(&ENGLISH, Page::Welcome);
    controller.ended(Call::Welcome, Ok(json!({ "show": true, "eased": [1, 4] })));
    assert_eq!(controller.command(Command::Open(Page::Welcome)), [Call::Pcs]);
    controller.ended(Call::Pcs, Ok(pcs()));
    // It is all here already, so nothing was written this time.
    let ease = || Call::Ease(which("OLD-PC", "aa11"));
    controller.ended(ease(), Ok(json!({ "applied": true, "outcome": { "journal": null, "applied": [] } })));
    controller.command(Command::Second);
    controller.command(Command::Choose(2));
    assert_eq!(controller.command(Command::Main), [Call::Remember(Remember::NewPc), Call::Unease(4)]);
    assert_eq!(
        controller.ended(Call::Unease(4), Ok(json!({ "applied": [] }))),
        [Call::Unease(1)],
        "one after the other"
    );

    // Closed while it was coming back: what it did is still kept in mind, and nothing else is asked.
    let mut controller = open(Page::Welcome);
    controller.ended(Call::Pcs, Ok(pcs()));
    controller.command(Command::Dismiss);
    let eased = json!({ "applied": true, "outcome": { "journal": 9, "applied": [{}] } });
    assert_eq!(controller.ended(ease(), Ok(eased)), [Call::Remember(Remember::Eased(9))]);
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
    let view = seen(&controller);
    assert_eq!((view.second.as_str(), view.third.as_str()), ("Set up as a new PC", "Not now"));
    assert_eq!(controller.command(Command::Third), [], "closed without an answer: it comes back once");
    assert!(controller.is_closed());
    let mut controller = open(Page::Welcome);
    assert_eq!(controller.command(Command::Dismiss), []);
    assert!(controller.is_closed());
}

#[test]
fn welcome_back_restores_remembers_it_and_goes() {
    let mut controller = looked(Page::Welcome);
    let restore = || Call::Restore(choice(&[]), Some("m1".to_owned()));
    assert_eq!(controller.command(Command::Main), [restore()]);
    assert_eq!(controller.command(Command::Second), [], "a restore is not walked away from by this button");
    let calls = controller.ended(restore(), Ok(restored()));
    assert_eq!(calls, [Call::Schedule, Call::Status, Call::Remember(Remember::Restored)]);
    assert_eq!(controller.command(Command::Main), []);
    assert!(controller.is_closed());
}

#[test]
fn privacy_says_who_has_looked_what_is_kept_and_who_can_read_it() {
    let mut controller = open(Page::Privacy);
    controller.ended(Call::Status, Ok(status()));
    controller.ended(Call::Openings, Ok(json!({ "openings": [] })));
    let view = seen(&controller);
    assert_eq!((view.tone, view.status.as_str()), (Tone::Good, "Nobody has opened your backups but you"));
    assert_eq!(view.detail, "Kept encrypted for Example on https://rehome.example.com");
    let opening = json!({ "opened_by": null, "open_from_at": "2026-11-17T09:00:00Z", "purpose": "ticket\u{7} 7" });
    let moved = json!({ "came": true, "device_name": "MOVED-PC", "moved_at": "2026-11-17T09:00:00Z" });
    controller.ended(Call::Openings, Ok(json!({ "openings": [opening], "moves": [moved] })));
    assert_eq!(controller.ended(Call::Pcs, Ok(pcs())), [], "what they were is not asked here");
    let view = seen(&controller);
    assert_eq!(view.status, "Your backups were opened once");
    let lines: Vec<_> = view.lines.iter().map(|line| (line.title.as_str(), line.detail.as_str())).collect();
    assert_eq!(
        lines[..8],
        [
            ("Who has opened it", ""),
            ("The server's operator, yesterday 09:00", "ticket 7"),
            ("Backups of MOVED-PC came to you", "yesterday 09:00"),
            ("What is kept", ""),
            ("OLD-PC", "2 backups"),
            ("ATTIC", "1 backup"),
            ("NEW-PC", "1 backup"),
            ("Who can read it", ""),
        ],
        "control characters of others are not shown"
    );
}

/// The page Privacy with the PCs of [`pcs`].
fn privacy() -> Controller {
    let mut controller = open(Page::Privacy);
    controller.ended(Call::Status, Ok(status()));
    controller.ended(Call::Openings, Ok(json!({ "openings": [] })));
    controller.ended(Call::Pcs, Ok(pcs()));
    controller
}

#[test]
fn data_is_exported_pc_by_pc() {
    let mut controller = privacy();
    assert_eq!(seen(&controller).second, "Export my data");
    let export = |device: &str, snapshot: &str| Call::Export(which(device, snapshot));
    assert_eq!(controller.command(Command::Second), [export("OLD-PC", "aa11")]);
    assert_eq!((seen(&controller).status.as_str(), seen(&controller).second.as_str()), ("Exporting", ""));
    let written = |name: &str| Ok(json!({ "output": name, "bytes": 9 }));
    assert_eq!(controller.ended(export("OLD-PC", "aa11"), written("a.json")), [export("ATTIC", "bb22")]);
    assert_eq!(controller.ended(export("ATTIC", "bb22"), written("b.json")), [export("NEW-PC", "cc33")]);
    assert_eq!(controller.ended(export("NEW-PC", "cc33"), written("c.json")), []);
    let view = seen(&controller);
    assert_eq!(view.status, "Exported");
    assert_eq!(view.lines.iter().map(|line| line.title.as_str()).collect::<Vec<_>>(), ["a.json", "b.json", "c.json"]);
    // The network is lost in the middle: it stops there, and can be tried again.
    let mut controller = privacy();
    controller.command(Command::Second);
    controller.ended(export("OLD-PC", "aa11"), written("a.json"));
    assert_eq!(controller.ended(export("ATTIC", "bb22"), Err(no("server_unreachable"))), []);
    assert_eq!(seen(&controller).status, "The server cannot be reached");
    assert_eq!(controller.command(Command::Main), [export("ATTIC", "bb22")]);
}

#[test]
fn backups_are_deleted_after_a_question_and_only_those_of_this_pc() {
    let mut controller = privacy();
    assert_eq!(seen(&controller).third, "Delete the backups of this PC");
    assert_eq!(controller.command(Command::Third), []);
    let view = seen(&controller);
    assert_eq!((view.status.as_str(), view.main.as_str()), ("Delete the backup of this PC?", "Delete for good"));
    assert!(view.detail.starts_with("This cannot be taken back"), "{}", view.detail);
    controller.command(Command::Second);
    assert_eq!(seen(&controller).main, "Look again", "back, and nothing has happened");
    controller.command(Command::Third);
    let forget = || Call::Forget(which("NEW-PC", "cc33"));
    assert_eq!(controller.command(Command::Main), [forget()]);
    let calls = controller.ended(forget(), Ok(json!({ "deleted": true })));
    assert_eq!(calls, [Call::Schedule, Call::Status, Call::Pcs], "what is known is old now");
    let view = seen(&controller);
    assert_eq!((view.status.as_str(), view.detail.as_str()), ("Deleted", "1 backup"));
    // A hold of the organisation: why is said.
    let mut controller = privacy();
    controller.command(Command::Third);
    controller.command(Command::Main);
    controller.ended(Call::Forget(which("NEW-PC", "cc33")), Err(no("on_hold")));
    assert_eq!(seen(&controller).status, "Message of on_hold");
}

#[test]
fn the_network_is_lost_in_each_step_and_each_has_a_way_on() {
    for code in ["server_unreachable", "server_slow"] {
        let mut backing = backup(schedule(None));
        backing.command(Command::Main);
        backing.ended(Call::BackUp, Err(no(code)));
        let mut listing = open(Page::Restore);
        listing.ended(Call::Pcs, Err(no(code)));
        let mut looking = restore(Page::Restore);
        looking.command(Command::Main);
        looking.ended(Call::Preview(choice(&[])), Err(no(code)));
        let mut restoring = looked(Page::Restore);
        restoring.command(Command::Main);
        restoring.ended(Call::Restore(choice(&[]), Some("m1".to_owned())), Err(no(code)));
        let mut undoing = looked(Page::Restore);
        undoing.command(Command::Main);
        undoing.ended(Call::Restore(choice(&[]), Some("m1".to_owned())), Ok(restored()));
        undoing.command(Command::Second);
        undoing.ended(Call::Undo, Err(no(code)));
        let mut reading = open(Page::Privacy);
        reading.ended(Call::Openings, Err(no(code)));
        reading.ended(Call::Status, Err(no(code)));
        reading.ended(Call::Pcs, Err(no(code)));
        let mut welcoming = open(Page::Welcome);
        welcoming.ended(Call::Welcome, Err(no(code)));
        welcoming.ended(Call::Pcs, Err(no(code)));
        for mut controller in [backing, listing, looking, restoring, undoing, reading, welcoming] {
            let view = seen(&controller);
            assert_eq!((view.tone, view.main.as_str(), view.main_enabled), (Tone::Attention, "Try again", true));
            assert!(!controller.command(Command::Main).is_empty(), "another try asks something: {}", view.title);
        }
    }
}

#[test]
fn two_people_on_one_pc_see_what_is_theirs() {
    let (mut mia, mut ben) = (privacy(), open(Page::Privacy));
    ben.ended(Call::Status, Ok(status()));
    ben.ended(Call::Openings, Ok(json!({ "openings": [] })));
    ben.ended(Call::Pcs, Ok(json!([])));
    assert_eq!((seen(&mia).second.as_str(), seen(&ben).second.as_str()), ("Export my data", ""));
    assert_eq!(ben.command(Command::Second), [], "there is nothing of Ben's to export");
    assert_eq!(ben.command(Command::Third), []);
    assert_eq!(mia.command(Command::Third), []);
    assert_eq!((seen(&mia).main.as_str(), seen(&ben).main.as_str()), ("Delete for good", "Look again"));
}

#[test]
fn documents_of_another_shape_change_nothing_for_the_worse() {
    for odd in [Value::Null, json!([]), json!({}), json!("x"), json!({ "plan": 3, "openings": 1, "groups": {} })] {
        for page in [Page::Backup, Page::Restore, Page::Privacy, Page::Welcome] {
            let mut controller = open(page);
            for call in
                [Call::Schedule, Call::Status, Call::Show, Call::Pcs, Call::Journals, Call::Openings, Call::Welcome]
            {
                controller.ended(call, Ok(odd.clone()));
            }
            controller.command(Command::Choose(0));
            controller.command(Command::Toggle(4));
            controller.command(Command::Tick(0));
            controller.command(Command::Main);
            controller.ended(Call::BackUp, Ok(odd.clone()));
            let choice = choice(&[]);
            controller.ended(Call::Restore(choice, Some("m".to_owned())), Ok(odd.clone()));
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

    // What comes with the command line's answers, too: categories, reasons and a "no" that the window has no words of its own for.
    controller.command(Command::Main);
    controller.ended(Call::Preview(choice(&[])), Ok(plan()));
    assert_eq!(seen(&controller).groups[1].title, "Taskleiste");
    assert!(seen(&controller).lines.iter().any(|line| line.title == "Taskleiste"));
    controller.command(Command::Main);
    let failed = json!([{ "id": "c", "title": "Task view button", "reason": "read_only_target" }]);
    let restored = json!({ "applied": true, "outcome": { "journal": 2, "applied": [], "failed": failed } });
    controller.ended(Call::Restore(choice(&[]), Some("mark-1".to_owned())), Ok(restored));
    let lines = seen(&controller).lines;
    let german = GERMAN.reason("read_only_target").unwrap().0;
    assert!(lines.iter().any(|line| line.detail.to_lowercase().starts_with(&german.to_lowercase())), "{lines:?}");
    let said = explained(&GERMAN, &no("on_hold"));
    assert_eq!(said.0.to_lowercase(), GERMAN.reason("on_hold").unwrap().0.to_lowercase());
}

/// The result of a restore that Explorer has to start again for.
fn explorer_waits(page: Page) -> Controller {
    let mut controller = looked(page);
    controller.command(Command::Main);
    controller.ended(Call::Restore(choice(&[]), Some("m1".to_owned())), Ok(waits_for_explorer()));
    controller
}

/// The titles under a heading of the list.
fn under(view: &View, heading: &str) -> Vec<String> {
    let lines = view.lines.iter().skip_while(|line| line.kind != Kind::Heading || line.title != heading).skip(1);
    lines.take_while(|line| line.kind != Kind::Heading).map(|line| line.title.clone()).collect()
}

#[test]
fn what_waits_for_explorer_is_named_and_explorer_starts_anew_when_the_person_says_so() {
    const WAITS: &str = "Shows when Explorer starts again";
    for page in [Page::Restore, Page::Welcome] {
        let mut controller = explorer_waits(page);
        let view = seen(&controller);
        assert_eq!(under(&view, WAITS), ["Alignment of the taskbar", "Task view button"]);
        assert_eq!(under(&view, "Restored"), ["Sticky keys"], "each is listed once");
        let (offer, rest) = view.notice.split_once('\n').unwrap();
        assert!(offer.starts_with("2 changes show when Explorer starts again. "), "{offer}");
        assert!(offer.contains("closes open folder windows") && offer.contains("no other program is touched"));
        assert_eq!(rest, "1 app is being installed in the background.");
        assert_eq!([view.main, view.second, view.third], ["Later", "Undo", "Restart Explorer now"]);

        assert_eq!(controller.command(Command::Third), [Call::RestartExplorer]);
        for again in [Command::Third, Command::Main, Command::Second, Command::Refresh] {
            let calls = controller.command(again);
            assert!(!calls.contains(&Call::RestartExplorer) && !calls.contains(&Call::Undo), "{again:?}: {calls:?}");
        }
        assert!(controller.is_busy() && !controller.is_closed());
        let view = seen(&controller);
        assert_eq!((view.status.as_str(), view.progress), ("Restarting Explorer", Some(-1.0)));
        assert_eq!((view.main_enabled, view.second.as_str(), view.third.as_str()), (false, "", ""));

        assert_eq!(controller.ended(Call::RestartExplorer, Ok(json!({ "restarted": true }))), []);
        let view = seen(&controller);
        assert!(!controller.is_busy() && view.notice.starts_with("Explorer has started again"), "{}", view.notice);
        assert_eq!([view.main.as_str(), &view.second, &view.third], ["Close", "Undo", ""]);
        assert_eq!(under(&view, WAITS), [""; 0]);
        assert_eq!(under(&view, "Restored").len(), 3);
    }
}

#[test]
fn why_explorer_was_not_restarted_is_said_and_it_can_be_tried_again() {
    let mut controller = explorer_waits(Page::Restore);
    controller.command(Command::Third);
    controller.ended(Call::RestartExplorer, Err(no("explorer_stays")));
    let view = seen(&controller);
    assert!(
        view.notice.starts_with("Explorer was not restarted: Message of explorer_stays. Hint.\n"),
        "{}",
        view.notice
    );
    assert_eq!((view.tone, under(&view, "Shows when Explorer starts again").len()), (Tone::Attention, 2));
    assert_eq!(controller.command(Command::Third), [Call::RestartExplorer]);
    controller.ended(Call::RestartExplorer, Ok(json!({ "restarted": true })));
    assert_eq!(seen(&controller).tone, Tone::Good);
}

#[test]
fn later_closes_the_result_and_touches_nothing() {
    let mut controller = explorer_waits(Page::Welcome);
    assert_eq!(controller.command(Command::Main), []);
    assert!(controller.is_closed());
    let mut controller = explorer_waits(Page::Restore);
    assert_eq!(controller.command(Command::Main), [Call::Pcs, Call::Journals]);
    assert_ne!(seen(&controller).status, "Restored");
    assert_ne!(controller.command(Command::Third), [Call::RestartExplorer], "the offer went with the result");
}

#[test]
fn an_undo_offers_it_too_and_a_restore_that_needs_nothing_does_not() {
    let mut controller = explorer_waits(Page::Restore);
    controller.command(Command::Third);
    controller.ended(Call::RestartExplorer, Ok(json!({ "restarted": true })));
    assert_eq!(controller.command(Command::Second), [Call::Undo]);
    controller.ended(Call::Undo, Ok(waits_for_explorer()["outcome"].clone()));
    let view = seen(&controller);
    assert_eq!((view.status.as_str(), view.third.as_str()), ("Taken back", "Restart Explorer now"));
    assert_eq!(under(&view, "Shows when Explorer starts again").len(), 2);
    assert_eq!(controller.command(Command::Third), [Call::RestartExplorer], "what was before the undo is over");

    let mut controller = looked(Page::Restore);
    controller.command(Command::Main);
    controller.ended(Call::Restore(choice(&[]), Some("m1".to_owned())), Ok(restored()));
    let view = seen(&controller);
    assert_eq!((view.main.as_str(), view.third.as_str()), ("Close", ""));
    assert_eq!(controller.command(Command::Third), []);
}

#[test]
fn a_result_that_comes_on_another_page_can_be_taken_back_there() {
    let mut controller = looked(Page::Restore);
    controller.command(Command::Main);
    controller.command(Command::Open(Page::Backup));
    controller.ended(Call::Restore(choice(&[]), Some("m1".to_owned())), Ok(waits_for_explorer()));
    let view = seen(&controller);
    assert_eq!((view.second.as_str(), view.third.as_str()), ("Undo", "Restart Explorer now"));
    assert_eq!(controller.command(Command::Second), [Call::Undo]);
}
