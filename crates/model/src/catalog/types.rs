//! The types of an entry. They import nothing but their neighbours, because `build.rs` compiles this file too.

use crate::reason::Reason;

use super::category::Category;

/// One setting: one thing that a person would say they have set.
#[derive(Debug, PartialEq)]
pub struct Setting {
    /// Stable id, `category.name`, lower case, digits, `_` and `.`.
    pub id: &'static str,
    /// What Windows calls it, as a person reads it.
    pub title: &'static str,
    /// Where it stands among the other settings.
    pub category: Category,
    /// Where it lives.
    pub place: Place,
    /// What it may be, and how it is written at its place.
    pub kind: Kind,
    /// Other stored numbers that Windows takes for one of the kind's: what may be stored, and as which number it is read. Never written.
    pub also: &'static [(u32, u32)],
    /// What Windows does when nothing is stored. `None`: depends on the PC or is not documented.
    pub default: Option<Literal>,
    /// First Windows build that has it; 0 = any supported.
    pub build_first: u32,
    /// Last Windows build that has it; `u32::MAX` = still there.
    pub build_last: u32,
    /// Builds between the two that did not have it: first and last of each gap.
    pub gaps: &'static [(u32, u32)],
    /// Ids of the policies of Windows ([`WindowsPolicy`]) that can take it out of the person's hands, where they are documented.
    pub managed_by: &'static [&'static str],
    /// What another build of Windows made of it.
    pub transforms: &'static [Transform],
    /// How a change takes effect.
    pub effect: Effect,
    /// When a restore writes it.
    pub stage: Stage,
    /// How private the value is.
    pub sensitivity: Sensitivity,
    /// The worst that the worst allowed value does (rule R10).
    pub worst: &'static str,
    /// Where the facts come from: document, page or corpus.
    pub source: &'static str,
}

/// Something that people would miss, and that may not be carried.
#[derive(Debug, PartialEq)]
pub struct LeftOut {
    /// Stable id.
    pub id: &'static str,
    /// What Windows calls it.
    pub title: &'static str,
    /// Where it stands.
    pub category: Category,
    /// Why it is not carried.
    pub reason: Reason,
    /// In words, for the person.
    pub because: &'static str,
    /// The registry key to look at to tell whether this person has it; under `HKEY_CURRENT_USER`.
    pub key: &'static str,
    /// The value name to look at; empty with `named_by`.
    pub value: &'static str,
    /// The settings ([`names`]) whose texts are the names of the values to look at, where Windows names them so.
    pub named_by: Option<&'static str>,
    /// The bit that says it, where the value is a number of bits: while it is not set, the person has not customised the thing.
    pub bit: Option<u32>,
    /// What is stored when the person has not customised it, besides absence and emptiness; see [`LeftOut::is_default`].
    pub unless: &'static [&'static str],
    /// The settings ([`names`]) that mean something else without the thing, so that none of them is carried where the person has it.
    pub holds_back: &'static [&'static str],
    /// Where the facts come from.
    pub source: &'static str,
}

/// What a packed value holds when nothing is stored: the bits that no entry owns, and those of entries that are not restored.
///
/// Without a row, bits are only written into a value that is there already.
#[derive(Debug, PartialEq)]
pub struct Packed {
    /// Key path below `HKEY_CURRENT_USER`.
    pub key: &'static str,
    /// Value name.
    pub name: &'static str,
    /// The value as a number; of `REG_BINARY` its bytes in little-endian order, which are at most eight.
    pub base: u64,
    /// Where the fact comes from.
    pub source: &'static str,
}

/// A policy of Windows by which an organisation decides a setting itself, as Group Policy, device management (MDM) or a provisioning package
/// leave it on a PC. Looked at, never written.
#[derive(Debug, PartialEq)]
pub struct WindowsPolicy {
    /// By what settings name it: lower case, digits and `_`.
    pub id: &'static str,
    /// What Group Policy, or else the Policy CSP, calls it.
    pub title: &'static str,
    /// Where Group Policy leaves it.
    pub group: Option<GroupPlace>,
    /// Where device management and provisioning packages leave it.
    pub mdm: Option<MdmPlace>,
    /// Where the facts come from.
    pub source: &'static str,
}

/// Where Group Policy leaves a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupPlace {
    /// Key below the root.
    pub key: &'static str,
    /// Value name.
    pub name: &'static str,
    /// Whether it may stand in `HKEY_LOCAL_MACHINE`.
    pub machine: bool,
    /// Whether it may stand in `HKEY_CURRENT_USER`.
    pub user: bool,
    /// The numbers with which it decides the setting; empty: whatever is stored does.
    pub owns: &'static [u32],
}

