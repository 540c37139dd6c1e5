//! Facts as columns of codes.

use std::collections::HashMap;

use crate::facts::{Fact, Facts};
use crate::property::{self, FactId};

/// The code of "no value".
pub(super) const NO_VALUE: u32 = 0;

/// One fact of all rows.
#[derive(Debug, Default)]
pub(super) struct Column {
    /// A code for each row; rows beyond its end have no value.
    pub codes: Vec<u32>,
    /// The values by their code; code 0 is no value, so that the first one is 1.
    pub values: Vec<Fact>,
    known: HashMap<Fact, u32>,
}

impl Column {
    /// The code of a value, a new one if it was not seen before.
    fn code(&mut self, value: &Fact) -> u32 {
        if let Some(&code) = self.known.get(value) {
            return code;
        }
        self.values.push(value.clone());
        let code = u32::try_from(self.values.len()).expect("a row is 4 bytes a column: memory ends before codes do");
        self.known.insert(value.clone(), code);
        code
    }

    /// The value of a code.
    pub fn value(&self, code: u32) -> Option<&Fact> {
        self.values.get((code as usize).checked_sub(1)?)
    }
}

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
            if self.value(row, fact) != facts.get(fact) {
                self.put(row, fact, facts.get(fact));
                changed.push(fact);
            }
        }
        changed
    }

    /// The value of a fact of a row.
    pub fn value(&self, row: usize, fact: FactId) -> Option<&Fact> {
        let column = &self.columns[usize::from(fact.0)];
        column.value(column.codes.get(row).copied().unwrap_or(NO_VALUE))
    }

    /// How many different values a fact has.
    pub fn different(&self, fact: FactId) -> usize {
        self.columns[usize::from(fact.0)].values.len()
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
