//! The templates for Group Policy and Intune, made from the table of policies: what an administrator can set is what the agent reads.
//!
//! `UPDATE_ADMX=1 cargo test -p model --test admx` writes them anew. German texts stand in `packaging/windows/admx/de-DE.toml`. With xmllint the
//! files are held against `admx.xsd`: the part of Microsoft's schema that they use (MS-GPREG, "ADMX File Schema"), in our own words: no package
//! of Debian, `PyPI`, npm or the crates' registry brings the published one, and a copy of Microsoft's file is not ours to hand on. What it was
//! compared with, and when, stands at its head. What no schema of one file can say is held here: what a template asks for must be shown by each language
//! file with the control that belongs to it ("elements Element" on Microsoft Learn), or the editor opens the policy with an error.

#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "a test writes the files it guards, and may panic")]

#[path = "../../../e2e/src/not_tried.rs"]
mod not_tried;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Command;

use model::policy::{Area, CATEGORIES_KEY, Class, Kind, POLICIES, Policy, Setting};
use not_tried::not_tried;
use serde::Deserialize;

/// The namespace of every ADMX and ADML file of Windows.
const NAMESPACE: &str = "http://schemas.microsoft.com/GroupPolicy/2006/07/PolicyDefinitions";

fn path(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../packaging/windows/admx")).join(name)
}

/// Texts of one language.
struct Texts {
    display_name: String,
    description: String,
    supported: String,
    areas: BTreeMap<&'static str, String>,
    /// Title and explanation by value name.
    policies: BTreeMap<&'static str, (String, String)>,
    /// Choices by value name and word.
    choices: BTreeMap<(&'static str, &'static str), String>,
    /// What is counted, by value name.
    units: BTreeMap<&'static str, String>,
}

/// The words of a policy's choice.
fn choices(policy: &Policy) -> &'static [model::policy::Choice] {
    match policy.kind {
        Kind::Choice(choices) => choices,
        _ => &[],
    }
}

fn english() -> Texts {
    let mut texts = Texts {
        display_name: "Rehome".to_owned(),
        description: "Policies of the Rehome agent: backing up and giving back settings and app list.".to_owned(),
        supported: "Windows 10 version 2004 or newer".to_owned(),
        areas: Area::ALL.into_iter().map(|area| (area.title(), area.title().to_owned())).collect(),
        policies: BTreeMap::new(),
        choices: BTreeMap::new(),
        units: BTreeMap::new(),
    };
    for policy in POLICIES {
        let default = match &policy.default {
            Setting::Switch(on) => (if *on { "on" } else { "off" }).to_owned(),
            Setting::Number(number) => number.to_string(),
            Setting::Word(word) => choices(policy).iter().find(|choice| choice.word == *word).unwrap().title.to_owned(),
            Setting::Text(_) | Setting::Nothing => "nothing".to_owned(),
        };
        let what = format!("{}\n\nIf it is not set: {default}.", policy.what);
        texts.policies.insert(policy.value, (policy.title.to_owned(), what));
        texts
            .choices
            .extend(choices(policy).iter().map(|choice| ((policy.value, choice.word), choice.title.to_owned())));
        if let Kind::Number { unit, .. } = policy.kind {
            texts.units.insert(policy.value, unit.to_owned());
        }
    }
    texts
}

#[derive(Deserialize)]
struct German {
    text: BTreeMap<String, String>,
    areas: BTreeMap<String, String>,
    units: BTreeMap<String, String>,
    rules: Rules,
    categories: BTreeMap<String, String>,
    policies: BTreeMap<String, GermanPolicy>,
}

