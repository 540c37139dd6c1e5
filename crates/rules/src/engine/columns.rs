//! Facts as columns: of codes where many rows have one value, and of values where hardly two have the same.

use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;

use super::plain::Plain;
use super::room::make_room;
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

/// Codes of rows, as wide as the largest one needs: most facts have few values.
#[derive(Debug)]
pub(super) enum Codes {
    One(Vec<u8>),
    Two(Vec<u16>),
    Four(Vec<u32>),
}

impl Codes {
    fn len(&self) -> usize {
        match self {
            Self::One(codes) => codes.len(),
            Self::Two(codes) => codes.len(),
            Self::Four(codes) => codes.len(),
        }
    }

    /// The code of a row; rows beyond the end have no value.
    pub fn get(&self, row: usize) -> u32 {
        match self {
            Self::One(codes) => codes.get(row).map(|code| u32::from(*code)),
            Self::Two(codes) => codes.get(row).map(|code| u32::from(*code)),
            Self::Four(codes) => codes.get(row).copied(),
        }
        .unwrap_or(NO_VALUE)
    }

    fn set(&mut self, row: usize, code: u32) {
        fn put<T: Copy + Default>(codes: &mut Vec<T>, row: usize, code: T) {
            if codes.len() <= row {
                make_room(codes, row + 1 - codes.len());
                codes.resize(row + 1, T::default());
            }
            codes[row] = code;
        }
        match self {
            Self::One(codes) => match u8::try_from(code) {
                Ok(code) => return put(codes, row, code),
                Err(_) => *self = Self::Two(codes.iter().map(|code| u16::from(*code)).collect()),
            },
            Self::Two(codes) => match u16::try_from(code) {
                Ok(code) => return put(codes, row, code),
                Err(_) => *self = Self::Four(codes.iter().map(|code| u32::from(*code)).collect()),
            },
            Self::Four(codes) => return put(codes, row, code),
        }
        self.set(row, code);
    }

    fn shrink(&mut self) {
        match self {
            Self::One(codes) => codes.shrink_to_fit(),
            Self::Two(codes) => codes.shrink_to_fit(),
            Self::Four(codes) => codes.shrink_to_fit(),
        }
    }
}

/// A fact with few values: a code for each row.
#[derive(Debug)]
pub(super) struct Coded {
    /// Code 0 is no value, so that the first one has code 1.
    pub codes: Codes,
    values: Values,
    /// The codes by their values.
    known: HashTable<u32>,
    hashes: RandomState,
}

impl Default for Coded {
    fn default() -> Self {
        let (codes, values) = (Codes::One(Vec::new()), Values::Others(Vec::new()));
        Self { codes, values, known: HashTable::new(), hashes: RandomState::new() }
    }
}

impl Coded {
    /// The code of a value, a new one if it was not seen before.
    fn code(&mut self, fact: &Fact) -> u32 {
        let value = Value::from(fact);
        let hash = self.hashes.hash_one(value);
        if let Some(&code) = self.known.find(hash, |code| self.value(*code) == Some(value)) {
            return code;
        }
        self.values.push(fact);
        let code = u32::try_from(self.values.len()).expect("a value is some bytes: memory ends before codes do");
        let (values, hashes) = (&self.values, &self.hashes);
        self.known.insert_unique(hash, code, |code| hashes.hash_one(values.get(*code as usize - 1).expect(CODED)));
        code
    }

    /// The value of a code.
    fn value(&self, code: u32) -> Option<Value<'_>> {
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

    /// Lets go of values that no row has any more.
    fn let_go(&mut self) {
        let mut fresh = vec![NO_VALUE; self.different() + 1];
        for row in 0..self.codes.len() {
            let code = self.codes.get(row);
            fresh[code as usize] = code;
        }
        if fresh.iter().skip(1).all(|code| *code != NO_VALUE) {
            return;
        }
        let mut kept = Self::default();
        for code in &mut fresh {
            *code = self.value(*code).map_or(NO_VALUE, |value| kept.code(&Fact::from(value)));
        }
        for row in 0..self.codes.len() {
            kept.codes.set(row, fresh[self.codes.get(row) as usize]);
        }
        *self = kept;
    }

