//! Rules over a table: each different test once a block, joined as bits.

use memchr::memmem::Finder;

use super::columns::{Coded, Codes as Kept, Column, NO_VALUE, Table, Value};
use crate::facts::Fact;
use crate::operator::Operator;
use crate::rule::{Asked, Comparison, Element, Field, Literal, Rule, Test, Tree};
use crate::value::{Pattern, Version, fold};

/// Rows of a block: 16 kB of codes, which stay in the first cache of any processor of the last fifteen years, beside the bits of hundreds of tests.
const BLOCK: usize = 4_096;

/// Words of bits of a block.
const WORDS: usize = BLOCK / 64;

type Block = [u64; WORDS];

/// One bit for each row: whether a rule holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bits(Vec<u64>);

impl Bits {
    /// Whether the bit of a row is set.
    pub fn has(&self, row: usize) -> bool {
        self.0.get(row / 64).is_some_and(|word| word >> (row % 64) & 1 == 1)
    }

    /// How many are set.
    pub fn count(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// The rows whose bits are set.
    pub fn rows(&self) -> impl Iterator<Item = usize> {
        let rows = |(place, word): (usize, &u64)| {
            let word = *word;
            (0..64).filter(move |bit| word >> bit & 1 == 1).map(move |bit| place * 64 + bit)
        };
        self.0.iter().enumerate().flat_map(rows)
    }

    /// Takes away the bits that are not set in the other.
    pub fn keep(&mut self, other: &Self) {
        self.0.truncate(other.0.len());
        self.0.iter_mut().zip(&other.0).for_each(|(word, other)| *word &= other);
    }

    /// Takes away the bits that are set in the other.
    pub fn remove(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(word, other)| *word &= !other);
    }

    /// Adds the bits that are set in the other.
    pub fn add(&mut self, other: &Self) {
        self.0.resize(self.0.len().max(other.0.len()), 0);
        self.0.iter_mut().zip(&other.0).for_each(|(word, other)| *word |= other);
    }

    /// Sets the bit of a row, or takes it away.
    pub fn set(&mut self, row: usize, value: bool) {
        if self.0.len() <= row / 64 {
            self.0.resize(row / 64 + 1, 0);
        }
        let bit = 1 << (row % 64);
        if value {
            self.0[row / 64] |= bit;
        } else {
            self.0[row / 64] &= !bit;
        }
    }
}

/// How a rule joins its tests, in the order of a stack machine.
#[derive(Clone, Copy, Debug)]
enum Step {
    Test(u32),
    Not,
    And,
    Or,
}

/// A test of one column, and the codes for which it holds if the column has codes.
#[derive(Debug)]
struct Probe {
    column: usize,
    codes: Option<Codes>,
    matcher: Matcher,
}

impl Probe {
    fn new(table: &Table, column: usize, matcher: Matcher) -> Self {
        let codes = match &table.columns[column] {
            Column::Coded(coded) => Some(Codes::of(coded, &matcher)),
            Column::Plain(_) => None,
        };
        Self { column, codes, matcher }
    }

    /// One bit for each of the rows of a block, from `begin` up to `end`.
    fn mark(&self, table: &Table, (begin, end): (usize, usize), bits: &mut Block) {
        match (&self.codes, &table.columns[self.column]) {
            (Some(set), Column::Coded(coded)) => match &coded.codes {
                Kept::One(codes) => set.mark(part(codes, (begin, end)), bits),
                Kept::Two(codes) => set.mark(part(codes, (begin, end)), bits),
                Kept::Four(codes) => set.mark(part(codes, (begin, end)), bits),
            },
            (_, column) => {
                let mut row = begin;
                for word in bits {
                    *word = 0;
                    for bit in 0..end.saturating_sub(row).min(64) {
                        *word |= u64::from(column.get(row + bit, |value| self.matcher.holds(value))) << bit;
                    }
                    row += 64;
                }
            }
        }
    }

    fn has(&self, table: &Table, row: usize) -> bool {
        match (&self.codes, &table.columns[self.column]) {
            (Some(set), Column::Coded(coded)) => set.has(coded.codes.get(row)),
            (_, column) => column.get(row, |value| self.matcher.holds(value)),
        }
    }
}

