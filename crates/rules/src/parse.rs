//! Tokens to a rule: one parser for both languages.
//!
//! ```text
//! rule       = or
//! or         = and { "-or" and }
//! and        = not { "-and" not }
//! not        = "-not" not | "(" or ")" | leaf
//! leaf       = property operator value | property ("-any" | "-all") elements
//! elements   = "(" or over elements ")" | element
//! element    = ("_" | "assignedPlan." field | "group.objectId") operator value
//! value      = text | word | "[" value { "," value } "]" | now | "(" now ")"
//! now        = "system.now" [("-plus" | "-minus") duration]
//! ```
//!
//! Hyphens are optional. Entra gives `-any` the lowest precedence of all; without parentheses exactly one comparison is taken as its
//! condition, as in all examples of Microsoft's, because `-and` over other properties could not be a condition on an element.

use crate::error::{Fault, RuleError};
use crate::limits::{DEPTH_MAX, PARENTHESES_MAX};
use crate::near;
use crate::operator::{Operator, Operators};
use crate::property::{self, Kind, Property, Type};
use crate::rule::{Asked, Comparison, Element, Field, Literal, Rule, Test, Tree};
use crate::token::{Placed, Token, tokens};
use crate::value::{Pattern, Version, When, duration, moment};

/// What an expression is made of.
const EXPRESSION: &str = "a property";
/// What follows a property.
const OPERATOR: &str = "an operator";
/// What follows an operator.
const VALUE: &str = "a value";

/// What elements can be asked: all of text.
const ELEMENT: Operators = Operators::of(&[
    Operator::Eq,
    Operator::Ne,
    Operator::StartsWith,
    Operator::NotStartsWith,
    Operator::EndsWith,
    Operator::NotEndsWith,
    Operator::Contains,
    Operator::NotContains,
    Operator::Match,
    Operator::NotMatch,
    Operator::In,
    Operator::NotIn,
]);

/// Reads a rule of that kind.
pub fn parse(kind: Kind, text: &str) -> Result<Rule, RuleError> {
    let tokens = tokens(text)?;
    if tokens.is_empty() {
        return Err(Fault::Empty.at(1));
    }
    if let [Placed { token: Token::Word(first), .. }, Placed { token: Token::Word(second), .. }, ..] = &tokens[..]
        && first.eq_ignore_ascii_case("direct")
        && second.eq_ignore_ascii_case("reports")
    {
        return Err(Fault::DirectReports.at(1));
    }
    let end = text.chars().count() + 1;
    let mut parser = Parser { kind, tokens: &tokens, at: 0, end, depth: 0, member_of: None, leaves: 0 };
    let tree = parser.or(&mut Parser::test)?;
    if let Some(placed) = parser.tokens.get(parser.at) {
        let fault = match &placed.token {
            Token::Close => Fault::Unopened,
            other => Fault::NoLogic(other.shown()),
        };
        return Err(fault.at(placed.column));
    }
    if depth(&tree) > DEPTH_MAX {
        return Err(Fault::TooDeep.at(1));
    }
    match parser.member_of {
        Some(column) if parser.leaves > 1 || matches!(tree, Tree::Not(_)) => Err(Fault::MemberOfAlone.at(column)),
        _ => Ok(Rule { kind, tree }),
    }
}

/// How many levels a rule has, conditions on elements included.
fn depth(tree: &Tree<Test>) -> usize {
    let mut inner = 0;
    tree.each(&mut |test: &Test| {
        if let Asked::Any(elements) | Asked::All(elements) = &test.asked {
            inner = inner.max(elements.depth());
        }
    });
    tree.depth() + inner
}

/// Reads one leaf.
type Leaf<'r, 't, L> = &'r mut dyn FnMut(&mut Parser<'t>) -> Result<L, RuleError>;

struct Parser<'t> {
    kind: Kind,
    tokens: &'t [Placed],
    at: usize,
    /// The column after the text.
    end: usize,
    depth: usize,
    /// Where `memberOf` stands.
    member_of: Option<usize>,
    leaves: usize,
}

