//! `docs/policy.md` against the table of policies: an administrator's page and the agent never disagree.
//!
//! `UPDATE_POLICY_PAGE=1 cargo test -p model --test policy_page` writes the tables anew.

#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "a test writes the page it guards, and may panic")]

use std::fmt::Write as _;

use model::policy::windows::{Meaning, SETTING_SYNC, shown};
use model::policy::{Area, Class, Kind, POLICIES, Policy, Setting};
use model::prerequisite::{Activity, ROWS, joins};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/policy.md");
const BEGIN: &str = "<!-- tables: made by crates/model/tests/policy_page.rs -->\n";
const END: &str = "<!-- end of tables -->\n";

fn tables() -> String {
    let mut page = String::new();
    for area in Area::ALL {
        let policies: Vec<_> = POLICIES.iter().filter(|policy| policy.area == area).collect();
        writeln!(page, "\n## {}\n", area.title()).unwrap();
        writeln!(page, "In `{}`.\n", policies[0].key).unwrap();
        writeln!(page, "| value | type | may be | default | where | id |\n| --- | --- | --- | --- | --- | --- |")
            .unwrap();
        for policy in &policies {
            let class = if policy.class == Class::Machine { "HKLM" } else { "HKLM, HKCU" };
            writeln!(
                page,
                "| `{}` | {} | {} | {} | {class} | `{}` |",
                policy.value,
                policy.kind.reg_type(),
                may_be(policy),
                default(policy),
                policy.id
            )
            .unwrap();
        }
        page.push('\n');
        // The rules for categories all mean the same.
        for policy in policies.iter().take(if area == Area::Categories { 2 } else { usize::MAX }) {
            writeln!(page, "- **`{}`**: {}. {}", policy.value, policy.title, policy.what).unwrap();
        }
    }
    windows(&mut page);
    prerequisites(&mut page);
    page
}

fn may_be(policy: &Policy) -> String {
    match policy.kind {
        Kind::Switch => "0, 1".to_owned(),
        Kind::Number { least, most, unit } => format!("{least} to {most} {unit}"),
        Kind::Choice(choices) => {
            choices.iter().map(|choice| format!("`{}`", choice.word)).collect::<Vec<_>>().join(", ")
        }
        Kind::Text { chars_max, secret } => {
            format!("at most {chars_max} characters{}", if secret { ", a secret" } else { "" })
        }
    }
}

fn default(policy: &Policy) -> String {
    let (alone, connected) = (word(&policy.default), word(&policy.default_of(true)));
    if alone == connected { alone } else { format!("{connected}; {alone} without a server") }
}

fn word(default: &Setting) -> String {
    match default {
        Setting::Switch(on) => u8::from(*on).to_string(),
        Setting::Number(number) => number.to_string(),
        Setting::Word(word) => format!("`{word}`"),
        Setting::Text(_) | Setting::Nothing => "not set".to_owned(),
    }
}

fn windows(page: &mut String) {
    writeln!(page, "\n## Windows' own policies\n\nFollowed where Rehome's own say nothing; all in `HKLM\\{SETTING_SYNC}`, `REG_DWORD`:\n").unwrap();
    writeln!(page, "| value | Group Policy | counts | for |\n| --- | --- | --- | --- |").unwrap();
    let mut twins: Vec<_> = POLICIES.iter().flat_map(|policy| policy.twins).collect();
    twins.sort_by_key(|twin| twin.value);
    twins.dedup();
    for twin in twins {
        let counts = match twin.meaning {
            Meaning::DoNotSync => "2 = never",
            Meaning::Override => "0 = people may turn it on, 1 = locked",
            Meaning::OffIfOne => "1 = off",
        };
        let of = POLICIES.iter().filter(|policy| policy.twins.contains(twin));
        let of: Vec<_> = of.map(|policy| format!("`{}`", policy.value)).collect();
        let of = if of.len() > 8 { format!("all {} categories of settings", of.len()) } else { of.join(", ") };
        writeln!(page, "| `{}` | {} | {counts} | {of} |", twin.value, twin.title).unwrap();
    }
    writeln!(page, "\nRead, shown by `rehome doctor`, and not followed:\n\n| value | Group Policy | key, in HKLM |\n| --- | --- | --- |").unwrap();
    for shown in shown() {
        let mdm = shown.mdm.map(|key| format!("; by device management `{key}`")).unwrap_or_default();
        writeln!(page, "| `{}` | {} | `{}`{mdm} |", shown.value, shown.title, shown.key).unwrap();
    }
}

fn prerequisites(page: &mut String) {
    writeln!(page, "\n## Prerequisites\n\n| for | version | at least |\n| --- | --- | --- |").unwrap();
    for row in ROWS {
        writeln!(page, "| {} | {} | {} |", row.activity.title(), row.version, row.least).unwrap();
    }
    writeln!(page, "\n| for | joined (only with `RequiredJoinState` = `microsoft`) |\n| --- | --- |").unwrap();
    for activity in Activity::ALL {
        let joins: Vec<_> = joins(activity).iter().map(|join| join.title()).collect();
        writeln!(page, "| {} | {} |", activity.title(), joins.join(" or ")).unwrap();
    }
}

#[test]
fn the_page_has_every_policy_as_the_agent_reads_it() {
    let page = std::fs::read_to_string(PAGE).unwrap();
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (found, after) = rest.split_once(END).unwrap();
    if std::env::var_os("UPDATE_POLICY_PAGE").is_some() {
        std::fs::write(PAGE, format!("{before}{BEGIN}{}{END}{after}", tables())).unwrap();
        return;
    }
    assert!(
        found == tables(),
        "docs/policy.md is not what the table says: UPDATE_POLICY_PAGE=1 cargo test -p model --test policy_page"
    );
}