/// Where device management leaves a policy: `PolicyManager\current\device\AREA`, or the person's security identifier instead of `device`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MdmPlace {
    /// Area of the Policy CSP.
    pub area: &'static str,
    /// Name in the area.
    pub name: &'static str,
    /// The numbers with which it decides the setting; empty: whatever is stored does.
    pub owns: &'static [u32],
}

/// What a value of an older or newer Windows means on this one, as documented.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Transform {
    /// The setting that the value is of: this one, under another meaning; or one that other builds have in its place.
    pub from: &'static str,
    /// First build of this PC on which it holds; 0: any.
    pub build_first: u32,
    /// Last build of this PC on which it holds; `u32::MAX`: still.
    pub build_last: u32,
    /// Values as they were read, and what they are here; those that are not named stay as they are, or are not on this build if `from` is
    /// another setting.
    pub map: &'static [(Literal, Literal)],
    /// Where the fact comes from.
    pub source: &'static str,
}

/// Which root of the registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Root {
    /// `HKEY_CURRENT_USER`: the hive NTUSER.DAT.
    User,
    /// `HKEY_CURRENT_USER\Software\Classes`: the hive UsrClass.dat. Only read, never a setting's place.
    Classes,
}

/// The registry's own type of a value, by the names of winnt.h.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u32)]
pub enum RegType {
    /// `REG_SZ`.
    Sz = 1,
    /// `REG_BINARY`.
    Binary = 3,
    /// `REG_DWORD`.
    Dword = 4,
    /// `REG_MULTI_SZ`.
    MultiSz = 7,
    /// `REG_QWORD`.
    Qword = 11,
}

/// Where a setting lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A value of the registry, under `HKEY_CURRENT_USER`.
    Value {
        /// Key path below the root, with backslashes.
        key: &'static str,
        /// Value name; empty is the key's default value.
        name: &'static str,
        /// The type Windows gives it. A value of another type is refused.
        reg_type: RegType,
    },
    /// A file that Windows keeps at a known place in the profile.
    File(FileRole),
}

/// Files that are settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum FileRole {
    /// The desktop background as Windows keeps it: `AppData\Roaming\Microsoft\Windows\Themes\TranscodedWallpaper`.
    Wallpaper = 1,
    /// The picture of the lock screen: `ProgramData\Microsoft\Windows\SystemData\<SID>\ReadOnly\LockScreen_*`, which only the system may open.
    LockScreen = 2,
    /// The picture of the account: `Users\Public\AccountPictures\<SID>`, under a name that the registry has.
    AccountPicture = 3,
    /// The person's own words for the spelling checker: `AppData\Roaming\Microsoft\Spelling\<language>\default.dic`, together in one list
    /// ([`crate::words`]).
    Dictionary = 4,
}

impl FileRole {
    /// All roles, in the order of their numbers.
    pub const ALL: [FileRole; 4] = [Self::Wallpaper, Self::LockScreen, Self::AccountPicture, Self::Dictionary];

    /// The role's stable word: in catalog entries, and in the names of files of ours.
    pub fn word(self) -> &'static str {
        match self {
            Self::Wallpaper => "wallpaper",
            Self::LockScreen => "lock_screen",
            Self::AccountPicture => "account_picture",
            Self::Dictionary => "dictionary",
        }
    }

    /// Whether it is a picture: decoded and encoded anew before it is written (rule R6).
    pub fn is_picture(self) -> bool {
        self != Self::Dictionary
    }

    /// Whether a restore takes it away where the old PC had none. Only the desktop can be without a picture of one's own by our hand; words of the
    /// new PC are never taken away.
    pub fn is_removed(self) -> bool {
        self == Self::Wallpaper
    }
}