    /// The values row by row, if so many are different that codes only add to them.
    fn plain(&self) -> Option<Plain> {
        if self.different() <= CODED_MAX {
            return None;
        }
        let mut plain = match &self.values {
            Values::Numbers(_) => Plain::Numbers(Vec::new()),
            Values::Texts(..) if self.different() * 2 > self.codes.len() => Plain::Texts(Vec::new()),
            _ => return None,
        };
        (0..self.codes.len()).all(|row| plain.put(row, self.value(self.codes.get(row)))).then_some(plain)
    }
}

const CODED: &str = "a code is given when its value is put in";

/// Different values up to which they have codes.
const CODED_MAX: usize = u16::MAX as usize;

/// One fact of all rows.
#[derive(Debug)]
pub(super) enum Column {
    Coded(Coded),
    Plain(Plain),
}

impl Default for Column {
    fn default() -> Self {
        Self::Coded(Coded::default())
    }
}

impl Column {
    fn put(&mut self, row: usize, value: Option<&Fact>) {
        match self {
            Self::Plain(plain) => {
                if !plain.put(row, value.map(Value::from)) {
                    // Of another type than all before, or a number of a size that none of them had.
                    let mut coded = Coded::default();
                    for before in 0..plain.len() {
                        plain.get(before, |value| {
                            let code = value.map_or(NO_VALUE, |value| coded.code(&Fact::from(value)));
                            coded.codes.set(before, code);
                        });
                    }
                    let code = value.map_or(NO_VALUE, |value| coded.code(value));
                    coded.codes.set(row, code);
                    *self = Self::Coded(coded);
                }
            }
            Self::Coded(coded) => {
                let different = coded.different();
                let code = value.map_or(NO_VALUE, |value| coded.code(value));
                if code != NO_VALUE || row < coded.codes.len() {
                    coded.codes.set(row, code);
                }
                // Looked at when there are so many for the first time, and each time they are twice as many.
                let is_more = coded.different() > different && different.is_multiple_of(CODED_MAX);
                if let Some(plain) = is_more.then(|| coded.plain()).flatten() {
                    *self = Self::Plain(plain);
                }
            }
        }
    }

    /// Does something with the value of a row.
    pub fn get<T>(&self, row: usize, with: impl FnOnce(Option<Value<'_>>) -> T) -> T {
        match self {
            Self::Coded(coded) => with(coded.value(coded.codes.get(row))),
            Self::Plain(plain) => plain.get(row, with),
        }
    }

    fn let_go(&mut self) {
        let Self::Coded(coded) = self else { return };
        coded.let_go();
        if let Some(plain) = coded.plain() {
            *self = Self::Plain(plain);
        }
    }

    fn shrink(&mut self) {
        match self {
            Self::Plain(plain) => plain.shrink(),
            Self::Coded(coded) => {
                coded.codes.shrink();
                match &mut coded.values {
                    Values::Texts(all, ends) => {
                        all.shrink_to_fit();
                        ends.shrink_to_fit();
                    }
                    Values::Numbers(numbers) => numbers.shrink_to_fit(),
                    Values::Others(facts) => facts.shrink_to_fit(),
                }
            }
        }
    }
}

/// The facts of all devices, or of all users.
#[derive(Debug)]
pub struct Table {
    rows: usize,
    pub(super) columns: Vec<Column>,
    /// A fact that always is another one, and that one.
    same: Option<(FactId, FactId)>,
}

impl Default for Table {
    fn default() -> Self {
        Self { rows: 0, columns: (0..property::facts()).map(|_| Column::default()).collect(), same: None }
    }
}

impl Table {
    /// Without rows.
    pub fn new() -> Self {
        Self::default()
    }

    /// Without rows, where the first fact of every row is what the second is, and is kept once.
    pub fn with_same(first: FactId, second: FactId) -> Self {
        Self { same: Some((first, second)), ..Self::default() }
    }

