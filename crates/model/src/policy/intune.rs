//! Policies of Intune's settings catalog, read: what of them Rehome has a setting for, and why it has none for the rest.
//!
//! Four forms are about: what Graph answers and tools save (`@odata` annotations, instances told by `@odata.type`), what the portal itself exports (the same
//! without annotations), a Graph list (`value: [...]`) of such, and what
//! a plain `GET configurationPolicies` lists, which leaves the settings out. Files come as UTF-8, with a byte order mark or without, and as UTF-16. Ids of definitions follow from
//! the address of the setting (Microsoft Learn, Policy CSP): `./Device/Vendor/MSFT/Policy/Config/A/B` in lower case with `_` between;
//! choices end in `_0` or `_1`, the element of an ADMX policy in its name.
//!
//! A policy of another platform is read all the same, and each of its settings is told as not mapped. Nothing is guessed: a definition
//! that is not in the table here is left out with its id.

use std::collections::{HashMap, HashSet};

use serde::Serialize;
use serde_json::Value;

use super::windows::Meaning;
use super::{POLICIES, Policy, Setting, Settings};

/// The largest file that is read; the largest real policy that is known has half a megabyte.
pub const BYTES_MAX: usize = 16 * 1024 * 1024;

/// How deep settings are followed; real ones reach 4.
const DEPTH_MAX: usize = 16;

/// The most settings of one file; the largest real policy has a few hundred.
const INSTANCES_MAX: usize = 20_000;

/// `Enable Windows Backup`: a choice of `_0` and `_1`.
const ENABLE_BACKUP: &str = "device_vendor_msft_policy_config_settingssync_enablewindowsbackup";

/// `Enable Windows Restore`: a choice of `_false` and `_true`.
const ENABLE_RESTORE: &str = "device_vendor_msft_windowsbackupandrestore_enablewindowsrestore";

/// What ends the id of the check box of a `Do not sync` policy.
const CHECK_BOX: &str = "_checkbox_useroverride";

/// Definitions that are known and stand for nothing of Rehome's, by what their id ends with, and why.
const KNOWN: [(&str, &str); 11] = [
    ("_settingsync_disablecredentialssettingsync", "Rehome carries no passwords"),
    ("_settingsync_disableapplicationsettingsync", "Rehome carries no data of apps"),
    ("_settingsync_disabledesktopthemesettingsync", "it has no effect since Windows 10"),
    ("_settingsync_disablestartlayoutsettingsync", "it has no effect since Windows 10"),
    ("_settingsync_disablewebbrowsersettingsync", "Rehome carries no settings of browsers"),
    ("_experience_allowsyncmysettings", "it decides about Microsoft's own synchronising only"),
    ("_accounts_allowmicrosoftaccountconnection", "it decides about Microsoft accounts only"),
    ("_privacy_enableactivityfeed", "only Microsoft's own backup depends on it"),
    ("_privacy_publishuseractivities", "only Microsoft's own backup depends on it"),
    ("_privacy_uploaduseractivities", "only Microsoft's own backup depends on it"),
    ("_connectivity_allowconnecteddevices", "only Microsoft's own backup depends on it"),
];

/// Why a file could not be read as policies.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// It is larger than any policy.
    #[error("it has more than {BYTES_MAX} bytes")]
    TooBig,
    /// Neither UTF-8 nor UTF-16.
    #[error("it is neither UTF-8 nor UTF-16")]
    NotText,
    /// No JSON.
    #[error("it is not JSON: {0}")]
    NotJson(String),
    /// JSON of something else.
    #[error("it is {0}, not a policy of the settings catalog")]
    Other(&'static str),
}

/// What became of one setting of the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum Fate {
    /// It became settings of Rehome.
    Mapped {
        /// Their ids.
        settings: Vec<&'static str>,
    },
    /// It stands for nothing.
    Left {
        /// Why, without a final stop.
        why: String,
    },
}

/// One setting of the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// The id of its definition.
    pub definition: String,
    /// The choice or value as it stands there; nothing for a group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// What became of it.
    #[serde(flatten)]
    pub fate: Fate,
}

