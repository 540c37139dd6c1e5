//! What a rule means, written as plainly as can be: one rule, one user or device, a walk over the tree.
//!
//! [`crate::engine`] is held to give the same answers (`tests/agree.rs`), and [`crate::explain()`] is built on this.

use std::cmp::Ordering;

use crate::facts::{Fact, Facts};
use crate::operator::Operator;
use crate::rule::{Asked, Comparison, Element, Field, Literal, Rule, Test};
use crate::value::{Version, fold};

/// Whether a rule holds, at `now` (seconds since 1970).
pub fn holds(rule: &Rule, facts: &Facts, now: i64) -> bool {
    rule.tree.holds(&mut |test: &Test| test_holds(test, facts.get(test.property.fact()), now))
}

/// Whether a test holds of a value.
pub(crate) fn test_holds(test: &Test, value: Option<&Fact>, now: i64) -> bool {
    match &test.asked {
        Asked::Value(comparison) => compare(comparison, value, now),
        Asked::Any(tree) => (0..count(value)).any(|at| tree.holds(&mut |element| element_holds(element, value, at))),
        Asked::All(tree) => (0..count(value)).all(|at| tree.holds(&mut |element| element_holds(element, value, at))),
    }
}

fn count(value: Option<&Fact>) -> usize {
    match value {
        Some(Fact::Texts(texts)) => texts.len(),
        Some(Fact::Plans(plans)) => plans.len(),
        _ => 0,
    }
}

fn element_holds(element: &Element, value: Option<&Fact>, at: usize) -> bool {
    let text = match value {
        Some(Fact::Texts(texts)) => Some(&texts[at]),
        Some(Fact::Plans(plans)) => {
            let [plan, status, service] = &plans[at];
            match element.field {
                Field::ServicePlanId => Some(plan),
                Field::CapabilityStatus => Some(status),
                Field::Service => Some(service),
                Field::Whole | Field::GroupId => None,
            }
        }
        _ => None,
    };
    let text = text.filter(|text| !text.is_empty()).map(|text| Fact::Text(text.clone()));
    compare(&element.comparison, text.as_ref(), 0)
}

/// A comparison of a value, or of none.
fn compare(comparison: &Comparison, value: Option<&Fact>, now: i64) -> bool {
    let (positive, denied) = comparison.operator.denies();
    let holds = match value {
        None => positive == Operator::Eq && comparison.with == Literal::Null,
        // Any of several.
        Some(Fact::Texts(texts)) => {
            texts.iter().any(|text| one(positive, &comparison.with, &Fact::Text(text.clone()), now))
        }
        Some(value) => one(positive, &comparison.with, value, now),
    };
    holds != denied
}

/// A positive operator on one value.
fn one(operator: Operator, with: &Literal, value: &Fact, now: i64) -> bool {
    match (operator, with, value) {
        (Operator::In, Literal::List(list), value) => list.iter().any(|item| one(Operator::Eq, item, value, now)),
        (Operator::Eq, Literal::Text(text), Fact::Text(value)) => fold(text) == *value,
        (Operator::StartsWith, Literal::Text(text), Fact::Text(value)) => value.starts_with(&fold(text)),
        (Operator::EndsWith, Literal::Text(text), Fact::Text(value)) => value.ends_with(&fold(text)),
        (Operator::Contains, Literal::Text(text), Fact::Text(value)) => value.contains(&fold(text)),
        (Operator::Match, Literal::Pattern(pattern), Fact::Text(value)) => pattern.is_in(value),
        (Operator::Eq, Literal::Bool(with), Fact::Bool(value)) => with == value,
        (operator, Literal::Integer(with), Fact::Number(value)) => ordered(operator, value.cmp(with)),
        (operator, Literal::When(with), Fact::Number(value)) => ordered(operator, value.cmp(&with.seconds(now))),
        (operator, Literal::Version(with), Fact::Text(value)) => match (Version::parse(value), Version::parse(with)) {
            (Some(value), Some(with)) => ordered(operator, value.cmp(&with)),
            _ => false,
        },
        // `-eq null` on a value, and types that do not meet.
        _ => false,
    }
}

fn ordered(operator: Operator, order: Ordering) -> bool {
    match operator {
        Operator::Eq => order.is_eq(),
        Operator::Gt => order.is_gt(),
        Operator::Ge => order.is_ge(),
        Operator::Lt => order.is_lt(),
        Operator::Le => order.is_le(),
        _ => false,
    }
}
