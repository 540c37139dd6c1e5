//! Finding entries in the compiled table.

use super::{Category, LEFT_OUT, LeftOut, SETTINGS, Setting};

/// The setting with that id.
pub fn find(id: &str) -> Option<&'static Setting> {
    SETTINGS.binary_search_by(|setting| setting.id.cmp(id)).ok().map(|index| &SETTINGS[index])
}

/// All settings of a category, in the order of their ids.
pub fn in_category(category: Category) -> impl Iterator<Item = &'static Setting> {
    SETTINGS.iter().filter(move |setting| setting.category == category)
}

/// What is known and not carried, in the order of ids.
pub fn left_out() -> &'static [LeftOut] {
    LEFT_OUT
}

impl Category {
    /// All categories, in the order of their numbers.
    pub const ALL: [Category; 16] = [
        Self::Accessibility,
        Self::Language,
        Self::Region,
        Self::Typing,
        Self::Devices,
        Self::Personalization,
        Self::Desktop,
        Self::Taskbar,
        Self::Start,
        Self::Explorer,
        Self::Multitasking,
        Self::Notifications,
        Self::System,
        Self::Privacy,
        Self::Apps,
        Self::Gaming,
    ];

    /// The category's stable number, as formats carry it.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// The category with that number, if this version knows it.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|category| category.number() == number)
    }

    /// The category's stable word: the folder of its entries, and what policy and `--category` say.
    pub fn word(self) -> &'static str {
        match self {
            Self::Accessibility => "accessibility",
            Self::Language => "language",
            Self::Region => "region",
            Self::Typing => "typing",
            Self::Devices => "devices",
            Self::Personalization => "personalization",
            Self::Desktop => "desktop",
            Self::Taskbar => "taskbar",
            Self::Start => "start",
            Self::Explorer => "explorer",
            Self::Multitasking => "multitasking",
            Self::Notifications => "notifications",
            Self::System => "system",
            Self::Privacy => "privacy",
            Self::Apps => "apps",
            Self::Gaming => "gaming",
        }
    }

    /// The category with that word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|category| category.word() == word)
    }

    /// What people read.
    pub fn title(self) -> &'static str {
        match self {
            Self::Accessibility => "Accessibility",
            Self::Language => "Language",
            Self::Region => "Region and formats",
            Self::Typing => "Keyboards and typing",
            Self::Devices => "Mouse, touchpad and pen",
            Self::Personalization => "Colours and background",
            Self::Desktop => "Desktop and windows",
            Self::Taskbar => "Taskbar",
            Self::Start => "Start menu",
            Self::Explorer => "File Explorer",
            Self::Multitasking => "Multitasking",
            Self::Notifications => "Notifications",
            Self::System => "System",
            Self::Privacy => "Privacy",
            Self::Apps => "Console and Windows apps",
            Self::Gaming => "Gaming",
        }
    }
}
