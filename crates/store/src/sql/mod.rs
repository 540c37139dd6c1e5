//! One face for two databases: the statements of all other modules run on SQLite and on PostgreSQL as they stand.
//!
//! The face is that of rusqlite, because that is what the store was written against and because there it costs nothing: each call is one branch on a value
//! that never changes. Values travel as rusqlite's own types (integers, text, bytes, nothing), which is all that the schema knows; so whatever
//! rusqlite can bind or read works on both. What the databases do differently is in `dialect.rs`, not here.

mod postgres;
pub(crate) mod record;
mod set;

use std::marker::PhantomData;
use std::sync::Arc;

use rusqlite::types::{FromSql, ToSql, ToSqlOutput, Value, ValueRef};
use rusqlite::{CachedStatement, ErrorCode};

pub(crate) use postgres::{Address, Line, Postgres, Prepared};
pub(crate) use rusqlite::params;
pub(crate) use set::Set;

/// How often what a database takes back because of something that passes is tried, the first time included.
pub(crate) const TRIES_MAX: u32 = 8;

/// What a database said no with.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// SQLite, or a row that does not hold what was read from it.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    /// PostgreSQL, or the way to it.
    #[error("{why}")]
    Postgres {
        /// The class and code of the error, five characters (PostgreSQL, appendix A); empty where the connection failed.
        state: String,
        /// Where the database is, without secrets.
        at: String,
        /// What it said.
        why: String,
    },
}

/// What a statement gave.
pub(crate) type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// Whether a rule of the schema refused: a key that is taken, a row that is still referred to.
    pub(crate) fn is_constraint(&self) -> bool {
        match self {
            Self::Sqlite(error) => error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation),
            Self::Postgres { state, .. } => state.starts_with("23"),
        }
    }

    fn none() -> Self {
        Self::Sqlite(rusqlite::Error::QueryReturnedNoRows)
    }
}

/// Turns "no rows" into nothing.
pub(crate) trait OptionalExtension<T> {
    /// `None` where there was no row.
    fn optional(self) -> Result<Option<T>>;
}

impl<T> OptionalExtension<T> for Result<T> {
    fn optional(self) -> Result<Option<T>> {
        match self {
            Ok(value) => Ok(Some(value)),
            Err(Error::Sqlite(rusqlite::Error::QueryReturnedNoRows)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// A connection to either database.
pub(crate) enum Connection {
    /// A file.
    Sqlite(rusqlite::Connection),
    /// A server.
    Postgres(Box<Postgres>),
}

impl Connection {
    /// A statement that is compiled once for each connection.
    pub(crate) fn prepare_cached<'c>(&'c self, sql: &str) -> Result<Statement<'c>> {
        debug_assert!(in_order(sql), "parameters must first appear in their order: {sql}");
        let of = match self {
            Self::Sqlite(connection) => Of::Sqlite(connection.prepare_cached(sql)?),
            Self::Postgres(connection) => Of::Postgres { connection, prepared: connection.prepare(sql)? },
        };
        Ok(Statement { of, text: record::text(sql) })
    }

    /// A statement that may differ each time. SQLite keeps no copy of it.
    pub(crate) fn prepare<'c>(&'c self, sql: &str) -> Result<Statement<'c>> {
        debug_assert!(in_order(sql), "parameters must first appear in their order: {sql}");
        let of = match self {
            Self::Sqlite(connection) => Of::Once(connection.prepare(sql)?),
            Self::Postgres(connection) => Of::Postgres { connection, prepared: connection.prepare(sql)? },
        };
        Ok(Statement { of, text: record::text(sql) })
    }

    pub(crate) fn execute(&self, sql: &str, params: impl Params) -> Result<usize> {
        self.prepare(sql)?.execute(params)
    }