/// The codes of these rows, as far as there are any.
fn part<T>(codes: &[T], (begin, end): (usize, usize)) -> &[T] {
    codes.get(begin..end.min(codes.len())).unwrap_or_default()
}

/// A code as a column keeps it: as wide as the column's largest, so that any of the column's fits.
trait Code: Copy + Ord {
    fn of(code: u32) -> Self;
    fn less(self, other: Self) -> Self;
    fn place(self) -> usize;
}

macro_rules! code {
    ($($width:ty),*) => {$(
        impl Code for $width {
            #[inline]
            fn of(code: u32) -> Self {
                Self::try_from(code).unwrap_or(Self::MAX)
            }
            #[inline]
            fn less(self, other: Self) -> Self {
                self.wrapping_sub(other)
            }
            #[inline]
            fn place(self) -> usize {
                self as usize
            }
        }
    )*};
}

code!(u8, u16, u32);

/// A set of codes, in its cheapest form.
#[derive(Debug, PartialEq, Eq)]
enum Codes {
    /// From, and how many after it: one comparison.
    Range(u32, u32),
    /// A few single ones.
    Few(Vec<u32>),
    /// By looking up.
    Listed(Vec<u8>),
}

/// More single codes than this are looked up: a comparison costs about a quarter of a look-up.
const FEW_MAX: usize = 4;

impl Codes {
    /// Of a column's codes, by asking each different value once.
    fn of(column: &Coded, matcher: &Matcher) -> Self {
        let mut listed = Vec::with_capacity(column.different() + 1);
        listed.push(u8::from(matcher.holds(None)));
        listed.extend(column.values().map(|value| u8::from(matcher.holds(Some(value)))));
        let set = |code: &usize| listed[*code] == 1;
        let first = (0..listed.len()).find(set).unwrap_or(listed.len());
        let last = (0..listed.len()).rev().find(set).unwrap_or(0);
        let count = listed.iter().map(|set| usize::from(*set)).sum::<usize>();
        let code = |place: usize| u32::try_from(place).expect("places of a dictionary are codes");
        if count == 0 {
            Self::Few(Vec::new())
        } else if last - first + 1 == count {
            Self::Range(code(first), code(last - first))
        } else if count <= FEW_MAX {
            Self::Few((0..listed.len()).filter(set).map(code).collect())
        } else {
            Self::Listed(listed)
        }
    }

    fn has(&self, code: u32) -> bool {
        match self {
            Self::Range(first, more) => code.wrapping_sub(*first) <= *more,
            Self::Few(codes) => codes.contains(&code),
            Self::Listed(listed) => listed.get(code as usize) == Some(&1),
        }
    }

    /// One bit for each code of a block; rows beyond the column have no value.
    fn mark<T: Code>(&self, codes: &[T], bits: &mut Block) {
        match self {
            Self::Range(first, more) => {
                let (first, more) = (T::of(*first), T::of(*more));
                pack(codes, bits, |code| u8::from(code.less(first) <= more));
            }
            Self::Few(few) => match few[..] {
                [] => bits.fill(0),
                [a, b] => {
                    let (a, b) = (T::of(a), T::of(b));
                    pack(codes, bits, |code| u8::from(code == a) | u8::from(code == b));
                }
                _ => pack(codes, bits, |code| few.iter().fold(0, |set, one| set | u8::from(code == T::of(*one)))),
            },
            Self::Listed(listed) => pack(codes, bits, |code| listed[code.place()]),
        }
        if codes.len() < BLOCK && self.has(NO_VALUE) {
            for row in codes.len()..BLOCK {
                bits[row / 64] |= 1 << (row % 64);
            }
        }
    }
}