    /// How many rows it has.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Adds a row and gives its number.
    pub fn push(&mut self, facts: &Facts) -> usize {
        let row = self.rows;
        self.rows += 1;
        for (fact, value) in facts.iter().filter(|(fact, _)| !self.is_elsewhere(*fact)).collect::<Vec<_>>() {
            self.columns[usize::from(fact.0)].put(row, Some(value));
        }
        row
    }

    /// Replaces a row and gives the facts that changed.
    pub fn replace(&mut self, row: usize, facts: &Facts) -> Vec<FactId> {
        assert!(row < self.rows, "row {row} of {}", self.rows);
        let mut changed = Vec::new();
        for place in 0..self.columns.len() {
            let fact = FactId(u16::try_from(place).expect("a column is a fact"));
            let is_as_before =
                self.columns[self.place(fact)].get(row, |value| value == facts.get(fact).map(Value::from));
            if !is_as_before {
                changed.push(fact);
            }
        }
        for fact in changed.iter().filter(|fact| !self.is_elsewhere(**fact)).copied().collect::<Vec<_>>() {
            self.columns[usize::from(fact.0)].put(row, facts.get(fact));
        }
        changed
    }

    /// How many columns it has.
    pub fn columns(&self) -> usize {
        self.columns.len()
    }

    /// Lets go of values of a column that no row has any more: a name that was erased, a size of last week. Goes through all rows.
    pub fn let_go(&mut self, column: usize) {
        self.columns[column].let_go();
    }

    /// Gives back memory that was taken in advance: after many rows, and before few.
    pub fn shrink(&mut self) {
        self.columns.iter_mut().for_each(Column::shrink);
    }

    /// The value of a fact of a row.
    pub fn value(&self, row: usize, fact: FactId) -> Option<Fact> {
        self.columns[self.place(fact)].get(row, |value| value.map(Fact::from))
    }

    /// Which column has a fact.
    pub(super) fn place(&self, fact: FactId) -> usize {
        let same = self.same.filter(|(first, _)| *first == fact);
        usize::from(same.map_or(fact, |(_, second)| second).0)
    }

