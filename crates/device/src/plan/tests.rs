//! What is promised, in tests.

use model::ids::BlobId;
use model::plan::{Changed, ManagedBy, Manager};
use model::policy::{Given, Hive, Values, evaluate};
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
    plan_in(sample::table(), old, &Here::bare(here), &Choice::all())
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
    let plan = plan_in(sample::table(), &old, &Here::bare(&here), &only);
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
    let not_available = |reason| AppAction::NotAvailable { reason };
    assert_eq!(
        actions,
        [
            AppAction::Install,
            AppAction::Present,
            not_available(Reason::NotAvailable),
            not_available(Reason::PartOfWindows),
            AppAction::Present,
            not_available(Reason::NeedsTheApp),
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

/// A policy of the PC that gives these categories these rules.
fn policy(rules: &[(&'static str, &str)]) -> Effective {
    let own = rules.iter().map(|(id, rule)| ((Hive::Machine, *id), Given::Text((*rule).to_owned()))).collect();
    evaluate(&Values { own, ..Values::default() })
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn chosen(only: &[&str], except: &[&str]) -> Choice {
    Choice::in_table(sample::table(), &words(only), &words(except)).unwrap()
}

#[test]
fn a_required_category_comes_whatever_was_picked_and_one_that_is_never_restored_is_not_shown() {
    let readings = ["accessibility.contrast", "desktop.animate", "taskbar.clock"].map(|id| (id, Reading::Absent));
    let (old, now) = (snapshot(&readings), snapshot(&readings));
    let policy = policy(&[("category.accessibility", "required"), ("category.taskbar", "never")]);
    let here = Here { policy: Some(&policy), ..Here::bare(&now) };
    let plan = plan_in(sample::table(), &old, &here, &chosen(&["taskbar"], &[]));
    let taken: Vec<_> = plan.settings.iter().map(|step| (step.id.as_str(), step.action.clone())).collect();
    let same = SettingAction::Same { value: None };
    assert_eq!(
        taken,
        [("accessibility.contrast", same), ("desktop.animate", skip(Reason::Excluded, None))],
        "the taskbar is asked for in vain"
    );
    let told: Vec<_> = plan.choices.iter().map(|one| (one.group.as_str(), one.rule, one.locked, one.taken)).collect();
    let expected = [
        ("accessibility", Rule::Required, true, true),
        ("desktop", Rule::Optional, false, false),
        ("taskbar", Rule::Never, true, false),
    ];
    assert_eq!(told, expected);
}

#[test]
fn leaving_out_what_is_required_is_refused_and_so_is_one_setting_of_it() {
    let policy = policy(&[("category.taskbar", "required"), ("category.app_list", "required")]);
    let against = |except: &[&str]| chosen(&[], except).against(&policy).map(Group::word);
    assert_eq!(against(&["taskbar"]), Some("taskbar"));
    assert_eq!(against(&["taskbar.clock"]), Some("taskbar"));
    assert_eq!(against(&["app:A_b"]), Some("app_list"));
    assert_eq!(against(&["desktop"]), None);
    assert_eq!(chosen(&["desktop"], &[]).against(&policy), None, "they come along");
}

#[test]
fn where_the_person_may_override_the_rule_is_only_where_the_switch_stands_at_first() {
    let readings = [("taskbar.clock", set(Value::Bool(false)))];
    let (old, now) = (snapshot(&readings), snapshot(&[("taskbar.clock", Reading::Absent)]));
    let mut values = Values::default();
    values.own.insert((Hive::Machine, "category.taskbar"), Given::Text("never".to_owned()));
    values.own.insert((Hive::Machine, "category.taskbar.user_override"), Given::Number(1));
    let policy = evaluate(&values);
    let here = Here { policy: Some(&policy), ..Here::bare(&now) };
    let action = |choice: &Choice| plan_in(sample::table(), &old, &here, choice).settings.remove(0).action;
    assert_eq!(action(&Choice::all()), skip(Reason::LeftOutByPolicy, Some(Value::Bool(false))));
    assert!(action(&chosen(&["taskbar"], &[])).changes(), "picked all the same");
}

#[test]
fn what_the_organisation_decides_here_is_left_alone_and_says_by_which_policy() {
    let (old, now) = (
        snapshot(&[("taskbar.clock", set(Value::Bool(false)))]),
        snapshot(&[("taskbar.clock", set(Value::Bool(true)))]),
    );
    let by = ManagedBy { policy: "clock".to_owned(), title: "Hide the clock".to_owned(), by: Manager::UserPolicy };
    let managed = Managed::from([("taskbar.clock", by.clone())]);
    let here = Here { managed: Some(&managed), ..Here::bare(&now) };
    let step = plan_in(sample::table(), &old, &here, &Choice::all()).settings.remove(0);
    assert_eq!(step.action, skip(Reason::ManagedByPolicy, Some(Value::Bool(false))));
    assert_eq!((step.about.managed_by, step.about.here), (Some(by), Some(Value::Bool(true))));
    let same = plan_in(sample::table(), &now, &here, &Choice::all()).settings.remove(0);
    assert_eq!(same.action, SettingAction::Same { value: Some(Value::Bool(true)) }, "nothing would change");
}

#[test]
fn what_the_person_has_changed_since_their_first_sign_in_is_replaced_only_when_asked() {
    let (left, centre) = (choice("left"), choice("centre"));
    let both = |value: &Value| {
        snapshot(&[("taskbar.alignment", set(value.clone())), ("taskbar.clock", set(Value::Bool(false)))])
    };
    let (old, mut now) = (both(&left), both(&centre));
    now.readings.insert("taskbar.clock".to_owned(), Reading::Absent);
    let changes = Changes::from([("taskbar.alignment".to_owned(), Changed { from: None })]);
    let here = Here { changes: Some(&changes), ..Here::bare(&now) };
    let plan = |choice: Choice| plan_in(sample::table(), &old, &here, &choice).settings;
    let kept = plan(Choice::all());
    assert_eq!(kept[0].action, skip(Reason::ChangedSinceSignIn, Some(left.clone())));
    assert_eq!(kept[0].about.here, Some(centre.clone()));
    assert!(kept[1].action.changes(), "the clock is as it was at first");
    for word in ["all", "taskbar", "taskbar.alignment"] {
        let replacing = Choice::all().replacing_in(sample::table(), &words(&[word])).unwrap();
        let expected = SettingAction::Set { old: Some(centre.clone()), new: left.clone() };
        assert_eq!(plan(replacing)[0].action, expected, "{word}");
    }
    let other = Choice::all().replacing_in(sample::table(), &words(&["desktop"])).unwrap();
    assert_eq!(plan(other)[0].action, kept[0].action);
    assert_eq!(Choice::all().replacing(&words(&["taskbr"])).unwrap_err().suggestion.as_deref(), Some("taskbar"));
}

#[test]
fn a_step_says_what_this_windows_does_by_default() {
    let plan = planned(
        &snapshot(&[("taskbar.alignment", set(choice("left")))]),
        &snapshot(&[("taskbar.alignment", Reading::Absent)]),
    );
    assert_eq!(plan.settings[0].about.default, Some(choice("centre")));
}

/// What becomes of readings of the compiled catalog on a PC of that build, by id.
fn on_build(build: u32, old: &[(&str, Value)]) -> BTreeMap<String, SettingStep> {
    let readings: Vec<_> = old.iter().map(|(id, value)| (*id, set(value.clone()))).collect();
    let mut now =
        Snapshot { device: DeviceFacts { build: Some(build), ..DeviceFacts::default() }, ..Snapshot::default() };
    let fitting = catalog::SETTINGS.iter().filter(|setting| setting.on_build(build));
    now.readings = fitting.map(|setting| (setting.id.to_owned(), Reading::Absent)).collect();
    let plan = plan(&snapshot(&readings), &Here::bare(&now), &Choice::all());
    plan.settings.into_iter().map(|step| (step.id.clone(), step)).collect()
}

#[test]
fn a_value_that_another_build_does_not_have_becomes_the_one_that_is_documented() {
    let search = |build, word: &str| {
        let step = on_build(build, &[("taskbar.search", choice(word))]).remove("taskbar.search").unwrap();
        let SettingAction::Set { new, .. } = step.action else { panic!("{step:?}") };
        (new.to_string(), step.about.transformed.map(|was| was.value.to_string()))
    };
    let was = |word: &str| Some(choice(word).to_string());
    assert_eq!(search(26100, "icon_and_label"), (choice("icon_and_label").to_string(), None));
    assert_eq!(search(19045, "icon_and_label"), (choice("icon").to_string(), was("icon_and_label")));
    assert_eq!(search(19045, "box"), (choice("box").to_string(), None));
    assert_eq!(search(22000, "box"), (choice("icon").to_string(), was("box")));
}

#[test]
fn a_setting_that_has_moved_comes_back_in_its_new_place_in_both_directions() {
    let (windows_10, windows_11) = ("typing.touch.without_keyboard", "typing.touch.show");
    let mut steps = on_build(26200, &[(windows_10, Value::Bool(true))]);
    assert_eq!(steps[windows_10].action, skip(Reason::Moved, Some(Value::Bool(true))));
    let came = steps.remove(windows_11).unwrap();
    assert_eq!(came.action, SettingAction::Set { old: None, new: choice("no_keyboard") });
    assert_eq!(
        came.about.transformed.map(|was| (was.from, was.value)),
        Some((windows_10.to_owned(), Value::Bool(true)))
    );
    let steps = on_build(19045, &[(windows_11, choice("always"))]);
    assert_eq!(steps[windows_11].action, skip(Reason::Moved, Some(choice("always"))));
    assert_eq!(steps[windows_10].action, SettingAction::Set { old: None, new: Value::Bool(true) });
    let both = on_build(26200, &[(windows_10, Value::Bool(true)), (windows_11, choice("never"))]);
    assert_eq!(
        both[windows_11].action,
        SettingAction::Set { old: None, new: choice("never") },
        "its own value goes before"
    );
}

#[test]
fn what_no_transform_brings_to_this_build_is_left_out() {
    let steps = on_build(26100, &[("multitasking.snap.fill", Value::Bool(false))]);
    assert_eq!(steps["multitasking.snap.fill"].action, skip(Reason::NotOnThisBuild, Some(Value::Bool(false))));
    let mut nothing = snapshot(&[("multitasking.snap.fill", Reading::Absent)]);
    nothing.device.build = Some(19045);
    let same = plan(&nothing, &Here::bare(&snapshot(&[])), &Choice::all()).settings.remove(0).action;
    assert_eq!(same, SettingAction::Same { value: None }, "nothing is lost");
    // The first Windows 11 had lost it, later ones have it again.
    let combine =
        |build| on_build(build, &[("taskbar.combine", choice("never"))]).remove("taskbar.combine").unwrap().action;
    assert_eq!(combine(22000), skip(Reason::NotOnThisBuild, Some(choice("never"))));
    assert!(combine(19045).changes() && combine(22631).changes());
}

/// Some value that the setting may have.
fn some_value(setting: &Setting) -> Value {
    match setting.kind {
        Kind::Switch { .. } | Kind::Bits { names: [], .. } => Value::Bool(true),
        Kind::Number { min, .. } => Value::Int(min),
        Kind::Choice(names) | Kind::Bits { names, .. } => choice(names[0].0),
        Kind::Word(words) => choice(words[0].0),
        Kind::Colour(_) => Value::Colour(Colour { red: 1, green: 2, blue: 3, alpha: 255 }),
        Kind::Guids(known) => Value::List(vec![known[0].0.to_owned()]),
        Kind::Text { .. } | Kind::Texts { .. } | Kind::Picture | Kind::Dictionary => {
            panic!("{} has a range of builds", setting.id)
        }
    }
}

/// Every edge of every range in the catalog: the builds on both sides of the first, of the last and of each gap.
#[test]
fn a_setting_is_written_on_its_own_builds_and_on_no_other() {
    let bounded = catalog::SETTINGS
        .iter()
        .filter(|one| one.build_first > 19_041 || one.build_last < u32::MAX || !one.gaps.is_empty());
    let (mut written, mut left_alone) = (0, 0);
    for setting in bounded {
        let gaps = setting.gaps.iter().flat_map(|(first, last)| [first - 1, *first, *last, last + 1]);
        let ends = [setting.build_first.saturating_sub(1), setting.build_first, setting.build_last];
        let edges = gaps.chain(ends).chain([setting.build_last.saturating_add(1)]);
        for build in edges.filter(|build| (10_000..100_000).contains(build)) {
            let value = some_value(setting);
            let action = on_build(build, &[(setting.id, value.clone())]).remove(setting.id).unwrap().action;
            if setting.on_build(build) {
                // What is the default already is the same already.
                assert!(action.changes() || matches!(action, SettingAction::Same { .. }), "{}: {action:?}", setting.id);
                written += 1;
            } else {
                let moved = action == skip(Reason::Moved, Some(value.clone()));
                assert!(moved || action == skip(Reason::NotOnThisBuild, Some(value)), "{}: {action:?}", setting.id);
                left_alone += 1;
            }
        }
    }
    assert!(written > 50 && left_alone > 50, "{written} written, {left_alone} left alone");
}

#[test]
fn who_asks_for_something_is_not_told_of_what_else_does_not_come_back() {
    let mut old = snapshot(&[]);
    for id in ["privacy.wifi", "system.proxy", "from_the_future.x"] {
        old.not_carried.insert(id.to_owned(), Reason::CouldCarryCode);
    }
    let now = snapshot(&[]);
    let told = |only: &[&str], except: &[&str]| -> Vec<String> {
        let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
        let choice = Choice::of(&words(only), &words(except)).unwrap();
        plan(&old, &Here::bare(&now), &choice).not_carried.into_iter().map(|one| one.id).collect()
    };
    assert_eq!(told(&[], &[]), ["from_the_future.x", "privacy.wifi", "system.proxy"]);
    assert_eq!(told(&["privacy"], &[]), ["privacy.wifi"]);
    assert_eq!(told(&["privacy.safe_search"], &[]), [""; 0], "one setting is not the category");
    assert_eq!(told(&["app-list"], &[]), [""; 0]);
    assert_eq!(told(&[], &["system"]), ["privacy.wifi"], "what is left out is not told of either");
    let values = policy(&[("category.privacy", "never")]);
    let here = Here { policy: Some(&values), ..Here::bare(&now) };
    let shown = plan(&old, &here, &Choice::of(&["privacy".to_owned()], &[]).unwrap());
    assert_eq!(shown.not_carried, [], "a category that is never restored is not shown");
}