impl<'t> Parser<'t> {
    fn peek(&self) -> Option<&'t Token> {
        self.tokens.get(self.at).map(|placed| &placed.token)
    }

    fn column(&self) -> usize {
        self.tokens.get(self.at).map_or(self.end, |placed| placed.column)
    }

    /// Whether the next word is this one, with or without hyphen.
    fn is_word(&self, word: &str) -> bool {
        matches!(self.peek(), Some(Token::Word(found)) if found.strip_prefix('-').unwrap_or(found).eq_ignore_ascii_case(word))
    }

    fn takes(&mut self, word: &str) -> bool {
        let is = self.is_word(word);
        self.at += usize::from(is);
        is
    }

    fn takes_token(&mut self, token: &Token) -> bool {
        let is = self.peek() == Some(token);
        self.at += usize::from(is);
        is
    }

    /// What is wrong when `wanted` does not stand here.
    fn missing(&self, wanted: &'static str) -> RuleError {
        let fault = match self.peek() {
            None => Fault::Ends(wanted),
            Some(token) => Fault::Unexpected { found: token.shown(), wanted },
        };
        fault.at(self.column())
    }

    fn word(&mut self, wanted: &'static str) -> Result<(usize, &'t str), RuleError> {
        let column = self.column();
        match self.peek() {
            Some(Token::Word(word)) => {
                self.at += 1;
                Ok((column, word))
            }
            _ => Err(self.missing(wanted)),
        }
    }

    fn deeper(&mut self) -> Result<(), RuleError> {
        self.depth += 1;
        self.bounded()
    }

    fn bounded(&self) -> Result<(), RuleError> {
        if self.depth > PARENTHESES_MAX { Err(Fault::TooDeep.at(self.column())) } else { Ok(()) }
    }

    fn or<L>(&mut self, leaf: Leaf<'_, 't, L>) -> Result<Tree<L>, RuleError> {
        let mut trees = vec![self.and(leaf)?];
        while self.takes("or") {
            trees.push(self.and(leaf)?);
        }
        Ok(joined(trees, Tree::Or))
    }

    fn and<L>(&mut self, leaf: Leaf<'_, 't, L>) -> Result<Tree<L>, RuleError> {
        let mut trees = vec![self.not(leaf)?];
        while self.takes("and") {
            trees.push(self.not(leaf)?);
        }
        Ok(joined(trees, Tree::And))
    }

    fn not<L>(&mut self, leaf: Leaf<'_, 't, L>) -> Result<Tree<L>, RuleError> {
        let column = self.column();
        if self.takes("not") {
            // `-not (` is one level, however it is written.
            let alone = usize::from(self.peek() != Some(&Token::Open));
            self.depth += alone;
            self.bounded()?;
            let tree = self.not(leaf)?;
            self.depth -= alone;
            return Ok(Tree::Not(Box::new(tree)));
        }
        if self.takes_token(&Token::Open) {
            self.deeper()?;
            let tree = self.or(leaf)?;
            self.close(column)?;
            self.depth -= 1;
            return Ok(tree);
        }
        leaf(self).map(Tree::Leaf)
    }

    /// The parenthesis that closes the one at `opened`.
    fn close(&mut self, opened: usize) -> Result<(), RuleError> {
        if self.takes_token(&Token::Close) {
            return Ok(());
        }
        Err(match self.peek() {
            None => Fault::OpenParenthesis.at(opened),
            Some(token) => Fault::NoLogic(token.shown()).at(self.column()),
        })
    }

    /// A leaf of the outer tree.
    fn test(&mut self) -> Result<Test, RuleError> {
        let (column, name) = self.word(EXPRESSION)?;
        let (property, extension) = match property::extension(self.kind, name) {
            Some(extension) => (&property::EXTENSION, Some(extension)),
            None => (self.property(column, name)?, None),
        };
        self.leaves += 1;
        if property.holds == Type::Groups {
            self.member_of.get_or_insert(column);
        }
        let every = self.is_word("all");
        if every || self.is_word("any") {
            if Field::of(property.holds).is_empty() {
                return Err(Fault::NotACollection(property.name).at(self.column()));
            }
            self.at += 1;
            let elements = self.elements(property)?;
            let asked = if every { Asked::All(elements) } else { Asked::Any(elements) };
            return Ok(Test { property, extension, asked });
        }
        let operator = self.operator(property)?;
        let with = self.value(property, operator)?;
        Ok(Test { property, extension, asked: Asked::Value(Comparison { operator, with }) })
    }

    fn property(&self, column: usize, name: &str) -> Result<&'static Property, RuleError> {
        if let Some(property) = property::find(self.kind, name) {
            return Ok(property);
        }
        let entity = name.split_once('.').map(|(entity, _)| entity.to_ascii_lowercase());
        let fault = match (entity.as_deref(), self.kind) {
            (Some("user"), Kind::Device | Kind::Filter) => Fault::OtherKind(name.to_owned(), "user", "device"),
            (Some("device"), Kind::User) => Fault::OtherKind(name.to_owned(), "device", "user"),
            _ => {
                let near = property::nearest(self.kind, name);
                Fault::UnknownProperty { name: name.to_owned(), kind: self.kind.word(), near }
            }
        };
        Err(fault.at(column))
    }

    fn elements(&mut self, property: &'static Property) -> Result<Tree<Element>, RuleError> {
        let mut element = |parser: &mut Self| parser.element(property);
        let column = self.column();
        if !self.takes_token(&Token::Open) {
            return element(self).map(Tree::Leaf);
        }
        self.deeper()?;
        let tree = self.or(&mut element)?;
        self.close(column)?;
        self.depth -= 1;
        Ok(tree)
    }

    fn element(&mut self, property: &'static Property) -> Result<Element, RuleError> {
        const WANTED: &str = "an element: _, assignedPlan.servicePlanId or group.objectId";
        let (column, name) = self.word(WANTED)?;
        let field = Field::of(property.holds).iter().find(|field| field.word().eq_ignore_ascii_case(name));
        let Some(&field) = field else {
            return Err(Fault::Unexpected { found: name.to_owned(), wanted: WANTED }.at(column));
        };
        let allowed = if field == Field::GroupId { Operators::of(&[Operator::In, Operator::Eq]) } else { ELEMENT };
        let operator = self.operator_of(property, allowed)?;
        let with = self.of_type(property, (Type::Text, operator))?;
        Ok(Element { field, comparison: Comparison { operator, with } })
    }

    fn operator(&mut self, property: &'static Property) -> Result<Operator, RuleError> {
        self.operator_of(property, property.operators)
    }

    fn operator_of(&mut self, property: &'static Property, allowed: Operators) -> Result<Operator, RuleError> {
        let (column, word) = self.word(OPERATOR)?;
        let Some(operator) = Operator::from_word(word) else {
            let near = near::nearest(word.trim_start_matches('-'), Operator::all().map(Operator::word));
            return Err(Fault::UnknownOperator { word: word.to_owned(), near }.at(column));
        };
        if !allowed.has(operator) {
            return Err(Fault::NotThisOperator { property: property.name, operator, allowed }.at(column));
        }
        Ok(operator)
    }

    fn value(&mut self, property: &'static Property, operator: Operator) -> Result<Literal, RuleError> {
        // A version that Entra has as text is compared as one only by its order.
        let holds = match (property.holds, operator) {
            (Type::VersionText, Operator::Gt | Operator::Ge | Operator::Lt | Operator::Le) => Type::Version,
            (Type::VersionText | Type::Texts, _) => Type::Text,
            (holds, _) => holds,
        };
        self.of_type(property, (holds, operator))
    }

    fn of_type(
        &mut self,
        property: &'static Property,
        (holds, operator): (Type, Operator),
    ) -> Result<Literal, RuleError> {
        let column = self.column();
        if self.is_null() {
            self.at += 1;
            let may = matches!(operator, Operator::Eq | Operator::Ne);
            return if may { Ok(Literal::Null) } else { Err(Fault::Null.at(column)) };
        }
        if matches!(operator, Operator::In | Operator::NotIn) {
            return self.list(property, holds);
        }
        if matches!(operator, Operator::Match | Operator::NotMatch) {
            let text = self.literal(property, Type::Text)?;
            let Literal::Text(text) = text else { return Err(Fault::Null.at(column)) };
            return Pattern::new(&text).map(Literal::Pattern).map_err(|why| Fault::Pattern(why).at(column));
        }
        self.literal(property, holds)
    }

    /// `null` or `$null`, never `-null`.
    fn is_null(&self) -> bool {
        matches!(self.peek(), Some(Token::Word(word)) if ["null", "$null"].iter().any(|null| null.eq_ignore_ascii_case(word)))
    }

    fn list(&mut self, property: &'static Property, holds: Type) -> Result<Literal, RuleError> {
        let column = self.column();
        if !self.takes_token(&Token::OpenList) {
            return Err(self.missing("a list in [ ]"));
        }
        if self.takes_token(&Token::CloseList) {
            return Err(Fault::EmptyList.at(column));
        }
        let mut list = Vec::new();
        loop {
            if self.is_null() {
                return Err(Fault::Null.at(self.column()));
            }
            list.push(self.literal(property, holds)?);
            if self.takes_token(&Token::CloseList) {
                return Ok(Literal::List(list));
            }
            if !self.takes_token(&Token::Comma) {
                return Err(self.missing("a comma or ]"));
            }
        }
    }

    /// One value of that type. Entra's page about `employeeHireDate` puts parentheses around `system.now -minus P30D`.
    fn literal(&mut self, property: &'static Property, holds: Type) -> Result<Literal, RuleError> {
        let opened = self.column();
        if holds == Type::Date && self.takes_token(&Token::Open) {
            let literal = self.bare(property, holds)?;
            self.close(opened)?;
            return Ok(literal);
        }
        self.bare(property, holds)
    }

    /// One value of that type without parentheses.
    fn bare(&mut self, property: &'static Property, holds: Type) -> Result<Literal, RuleError> {
        let column = self.column();
        let (text, quoted) = match self.peek() {
            Some(Token::Text(text)) => (text.as_str(), true),
            Some(Token::Word(word)) if !word.starts_with('-') || word[1..].parse::<u32>().is_ok() => {
                (word.as_str(), false)
            }
            _ => return Err(self.missing(VALUE)),
        };
        self.at += 1;
        let literal = match holds {
            // "Double quotes are optional unless the value is a string."
            Type::Text | Type::Texts | Type::VersionText | Type::Groups | Type::Plans => {
                quoted.then(|| Literal::Text(text.to_owned()))
            }
            Type::Bool | Type::Integer if quoted => None,
            Type::Bool => text.to_ascii_lowercase().parse().ok().map(Literal::Bool),
            Type::Integer => text.parse().ok().map(Literal::Integer),
            Type::Version => Version::parse(text).map(|_| Literal::Version(text.to_owned())),
            Type::Date if !quoted && text.eq_ignore_ascii_case("system.now") => Some(self.now()?),
            Type::Date => moment(text).map(|seconds| Literal::When(When::At(seconds))),
        };
        let wanted = match holds {
            Type::Text if property.holds != Type::Text => Type::Text.words(),
            other => other.words(),
        };
        literal
            .ok_or_else(|| Fault::NotThisValue { found: text.to_owned(), property: property.name, wanted }.at(column))
    }

    fn now(&mut self) -> Result<Literal, RuleError> {
        let plus = self.takes("plus");
        if !plus && !self.takes("minus") {
            return Ok(Literal::When(When::Now(0)));
        }
        let (column, word) = self.word("a duration such as p30d")?;
        let wanted = "a duration such as p30d, p2w or pt6h";
        let seconds = duration(word).ok_or_else(|| Fault::Unexpected { found: word.to_owned(), wanted }.at(column))?;
        Ok(Literal::When(When::Now(if plus { seconds } else { -seconds })))
    }
}

/// One tree of several; what is joined in the same way is one level.
fn joined<L>(mut trees: Vec<Tree<L>>, join: fn(Vec<Tree<L>>) -> Tree<L>) -> Tree<L> {
    if trees.len() == 1 { trees.remove(0) } else { join(trees) }
}