/// Bytes of 0 and 1 to bits. The inner loop over 64 codes is one that the compiler makes vector instructions of; eight bytes become eight bits by
/// one multiplication.
#[inline]
fn pack<T: Code>(codes: &[T], bits: &mut Block, set: impl Fn(T) -> u8) {
    const GATHER: u64 = 0x0102_0408_1020_4080;
    let (chunks, rest) = codes.as_chunks::<64>();
    let mut words = bits.iter_mut();
    for (chunk, word) in chunks.iter().zip(&mut words) {
        let mut bytes = [0_u8; 64];
        for (byte, code) in bytes.iter_mut().zip(chunk) {
            *byte = set(*code);
        }
        *word = bytes
            .as_chunks::<8>()
            .0
            .iter()
            .rev()
            .fold(0, |word, eight| word << 8 | u64::from_le_bytes(*eight).wrapping_mul(GATHER) >> 56);
    }
    if let Some(word) = words.next() {
        *word = rest.iter().rev().fold(0, |word, code| word << 1 | u64::from(set(*code)));
    }
    words.for_each(|word| *word = 0);
}

/// Rules, compiled for a table as it is now.
#[derive(Debug)]
pub struct Program {
    probes: Vec<Probe>,
    rules: Vec<Vec<Step>>,
}

impl Program {
    /// Compiles rules, at `now` (seconds since 1970). Values that come into the table later are not known to it.
    pub fn new<'r>(rules: impl IntoIterator<Item = &'r Rule>, table: &Table, now: i64) -> Self {
        let mut tests: std::collections::HashMap<String, u32> = std::collections::HashMap::new();
        let mut program = Self { probes: Vec::new(), rules: Vec::new() };
        for rule in rules {
            let mut steps = Vec::new();
            steps_of(&rule.tree, &mut steps, &mut |test| {
                // The canonical spelling, with the fact instead of the name that the kind of rule has for it.
                let spelled = format!("{:?} {:?}", test.property.fact(), test.asked);
                *tests.entry(spelled).or_insert_with(|| {
                    let column = table.place(test.property.fact());
                    program.probes.push(Probe::new(table, column, Matcher::new(test, now)));
                    u32::try_from(program.probes.len() - 1).expect("a rule has at most 3,072 characters")
                })
            });
            program.rules.push(steps);
        }
        program
    }

    /// How many different tests all rules have together.
    pub fn tests(&self) -> usize {
        self.probes.len()
    }

    /// One bit for each row and rule.
    pub fn run(&self, table: &Table) -> Vec<Bits> {
        let words = table.rows().div_ceil(64);
        let mut out: Vec<Bits> = self.rules.iter().map(|_| Bits(Vec::with_capacity(words + WORDS))).collect();
        let mut marks: Vec<Block> = vec![[0; WORDS]; self.probes.len()];
        let mut stack: Vec<Block> = Vec::new();
        for begin in (0..table.rows()).step_by(BLOCK) {
            let rows = BLOCK.min(table.rows() - begin);
            for (probe, bits) in self.probes.iter().zip(&mut marks) {
                probe.mark(table, (begin, begin + rows), bits);
            }
            for (steps, out) in self.rules.iter().zip(&mut out) {
                let result = joined(steps, &marks, &mut stack);
                out.0.extend_from_slice(&result[..rows.div_ceil(64)]);
                if !rows.is_multiple_of(64) {
                    let last = out.0.last_mut().expect("a block has at least one row");
                    *last &= (1 << (rows % 64)) - 1;
                }
            }
        }
        out
    }

    /// Whether the rule of that place holds for a row.
    pub fn holds(&self, rule: usize, table: &Table, row: usize) -> bool {
        let mut stack: Vec<bool> = Vec::new();
        for step in &self.rules[rule] {
            let top = match step {
                Step::Test(test) => self.probes[*test as usize].has(table, row),
                Step::Not => !stack.pop().expect(WELL_FORMED),
                Step::And => stack.pop().expect(WELL_FORMED) & stack.pop().expect(WELL_FORMED),
                Step::Or => stack.pop().expect(WELL_FORMED) | stack.pop().expect(WELL_FORMED),
            };
            stack.push(top);
        }
        stack.pop().expect(WELL_FORMED)
    }
}

const WELL_FORMED: &str = "steps come from a tree, so that each finds what it joins";

