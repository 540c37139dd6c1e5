//! Facts as columns of codes.

use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;

use crate::facts::{Fact, Facts};
use crate::property::{self, FactId};

/// The code of "no value".
pub(super) const NO_VALUE: u32 = 0;

/// A value as a column keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Value<'t> {
    /// A folded text.
    Text(&'t str),
    /// A number, or a moment in seconds since 1970.
    Number(i64),
    /// Anything else.
    Other(&'t Fact),
}

impl<'t> From<&'t Fact> for Value<'t> {
    fn from(fact: &'t Fact) -> Self {
        match fact {
            Fact::Text(text) => Self::Text(text),
            Fact::Number(number) => Self::Number(*number),
            other => Self::Other(other),
        }
    }
}

/// Values by their place. A million PCs have a million names and ids: as facts of their own they took some hundred bytes each, twice.
#[derive(Debug)]
enum Values {
    /// One text behind the other, and where each ends.
    Texts(String, Vec<usize>),
    Numbers(Vec<i64>),
    Others(Vec<Fact>),
}

impl Values {
    fn len(&self) -> usize {
        match self {
            Self::Texts(_, ends) => ends.len(),
            Self::Numbers(numbers) => numbers.len(),
            Self::Others(facts) => facts.len(),
        }
    }

    fn get(&self, place: usize) -> Option<Value<'_>> {
        match self {
            Self::Texts(all, ends) => {
                let begin = place.checked_sub(1).map_or(0, |before| ends[before]);
                ends.get(place).map(|end| Value::Text(&all[begin..*end]))
            }
            Self::Numbers(numbers) => numbers.get(place).map(|number| Value::Number(*number)),
            Self::Others(facts) => facts.get(place).map(Value::from),
        }
    }

    fn iter(&self) -> impl Iterator<Item = Value<'_>> {
        (0..self.len()).filter_map(|place| self.get(place))
    }

    fn push(&mut self, fact: &Fact) {
        if self.len() == 0 {
            *self = match fact {
                Fact::Text(_) => Self::Texts(String::new(), Vec::new()),
                Fact::Number(_) => Self::Numbers(Vec::new()),
                _ => Self::Others(Vec::new()),
            };
        }
        match (self, fact) {
            (Self::Texts(all, ends), Fact::Text(text)) => {
                all.push_str(text);
                ends.push(all.len());
            }
            (Self::Numbers(numbers), Fact::Number(number)) => numbers.push(*number),
            (Self::Others(facts), fact) => facts.push(fact.clone()),
            // A property has one type; a caller who has it otherwise pays in memory.
            (mixed, fact) => {
                let facts = mixed.iter().map(Fact::from).chain([fact.clone()]).collect();
                *mixed = Self::Others(facts);
            }
        }
    }
}

impl From<Value<'_>> for Fact {
    fn from(value: Value<'_>) -> Self {
        match value {
            Value::Text(text) => Self::Text(text.to_owned()),
            Value::Number(number) => Self::Number(number),
            Value::Other(fact) => fact.clone(),
        }
    }
}

/// One fact of all rows.
#[derive(Debug)]
pub(super) struct Column {
    /// A code for each row; rows beyond its end have no value.
    pub codes: Vec<u32>,
    /// Code 0 is no value, so that the first one has code 1.
    values: Values,
    /// The codes by their values.
    known: HashTable<u32>,
    hashes: RandomState,
}

impl Default for Column {
    fn default() -> Self {
        let (codes, values) = (Vec::new(), Values::Others(Vec::new()));
        Self { codes, values, known: HashTable::new(), hashes: RandomState::new() }
    }
}

impl Column {
    /// The code of a value, a new one if it was not seen before.
    fn code(&mut self, fact: &Fact) -> u32 {
        let value = Value::from(fact);
        let hash = self.hashes.hash_one(value);
        if let Some(&code) = self.known.find(hash, |code| self.value(*code) == Some(value)) {
            return code;
        }
        self.values.push(fact);
        let code = u32::try_from(self.values.len()).expect("a row is 4 bytes a column: memory ends before codes do");
        let (values, hashes) = (&self.values, &self.hashes);
        self.known.insert_unique(hash, code, |code| hashes.hash_one(values.get(*code as usize - 1).expect(CODED)));
        code
    }