/// A policy of the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Imported {
    /// Its name.
    pub name: String,
    /// Its description.
    pub description: String,
    /// Intune's word for the platform: `windows10`.
    pub platform: String,
    /// What it comes to here.
    pub settings: Settings,
    /// Each of its settings, in the order of the file.
    pub lines: Vec<Line>,
    /// What else is not taken over: assignments, scope tags. A sentence each.
    pub notes: Vec<String>,
}

impl Policy {
    /// The ids of the Intune definitions that it stands for.
    pub fn import_ids(&self) -> Vec<String> {
        let special = match self.id {
            "backup.enabled" => Some(ENABLE_BACKUP),
            "restore.enabled" => Some(ENABLE_RESTORE),
            _ => None,
        };
        special.map(ToOwned::to_owned).into_iter().chain(self.twins.iter().map(|twin| of_value(twin.value))).collect()
    }
}

/// The id of the definition of a value of `SettingSync`. Two of them are in the newer area (Policy CSP `SettingsSync`), the others come from the template.
fn of_value(value: &str) -> String {
    let (name, check_box) = value.strip_suffix("UserOverride").map_or((value, ""), |name| (name, CHECK_BOX));
    let newer = ["DisableAccessibilitySettingSync", "DisableLanguageSettingSync"].contains(&name);
    let area = if newer { "settingssync" } else { "admx_settingsync" };
    format!("device_vendor_msft_policy_config_{area}_{}{check_box}", name.to_lowercase())
}

/// The text of a file: UTF-8 or UTF-16, with a byte order mark or, for UTF-8, without.
pub fn text_of(bytes: &[u8]) -> Result<String, ImportError> {
    if bytes.len() > BYTES_MAX {
        return Err(ImportError::TooBig);
    }
    let wide = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let (pairs, rest) = bytes.as_chunks::<2>();
        let units: Vec<u16> = pairs.iter().map(|pair| unit(*pair)).collect();
        if rest.is_empty() { String::from_utf16(&units).ok() } else { None }
    };
    match bytes {
        [0xFF, 0xFE, rest @ ..] => wide(rest, u16::from_le_bytes),
        [0xFE, 0xFF, rest @ ..] => wide(rest, u16::from_be_bytes),
        [0xEF, 0xBB, 0xBF, rest @ ..] => String::from_utf8(rest.to_vec()).ok(),
        // JSON begins with a sign of ASCII, so a zero beside it tells UTF-16 without a mark (RFC 4627, 3).
        [first, 0, ..] if *first != 0 => wide(bytes, u16::from_le_bytes),
        [0, second, ..] if *second != 0 => wide(bytes, u16::from_be_bytes),
        _ => String::from_utf8(bytes.to_vec()).ok(),
    }
    .ok_or(ImportError::NotText)
}

/// Reads the policies of a file. What else is in a list of policies becomes one without settings, with a note that says what it is; a file with nothing
/// else is refused.
pub fn read(bytes: &[u8]) -> Result<Vec<Imported>, ImportError> {
    let document: Value =
        serde_json::from_str(&text_of(bytes)?).map_err(|error| ImportError::NotJson(error.to_string()))?;
    let listed = document.get("value").and_then(Value::as_array).or_else(|| document.as_array());
    let policies: Vec<&Value> = listed.map_or_else(|| vec![&document], |list| list.iter().collect());
    if policies.is_empty() {
        return Err(ImportError::Other("an empty list"));
    }
    if let Some(what) = policies.iter().all(|value| !is_policy(value)).then(|| what_else(policies[0])) {
        return Err(ImportError::Other(what));
    }
    let known = Known::new();
    let of = |(place, value)| if is_policy(value) { policy(value, &known) } else { left_out(place, value) };
    Ok(policies.into_iter().enumerate().map(of).collect())
}

/// A text of an object, without blanks around it; empty if there is none.
fn text(value: &Value, name: &str) -> String {
    value.get(name).and_then(Value::as_str).unwrap_or_default().trim().to_owned()
}

