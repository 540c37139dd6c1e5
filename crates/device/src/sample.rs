//! A small catalog for tests: one setting of each kind, and two that share one stored value.

use model::catalog::{
    Alphabet, Category, ColourLayout, Effect, FileRole, Kind, Literal, Place, RegType, Sensitivity, Setting, Stage,
};

use crate::plan::Table;

/// The key that most of them live in.
pub(crate) const KEY: &str = r"Software\Contoso\Sample";

/// The sample catalog.
pub(crate) fn table() -> Table {
    Table::of(SETTINGS)
}

const PLAIN: Setting = Setting {
    id: "",
    title: "",
    category: Category::System,
    place: Place::Value { key: KEY, name: "", reg_type: RegType::Dword },
    kind: Kind::Switch { on: 1, off: 0 },
    also: &[],
    default: None,
    build_first: 0,
    build_last: u32::MAX,
    gaps: &[],
    managed_by: &[],
    transforms: &[],
    effect: Effect::Live,
    stage: Stage::Rest,
    sensitivity: Sensitivity::Plain,
    worst: "looks different",
    source: "made up",
};

const fn value(name: &'static str, reg_type: RegType) -> Place {
    Place::Value { key: KEY, name, reg_type }
}

const fn bit(first: u32) -> Kind {
    Kind::Bits { first, count: 1, names: &[], inverted: false, bytes: 8 }
}

static SETTINGS: &[Setting] = &[
    Setting {
        id: "accessibility.contrast",
        title: "Contrast",
        category: Category::Accessibility,
        place: value("Contrast", RegType::Sz),
        kind: Kind::Number { min: 0, max: 100 },
        default: Some(Literal::Int(50)),
        effect: Effect::Spi(0x43),
        stage: Stage::First,
        ..PLAIN
    },
    Setting {
        id: "desktop.animate",
        title: "Animate windows",
        category: Category::Desktop,
        place: value("Mask", RegType::Binary),
        kind: bit(1),
        default: Some(Literal::Bool(true)),
        effect: Effect::Spi(0x49),
        ..PLAIN
    },
    Setting {
        id: "desktop.shadow",
        title: "Shadows",
        category: Category::Desktop,
        place: value("mask", RegType::Binary),
        kind: bit(18),
        default: None,
        effect: Effect::SignOut,
        ..PLAIN
    },
    Setting {
        id: "language.preferred",
        title: "Preferred languages",
        category: Category::Language,
        place: value("Languages", RegType::MultiSz),
        kind: Kind::Texts { items: 4, max: 20, alphabet: Alphabet::LanguageTag },
        stage: Stage::First,
        effect: Effect::Broadcast("intl"),
        ..PLAIN
    },
    Setting {
        id: "personalization.accent",
        title: "Accent colour",
        category: Category::Personalization,
        place: value("Accent", RegType::Dword),
        kind: Kind::Colour(ColourLayout::Abgr),
        effect: Effect::Broadcast("ImmersiveColorSet"),
        stage: Stage::Look,
        ..PLAIN
    },
    Setting {
        id: "personalization.wallpaper",
        title: "Background picture",
        category: Category::Personalization,
        place: Place::File(FileRole::Wallpaper),
        kind: Kind::Picture,
        effect: Effect::Spi(0x14),
        stage: Stage::Look,
        ..PLAIN
    },
    Setting {
        id: "region.short_date",
        title: "Short date",
        category: Category::Region,
        place: value("ShortDate", RegType::Sz),
        kind: Kind::Text { max: 20, alphabet: Alphabet::Format },
        effect: Effect::Broadcast("intl"),
        ..PLAIN
    },
    Setting {
        id: "taskbar.alignment",
        title: "Taskbar alignment",
        category: Category::Taskbar,
        place: value("Align", RegType::Dword),
        kind: Kind::Choice(&[("left", 0), ("centre", 1)]),
        default: Some(Literal::Text("centre")),
        build_first: 22000,
        effect: Effect::Explorer,
        stage: Stage::Look,
        ..PLAIN
    },
    Setting {
        id: "taskbar.clock",
        title: "Clock in the taskbar",
        category: Category::Taskbar,
        place: value("Clock", RegType::Dword),
        kind: Kind::Switch { on: 1, off: 0 },
        default: Some(Literal::Bool(true)),
        effect: Effect::Explorer,
        stage: Stage::Look,
        ..PLAIN
    },
];
