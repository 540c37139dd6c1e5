//! `docs/parity.md`: each setting that Microsoft's product backs up, and where it is here. Made from `catalog/parity.toml` and the catalog, so that it
//! never promises what the program does not have.
//!
//! `UPDATE_PARITY=1 cargo test -p model --test parity` writes the page anew.

#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "a test writes the page it guards, and may panic")]

#[path = "../../../e2e/src/not_tried.rs"]
mod not_tried;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use model::catalog::{Kind, LEFT_OUT, LeftOut, SETTINGS, Setting};
use not_tried::not_tried;
use serde::Deserialize;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parity {
    row: Vec<Row>,
    facts: Facts,
    left: Vec<Left>,
}

/// A documented setting of Microsoft's product.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    area: String,
    what: String,
    windows_11: String,
    windows_10: String,
    #[serde(default)]
    ids: Vec<String>,
    #[serde(default)]
    why: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Facts {
    all: usize,
}

/// Known settings that are not in the catalog, and why.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Left {
    ids: Vec<String>,
    why: String,
}

fn parity() -> Parity {
    toml::from_str(&std::fs::read_to_string(format!("{ROOT}/catalog/parity.toml")).unwrap()).unwrap()
}

fn fits(pattern: &str, id: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == id, |start| id.starts_with(start))
}

impl Row {
    fn carried(&self) -> Vec<&'static Setting> {
        SETTINGS.iter().filter(|setting| self.ids.iter().any(|pattern| fits(pattern, setting.id))).collect()
    }

    fn told(&self) -> Vec<&'static LeftOut> {
        LEFT_OUT.iter().filter(|left| self.ids.iter().any(|pattern| fits(pattern, left.id))).collect()
    }

    /// `yes`, `partly` or `no`.
    fn verdict(&self) -> &'static str {
        match (self.carried().is_empty(), self.told().is_empty() && self.why.is_empty()) {
            // The app list is no setting.
            (true, _) if self.why.starts_with("carried") => "yes",
            (true, _) => "no",
            (false, true) => "yes",
            (false, false) => "partly",
        }
    }
}

fn page(parity: &Parity) -> String {
    let count = |verdict: &str, mark: &str| {
        let rows = parity.row.iter().filter(|row| row.verdict() == verdict);
        rows.filter(|row| mark.is_empty() || row.windows_11 == mark).count()
    };
    let left: usize = parity.left.iter().map(|left| left.ids.len()).sum();
    let mut page = format!(
        "# What Microsoft's product backs up, and what Rehome does\n\n\
         Made by `crates/model/tests/parity.rs` from `catalog/parity.toml` and the catalog; do not edit. The rows are Microsoft's own (Microsoft Learn, settings catalog of *Windows\n\
         settings backup and restore*, condensed); **11** and **10** say what Microsoft carries on Windows 11 and 10. What is not carried and could be missed is reported by each backup, with\n\
         its reason.\n\n\
         Of {} rows, {} are carried here, {} partly, {} not. Of the {} that Microsoft carries on Windows 11: {} carried, {} partly, {} not. The catalog has {} settings in all;\n\
         what it has beyond this page, `rehome catalog` lists.\n",
        parity.row.len(),
        count("yes", ""),
        count("partly", ""),
        count("no", ""),
        parity.row.iter().filter(|row| row.windows_11 == "yes").count(),
        count("yes", "yes"),
        count("partly", "yes"),
        count("no", "yes"),
        SETTINGS.len(),
    );
    let mut area = "";
    for row in &parity.row {
        if row.area != area {
            area = &row.area;
            write!(page, "\n## {area}\n\n| setting | 11 | 10 | here | how |\n| --- | --- | --- | --- | --- |\n")
                .unwrap();
        }
        let mut how: Vec<String> = Vec::new();
        how.extend(
            row.ids
                .iter()
                .filter(|pattern| row.carried().iter().any(|setting| fits(pattern, setting.id)))
                .map(|pattern| format!("`{pattern}`")),
        );
        how.extend(row.told().iter().map(|left| format!("`{}` is reported: {}", left.id, left.because)));
        how.extend((!row.why.is_empty()).then(|| row.why.clone()));
        let mark = |mark: &str| if mark == "-" { String::new() } else { mark.to_owned() };
        writeln!(
            page,
            "| {} | {} | {} | {} | {} |",
            row.what,
            mark(&row.windows_11),
            mark(&row.windows_10),
            row.verdict(),
            how.join("; ")
        )
        .unwrap();
    }
    write!(
        page,
        "\n## Known settings\n\nThe catalog grew from a list of {} settings that two independent sources name, that are the person's own and that fit any PC. {} of them are in it. These {left} are not:\n\n| setting | why not |\n| --- | --- |\n",
        parity.facts.all,
        parity.facts.all - left,
    )
    .unwrap();
    for left in &parity.left {
        let ids: Vec<_> = left.ids.iter().map(|id| format!("`{id}`")).collect();
        writeln!(page, "| {} | {} |", ids.join(", "), left.why).unwrap();
    }
    page
}

