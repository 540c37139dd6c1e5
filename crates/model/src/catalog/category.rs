//! The families of settings: what a folder of `catalog/`, a part of a snapshot and a person's choice have in common.

/// The families that Windows Settings knows; also the parts of a snapshot and the units of choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Category {
    /// Vision, hearing, interaction aids.
    Accessibility = 16,
    /// Display language, formats, spelling.
    Language = 17,
    /// Region and formats of date, time, numbers.
    Region = 18,
    /// Keyboards, typing, touch keyboard.
    Typing = 19,
    /// Mouse, touchpad, pen, keyboard repeat.
    Devices = 20,
    /// Colours, background, lock screen, themes.
    Personalization = 21,
    /// Desktop icons and window metrics.
    Desktop = 22,
    /// The taskbar.
    Taskbar = 23,
    /// The Start menu.
    Start = 24,
    /// File Explorer.
    Explorer = 25,
    /// Snap, virtual desktops, Alt+Tab.
    Multitasking = 26,
    /// Notifications and do not disturb.
    Notifications = 27,
    /// Sound, clipboard, storage, time, power.
    System = 28,
    /// Privacy choices.
    Privacy = 29,
    /// Console, Notepad and other parts of Windows with settings of their own.
    Apps = 30,
    /// Game Bar and Game Mode.
    Gaming = 31,
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
