//! What is promised, in tests.

use model::ids::BlobId;
use model::snapshot::Again;
use model::value::{Colour, FileRef};

use super::*;
use crate::sample;

fn set(value: Value) -> Reading {
    Reading::Set { value }
}

fn default(value: Value) -> Reading {
    Reading::Default { value }
}

fn choice(name: &str) -> Value {
    Value::Choice(name.to_owned())
}

fn snapshot(readings: &[(&str, Reading)]) -> Snapshot {
    let readings = readings.iter().map(|(id, reading)| ((*id).to_owned(), reading.clone())).collect();
    let device = DeviceFacts { build: Some(26100), ..DeviceFacts::default() };
    Snapshot { device, readings, ..Snapshot::default() }
}

fn planned(old: &Snapshot, here: &Snapshot) -> Plan {
    plan_in(sample::table(), old, here, &Choice::all())
}

/// What is planned for one setting that reads so on the old PC and on this one.
fn action(id: &str, old: Reading, here: Reading) -> SettingAction {
    planned(&snapshot(&[(id, old)]), &snapshot(&[(id, here)])).settings.remove(0).action
}

fn skip(reason: Reason, wanted: Option<Value>) -> SettingAction {
    SettingAction::Skip { reason, wanted }
}

#[test]
fn what_differs_is_set_and_what_agrees_is_the_same() {
    let (left, centre) = (choice("left"), choice("centre"));
    let id = "taskbar.alignment";
    let to_left = |old| SettingAction::Set { old, new: left.clone() };
    let same = |value: &Value| SettingAction::Same { value: Some(value.clone()) };
    assert_eq!(action(id, set(left.clone()), Reading::Absent), to_left(None));
    assert_eq!(action(id, set(left.clone()), default(centre.clone())), to_left(Some(centre.clone())));
    assert_eq!(action(id, set(left.clone()), set(left.clone())), same(&left));
    assert_eq!(action(id, default(centre.clone()), Reading::Absent), same(&centre));
    assert_eq!(action(id, Reading::Absent, default(centre.clone())), same(&centre));
    assert_eq!(action(id, Reading::Absent, Reading::Absent), SettingAction::Same { value: None });
    let back = SettingAction::Set { old: Some(left.clone()), new: centre.clone() };
    assert_eq!(action(id, default(centre), set(left)), back);
}

#[test]
fn what_the_old_pc_did_not_store_is_removed_here() {
    let left = choice("left");
    assert_eq!(action("taskbar.alignment", Reading::Absent, set(left.clone())), SettingAction::Remove { old: left });
}

#[test]
fn a_bit_of_a_shared_value_goes_to_its_default_instead_of_taking_the_others_along() {
    let (on, off) = (Value::Bool(true), Value::Bool(false));
    let to_default = SettingAction::Set { old: Some(off.clone()), new: on.clone() };
    assert_eq!(action("desktop.animate", Reading::Absent, set(off)), to_default);
    assert_eq!(action("desktop.shadow", Reading::Absent, set(on.clone())), skip(Reason::DefaultUnknown, None));
    let no_base = skip(Reason::DefaultUnknown, Some(on.clone()));
    assert_eq!(action("desktop.shadow", set(on), Reading::Absent), no_base, "the other bits would be guessed");
}

#[test]
fn what_may_not_be_written_is_left_alone_with_the_reason() {
    let bad = [
        ("taskbar.alignment", Value::Bool(true), Reason::WrongType),
        ("taskbar.alignment", choice("top"), Reason::OutOfRange),
        ("accessibility.contrast", Value::Int(101), Reason::OutOfRange),
        ("region.short_date", Value::Text(r"\\host\share".to_owned()), Reason::CouldCarryCode),
        ("personalization.wallpaper", Value::Text("a".to_owned()), Reason::WrongType),
        ("no.such", Value::Bool(true), Reason::NotInCatalog),
    ];
    for (id, value, reason) in bad {
        assert_eq!(action(id, set(value.clone()), Reading::Absent), skip(reason, Some(value)), "{id}");
    }
    let refused = Reading::Refused { reason: Reason::CouldCarryCode };
    assert_eq!(action("taskbar.clock", refused, Reading::Absent), skip(Reason::CouldCarryCode, None));
}

#[test]
fn values_that_policy_owns_here_are_left_alone() {
    let managed = Reading::Refused { reason: Reason::ManagedByPolicy };
    let wanted = Value::Bool(false);
    assert_eq!(action("taskbar.clock", set(wanted.clone()), managed), skip(Reason::ManagedByPolicy, Some(wanted)));
}

