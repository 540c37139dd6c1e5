//! Why somebody is in, or not: the rule as a tree, each part with its outcome and each test with the value that was found.
//!
//! Pure data, for a page, the command line and scripts alike.

use serde::Serialize;

use crate::facts::{Fact, Facts};
use crate::interpret::test_holds;
use crate::property::Type;
use crate::rule::{Rule, Test, Tree};
use crate::value::written;

/// One part of a rule with its outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explained {
    /// Whether it holds.
    pub holds: bool,
    /// The part.
    #[serde(flatten)]
    pub part: Part,
}

/// What a part is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "part", rename_all = "snake_case")]
pub enum Part {
    /// One test.
    Test {
        /// The property.
        property: String,
        /// The test in its canonical spelling.
        text: String,
        /// The value that was found, as a person reads it.
        found: Option<String>,
    },
    /// The opposite of what is in it.
    Not {
        /// What is in it.
        of: Box<Explained>,
    },
    /// All of these.
    All {
        /// The parts.
        of: Vec<Explained>,
    },
    /// At least one of these.
    Any {
        /// The parts.
        of: Vec<Explained>,
    },
}

/// Explains a rule for these facts, at `now` (seconds since 1970).
pub fn explain(rule: &Rule, facts: &Facts, now: i64) -> Explained {
    tree(&rule.tree, facts, now)
}

fn tree(node: &Tree<Test>, facts: &Facts, now: i64) -> Explained {
    let each = |trees: &[Tree<Test>]| -> Vec<Explained> { trees.iter().map(|node| tree(node, facts, now)).collect() };
    match node {
        Tree::Leaf(test) => {
            let value = facts.get(test.property.fact());
            let found = value.map(|value| shown(test.property.holds, value));
            let part = Part::Test { property: test.name().to_owned(), text: test.to_string(), found };
            Explained { holds: test_holds(test, value, now), part }
        }
        Tree::Not(inner) => {
            let of = Box::new(tree(inner, facts, now));
            Explained { holds: !of.holds, part: Part::Not { of } }
        }
        Tree::And(trees) => {
            let of = each(trees);
            Explained { holds: of.iter().all(|part| part.holds), part: Part::All { of } }
        }
        Tree::Or(trees) => {
            let of = each(trees);
            Explained { holds: of.iter().any(|part| part.holds), part: Part::Any { of } }
        }
    }
}

fn shown(holds: Type, value: &Fact) -> String {
    match value {
        Fact::Bool(value) => value.to_string(),
        Fact::Number(value) if holds == Type::Date => written(*value),
        Fact::Number(value) => value.to_string(),
        Fact::Text(text) => format!("\"{text}\""),
        Fact::Texts(texts) => texts.iter().map(|text| format!("\"{text}\"")).collect::<Vec<_>>().join(", "),
        Fact::Plans(plans) => plans
            .iter()
            .map(|[plan, status, service]| format!("{service} {plan} {status}"))
            .collect::<Vec<_>>()
            .join(", "),
    }
}

impl Explained {
    /// In plain words, a line for each part, indented.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        self.write(0, &mut lines);
        lines
    }

    fn write(&self, depth: usize, lines: &mut Vec<String>) {
        let mark = if self.holds { "yes" } else { "no " };
        let indent = "  ".repeat(depth);
        let line = match &self.part {
            Part::Test { text, found: Some(found), .. } => format!("{text}   (it is {found})"),
            Part::Test { text, found: None, .. } => format!("{text}   (it has no value)"),
            Part::Not { .. } => "not:".to_owned(),
            Part::All { of } => format!("all of these {}:", of.len()),
            Part::Any { of } => format!("at least one of these {}:", of.len()),
        };
        lines.push(format!("{mark}  {indent}{line}"));
        match &self.part {
            Part::Test { .. } => {}
            Part::Not { of } => of.write(depth + 1, lines),
            Part::All { of } | Part::Any { of } => of.iter().for_each(|part| part.write(depth + 1, lines)),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Kind, parse};

    #[test]
    fn each_part_says_its_outcome_and_what_was_found() {
        let text = "device.deviceOSVersion -ge 10.0.26100 -and -not (device.deviceModel -eq \"VirtualBox\" or device.deviceCategory -eq null)";
        let rule = parse(Kind::Device, text).unwrap();
        let facts = json!({ "deviceOSVersion": "10.0.22631.1", "device.deviceModel": "Surface Book 3", "lastBackupAt": "2026-11-28" });
        let facts = Facts::from_json(Kind::Device, &facts).unwrap();
        let explained = explain(&rule, &facts, 0);
        assert_eq!(
            explained.lines(),
            [
                "no   all of these 2:",
                "no     device.deviceOSVersion -ge 10.0.26100   (it is \"10.0.22631.1\")",
                "no     not:",
                "yes      at least one of these 2:",
                "no         device.deviceModel -eq \"VirtualBox\"   (it is \"surface book 3\")",
                "yes        device.deviceCategory -eq null   (it has no value)",
            ]
        );
        let document = serde_json::to_value(&explained).unwrap();
        assert_eq!(document["part"], "all");
        assert_eq!(document["of"][0]["found"], "\"10.0.22631.1\"");
    }
}
