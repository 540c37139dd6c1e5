//! A snapshot: all readings and apps of one user on one device at one moment.
//!
//! These are the live types that the rest of the program works with. How they are written down is `v1.rs`, frozen for good; a second
//! format would be a second module and a conversion into these types. `docs/format.md` is the contract.

pub mod app_id;
pub mod text;
pub mod v1;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::catalog::{Category, FileRole};
use crate::reason::Reason;
use crate::value::{FileRef, Value};

/// What one backup found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Version of the catalog that the device read with.
    pub catalog_version: u32,
    /// The PC.
    pub device: DeviceFacts,
    /// One reading for each entry of the catalog that fits the device's build, by setting id.
    pub readings: BTreeMap<String, Reading>,
    /// What this person has set and the catalog does not carry, by id of the left-out entry.
    pub not_carried: BTreeMap<String, Reason>,
    /// The apps, sorted by kind and id.
    pub apps: Vec<App>,
}

/// A setting's value on a device, or why there is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum Reading {
    /// Stored, and not what Windows has by default.
    Set {
        /// The value.
        value: Value,
    },
    /// Stored, and equal to the default.
    Default {
        /// The value.
        value: Value,
    },
    /// Nothing is stored: Windows uses its default.
    Absent,
    /// Something is stored that may not or cannot be carried.
    Refused {
        /// Why.
        reason: Reason,
    },
}

impl Reading {
    /// The value, if there is one.
    pub fn value(&self) -> Option<&Value> {
        match self {
            Self::Set { value } | Self::Default { value } => Some(value),
            Self::Absent | Self::Refused { .. } => None,
        }
    }
}

/// What is known of the PC. Offline hives know little, so everything but the name may be missing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceFacts {
    /// The name that its people know it by.
    pub name: String,
    /// Maker and model, such as "Contoso Book 14".
    pub model: Option<String>,
    /// Windows build, such as 26100.
    pub build: Option<u32>,
    /// Windows update build revision.
    pub revision: Option<u32>,
    /// Windows edition id, such as "Enterprise".
    pub edition: Option<String>,
}

/// One installed app.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct App {
    /// What sort of app, and so what a restore can do with it.
    pub kind: AppKind,
    /// Package family name for packaged apps; name of the uninstall key or product code for desktop programs.
    pub id: String,
    /// What people call it, if known.
    pub name: Option<String>,
    /// Version as its maker writes it.
    pub version: Option<String>,
    /// Publisher: display name, or the publisher id of the package family.
    pub publisher: Option<String>,
    /// How it can be had again.
    #[serde(flatten)]
    pub again: Again,
}

/// How an app can be had again, as far as the old PC knew. Ids have the shapes of [`app_id`]; others are left out when a snapshot is written and
/// refused when one is read.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Again {
    /// Product id in the Microsoft Store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store_id: Option<String>,
    /// Package identifier in winget's own source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub winget_id: Option<String>,
    /// For whom it was installed, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<AppScope>,
    /// Whether it was pinned to Start.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pinned: bool,
}

/// For whom an app is installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum AppScope {
    /// For this person alone.
    User = 1,
    /// For everybody on the PC.
    Machine = 2,
}

impl Again {
    /// Without what does not have its shape.
    #[must_use]
    pub fn shaped(&self) -> Self {
        Self {
            store_id: self.store_id.clone().filter(|id| app_id::is_store_id(id)),
            winget_id: self.winget_id.clone().filter(|id| app_id::is_winget_id(id)),
            scope: self.scope,
            pinned: self.pinned,
        }
    }
}

/// What sort of app.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum AppKind {
    /// Packaged app from outside Windows, reinstalled from the Store.
    Store = 1,
    /// Part of Windows: listed for completeness, never installed.
    System = 2,
    /// Desktop program: listed for reference.
    Desktop = 3,
}

/// The sealed pieces that a snapshot is cut into. Each category is a part of its own, so that one changed setting re-sends a few hundred
/// bytes and one damaged part costs one category.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PartKind {
    /// Device facts and what is not carried.
    Device,
    /// The app list.
    Apps,
    /// The readings of one category.
    Category(Category),
}

impl PartKind {
    /// The kind's stable number: 1 device, 2 apps, 16 and up the categories.
    pub fn number(self) -> u8 {
        match self {
            Self::Device => 1,
            Self::Apps => 2,
            Self::Category(category) => category.number(),
        }
    }

    /// The kind with that number, if this version knows it.
    pub fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Device),
            2 => Some(Self::Apps),
            _ => Category::from_number(number).map(Self::Category),
        }
    }

    /// What people read.
    pub fn title(self) -> &'static str {
        match self {
            Self::Device => "This PC",
            Self::Apps => "Apps",
            Self::Category(category) => category.title(),
        }
    }
}

impl Snapshot {
    /// The files that the readings name, each with its role, in the order of ids.
    pub fn files(&self) -> impl Iterator<Item = (FileRole, FileRef)> + '_ {
        self.readings.iter().filter_map(|(id, reading)| match (crate::catalog::find(id)?.place, reading.value()?) {
            (crate::catalog::Place::File(role), Value::File(file)) => Some((role, *file)),
            _ => None,
        })
    }

    /// How many settings have a value that is not the default.
    pub fn settings_set(&self) -> usize {
        self.readings.values().filter(|reading| matches!(reading, Reading::Set { .. })).count()
    }

    /// How many apps a restore would bring back.
    pub fn apps_restorable(&self) -> usize {
        self.apps.iter().filter(|app| app.kind == AppKind::Store).count()
    }
}
