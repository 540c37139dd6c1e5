//! A rule as it is understood: a tree of tests.

use crate::operator::Operator;
use crate::property::{FactId, Kind, Property, Type};
use crate::value::{Pattern, When};

/// A rule that was understood.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Whom it is about, and in whose language.
    pub kind: Kind,
    /// What has to hold.
    pub tree: Tree<Test>,
}

/// Leaves under -not, -and and -or.
#[derive(Clone, Debug, PartialEq)]
pub enum Tree<L> {
    /// One test.
    Leaf(L),
    /// It does not hold.
    Not(Box<Tree<L>>),
    /// All hold; two or more.
    And(Vec<Tree<L>>),
    /// At least one holds; two or more.
    Or(Vec<Tree<L>>),
}

impl<L> Tree<L> {
    /// Whether it holds, given whether leaves do.
    pub fn holds(&self, leaf: &mut impl FnMut(&L) -> bool) -> bool {
        match self {
            Self::Leaf(test) => leaf(test),
            Self::Not(tree) => !tree.holds(leaf),
            Self::And(trees) => trees.iter().all(|tree| tree.holds(leaf)),
            Self::Or(trees) => trees.iter().any(|tree| tree.holds(leaf)),
        }
    }

    /// How many levels it has; a leaf alone is one.
    pub fn depth(&self) -> usize {
        match self {
            Self::Leaf(_) => 1,
            Self::Not(tree) => 1 + tree.depth(),
            Self::And(trees) | Self::Or(trees) => 1 + trees.iter().map(Self::depth).max().unwrap_or(0),
        }
    }

    /// Visits all leaves, from left to right.
    pub fn each(&self, visit: &mut impl FnMut(&L)) {
        match self {
            Self::Leaf(test) => visit(test),
            Self::Not(tree) => tree.each(visit),
            Self::And(trees) | Self::Or(trees) => trees.iter().for_each(|tree| tree.each(visit)),
        }
    }
}

/// A property and what is asked of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Test {
    /// The property.
    pub property: &'static Property,
    /// The whole name, if it is an extension property of an application ([`crate::property::EXTENSION`]): the table cannot have it.
    pub extension: Option<String>,
    /// What is asked.
    pub asked: Asked,
}

impl Test {
    /// The name of the property, as it is written.
    pub fn name(&self) -> &str {
        self.extension.as_deref().unwrap_or(self.property.name)
    }
}

/// What is asked of a property.
#[derive(Clone, Debug, PartialEq)]
pub enum Asked {
    /// The value itself; of a collection: any of its values, and for a denying operator none of them.
    Value(Comparison),
    /// `-any`: at least one element.
    Any(Tree<Element>),
    /// `-all`: every element; true when there is none.
    All(Tree<Element>),
}

/// A test of one element of a collection.
#[derive(Clone, Debug, PartialEq)]
pub struct Element {
    /// Which part of it.
    pub field: Field,
    /// What is asked.
    pub comparison: Comparison,
}

/// Part of an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the word of the language")]
pub enum Field {
    /// `_`: the text itself.
    Whole,
    ServicePlanId,
    CapabilityStatus,
    Service,
    /// `group.objectId`.
    GroupId,
}

impl Field {
    /// Those that elements of a type have.
    pub fn of(holds: Type) -> &'static [Self] {
        match holds {
            Type::Texts => &[Self::Whole],
            Type::Plans => &[Self::ServicePlanId, Self::CapabilityStatus, Self::Service],
            Type::Groups => &[Self::GroupId],
            _ => &[],
        }
    }

    /// As it is written.
    pub fn word(self) -> &'static str {
        match self {
            Self::Whole => "_",
            Self::ServicePlanId => "assignedPlan.servicePlanId",
            Self::CapabilityStatus => "assignedPlan.capabilityStatus",
            Self::Service => "assignedPlan.service",
            Self::GroupId => "group.objectId",
        }
    }
}

/// An operator and what it compares with.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// The operator.
    pub operator: Operator,
    /// The value.
    pub with: Literal,
}

/// A value in a rule.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// No value.
    Null,
    /// true or false.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// A text.
    Text(String),
    /// A version, with its text.
    Version(String),
    /// A moment.
    When(When),
    /// The right side of -match.
    Pattern(Pattern),
    /// The right side of -in: no lists, patterns or nulls in it.
    List(Vec<Literal>),
}

impl Rule {
    /// The facts that it asks for, each once, in order: what an index of rules by facts is made of.
    pub fn facts(&self) -> Vec<FactId> {
        let mut facts = Vec::new();
        self.tree.each(&mut |test: &Test| facts.push(test.property.fact()));
        facts.sort_unstable();
        facts.dedup();
        facts
    }

    /// Whether its outcome can change because time passes: it says `system.now`.
    pub fn ages(&self) -> bool {
        let mut ages = false;
        self.tree.each(&mut |test: &Test| {
            ages |= matches!(&test.asked, Asked::Value(Comparison { with: Literal::When(When::Now(_)), .. }));
        });
        ages
    }

    /// What is allowed but never true: values that a property with a closed list cannot have.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        self.tree.each(&mut |test: &Test| {
            let Asked::Value(Comparison {
                operator: Operator::Eq | Operator::Ne | Operator::In | Operator::NotIn,
                with,
            }) = &test.asked
            else {
                return;
            };
            let values = match with {
                Literal::List(list) => list.as_slice(),
                one => std::slice::from_ref(one),
            };
            for value in values {
                let Literal::Text(text) = value else { continue };
                let (name, known) = (test.property.name, test.property.values);
                if !known.is_empty() && !known.iter().any(|value| value.eq_ignore_ascii_case(text)) {
                    let near = crate::near::nearest(text, known.iter().copied());
                    let near = near.map_or_else(String::new, |near| format!("; did you mean \"{near}\"?"));
                    notes.push(format!("`{name}` is never \"{text}\"{near}"));
                }
            }
        });
        notes
    }
}
