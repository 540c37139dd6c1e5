//! The compiled catalog as everybody else meets it.

use std::collections::BTreeSet;

use model::catalog::rules::{ITEMS_MAX, TEXT_MAX};
use model::catalog::{
    Category, Effect, Kind, LEFT_OUT, Place, RegType, SETTINGS, Sensitivity, Stage, VERSION, check, find, in_category,
    left_out, packed_base,
};
use model::reason::Reason;
use model::value::{LIST_ITEMS_MAX, TEXT_BYTES_MAX};

#[test]
fn the_compiled_table_breaks_no_rule_and_counts_add_up() {
    let report = check();
    assert_eq!(report.violations, []);
    assert_eq!(report.version, VERSION);
    assert_eq!(report.settings, SETTINGS.len());
    assert_eq!(report.categories.iter().map(|(_, settings, _)| settings).sum::<usize>(), SETTINGS.len());
    assert_eq!(report.categories.iter().map(|(.., left_out)| left_out).sum::<usize>(), left_out().len());
    assert!(report.blocked_areas > 60);
}

#[test]
fn every_entry_is_found_by_its_id_and_says_all_a_person_needs() {
    for setting in SETTINGS {
        assert_eq!(find(setting.id), Some(setting));
        assert!(setting.id.starts_with(&format!("{}.", setting.category.word())), "{}", setting.id);
        let starts_well = setting.title.starts_with(|c: char| c.is_uppercase() || c.is_ascii_digit());
        assert!(starts_well && !setting.title.ends_with('.'), "{}: {}", setting.id, setting.title);
        assert!(!setting.worst.ends_with('.') && !setting.source.is_empty(), "{}", setting.id);
        assert_eq!(setting.key().is_some(), matches!(setting.place, Place::Value { .. }), "{}", setting.id);
        assert_eq!(
            (setting.name().is_some(), setting.reg_type().is_some()),
            (setting.key().is_some(), setting.key().is_some())
        );
        assert!(!setting.effect.title().is_empty());
    }
    assert_eq!(find("accessibility.no_such_thing"), None);
    assert_eq!(find(""), None);
}

#[test]
fn ids_titles_and_tables_are_sorted_and_unique_within_their_category() {
    assert!(SETTINGS.is_sorted_by(|one, next| one.id < next.id));
    assert!(LEFT_OUT.is_sorted_by(|one, next| one.id < next.id));
    let titles: BTreeSet<_> = SETTINGS.iter().map(|setting| (setting.category, setting.title)).collect();
    assert_eq!(titles.len(), SETTINGS.len(), "two settings of a category have the same title");
}

#[test]
fn every_category_has_entries_and_they_are_its_own() {
    for category in Category::ALL {
        let entries: Vec<_> = in_category(category).collect();
        assert!(entries.len() >= 5, "{}", category.word());
        assert!(entries.iter().all(|setting| setting.category == category));
        assert_eq!(Category::from_word(category.word()), Some(category));
        assert_eq!(Category::from_number(category.number()), Some(category));
    }
    assert_eq!(Category::ALL.into_iter().flat_map(in_category).count(), SETTINGS.len());
}

#[test]
fn every_kind_every_effect_and_every_registry_type_is_in_use() {
    let kinds: BTreeSet<_> = SETTINGS
        .iter()
        .map(|setting| match setting.kind {
            Kind::Switch { .. } => "switch",
            Kind::Number { .. } => "number",
            Kind::Choice(_) => "choice",
            Kind::Word(_) => "word",
            Kind::Bits { names: [], .. } => "bit",
            Kind::Bits { .. } => "named bits",
            Kind::Colour(_) => "colour",
            Kind::Text { .. } => "text",
            Kind::Texts { .. } => "texts",
            Kind::Guids(_) => "guids",
            Kind::Picture => "picture",
            Kind::Dictionary => "dictionary",
        })
        .collect();
    assert_eq!(kinds.len(), 12, "{kinds:?}");
    let types: BTreeSet<_> = SETTINGS.iter().filter_map(model::catalog::Setting::reg_type).collect();
    assert_eq!(types, BTreeSet::from(RegType::ALL));
    let effects: BTreeSet<_> =
        SETTINGS.iter().map(|setting| std::mem::discriminant(&setting.effect)).map(|d| format!("{d:?}")).collect();
    assert_eq!(effects.len(), 7);
}