#[test]
fn a_setting_that_this_build_does_not_have_is_left_alone() {
    let old = snapshot(&[("taskbar.alignment", set(choice("left")))]);
    let mut here = snapshot(&[("taskbar.alignment", Reading::Absent)]);
    here.device.build = Some(19045);
    let too_old = skip(Reason::NotOnThisBuild, Some(choice("left")));
    assert_eq!(planned(&old, &here).settings[0].action, too_old);
    here.readings.clear();
    here.device.build = None;
    assert_eq!(planned(&old, &here).settings[0].action, too_old, "not collected here");
}

#[test]
fn steps_come_in_the_order_of_stage_category_and_id() {
    let readings = ["desktop.shadow", "taskbar.clock", "personalization.accent", "no.such", "accessibility.contrast"]
        .map(|id| (id, Reading::Absent));
    let plan = planned(&snapshot(&readings), &snapshot(&readings));
    let ids: Vec<_> = plan.settings.iter().map(|step| step.id.as_str()).collect();
    let expected = ["accessibility.contrast", "personalization.accent", "taskbar.clock", "desktop.shadow", "no.such"];
    assert_eq!(ids, expected);
}

#[test]
fn what_was_not_chosen_is_shown_as_excluded() {
    let accent = Value::Colour(Colour { red: 1, green: 2, blue: 3, alpha: 255 });
    let old = snapshot(&[("personalization.accent", set(accent.clone())), ("taskbar.clock", set(Value::Bool(false)))]);
    let here = snapshot(&[("personalization.accent", Reading::Absent), ("taskbar.clock", Reading::Absent)]);
    let only = Choice::in_table(sample::table(), &["taskbar".to_owned()], &[]).unwrap();
    let plan = plan_in(sample::table(), &old, &here, &only);
    assert_eq!(plan.changes(), 1);
    assert_eq!(plan.settings[0].action, skip(Reason::Excluded, Some(accent)));
}

#[test]
fn the_background_is_set_by_its_content() {
    let picture = |byte, size| Value::File(FileRef { blob: BlobId([byte; 32]), size });
    let id = "personalization.wallpaper";
    let new = picture(1, 9);
    assert_eq!(action(id, set(new.clone()), set(new.clone())), SettingAction::Same { value: Some(new.clone()) });
    let replaced = SettingAction::Set { old: Some(picture(2, 9)), new: new.clone() };
    assert_eq!(action(id, set(new), set(picture(2, 9))), replaced);
    let huge = picture(1, PICTURE_BYTES_MAX + 1);
    assert_eq!(action(id, set(huge.clone()), Reading::Absent), skip(Reason::FileTooLarge, Some(huge)));
}

#[test]
fn apps_are_installed_unless_present_part_of_windows_or_of_another_source() {
    let app = |kind, id: &str| App {
        kind,
        id: id.to_owned(),
        name: None,
        version: None,
        publisher: None,
        again: Again::default(),
    };
    let store = |id| app(AppKind::Store, id);
    let mut old = snapshot(&[]);
    old.apps = vec![
        store("Contoso.Notes_8wekyb3d8bbwe"),
        store("Contoso.Paint_8wekyb3d8bbwe"),
        store(r"..\evil_8wekyb3d8bbwe"),
        app(AppKind::System, "Contoso.Clock_8wekyb3d8bbwe"),
        app(AppKind::Desktop, "7-Zip"),
        app(AppKind::Desktop, "Contoso Draw"),
    ];
    let mut here = snapshot(&[]);
    here.apps = vec![app(AppKind::System, "contoso.paint_8wekyb3d8bbwe"), app(AppKind::Desktop, "7-zip")];
    let actions: Vec<_> = planned(&old, &here).apps.into_iter().map(|step| step.action).collect();
    let skip = |reason| AppAction::Skip { reason };
    assert_eq!(
        actions,
        [
            AppAction::Install,
            AppAction::Present,
            skip(Reason::NotAvailable),
            skip(Reason::PartOfWindows),
            AppAction::Present,
            skip(Reason::NeedsTheApp),
        ]
    );
}

#[test]
fn the_id_of_an_unknown_setting_cannot_dress_up_its_line() {
    let hostile = "a\u{1b}[31m\n\u{202e}.b".to_owned() + &"x".repeat(500);
    let plan = planned(&snapshot(&[(&hostile, Reading::Absent)]), &snapshot(&[]));
    assert!(plan.settings[0].title.starts_with("a??31m??.bxxx"), "{}", plan.settings[0].title);
    assert_eq!(plan.settings[0].title.chars().count(), UNKNOWN_TITLE_CHARS_MAX);
}

#[test]
fn planning_onto_the_same_state_changes_nothing() {
    let readings: Vec<(&str, Reading)> = vec![
        ("desktop.shadow", set(Value::Bool(true))),
        ("taskbar.alignment", Reading::Absent),
        ("taskbar.clock", default(Value::Bool(true))),
    ];
    assert_eq!(planned(&snapshot(&readings), &snapshot(&readings)).changes(), 0);
}