    fn is_elsewhere(&self, fact: FactId) -> bool {
        self.same.is_some_and(|(first, _)| first == fact)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Fact {
        Fact::Text(text.to_owned())
    }

    #[test]
    fn equal_values_have_one_code_and_each_code_its_value() {
        let facts = [text("a"), text("bc"), text("a"), text("\u{e4}"), Fact::Number(7), Fact::Bool(true), text("bc")];
        let mut column = Coded::default();
        let codes: Vec<u32> = facts.iter().map(|fact| column.code(fact)).collect();
        assert_eq!(codes, [1, 2, 1, 3, 4, 5, 2], "another type than the first ones' is taken as well");
        for (fact, code) in facts.iter().zip(codes) {
            assert_eq!(column.value(code), Some(Value::from(fact)));
        }
        assert_eq!((column.value(NO_VALUE), column.different()), (None, 5));
    }

    #[test]
    fn values_that_no_row_has_any_more_are_let_go_and_the_others_stay_where_they_are() {
        let mut column = Column::default();
        let put = |column: &mut Column, row: usize, name: &str| column.put(row, Some(&text(name)));
        for row in 0..300 {
            put(&mut column, row, &format!("pc-{row}"));
        }
        column.put(7, None);
        for row in 10..300 {
            put(&mut column, row, "erased");
        }
        column.let_go();
        let Column::Coded(coded) = &column else { panic!("few values have codes") };
        assert_eq!(coded.different(), 9 + 1, "rows 0 to 9 without 7, and what the others say");
        assert!(matches!(coded.codes, Codes::One(_)), "codes are as wide as they need be");
        let said = |column: &Column, row: usize| column.get(row, |value| value.map(Fact::from));
        for row in 0..300 {
            let name = if row < 10 { format!("pc-{row}") } else { "erased".to_owned() };
            assert_eq!(said(&column, row), (row != 7).then(|| text(&name)), "{row}");
        }
        put(&mut column, 7, "pc-7");
        put(&mut column, 299, "pc-3");
        assert_eq!((said(&column, 7), said(&column, 299)), (Some(text("pc-7")), Some(text("pc-3"))));
    }

    #[test]
    fn a_column_whose_many_values_were_let_go_takes_the_form_that_fits_those_that_are_left() {
        let rows = 2 * CODED_MAX;
        let mut column = Column::default();
        // One value that does not fit keeps the column from its plain form.
        column.put(0, Some(&Fact::Number(i64::MAX)));
        for row in 1..rows {
            column.put(row, Some(&Fact::Number(i64::try_from(row).unwrap())));
        }
        assert!(matches!(column, Column::Coded(_)));
        column.put(0, Some(&Fact::Number(0)));
        column.let_go();
        assert!(matches!(column, Column::Plain(_)));
        for row in 0..rows {
            let number = Fact::Number(i64::try_from(row).unwrap());
            assert!(column.get(row, |value| value == Some(Value::from(&number))), "{row}");
        }
    }

    /// What a column gives is what was put in, for rows enough that every width of codes and the plain form come by.
    fn agrees(of: impl Fn(usize) -> Option<Fact>, is_plain: bool) {
        let rows = 3 * CODED_MAX;
        let (mut column, mut wanted) = (Column::default(), Vec::new());
        for row in 0..rows {
            wanted.push(of(row));
            column.put(row, wanted[row].as_ref());
        }
        assert_eq!(matches!(column, Column::Plain(_)), is_plain);
        // Replaced, by values of other lengths, and by none.
        for row in (0..rows).step_by(997) {
            wanted[row] = if row % 2 == 0 { of(rows + row) } else { None };
            column.put(row, wanted[row].as_ref());
        }
        column.shrink();
        let check = |column: &Column, wanted: &[Option<Fact>]| {
            for (row, fact) in wanted.iter().enumerate() {
                assert!(column.get(row, |value| value == fact.as_ref().map(Value::from)), "{row}");
            }
            assert!(column.get(wanted.len(), |value| value.is_none()), "beyond the end");
        };
        check(&column, &wanted);
        // Then something that does not fit in with the others.
        for (row, fact) in [(5, Fact::Number(-1)), (6, Fact::Bool(true)), (7, text("word"))] {
            wanted[row] = Some(fact);
            column.put(row, wanted[row].as_ref());
        }
        check(&column, &wanted);
    }

    fn number(row: usize) -> i64 {
        i64::try_from(row).unwrap()
    }

    #[test]
    fn a_column_gives_what_was_put_in_however_it_keeps_it() {
        agrees(|row| (row % 10 != 3).then(|| Fact::Number(1_795_000_000 + number(row))), true);
        agrees(|row| Some(Fact::Number(number(row) - 100)), false);
        agrees(|row| Some(text(&format!("pc-{}", row * row))), true);
        agrees(|row| (row > 10_000 && row % 10 != 3).then(|| text(&format!("\u{e4}{row}"))), true);
        agrees(|row| Some(text(&format!("{:016x}{:016x}", row * 7919, row))), true);
        agrees(|row| Some(text(&format!("model {}", row % 300))), false);
        agrees(|row| Some(Fact::Texts(vec![format!("{}", row % 70_000)])), false);
    }

    #[test]
    fn a_fact_that_is_another_one_is_kept_once() {
        let (first, second) = (FactId(0), FactId(1));
        let row = |value: &str| {
            let mut facts = Facts::new();
            facts.set(first, text(value));
            facts.set(second, text(value));
            facts
        };
        let mut table = Table::with_same(first, second);
        table.push(&row("a"));
        assert_eq!((table.value(0, first), table.value(0, second)), (Some(text("a")), Some(text("a"))));
        assert_eq!(table.replace(0, &row("b")), [first, second]);
        assert_eq!(table.value(0, first), Some(text("b")));
        assert!(table.columns[0].get(0, |value| value.is_none()));
    }
}