fn name(value: &Value) -> Option<String> {
    ["name", "displayName"].map(|name| text(value, name)).into_iter().find(|name| !name.is_empty())
}

/// The settings of a policy; `None` if the export leaves them out. PowerShell before version 7 writes a list of one as the one alone.
fn settings_of(value: &Value) -> Option<&[Value]> {
    match value.get("settings")? {
        Value::Array(list) => Some(list),
        one @ Value::Object(_) => Some(std::slice::from_ref(one)),
        _ => None,
    }
}

/// Whether it is a policy of the settings catalog: by its type, or by what such a policy alone has.
fn is_policy(value: &Value) -> bool {
    let kind = text(value, "@odata.type");
    let counts = || kind.is_empty() && ["technologies", "settingCount"].iter().all(|name| value.get(name).is_some());
    let has_shape = || value.get("platforms").is_some() && (settings_of(value).is_some() || counts());
    kind.ends_with("deviceManagementConfigurationPolicy") || has_shape()
}

/// Stands for an item of a list that is no policy.
fn left_out(place: usize, value: &Value) -> Imported {
    Imported {
        name: name(value).unwrap_or_else(|| format!("item {} of the list", place + 1)),
        description: String::new(),
        platform: String::new(),
        settings: Settings::default(),
        lines: Vec::new(),
        notes: vec![format!("it is {}, not a policy of the settings catalog, and was left out", what_else(value))],
    }
}

/// What the definitions of Intune stand for, worked out once: a file may have many thousand settings.
struct Known {
    /// Each policy with the ids of the definitions that it stands for.
    policies: Vec<(&'static Policy, Vec<String>)>,
    /// Places in it, by such an id.
    by_definition: HashMap<String, Vec<usize>>,
}

impl Known {
    fn new() -> Self {
        let policies: Vec<_> = POLICIES.iter().map(|policy| (policy, policy.import_ids())).collect();
        let mut by_definition: HashMap<String, Vec<usize>> = HashMap::new();
        for (place, (_, ids)) in policies.iter().enumerate() {
            for id in ids.iter().collect::<HashSet<_>>() {
                by_definition.entry(id.clone()).or_default().push(place);
            }
        }
        Self { policies, by_definition }
    }
}

fn policy(value: &Value, known: &Known) -> Imported {
    let text = |name: &str| text(value, name);
    let own = settings_of(value);
    let mut instances = Vec::new();
    for setting in own.into_iter().flatten() {
        collect(setting.get("settingInstance").unwrap_or(setting), 0, &mut instances);
    }
    let chosen: HashSet<String> = instances.iter().map(|(definition, _)| definition.to_lowercase()).collect();
    let (mut settings, mut lines) = (Settings::default(), Vec::new());
    for (definition, value) in &instances {
        let fate = map(definition, value.as_deref(), (known, &chosen), &mut settings);
        lines.push(Line { definition: definition.clone(), value: value.clone(), fate });
    }
    let mut notes = Vec::new();
    let count = |name: &str| value.get(name).and_then(Value::as_array).map_or(0, Vec::len);
    if count("assignments") > 0 {
        notes.push(format!("its {} assignments name groups of Entra; assign it here", count("assignments")));
    }
    let own_tags = value.get("roleScopeTagIds").and_then(Value::as_array);
    let own_tags = own_tags.map_or(0, |tags| tags.iter().filter(|tag| tag.as_str() != Some("0")).count());
    if own_tags > 0 {
        notes.push(format!("its {own_tags} scope tags are numbers of Intune; give it tags here"));
    }
    if text("platforms") != "windows10" {
        notes.push("it is not for Windows".to_owned());
    }
    let declared = value.get("settingCount").or_else(|| value.get("settingsCount")).and_then(Value::as_u64);
    if instances.is_empty() && declared.map_or(own.is_none(), |declared| declared > 0) {
        notes.push("the export leaves its settings out; export it with them".to_owned());
    }
    let name = name(value).unwrap_or_default();
    Imported { name, description: text("description"), platform: text("platforms"), settings, lines, notes }
}

/// What a file of Intune is that is no policy.
fn what_else(value: &Value) -> &'static str {
    let kind = value.get("@odata.type").and_then(Value::as_str).unwrap_or_default();
    if kind.ends_with("AssignmentFilter") || value.get("filters").is_some() {
        "a file of assignment filters"
    } else if value.get("groups").is_some() || value.get("membershipRule").is_some() {
        "a file of groups"
    } else if kind.is_empty() {
        "something else"
    } else {
        "another kind of Intune's objects"
    }
}

