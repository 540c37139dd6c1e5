//! A rule in its one canonical spelling: hyphens, names as Microsoft's pages spell them, double quotes, parentheses where something would change
//! without them and around each side of `-and` and `-or` that is itself joined. What is written here is read again as the same rule.

use std::fmt::{Display, Formatter, Result};

use crate::rule::{Asked, Comparison, Element, Literal, Rule, Test, Tree};
use crate::value::{When, duration_written, written};

impl Display for Rule {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        self.tree.fmt(f)
    }
}

impl<L: Display> Display for Tree<L> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Leaf(leaf) => leaf.fmt(f),
            Self::Not(tree) => write!(f, "-not ({tree})"),
            Self::And(trees) => joined(f, trees, "-and"),
            Self::Or(trees) => joined(f, trees, "-or"),
        }
    }
}

fn joined<L: Display>(f: &mut Formatter<'_>, trees: &[Tree<L>], word: &str) -> Result {
    for (place, tree) in trees.iter().enumerate() {
        if place > 0 {
            write!(f, " {word} ")?;
        }
        match tree {
            Tree::Not(_) => tree.fmt(f)?,
            _ => write!(f, "({tree})")?,
        }
    }
    Ok(())
}

impl Display for Test {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let name = self.name();
        match &self.asked {
            Asked::Value(comparison) => write!(f, "{name} {comparison}"),
            Asked::Any(elements) => write!(f, "{name} -any ({elements})"),
            Asked::All(elements) => write!(f, "{name} -all ({elements})"),
        }
    }
}

impl Display for Element {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "{} {}", self.field.word(), self.comparison)
    }
}

impl Display for Comparison {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "-{} {}", self.operator.word(), self.with)
    }
}

impl Display for Literal {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(value) => value.fmt(f),
            Self::Integer(value) => value.fmt(f),
            Self::Text(text) => quoted(f, text),
            Self::Version(text) => f.write_str(text),
            Self::When(When::At(seconds)) => f.write_str(&written(*seconds)),
            Self::When(When::Now(0)) => f.write_str("system.now"),
            Self::When(When::Now(more)) => {
                let word = if *more < 0 { "minus" } else { "plus" };
                write!(f, "system.now -{word} {}", duration_written(more.abs()))
            }
            Self::Pattern(pattern) => quoted(f, pattern.source()),
            Self::List(list) => {
                for (place, value) in list.iter().enumerate() {
                    write!(f, "{}{value}", if place == 0 { "[" } else { ", " })?;
                }
                f.write_str("]")
            }
        }
    }
}

fn quoted(f: &mut Formatter<'_>, text: &str) -> Result {
    write!(f, "\"{}\"", text.replace('`', "``").replace('"', "`\""))
}