/// What a value may be, and how it is written at its place. All integers are as Windows stores them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// Two stored numbers for on and off (`REG_DWORD`, `REG_QWORD`, or decimal text in `REG_SZ`).
    Switch {
        /// What is stored for on.
        on: u32,
        /// What is stored for off.
        off: u32,
    },
    /// A number in a range (`REG_DWORD`, `REG_QWORD`, or decimal text, maybe negative, in `REG_SZ`).
    Number {
        /// Least allowed.
        min: i64,
        /// Greatest allowed.
        max: i64,
    },
    /// One of several stored numbers, each with a name (`REG_DWORD`, or decimal text in `REG_SZ`).
    Choice(&'static [(&'static str, i64)]),
    /// One of several stored texts, each with a name (`REG_SZ`). Stored text is compared without case.
    Word(&'static [(&'static str, &'static str)]),
    /// One or more bits of a packed value (`REG_BINARY` little-endian bit numbering, `REG_DWORD`, or decimal text in `REG_SZ`), on or off.
    /// Restore changes these bits only and keeps every other bit of the value that is there.
    Bits {
        /// Number of the lowest bit; bit 0 is the least significant bit of the first byte.
        first: u32,
        /// How many neighbouring bits make the number.
        count: u32,
        /// Names of the numbers. Empty: a single bit that is a switch (`Value::Bool`).
        names: &'static [(&'static str, i64)],
        /// Whether a single bit means "off" when set.
        inverted: bool,
        /// How many bytes a `REG_BINARY` value must have to be understood; 0 for other types.
        bytes: u32,
    },
    /// A colour.
    Colour(ColourLayout),
    /// Short text from an alphabet (`REG_SZ`).
    Text {
        /// Most characters.
        max: u32,
        /// Which characters.
        alphabet: Alphabet,
    },
    /// Several texts from an alphabet (`REG_MULTI_SZ`).
    Texts {
        /// Most items.
        items: u32,
        /// Most characters of each.
        max: u32,
        /// Which characters.
        alphabet: Alphabet,
    },
    /// Any of several GUIDs, each with a name and at most once, in the person's order (`REG_BINARY`: 16 bytes for each, as a `GUID` lies in memory).
    Guids(&'static [(&'static str, [u8; 16])]),
    /// A picture file; see [`Place::File`].
    Picture,
    /// The person's own words of the spelling checker; a restore adds them to those that are there.
    Dictionary,
}

/// How a colour is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColourLayout {
    /// `REG_DWORD` 0xAABBGGRR, as the shell writes accent colours.
    Abgr,
    /// `REG_DWORD` 0xAARRGGBB, as the Desktop Window Manager writes them.
    Argb,
    /// `REG_DWORD` 0x00BBGGRR, a COLORREF; opaque.
    ColorRef,
    /// `REG_SZ` "R G B" in decimal, as `Control Panel\Colors` has them; opaque.
    Decimal,
}

/// Which characters a text may have. None of them can spell a path, a scheme, a variable or an indirect string (rule R4):
/// [`Alphabet::allows`] refuses those besides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alphabet {
    /// Letters, digits, `-` and `_`: a language tag such as `en-GB`, or a locale with its sorting such as `de-DE_phoneb`.
    LanguageTag,
    /// Exactly eight hexadecimal digits: a keyboard layout such as `00000407`.
    LayoutId,
    /// Pictures and signs of dates, times and numbers: letters and digits of any script, the spaces, currency signs and
    /// `, . / - : ' ; ( ) +` with their equivalents; slashes and colons only as they stand in dates and times. May be empty.
    Format,
    /// Decimal digits and `;`: digit grouping such as `3;0`.
    Digits,
    /// Letters, digits, space, `-`, `.` and `_`: names of fonts and voices.
    Name,
}

/// A default as the entry says it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Literal {
    /// For switches and single bits.
    Bool(bool),
    /// For numbers.
    Int(i64),
    /// For choices, words and named bits: the name; for texts: the text; for colours: `#rrggbb` or `#rrggbbaa`.
    Text(&'static str),
}

/// How a changed value takes effect. Collected over a restore and run once each (`windows.md` 1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Whoever uses the value reads it anew.
    Live,
    /// `WM_SETTINGCHANGE` with this text.
    Broadcast(&'static str),
    /// `SystemParametersInfo` with this action code.
    Spi(u32),
    /// Explorer must start again.
    Explorer,
    /// The person must sign out and in.
    SignOut,
    /// Windows takes the picture of the lock screen by a call of its own, or from the person's hand.
    LockScreen,
    /// Windows takes the picture of an account from the person's hand only.
    AccountPicture,
}

/// When a restore writes a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// At once: without it the person may not be able to use the PC (accessibility, language, input).
    First,
    /// The look: what makes the PC feel like theirs.
    Look,
    /// All the rest.
    Rest,
}

impl Stage {
    /// All stages, in the order in which they are written.
    pub const ALL: [Stage; 3] = [Self::First, Self::Look, Self::Rest];

    /// The stage's stable word, as catalog entries and progress lines for machines carry it.
    pub fn word(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Look => "look",
            Self::Rest => "rest",
        }
    }

    /// What people read while it lasts.
    pub fn title(self) -> &'static str {
        match self {
            Self::First => "accessibility, language and input",
            Self::Look => "the look",
            Self::Rest => "the rest",
        }
    }
}