/// Takes an instance and all that is below it.
fn collect(instance: &Value, depth: usize, found: &mut Vec<(String, Option<String>)>) {
    if depth > DEPTH_MAX || found.len() >= INSTANCES_MAX {
        return;
    }
    let Some(definition) = instance.get("settingDefinitionId").and_then(Value::as_str) else { return };
    let of = |value: &Value| match value.get("value") {
        Some(Value::String(text)) => Some(text.clone()),
        Some(Value::Null) | None => None,
        Some(other) => Some(other.to_string()),
    };
    let all = |name: &str| instance.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let one = ["choiceSettingValue", "simpleSettingValue"].iter().find_map(|name| instance.get(name));
    let many = || {
        let values: Vec<String> = ["choiceSettingCollectionValue", "simpleSettingCollectionValue"]
            .iter()
            .flat_map(|name| all(name))
            .filter_map(of)
            .collect();
        (!values.is_empty()).then(|| values.join(", "))
    };
    found.push((definition.to_owned(), one.and_then(of).or_else(many)));
    let groups = ["groupSettingCollectionValue", "choiceSettingCollectionValue"].iter().flat_map(|name| all(name));
    for value in one.into_iter().chain(instance.get("groupSettingValue")).chain(groups) {
        for child in value.get("children").and_then(Value::as_array).into_iter().flatten() {
            collect(child, depth + 1, found);
        }
    }
}

/// Finds what a setting stands for.
fn map(
    definition: &str,
    value: Option<&str>,
    (known, chosen): (&Known, &HashSet<String>),
    settings: &mut Settings,
) -> Fate {
    let left = |why: &str| Fate::Left { why: why.to_owned() };
    let id = definition.to_lowercase();
    let choice = value.map(str::to_lowercase);
    let choice = choice.as_deref().and_then(|value| value.strip_prefix(&id)?.strip_prefix('_'));
    let on = match choice {
        Some("1" | "true") => Some(true),
        Some("0" | "false") => Some(false),
        _ => None,
    };
    let Some(stands_for) = known.by_definition.get(&id) else {
        let base = id.strip_suffix(CHECK_BOX).unwrap_or(&id);
        let known = KNOWN.iter().find(|(end, _)| base.ends_with(end));
        return known.map_or_else(|| left("no setting of Rehome stands for it"), |(_, why)| left(why));
    };
    let Some(on) = on else { return left("its choice is not one that is known") };
    // `Do not sync` concerns all categories, and each may have a policy of its own in the same file, which then counts.
    let general = id == of_value("DisableSettingSync") || id == of_value("DisableSettingSyncUserOverride");
    let mut mapped = Vec::new();
    for (policy, own) in stands_for.iter().map(|place| &known.policies[*place]) {
        if general && own.iter().any(|other| *other != id && chosen.contains(other)) {
            continue;
        }
        let setting = match policy.twins.iter().find(|twin| of_value(twin.value) == id).map(|twin| twin.meaning) {
            Some(Meaning::DoNotSync) => Setting::Word(if on { "never" } else { "optional" }),
            Some(Meaning::OffIfOne) => Setting::Switch(!on),
            None | Some(Meaning::Override) => Setting::Switch(on),
        };
        settings.insert(policy, setting);
        mapped.push(policy.id);
    }
    if mapped.is_empty() {
        left("policies of the single categories in the same file say it")
    } else {
        Fate::Mapped { settings: mapped }
    }
}

#[cfg(test)]
#[path = "intune_tests.rs"]
mod tests;