#[derive(Deserialize)]
struct Rules {
    title: String,
    what: String,
    override_title: String,
    override_what: String,
    choices: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct GermanPolicy {
    title: String,
    what: String,
    #[serde(default)]
    choices: BTreeMap<String, String>,
}

impl German {
    /// Title, explanation and choices of a policy.
    fn of(&self, policy: &Policy) -> (String, &str, &BTreeMap<String, String>) {
        let Some(category) = policy.id.strip_prefix("category.") else {
            let own = &self.policies[policy.id];
            return (own.title.clone(), &own.what, &own.choices);
        };
        let by_person = category.strip_suffix(".user_override");
        let name = &self.categories[by_person.unwrap_or(category)];
        let (title, what) = match by_person {
            Some(_) => (&self.rules.override_title, &self.rules.override_what),
            None => (&self.rules.title, &self.rules.what),
        };
        (title.replace("{name}", name), what, &self.rules.choices)
    }
}

fn german() -> Texts {
    let german: German = toml::from_str(&std::fs::read_to_string(path("de-DE.toml")).unwrap()).unwrap();
    let text = |word: &str| german.text[word].clone();
    let mut texts = Texts {
        display_name: text("display_name"),
        description: text("description"),
        supported: text("supported"),
        areas: Area::ALL.into_iter().map(|area| (area.title(), german.areas[area.title()].clone())).collect(),
        policies: BTreeMap::new(),
        choices: BTreeMap::new(),
        units: BTreeMap::new(),
    };
    for policy in POLICIES {
        let (title, what, words) = german.of(policy);
        let default = match &policy.default {
            Setting::Switch(on) => text(if *on { "on" } else { "off" }),
            Setting::Number(number) => number.to_string(),
            Setting::Word(word) => words[*word].clone(),
            Setting::Text(_) | Setting::Nothing => text("nothing"),
        };
        let default = text("default").replace("{default}", &default);
        texts.policies.insert(policy.value, (title, format!("{what}\n\n{default}")));
        texts
            .choices
            .extend(choices(policy).iter().map(|choice| ((policy.value, choice.word), words[choice.word].clone())));
        if let Kind::Number { unit, .. } = policy.kind {
            texts.units.insert(policy.value, german.units[unit].clone());
        }
    }
    texts
}

fn admx() -> String {
    let mut xml = format!(
        r#"<?xml version="1.0" encoding="utf-8"?>
<!-- Made by crates/model/tests/admx.rs from the table of policies. -->
<policyDefinitions xmlns="{NAMESPACE}" revision="1.0" schemaVersion="1.0">
  <policyNamespaces>
    <target prefix="rehome" namespace="Rehome.Policies"/>
  </policyNamespaces>
  <resources minRequiredRevision="1.0" fallbackCulture="en-US"/>
  <supportedOn>
    <definitions>
      <definition name="Supported" displayName="$(string.Supported)"/>
    </definitions>
  </supportedOn>
  <categories>
    <category name="Rehome" displayName="$(string.Rehome)"/>
"#
    );
    for area in Area::ALL {
        let title = area.title();
        writeln!(xml, r#"    <category name="{title}Policies" displayName="$(string.{title}Policies)">"#).unwrap();
        writeln!(xml, "      <parentCategory ref=\"Rehome\"/>\n    </category>").unwrap();
    }
    xml.push_str("  </categories>\n  <policies>\n");
    for policy in POLICIES {
        let (name, class) = (policy.value, if policy.class == Class::Machine { "Machine" } else { "Both" });
        let (at_policy, presentation) = match policy.kind {
            Kind::Switch => (format!(r#" valueName="{name}""#), String::new()),
            _ => (String::new(), format!(r#" presentation="$(presentation.{name})""#)),
        };
        writeln!(xml, r#"    <policy name="{name}" class="{class}" displayName="$(string.{name})" explainText="$(string.{name}_What)"{presentation} key="{}"{at_policy}>"#, policy.key).unwrap();
        writeln!(xml, r#"      <parentCategory ref="{}Policies"/>"#, policy.area.title()).unwrap();
        xml.push_str("      <supportedOn ref=\"Supported\"/>\n");
        match policy.kind {
            Kind::Switch => {
                for (element, number) in [("enabledValue", 1), ("disabledValue", 0)] {
                    writeln!(xml, r#"      <{element}><decimal value="{number}"/></{element}>"#).unwrap();
                }
            }
            Kind::Number { least, most, .. } => {
                let element = format!(
                    r#"<decimal id="{name}" valueName="{name}" required="true" minValue="{least}" maxValue="{most}"/>"#
                );
                writeln!(xml, "      <elements>\n        {element}\n      </elements>").unwrap();
            }
            Kind::Text { chars_max, .. } => {
                let element =
                    format!(r#"<text id="{name}" valueName="{name}" required="true" maxLength="{chars_max}"/>"#);
                writeln!(xml, "      <elements>\n        {element}\n      </elements>").unwrap();
            }
            Kind::Choice(choices) => {
                writeln!(xml, "      <elements>\n        <enum id=\"{name}\" valueName=\"{name}\" required=\"true\">")
                    .unwrap();
                for choice in choices {
                    let word = choice.word;
                    writeln!(xml, r#"          <item displayName="$(string.{name}_{word})"><value><string>{word}</string></value></item>"#).unwrap();
                }
                xml.push_str("        </enum>\n      </elements>\n");
            }
        }
        xml.push_str("    </policy>\n");
    }
    xml.push_str("  </policies>\n</policyDefinitions>\n");
    xml
}

fn adml(texts: &Texts) -> String {
    let mut xml = format!(
        r#"<?xml version="1.0" encoding="utf-8"?>
<!-- Made by crates/model/tests/admx.rs from the table of policies. -->
<policyDefinitionResources xmlns="{NAMESPACE}" revision="1.0" schemaVersion="1.0">
  <displayName>{}</displayName>
  <description>{}</description>
  <resources>
    <stringTable>
"#,
        escaped(&texts.display_name),
        escaped(&texts.description)
    );
    let mut string =
        |id: &str, text: &str| writeln!(xml, r#"      <string id="{id}">{}</string>"#, escaped(text)).unwrap();
    string("Rehome", &texts.display_name);
    string("Supported", &texts.supported);
    for (area, title) in &texts.areas {
        string(&format!("{area}Policies"), title);
    }
    for policy in POLICIES {
        let (title, what) = &texts.policies[policy.value];
        string(policy.value, title);
        string(&format!("{}_What", policy.value), what);
        for choice in choices(policy) {
            string(&format!("{}_{}", policy.value, choice.word), &texts.choices[&(policy.value, choice.word)]);
        }
    }
    xml.push_str("    </stringTable>\n    <presentationTable>\n");
    for policy in POLICIES.iter().filter(|policy| policy.kind != Kind::Switch) {
        let name = policy.value;
        let title = escaped(&texts.policies[name].0);
        writeln!(xml, r#"      <presentation id="{name}">"#).unwrap();
        match (&policy.kind, &policy.default) {
            (Kind::Number { .. }, Setting::Number(default)) => {
                let unit = escaped(&texts.units[name]);
                writeln!(xml, r#"        <decimalTextBox refId="{name}" defaultValue="{default}">{title} ({unit})</decimalTextBox>"#).unwrap();
            }
            (Kind::Choice(choices), Setting::Word(default)) => {
                let at = choices.iter().position(|choice| choice.word == *default).unwrap();
                writeln!(
                    xml,
                    r#"        <dropdownList refId="{name}" noSort="true" defaultItem="{at}">{title}</dropdownList>"#
                )
                .unwrap();
            }
            _ => writeln!(xml, r#"        <textBox refId="{name}"><label>{title}</label></textBox>"#).unwrap(),
        }
        xml.push_str("      </presentation>\n");
    }
    xml.push_str("    </presentationTable>\n  </resources>\n</policyDefinitionResources>\n");
    xml
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// The three files with what they must hold.
fn files() -> [(&'static str, String); 3] {
    [("Rehome.admx", admx()), ("en-US/Rehome.adml", adml(&english())), ("de-DE/Rehome.adml", adml(&german()))]
}

#[test]
fn the_templates_have_every_policy_as_the_agent_reads_it() {
    for (name, text) in files() {
        if std::env::var_os("UPDATE_ADMX").is_some() {
            std::fs::create_dir_all(path(name).parent().unwrap()).unwrap();
            std::fs::write(path(name), &text).unwrap();
        }
        let found = std::fs::read_to_string(path(name)).unwrap_or_default();
        assert!(found == text, "{name} is not what the table says: UPDATE_ADMX=1 cargo test -p model --test admx");
    }
}

#[test]
fn every_name_of_the_templates_stands_in_the_table_and_on_the_page() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/policy.md")).unwrap();
    let template = std::fs::read_to_string(path("Rehome.admx")).unwrap();
    let named = |attribute: &str| -> BTreeSet<String> {
        let mark = format!(" {attribute}=\"");
        template.split(&mark).skip(1).map(|rest| rest.split('"').next().unwrap().to_owned()).collect()
    };
    let policies: BTreeSet<_> = template
        .lines()
        .filter_map(|line| line.trim().strip_prefix("<policy name=\""))
        .map(|rest| rest.split('"').next().unwrap().to_owned())
        .collect();
    let table: BTreeSet<_> = POLICIES.iter().map(|policy| policy.value.to_owned()).collect();
    assert_eq!(policies, table);
    assert_eq!(named("valueName"), table, "the name of the policy is the name of its value");
    assert_eq!(named("key"), BTreeSet::from([model::policy::POLICY_KEY.to_owned(), CATEGORIES_KEY.to_owned()]));
    for name in table {
        assert!(page.contains(&format!("| `{name}` |")), "{name} stands in docs/policy.md");
    }
}

#[test]
fn every_text_that_is_used_is_there_in_each_language_and_no_other() {
    let uses = |word: &str| -> BTreeSet<String> {
        let (template, mark) = (admx(), format!("$({word}."));
        template.split(&mark).skip(1).map(|rest| rest.split(')').next().unwrap().to_owned()).collect()
    };
    for texts in [english(), german()] {
        let language = adml(&texts);
        for (word, element) in [("string", "<string id=\""), ("presentation", "<presentation id=\"")] {
            let there: Vec<_> =
                language.split(element).skip(1).map(|rest| rest.split('"').next().unwrap().to_owned()).collect();
            let unique: BTreeSet<_> = there.iter().cloned().collect();
            assert_eq!(unique.len(), there.len(), "{word}: each once");
            assert_eq!(unique, uses(word));
        }
    }
}

/// What stands in an attribute of a line, or nothing.
fn attribute<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    line.split_once(&format!(" {name}=\""))?.1.split('"').next()
}

/// An attribute that is a number.
fn number(line: &str, name: &str) -> u32 {
    attribute(line, name).unwrap().parse().unwrap()
}

/// What a language file shows a policy's element with.
fn control<'a>(language: &'a str, policy: &str) -> &'a str {
    let (_, rest) = language.split_once(&format!("<presentation id=\"{policy}\">")).unwrap();
    rest.split_once("</presentation>").unwrap().0.trim()
}

#[test]
fn what_a_policy_asks_for_is_shown_by_the_control_that_belongs_to_it() {
    for texts in [english(), german()] {
        let (template, language) = (admx(), adml(&texts));
        let mut shown = 0;
        for policy in template.split("    <policy ").skip(1) {
            let Some((_, elements)) = policy.split_once("<elements>") else { continue };
            let element = elements.trim_start();
            let id = attribute(element, "id").unwrap();
            let control = control(&language, id);
            assert_eq!(attribute(control, "refId"), Some(id), "{control}");
            if element.starts_with("<decimal ") {
                assert!(control.starts_with("<decimalTextBox "), "{control}");
                let bounds = number(element, "minValue")..=number(element, "maxValue");
                assert!(bounds.contains(&number(control, "defaultValue")), "{control}");
            } else if element.starts_with("<text ") {
                assert!(control.starts_with("<textBox ") && control.contains("><label>"), "{control}");
            } else {
                assert!(element.starts_with("<enum ") && control.starts_with("<dropdownList "), "{control}");
                let items = u32::try_from(element.matches("<item ").count()).unwrap();
                assert!(number(control, "defaultItem") < items, "{control}");
            }
            shown += 1;
        }
        assert_eq!(shown, POLICIES.iter().filter(|policy| policy.kind != Kind::Switch).count());
    }
}

#[test]
fn the_templates_are_good_by_the_schema_and_the_schema_bites() {
    let schema = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/admx.xsd");
    let is_good = |text: &str| {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("template.xml");
        std::fs::write(&file, text).unwrap();
        Some(Command::new("xmllint").args(["--noout", "--schema", schema]).arg(&file).output().ok()?.status.success())
    };
    for (name, text) in files() {
        let Some(good) = is_good(&text) else {
            not_tried(
                "no template was held against its schema: there is no xmllint here",
                Some("package libxml2-utils"),
            );
            return;
        };
        assert!(good, "{name}");
    }
    let [(_, admx), (_, english), _] = files();
    let wrong = [
        admx.replace("class=\"Machine\"", "class=\"Computer\""),
        admx.replace("$(string.EnableBackup)", "$(text.EnableBackup)"),
        admx.replace("minValue=\"1\"", "minValue=\"one\""),
        admx.replace("<supportedOn ref=\"Supported\"/>", ""),
        admx.replace("</policies>", ""),
        english.replace("<presentation id=\"LogLevel\">", "<presentation>"),
        english.replace("noSort=\"true\"", "noSort=\"yes\""),
        admx.replace("<supportedOn ref=\"Supported\"/>", "<supportedOn ref=\"windows:Supported\"/>"),
        admx.replace(" valueName=\"RequiredBuilds\"", ""),
        admx.replace(" maxValue=\"2160\"", ""),
        admx.replace(" maxLength=\"2048\"", ""),
        english.replace(" defaultValue=\"192\"", ""),
    ];
    for (index, wrong) in wrong.iter().enumerate() {
        assert!(*wrong != admx && *wrong != english, "{index}");
        assert_eq!(is_good(wrong), Some(false), "{index}");
    }
}
