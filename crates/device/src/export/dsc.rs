//! Settings and apps as desired state: a DSC v3 configuration document, or the same as a WinGet configuration.
//!
//! Sources (read 2026-11):
//!
//! - the document: `PowerShell/DSC`, `schemas/v3/config/document.json` and `document.resource.json`; names of instances are letters, digits and
//!   blanks (`definitions/instanceName.json`);
//! - the resource `Microsoft.Windows/Registry`: `PowerShell/DSC`, `dsc_lib_registry` (`keyPath`, `valueName`, and `valueData` with one
//!   of `String`, `ExpandString`, `Binary`, `DWord`, `MultiString`, `QWord`); learn.microsoft.com, "Microsoft.Windows/Registry", which calls it
//!   a proof of concept;
//! - WinGet: learn.microsoft.com, "WinGet Configuration file v3 schema reference": the same document with exactly the `$schema` of 2023/08
//!   and `metadata.winget.processor.identifier: dscv3`; WinGet 1.11 or newer. `Microsoft.WinGet/Package` wants the package's id in a source,
//!   which for Store apps is the Store's product id. A PC knows the family name only, and nothing on it leads from one to the other, so apps
//!   stand as comments, to be looked up by whoever wants them.
//!
//! YAML is written by hand, in the subset where nothing can be mistaken: block style, every text in double quotes as JSON writes it (YAML 1.2
//! takes JSON's strings), numbers in decimal.

use std::fmt::Write as _;

use model::catalog::Root;
use model::snapshot::text::{APP_BYTES_MAX, clean};
use model::snapshot::{AppKind, Snapshot};

use super::{LeftOut, gather};
use crate::codec::text_of;
use crate::plan::Table;
use crate::registry::RawValue;

/// The document's schema for `dsc`.
const DSC_SCHEMA: &str = "https://aka.ms/dsc/schemas/v3/bundled/config/document.json";

/// The one that WinGet knows a configuration of version 3 by.
const WINGET_SCHEMA: &str =
    "https://raw.githubusercontent.com/PowerShell/DSC/main/schemas/2023/08/config/document.json";

/// Who will read the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// `dsc config set --file`.
    Dsc,
    /// `winget configure`.
    Winget,
}

/// A snapshot as a configuration document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DscExport {
    /// The document: YAML in UTF-8.
    pub bytes: Vec<u8>,
    /// How many registry values it sets.
    pub values: usize,
    /// The settings that it does not hold.
    pub left_out: Vec<LeftOut>,
    /// How many apps are named in comments only.
    pub apps_named: usize,
}

/// The settings of a snapshot as a configuration document.
pub fn as_dsc(snapshot: &Snapshot, reader: Reader) -> DscExport {
    as_dsc_in(Table::compiled(), snapshot, reader)
}

pub(crate) fn as_dsc_in(table: Table, snapshot: &Snapshot, reader: Reader) -> DscExport {
    let gathered = gather(table, snapshot);
    let mut text = String::new();
    let schema = if reader == Reader::Dsc { DSC_SCHEMA } else { WINGET_SCHEMA };
    line(&mut text, format_args!("# Made by Rehome from a backup of {}.", comment(&snapshot.device.name)));
    line(&mut text, format_args!("\"$schema\": {}", quoted(schema)));
    if reader == Reader::Winget {
        text.push_str("metadata:\n  winget:\n    processor:\n      identifier: \"dscv3\"\n");
    }
    text.push_str(if gathered.values.is_empty() { "resources: []\n" } else { "resources:\n" });
    for (place, raw) in &gathered.values {
        let name = place.settings.first().map_or("setting", |id| id.as_str());
        line(&mut text, format_args!("  - name: {}", quoted(&instance_name(name))));
        line(&mut text, format_args!("    type: \"Microsoft.Windows/Registry\""));
        line(&mut text, format_args!("    properties:"));
        debug_assert_eq!(place.root, Root::User, "no setting lives elsewhere");
        line(&mut text, format_args!("      keyPath: {}", quoted(&format!(r"HKCU\{}", place.key))));
        line(&mut text, format_args!("      valueName: {}", quoted(&place.name)));
        line(&mut text, format_args!("      valueData:"));
        data(&mut text, raw);
    }
    let apps_named = name_apps(&mut text, snapshot);
    let mut left_out = gathered.left_out;
    left_out.sort_by(|a, b| a.id.cmp(&b.id));
    DscExport { bytes: text.into_bytes(), values: gathered.values.len(), left_out, apps_named }
}

/// The value under the name of its type. Numbers and texts that are not whole go as bytes, which always fit.
fn data(text: &mut String, raw: &RawValue) {
    match (raw.reg_type, raw.bytes.as_slice()) {
        (4, &[a, b, c, d]) => line(text, format_args!("        DWord: {}", u32::from_le_bytes([a, b, c, d]))),
        (11, bytes) if bytes.len() == 8 => {
            let number = u64::from_le_bytes(bytes.try_into().expect("eight bytes"));
            line(text, format_args!("        QWord: {number}"));
        }
        (1, bytes) => {
            let value = text_of(bytes).unwrap_or_default();
            line(text, format_args!("        String: {}", quoted(&value)));
        }
        (7, bytes) => {
            text.push_str("        MultiString:");
            list(text, multi_text(bytes).iter().map(|item| quoted(item)));
        }
        (_, bytes) => {
            text.push_str("        Binary:");
            list(text, bytes.iter().map(ToString::to_string));
        }
    }
}

fn list(text: &mut String, items: impl Iterator<Item = String>) {
    let items: Vec<_> = items.collect();
    line(text, format_args!(" [{}]", items.join(", ")));
}

/// The texts of a `REG_MULTI_SZ`: each ends in a zero, the list in another.
fn multi_text(bytes: &[u8]) -> Vec<String> {
    let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
    units.split(|unit| *unit == 0).filter(|text| !text.is_empty()).map(String::from_utf16_lossy).collect()
}

/// Letters, digits and blanks; the setting's id spelled so, which keeps names unique.
fn instance_name(id: &str) -> String {
    id.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { ' ' }).collect()
}

fn name_apps(text: &mut String, snapshot: &Snapshot) -> usize {
    let apps: Vec<_> = snapshot.apps.iter().filter(|app| app.kind == AppKind::Store).collect();
    if !apps.is_empty() {
        text.push_str("# Store apps of the backup. WinGet installs them by product id, which the PC does not know:\n");
        text.push_str("# `winget search --source msstore NAME` finds it, for a resource Microsoft.WinGet/Package.\n");
    }
    for app in &apps {
        let name = app.name.as_deref().unwrap_or_default();
        line(text, format_args!("#   {} {}", comment(&app.id), comment(name)));
    }
    apps.len()
}

/// Text that cannot end its line.
fn comment(text: &str) -> String {
    clean(text, APP_BYTES_MAX).chars().filter(|letter| !matches!(letter, '\u{85}' | '\u{2028}' | '\u{2029}')).collect()
}

/// Text in double quotes. JSON's escapes are YAML's too; the few characters that YAML takes for line breaks or does not print are escaped as well.
fn quoted(text: &str) -> String {
    let json = serde_json::to_string(text).expect("text can be written as JSON");
    let mut out = String::with_capacity(json.len());
    for letter in json.chars() {
        match letter {
            '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => {
                write!(out, "\\u{:04x}", u32::from(letter)).expect("a text takes all that is written");
            }
            _ => out.push(letter),
        }
    }
    out
}

fn line(text: &mut String, content: std::fmt::Arguments<'_>) {
    text.write_fmt(content).expect("a text takes all that is written");
    text.push('\n');
}