fn joined(steps: &[Step], marks: &[Block], stack: &mut Vec<Block>) -> Block {
    stack.clear();
    for step in steps {
        match step {
            Step::Test(test) => stack.push(marks[*test as usize]),
            Step::Not => stack.last_mut().expect(WELL_FORMED).iter_mut().for_each(|word| *word = !*word),
            Step::And | Step::Or => {
                let right = stack.pop().expect(WELL_FORMED);
                let left = stack.last_mut().expect(WELL_FORMED);
                let and = matches!(step, Step::And);
                for (left, right) in left.iter_mut().zip(&right) {
                    *left = if and { *left & right } else { *left | right };
                }
            }
        }
    }
    stack.pop().expect(WELL_FORMED)
}

fn steps_of(tree: &Tree<Test>, steps: &mut Vec<Step>, place: &mut impl FnMut(&Test) -> u32) {
    match tree {
        Tree::Leaf(test) => steps.push(Step::Test(place(test))),
        Tree::Not(inner) => {
            steps_of(inner, steps, place);
            steps.push(Step::Not);
        }
        Tree::And(trees) | Tree::Or(trees) => {
            let join = if matches!(tree, Tree::And(_)) { Step::And } else { Step::Or };
            for (at, tree) in trees.iter().enumerate() {
                steps_of(tree, steps, place);
                if at > 0 {
                    steps.push(join);
                }
            }
        }
    }
}

/// A test with everything worked out that does not depend on the value.
#[derive(Debug)]
enum Matcher {
    One(Compared),
    Any(Tree<(Field, Compared)>),
    All(Tree<(Field, Compared)>),
}

/// A comparison, worked out.
#[derive(Debug)]
struct Compared {
    denied: bool,
    with: With,
}

#[derive(Debug)]
enum With {
    Null,
    Bool(bool),
    /// From and to, both included.
    Numbers(Vec<(i64, i64)>),
    Equal(Vec<String>),
    Begins(String),
    Ends(String),
    /// Prepared once: it is asked a million times.
    Contains(Box<Finder<'static>>),
    Match(Pattern),
    Versions(Operator, Option<Version>),
}

impl Matcher {
    fn new(test: &Test, now: i64) -> Self {
        match &test.asked {
            Asked::Value(comparison) => Self::One(Compared::new(comparison, now)),
            Asked::Any(tree) => Self::Any(elements(tree)),
            Asked::All(tree) => Self::All(elements(tree)),
        }
    }

    fn holds(&self, value: Option<Value<'_>>) -> bool {
        let (tree, every) = match self {
            Self::One(compared) => return compared.holds(value),
            Self::Any(tree) => (tree, false),
            Self::All(tree) => (tree, true),
        };
        let text = |tree: &Tree<(Field, Compared)>, text: &str| {
            tree.holds(&mut |(_, compared)| compared.text(Some(text).filter(|text| !text.is_empty())))
        };
        let plan = |tree: &Tree<(Field, Compared)>, plan: &[String; 3]| {
            tree.holds(&mut |(field, compared)| {
                let place = match field {
                    Field::CapabilityStatus => 1,
                    Field::Service => 2,
                    _ => 0,
                };
                compared.text(Some(plan[place].as_str()).filter(|text| !text.is_empty()))
            })
        };
        match value {
            Some(Value::Other(Fact::Texts(texts))) if every => texts.iter().all(|one| text(tree, one)),
            Some(Value::Other(Fact::Texts(texts))) => texts.iter().any(|one| text(tree, one)),
            Some(Value::Other(Fact::Plans(plans))) if every => plans.iter().all(|one| plan(tree, one)),
            Some(Value::Other(Fact::Plans(plans))) => plans.iter().any(|one| plan(tree, one)),
            _ => every,
        }
    }
}

fn elements(tree: &Tree<Element>) -> Tree<(Field, Compared)> {
    match tree {
        Tree::Leaf(element) => Tree::Leaf((element.field, Compared::new(&element.comparison, 0))),
        Tree::Not(inner) => Tree::Not(Box::new(elements(inner))),
        Tree::And(trees) => Tree::And(trees.iter().map(elements).collect()),
        Tree::Or(trees) => Tree::Or(trees.iter().map(elements).collect()),
    }
}

impl Compared {
    fn new(comparison: &Comparison, now: i64) -> Self {
        let (operator, denied) = comparison.operator.denies();
        let with = match (operator, &comparison.with) {
            (_, Literal::Null) => With::Null,
            (_, Literal::Bool(value)) => With::Bool(*value),
            (_, Literal::Integer(number)) => With::Numbers(span(operator, *number)),
            (_, Literal::When(when)) => With::Numbers(span(operator, when.seconds(now))),
            (_, Literal::Version(text)) => With::Versions(operator, Version::parse(text)),
            (_, Literal::Pattern(pattern)) => With::Match(pattern.clone()),
            (Operator::StartsWith, Literal::Text(text)) => With::Begins(fold(text)),
            (Operator::EndsWith, Literal::Text(text)) => With::Ends(fold(text)),
            (Operator::Contains, Literal::Text(text)) => {
                With::Contains(Box::new(Finder::new(&fold(text)).into_owned()))
            }
            (_, Literal::Text(text)) => With::Equal(vec![fold(text)]),
            (_, Literal::List(list)) => listed(list),
        };
        Self { denied, with }
    }