    pub(crate) fn query_row<T>(
        &self,
        sql: &str,
        params: impl Params,
        map: impl FnOnce(&Row<'_>) -> Result<T>,
    ) -> Result<T> {
        self.prepare(sql)?.query_row(params, map)
    }

    /// Several statements without parameters.
    pub(crate) fn execute_batch(&self, sql: &str) -> Result<()> {
        match self {
            Self::Sqlite(connection) => Ok(connection.execute_batch(sql)?),
            Self::Postgres(connection) => connection.batch(sql),
        }
    }

    /// Whether no transaction is open, or only one that the database has given up by itself.
    pub(crate) fn is_autocommit(&self) -> bool {
        match self {
            Self::Sqlite(connection) => connection.is_autocommit(),
            Self::Postgres(connection) => !connection.in_transaction(),
        }
    }

    /// Whether a statement of the open transaction has failed and the database takes no further one (PostgreSQL only; SQLite goes on).
    pub(crate) fn is_broken(&self) -> bool {
        match self {
            Self::Sqlite(_) => false,
            Self::Postgres(connection) => connection.is_broken(),
        }
    }

    /// Whether the transaction that began last was lost to something that passes, and has certainly not happened: beginning it anew may help (PostgreSQL only).
    pub(crate) fn passes(&self) -> bool {
        match self {
            Self::Sqlite(_) => false,
            Self::Postgres(connection) => connection.passes(),
        }
    }

    /// Counts the rows that this connection has changed.
    pub(crate) fn total_changes(&self) -> u64 {
        match self {
            Self::Sqlite(connection) => connection.total_changes(),
            Self::Postgres(connection) => connection.changes(),
        }
    }
}

/// Places for `count` parameters of a list, of which the first is `$first`.
pub(crate) fn places(first: usize, count: usize) -> String {
    let places: Vec<String> = (first..first + count).map(|number| format!("${number}")).collect();
    places.join(", ")
}

/// Whether the parameters of a statement first appear in the order of their numbers. SQLite numbers them by that, PostgreSQL by the number itself: otherwise the
/// same statement would mean something else there. (A check-in once wrote nothing for that reason.)
fn in_order(sql: &str) -> bool {
    let mut seen = 0;
    sql.split('$').skip(1).all(|after| {
        let digits = after.len() - after.trim_start_matches(|sign: char| sign.is_ascii_digit()).len();
        let Ok(number) = after[..digits].parse::<u32>() else { return true };
        let fits = number <= seen + 1;
        seen = seen.max(number);
        fits
    })
}

/// A statement.
pub(crate) struct Statement<'c> {
    of: Of<'c>,
    /// As it was written, if what it does is to be kept ([`record`]).
    text: Option<Arc<str>>,
}

enum Of<'c> {
    Sqlite(CachedStatement<'c>),
    Once(rusqlite::Statement<'c>),
    Postgres { connection: &'c Postgres, prepared: Prepared },
}

impl Of<'_> {
    fn execute(&mut self, params: impl Params) -> Result<usize> {
        match self {
            Self::Sqlite(statement) => Ok(statement.execute(params)?),
            Self::Once(statement) => Ok(statement.execute(params)?),
            Self::Postgres { connection, prepared } => connection.execute(prepared, &params.values()?),
        }
    }

    fn hand_over(&mut self, params: impl Params) -> Result<()> {
        match self {
            Self::Postgres { connection, prepared } => connection.hand_over(prepared, params.values()?),
            _ => self.execute(params).map(drop),
        }
    }

    fn query(&mut self, params: impl Params) -> Result<Rows<'_>> {
        Ok(match self {
            Self::Sqlite(statement) => Rows::Sqlite(statement.query(params)?),
            Self::Once(statement) => Rows::Sqlite(statement.query(params)?),
            Self::Postgres { connection, prepared } => {
                Rows::Postgres { rows: connection.query(prepared, &params.values()?)?.into_iter(), row: Vec::new() }
            }
        })
    }
}

impl Statement<'_> {
    /// Runs it and says how many rows it changed.
    pub(crate) fn execute(&mut self, params: impl Params) -> Result<usize> {
        let Some(text) = &self.text else { return self.of.execute(params) };
        let values = params.values()?;
        let changed = self.of.execute(borrowed(&values).as_slice())?;
        record::keep(text, values);
        Ok(changed)
    }

    /// Runs it without waiting, where waiting costs a way over the network. For what cannot fail by what it says: on PostgreSQL a failure is told by what is asked next in its place, at the
    /// latest by the commit, and the whole transaction is lost with it.
    pub(crate) fn hand_over(&mut self, params: impl Params) -> Result<()> {
        let Some(text) = &self.text else { return self.of.hand_over(params) };
        let values = params.values()?;
        self.of.hand_over(borrowed(&values).as_slice())?;
        record::keep(text, values);
        Ok(())
    }

    /// Rows of a statement that changes some come when all of it is done (<https://www.sqlite.org/lang_returning.html>, section 3).
    pub(crate) fn query(&mut self, params: impl Params) -> Result<Rows<'_>> {
        let Some(text) = &self.text else { return self.of.query(params) };
        let values = params.values()?;
        record::keep(text, values.clone());
        self.of.query(borrowed(&values).as_slice())
    }

    /// The first row.
    pub(crate) fn query_row<T>(&mut self, params: impl Params, map: impl FnOnce(&Row<'_>) -> Result<T>) -> Result<T> {
        map(&self.query(params)?.next()?.ok_or_else(Error::none)?)
    }

    pub(crate) fn query_map<T, F: FnMut(&Row<'_>) -> Result<T>>(
        &mut self,
        params: impl Params,
        map: F,
    ) -> Result<Mapped<'_, F, T, Error>> {
        self.query_and_then(params, map)
    }

    /// The same with an error of the caller's.
    pub(crate) fn query_and_then<T, E: From<Error>, F: FnMut(&Row<'_>) -> std::result::Result<T, E>>(
        &mut self,
        params: impl Params,
        map: F,
    ) -> Result<Mapped<'_, F, T, E>> {
        Ok(Mapped { rows: self.query(params)?, map, gives: PhantomData })
    }

    /// Whether there is a row.
    pub(crate) fn exists(&mut self, params: impl Params) -> Result<bool> {
        Ok(self.query(params)?.next()?.is_some())
    }
}