/// How private a value is. Decides who may be shown it, never whether it is encrypted: all are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sensitivity {
    /// Says nothing about the person.
    Plain,
    /// Says something about the person's habits or taste.
    Personal,
    /// May say something about the person's health, such as an accessibility aid.
    Health,
}

impl Setting {
    /// The registry key below `HKEY_CURRENT_USER`; `None` for a file.
    pub fn key(&self) -> Option<&'static str> {
        match self.place {
            Place::Value { key, .. } => Some(key),
            Place::File(_) => None,
        }
    }

    /// The value's name, empty for the key's default value; `None` for a file.
    pub fn name(&self) -> Option<&'static str> {
        match self.place {
            Place::Value { name, .. } => Some(name),
            Place::File(_) => None,
        }
    }

    /// The registry type that Windows gives the value; `None` for a file.
    pub fn reg_type(&self) -> Option<RegType> {
        match self.place {
            Place::Value { reg_type, .. } => Some(reg_type),
            Place::File(_) => None,
        }
    }

    /// Whether that build of Windows has the setting. 0 (build unknown) has every setting.
    pub fn on_build(&self, build: u32) -> bool {
        let is_in_gap = self.gaps.iter().any(|&(first, last)| (first..=last).contains(&build));
        build == 0 || ((self.build_first..=self.build_last).contains(&build) && !is_in_gap)
    }
}

impl Transform {
    /// Whether it holds on that build. An unknown build (0) is taken for the newest.
    pub fn on_build(&self, build: u32) -> bool {
        let build = if build == 0 { u32::MAX } else { build };
        (self.build_first..=self.build_last).contains(&build)
    }
}

impl LeftOut {
    /// Whether what is stored means that the person has not customised the thing, so that it need not be reported.
    ///
    /// `stored` is the value as text: texts (also `REG_EXPAND_SZ`, unexpanded) as they are up to their first zero, numbers in decimal,
    /// packed bytes in lower-case hexadecimal digits. Compared without case, because Windows itself writes paths in both.
    pub fn is_default(&self, stored: &str) -> bool {
        let bit_is_off = |bit: u32| stored.parse().is_ok_and(|bits: u32| bits >> bit & 1 == 0);
        stored.is_empty()
            || self.unless.iter().any(|known| known.eq_ignore_ascii_case(stored))
            || self.bit.is_some_and(bit_is_off)
    }

    /// Whether that setting is not carried where the person has the thing.
    pub fn holds_back(&self, id: &str) -> bool {
        self.holds_back.iter().any(|pattern| names(pattern, id))
    }
}

/// Whether an entry that writes `pattern` means the setting `id`: its id, or the beginning of it with a `*` at the end.
pub fn names(pattern: &str, id: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == id, |start| id.starts_with(start))
}

impl RegType {
    /// All types that the catalog may use, in the order of their numbers.
    pub const ALL: [RegType; 5] = [Self::Sz, Self::Binary, Self::Dword, Self::MultiSz, Self::Qword];

    /// The type's number in winnt.h.
    pub fn number(self) -> u32 {
        self as u32
    }

    /// The type's name in winnt.h.
    pub fn word(self) -> &'static str {
        match self {
            Self::Sz => "REG_SZ",
            Self::Binary => "REG_BINARY",
            Self::Dword => "REG_DWORD",
            Self::MultiSz => "REG_MULTI_SZ",
            Self::Qword => "REG_QWORD",
        }
    }

    /// The type with that name.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reg_type| reg_type.word() == word)
    }
}

impl Effect {
    /// When a person sees the change, in words that follow "takes effect".
    pub fn title(self) -> &'static str {
        match self {
            Self::Live => "when it is next used",
            Self::Broadcast(_) | Self::Spi(_) => "at once",
            Self::Explorer => "when Explorer has started again",
            Self::SignOut => "after signing out and in again",
            Self::LockScreen => "at once, or when you have chosen the saved picture in Settings",
            Self::AccountPicture => "when you have chosen the saved picture in Settings",
        }
    }

    /// Where in Settings the person puts it to use themself, if no call of Windows does.
    pub fn page(self) -> Option<&'static str> {
        match self {
            Self::LockScreen => Some("Settings, Personalization, Lock screen"),
            Self::AccountPicture => Some("Settings, Accounts, Your info"),
            _ => None,
        }
    }
}