#[test]
fn the_page_says_what_the_catalog_has() {
    let (path, text) = (format!("{ROOT}/docs/parity.md"), page(&parity()));
    if std::env::var_os("UPDATE_PARITY").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == text,
        "docs/parity.md is not what the catalog says: UPDATE_PARITY=1 cargo test -p model --test parity"
    );
}

#[test]
fn every_row_leads_somewhere_or_says_why_not() {
    for row in parity().row {
        let what = format!("{}: {}", row.area, row.what);
        assert!(!row.ids.is_empty() || !row.why.is_empty(), "{what}");
        for pattern in &row.ids {
            let one = Row { ids: vec![pattern.clone()], why: String::new(), ..clone(&row) };
            assert!(!one.carried().is_empty() || !one.told().is_empty(), "{what}: `{pattern}` is in no catalog");
        }
        for mark in [&row.windows_11, &row.windows_10] {
            assert!(["yes", "no", "to 23H2", "-"].contains(&mark.as_str()), "{what}: {mark}");
        }
    }
}

fn clone(row: &Row) -> Row {
    Row {
        area: row.area.clone(),
        what: row.what.clone(),
        windows_11: row.windows_11.clone(),
        windows_10: row.windows_10.clone(),
        ids: Vec::new(),
        why: String::new(),
    }
}

/// The list itself is no part of the project; where it lies beside it, the numbers are counted again.
#[test]
fn each_known_setting_is_in_the_catalog_or_says_why_not() {
    let Ok(list) = std::fs::read_to_string(format!("{ROOT}/../shared/reference/settings-facts.tsv")) else {
        not_tried("the list of known settings is not beside the project", None);
        return;
    };
    let parity = parity();
    let left: BTreeSet<_> = parity.left.iter().flat_map(|left| &left.ids).cloned().collect();
    let mut missing = BTreeSet::new();
    let mut all = 0;
    for line in list.lines().skip(1) {
        let fields: Vec<_> = line.split('\t').collect();
        let [id, _, _, hive, key, name, _, _, _, _, machine, privilege, _, confidence] = fields[..] else {
            panic!("{line}");
        };
        if (hive, machine, privilege, confidence) != ("HKCU", "no", "user", "multi") {
            continue;
        }
        all += 1;
        if !SETTINGS.iter().any(|setting| is_at(setting, key, name)) {
            missing.insert(id.to_owned());
        }
    }
    assert_eq!(all, parity.facts.all);
    assert_eq!(missing, left);
}

/// Whether a setting lives at that place; `Name bit N` is one bit, and `*` any value of the key.
fn is_at(setting: &Setting, key: &str, name: &str) -> bool {
    let (Some(its_key), Some(its_name)) = (setting.key(), setting.name()) else { return false };
    if !its_key.eq_ignore_ascii_case(key) {
        return false;
    }
    let (name, bit) = match name.split_once(" bit") {
        Some((name, bits)) => (
            name,
            bits.trim_start_matches('s')
                .trim()
                .split(|c: char| !c.is_ascii_digit())
                .next()
                .and_then(|bit| bit.parse::<u32>().ok()),
        ),
        None => (name, None),
    };
    let name = if name == "(default)" { "" } else { name };
    let is_bit = match (bit, &setting.kind) {
        (None, _) => true,
        (Some(bit), Kind::Bits { first, count, .. }) => (*first..*first + *count).contains(&bit),
        (Some(_), _) => false,
    };
    name == "*" || (its_name.eq_ignore_ascii_case(name) && is_bit)
}