    /// The value of a code.
    pub fn value(&self, code: u32) -> Option<Value<'_>> {
        self.values.get((code as usize).checked_sub(1)?)
    }

    /// The different values, in the order of their codes.
    pub fn values(&self) -> impl Iterator<Item = Value<'_>> {
        self.values.iter()
    }

    /// How many different values there are.
    pub fn different(&self) -> usize {
        self.values.len()
    }
}

const CODED: &str = "a code is given when its value is put in";

/// The facts of all devices, or of all users.
#[derive(Debug)]
pub struct Table {
    rows: usize,
    pub(super) columns: Vec<Column>,
}

impl Default for Table {
    fn default() -> Self {
        Self { rows: 0, columns: (0..property::facts()).map(|_| Column::default()).collect() }
    }
}

impl Table {
    /// Without rows.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many rows it has.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Adds a row and gives its number.
    pub fn push(&mut self, facts: &Facts) -> usize {
        let row = self.rows;
        self.rows += 1;
        for (fact, value) in facts.iter() {
            self.put(row, fact, Some(value));
        }
        row
    }

    /// Replaces a row and gives the facts that changed.
    pub fn replace(&mut self, row: usize, facts: &Facts) -> Vec<FactId> {
        assert!(row < self.rows, "row {row} of {}", self.rows);
        let mut changed = Vec::new();
        for place in 0..self.columns.len() {
            let fact = FactId(u16::try_from(place).expect("a column is a fact"));
            if self.value(row, fact) != facts.get(fact).map(Value::from) {
                self.put(row, fact, facts.get(fact));
                changed.push(fact);
            }
        }
        changed
    }

    /// Gives back memory that was taken in advance: after many rows, and before few.
    pub fn shrink(&mut self) {
        for column in &mut self.columns {
            column.codes.shrink_to_fit();
            match &mut column.values {
                Values::Texts(all, ends) => {
                    all.shrink_to_fit();
                    ends.shrink_to_fit();
                }
                Values::Numbers(numbers) => numbers.shrink_to_fit(),
                Values::Others(facts) => facts.shrink_to_fit(),
            }
        }
    }

    /// The value of a fact of a row.
    pub fn value(&self, row: usize, fact: FactId) -> Option<Value<'_>> {
        let column = &self.columns[usize::from(fact.0)];
        column.value(column.codes.get(row).copied().unwrap_or(NO_VALUE))
    }

    /// How many different values a fact has.
    pub fn different(&self, fact: FactId) -> usize {
        self.columns[usize::from(fact.0)].different()
    }

    fn put(&mut self, row: usize, fact: FactId, value: Option<&Fact>) {
        let column = &mut self.columns[usize::from(fact.0)];
        let code = value.map_or(NO_VALUE, |value| column.code(value));
        if column.codes.len() <= row {
            if code == NO_VALUE {
                return;
            }
            column.codes.resize(row + 1, NO_VALUE);
        }
        column.codes[row] = code;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_have_one_code_and_each_code_its_value() {
        let text = |text: &str| Fact::Text(text.to_owned());
        let facts = [text("a"), text("bc"), text("a"), text("\u{e4}"), Fact::Number(7), Fact::Bool(true), text("bc")];
        let mut column = Column::default();
        let codes: Vec<u32> = facts.iter().map(|fact| column.code(fact)).collect();
        assert_eq!(codes, [1, 2, 1, 3, 4, 5, 2], "another type than the first ones' is taken as well");
        for (fact, code) in facts.iter().zip(codes) {
            assert_eq!(column.value(code), Some(Value::from(fact)));
        }
        assert_eq!((column.value(NO_VALUE), column.different()), (None, 5));
    }
}