/// Rows, one after the other.
pub(crate) enum Rows<'s> {
    Sqlite(rusqlite::Rows<'s>),
    Postgres { rows: std::vec::IntoIter<Vec<Value>>, row: Vec<Value> },
}

impl Rows<'_> {
    pub(crate) fn next(&mut self) -> Result<Option<Row<'_>>> {
        match self {
            Self::Sqlite(rows) => Ok(rows.next()?.map(Row::Sqlite)),
            Self::Postgres { rows, row } => {
                let Some(next) = rows.next() else { return Ok(None) };
                *row = next;
                Ok(Some(Row::Postgres(row)))
            }
        }
    }
}

/// Rows as what a closure makes of them.
pub(crate) struct Mapped<'s, F, T, E> {
    rows: Rows<'s>,
    map: F,
    gives: PhantomData<fn() -> (T, E)>,
}

impl<T, E: From<Error>, F: FnMut(&Row<'_>) -> std::result::Result<T, E>> Iterator for Mapped<'_, F, T, E> {
    type Item = std::result::Result<T, E>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.rows.next() {
            Ok(Some(row)) => Some((self.map)(&row)),
            Ok(None) => None,
            Err(error) => Some(Err(error.into())),
        }
    }
}

/// A row.
pub(crate) enum Row<'r> {
    Sqlite(&'r rusqlite::Row<'r>),
    Postgres(&'r [Value]),
}

/// A column's number, so that a plain literal is one.
pub(crate) trait Column {
    fn number(self) -> usize;
}

impl Column for usize {
    fn number(self) -> usize {
        self
    }
}

impl Row<'_> {
    pub(crate) fn get<C: Column, T: FromSql>(&self, column: C) -> Result<T> {
        let number = column.number();
        match self {
            Self::Sqlite(row) => Ok(row.get(number)?),
            Self::Postgres(values) => {
                let value = values.get(number).ok_or(rusqlite::Error::InvalidColumnIndex(number))?;
                let kind = ValueRef::from(value).data_type();
                T::column_result(value.into())
                    .map_err(|error| rusqlite::Error::FromSqlConversionFailure(number, kind, Box::new(error)).into())
            }
        }
    }
}

/// Parameters of a statement: tuples, arrays, and what `params!` makes.
pub(crate) trait Params: rusqlite::Params {
    /// The same as values.
    fn values(self) -> Result<Vec<Value>>;
}

/// Values as parameters.
pub(crate) fn borrowed(values: &[Value]) -> Vec<&dyn ToSql> {
    values.iter().map(|value| value as &dyn ToSql).collect()
}

fn value(of: &dyn ToSql) -> Result<Value> {
    match of.to_sql()? {
        ToSqlOutput::Borrowed(value) => Ok(value.try_into().map_err(|error: rusqlite::types::FromSqlError| {
            rusqlite::Error::ToSqlConversionFailure(Box::new(error))
        })?),
        ToSqlOutput::Owned(value) => Ok(value),
        _ => Err(rusqlite::Error::InvalidParameterName("a kind of value that only SQLite has".to_owned()).into()),
    }
}

impl Params for [&(dyn ToSql + Send + Sync); 0] {
    fn values(self) -> Result<Vec<Value>> {
        Ok(Vec::new())
    }
}

impl Params for &[&dyn ToSql] {
    fn values(self) -> Result<Vec<Value>> {
        self.iter().map(|of| value(*of)).collect()
    }
}

macro_rules! arrays {
    ($($len:literal)*) => {
        $(impl<T: ToSql> Params for [T; $len] {
            fn values(self) -> Result<Vec<Value>> {
                self.iter().map(|of| value(of)).collect()
            }
        })*
    };
}

arrays!(1 2 3 4 5 6);

macro_rules! tuples {
    ($($($name:ident)*;)*) => {
        $(impl<$($name: ToSql),*> Params for ($($name,)*) {
            #[expect(non_snake_case, reason = "each value is named by its type")]
            fn values(self) -> Result<Vec<Value>> {
                let ($($name,)*) = self;
                Ok(vec![$(value(&$name)?),*])
            }
        })*
    };
}

tuples! {
    A; A B; A B C; A B C D; A B C D E; A B C D E F; A B C D E F G; A B C D E F G H; A B C D E F G H I;
    A B C D E F G H I J; A B C D E F G H I J K; A B C D E F G H I J K L; A B C D E F G H I J K L M;
    A B C D E F G H I J K L M N; A B C D E F G H I J K L M N O; A B C D E F G H I J K L M N O P;
}

#[cfg(test)]
mod tests {
    use super::in_order;

    #[test]
    fn parameters_out_of_order_are_found() {
        assert!(in_order("SELECT a FROM t WHERE b = $1 AND (c = $2 OR $2 IS NULL) AND d = $1"));
        assert!(in_order("SELECT 1") && in_order("SELECT '$' || $1"));
        assert!(!in_order("UPDATE t SET a = $2 WHERE b = $1"));
        assert!(!in_order("INSERT INTO t VALUES ($1, $3)"));
    }
}