    fn holds(&self, value: Option<Value<'_>>) -> bool {
        match value {
            None => matches!(self.with, With::Null) != self.denied,
            Some(Value::Text(text)) => self.text(Some(text)),
            Some(Value::Number(value)) => {
                let within = |(from, to): &(i64, i64)| (*from..=*to).contains(&value);
                matches!(&self.with, With::Numbers(spans) if spans.iter().any(within)) != self.denied
            }
            Some(Value::Other(Fact::Texts(texts))) => texts.iter().any(|text| self.says(text)) != self.denied,
            Some(Value::Other(Fact::Bool(value))) => {
                matches!(self.with, With::Bool(with) if with == *value) != self.denied
            }
            Some(Value::Other(_)) => self.denied,
        }
    }

    fn text(&self, text: Option<&str>) -> bool {
        text.map_or(matches!(self.with, With::Null), |text| self.says(text)) != self.denied
    }

    /// The positive comparison of a text.
    fn says(&self, text: &str) -> bool {
        match &self.with {
            With::Equal(list) => list.iter().any(|item| item == text),
            With::Begins(begin) => text.starts_with(begin.as_str()),
            With::Ends(end) => text.ends_with(end.as_str()),
            With::Contains(inner) => inner.find(text.as_bytes()).is_some(),
            With::Match(pattern) => pattern.is_in(text),
            With::Versions(operator, with) => match (Version::parse(text), with) {
                (Some(version), Some(with)) => match operator {
                    Operator::Gt => version > *with,
                    Operator::Ge => version >= *with,
                    Operator::Lt => version < *with,
                    Operator::Le => version <= *with,
                    _ => version == *with,
                },
                _ => false,
            },
            With::Null | With::Bool(_) | With::Numbers(_) => false,
        }
    }
}

/// The numbers for which `operator number` holds; none if it is at the end of all numbers.
fn span(operator: Operator, number: i64) -> Vec<(i64, i64)> {
    let span = match operator {
        Operator::Gt => number.checked_add(1).map(|from| (from, i64::MAX)),
        Operator::Ge => Some((number, i64::MAX)),
        Operator::Lt => number.checked_sub(1).map(|to| (i64::MIN, to)),
        Operator::Le => Some((i64::MIN, number)),
        _ => Some((number, number)),
    };
    span.into_iter().collect()
}

fn listed(list: &[Literal]) -> With {
    let mut texts = Vec::new();
    let mut numbers = Vec::new();
    for item in list {
        match item {
            Literal::Text(text) => texts.push(fold(text)),
            Literal::Integer(number) => numbers.push((*number, *number)),
            _ => {}
        }
    }
    if numbers.is_empty() { With::Equal(texts) } else { With::Numbers(numbers) }
}