#[test]
fn what_a_person_needs_to_use_the_pc_comes_first_and_health_is_marked() {
    for setting in SETTINGS {
        let first = matches!(
            setting.category,
            Category::Accessibility | Category::Language | Category::Region | Category::Typing | Category::Devices
        );
        assert_eq!(setting.stage == Stage::First, first, "{}", setting.id);
        let health = setting.category == Category::Accessibility;
        assert_eq!(setting.sensitivity == Sensitivity::Health, health, "{}", setting.id);
    }
}

#[test]
fn packed_values_that_windows_may_not_have_stored_yet_have_a_documented_base() {
    assert_eq!(packed_base(r"control panel\accessibility\STICKYKEYS", "flags"), Some(510));
    let mask = packed_base(r"Control Panel\Desktop", "UserPreferencesMask").map(u64::to_le_bytes);
    assert_eq!(mask, Some([0x9e, 0x1e, 0x07, 0x80, 0x12, 0, 0, 0]));
    assert_eq!(packed_base(r"Control Panel\Desktop", "MenuShowDelay"), None);
    for setting in SETTINGS {
        let (Kind::Bits { first, names: [], inverted, .. }, Some(key), Some(name)) =
            (setting.kind, setting.key(), setting.name())
        else {
            continue;
        };
        // Where base and default are both known they must say the same thing.
        if let (Some(base), Some(default)) = (packed_base(key, name), setting.default) {
            let on = (base >> first & 1 == 1) != inverted;
            assert_eq!(default, model::catalog::Literal::Bool(on), "{}", setting.id);
        }
    }
}

#[test]
fn nothing_in_the_table_can_be_longer_than_a_value_may_be() {
    assert!(TEXT_MAX as usize * char::MAX.len_utf8() <= TEXT_BYTES_MAX);
    assert!(ITEMS_MAX as usize <= LIST_ITEMS_MAX);
}

#[test]
fn builds_decide_whether_a_setting_exists() {
    let alignment = find("taskbar.alignment").expect("the taskbar's alignment is in the catalog");
    assert!(
        !alignment.on_build(19045) && alignment.on_build(22000) && alignment.on_build(26100) && alignment.on_build(0)
    );
    let chat = find("taskbar.chat").expect("the chat button is in the catalog");
    assert!(chat.on_build(22000) && !chat.on_build(26100));
}

#[test]
fn left_out_things_are_only_reported_when_customised() {
    let sounds = left_out().iter().find(|entry| entry.id == "system.sound.scheme").expect("sounds are known");
    assert_eq!(sounds.reason, Reason::CouldCarryCode);
    assert!(sounds.is_default("") && sounds.is_default(".default"));
    assert!(!sounds.is_default(".Modified"));
    let contrast = left_out().iter().find(|entry| entry.id == "personalization.contrast_colours");
    let contrast = contrast.expect("the colours of contrast themes are known");
    assert!(contrast.is_default("126") && contrast.is_default("") && !contrast.is_default("127"));
    assert!(!contrast.is_default("on"), "what is not understood may be anything");
    for entry in LEFT_OUT {
        assert!(find(entry.id).is_none(), "{} is both carried and left out", entry.id);
        assert!(!entry.because.ends_with('.') && !entry.key.is_empty(), "{}", entry.id);
    }
}

#[test]
fn effects_are_words_a_person_understands() {
    assert_eq!(Effect::SignOut.title(), "after signing out and in again");
    assert_eq!(Effect::Spi(0x3b).title(), Effect::Broadcast("intl").title());
}
