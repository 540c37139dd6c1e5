//! Which apps are pinned to Start.
//!
//! `Software\Microsoft\Windows\CurrentVersion\Start`, `Config`, holds the layout as JSON (Microsoft's reference of settings that Windows backs up,
//! "Start pinned layout"), in the words of `Export-StartLayout`: `pinnedList` with `packagedAppId`, `desktopAppId` or `desktopAppLink`. Packaged apps are
//! taken note of, so that a person is told what to pin again. Nothing writes the layout: Windows takes one from a policy only, and policy keys
//! belong to the organisation; links and folders are paths of the old PC (rules R8 and R9 of the threat model).

use std::collections::BTreeSet;

use model::catalog::Root;
use model::snapshot::app_id::is_family_name;

use crate::registry::Registry;

const KEY: &str = r"Software\Microsoft\Windows\CurrentVersion\Start";
const NAME: &str = "Config";

/// The largest layout that is read, in bytes: a full Start has about ten thousand.
const LAYOUT_BYTES_MAX: usize = 256 * 1024;

/// The family names of pinned apps, in lower case. Empty where there is no layout, or one in other words.
pub(super) fn families(registry: &dyn Registry) -> BTreeSet<String> {
    let stored = registry.read(Root::User, KEY, &[NAME]).ok().and_then(|mut found| found.pop().flatten());
    stored.map(|raw| of_layout(&raw.bytes)).unwrap_or_default()
}

fn of_layout(bytes: &[u8]) -> BTreeSet<String> {
    let none = BTreeSet::new();
    if bytes.len() > LAYOUT_BYTES_MAX {
        return none;
    }
    let Some(text) = text(bytes) else { return none };
    let Ok(layout) = serde_json::from_str::<serde_json::Value>(text.trim_matches(['\0', '\u{feff}', ' '])) else {
        return none;
    };
    let pins = layout.get("pinnedList").and_then(serde_json::Value::as_array);
    let apps = pins.into_iter().flatten().filter_map(|pin| pin.get("packagedAppId")?.as_str());
    // An application id is the family name, an exclamation mark, and the name of the application in the package.
    let families = apps.filter_map(|app| app.split('!').next()).filter(|family| is_family_name(family));
    families.map(str::to_ascii_lowercase).collect()
}

/// The text, which may be UTF-8 or UTF-16: the page does not say.
fn text(bytes: &[u8]) -> Option<String> {
    if bytes.len() >= 2 && (bytes[1] == 0 || bytes.starts_with(&[0xff, 0xfe])) {
        let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
        return String::from_utf16(&units).ok();
    }
    std::str::from_utf8(bytes).ok().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAYOUT: &str = r#"{"pinnedList":[{"packagedAppId":"Microsoft.Todos_8wekyb3d8bbwe!App"},
        {"desktopAppLink":"C:\\Users\\ada\\x.lnk"},{"packagedAppId":"\\\\host\\share!x"},{"packagedAppId":7}]}"#;

    #[test]
    fn packaged_apps_of_the_layout_are_pinned_and_nothing_else_is_read() {
        let wide: Vec<u8> = LAYOUT.encode_utf16().flat_map(u16::to_le_bytes).collect();
        for bytes in [LAYOUT.as_bytes(), &wide, &[&[0xef, 0xbb, 0xbf], LAYOUT.as_bytes()].concat()] {
            assert_eq!(of_layout(bytes), ["microsoft.todos_8wekyb3d8bbwe".to_owned()].into());
        }
    }

    #[test]
    fn what_is_no_layout_has_no_pins() {
        let deep = "[".repeat(100_000);
        for bytes in
            [&b""[..], b"{", b"\0\0", b"{\"pinnedList\":7}", deep.as_bytes(), &vec![b' '; LAYOUT_BYTES_MAX + 1]]
        {
            assert!(of_layout(bytes).is_empty());
        }
    }
}
