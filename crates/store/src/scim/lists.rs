//! Lists of people and groups for a provider, a page at a time.
//!
//! A provider that compares everybody with what it has asks for some hundred pages, so a page costs what it holds: the database counts, passes over, and
//! finds what it has an index for. Whatever else a filter asks for is held against page after page, of which one is in memory.

use std::collections::BTreeMap;

use model::ids::{GroupId, UserId};
use rusqlite::types::Value;

use super::{FROM, ScimUser, from_row, with_groups};
use crate::admin::groups::{self, Group, Source};
use crate::admin::tags::Kind;
use crate::admin::{Page, Slice};
use crate::authority::View;
use crate::sql::{borrowed, places};
use crate::{Store, StoreError, row};

/// Whom to look for.
#[derive(Clone, Debug)]
pub enum Lookup {
    /// Everybody.
    All,
    /// The one with that id.
    Id(UserId),
    /// The one with that user name, whatever its case.
    UserName(String),
    /// Those with that external id.
    ExternalId(String),
}

impl Lookup {
    /// The condition on a row, with its parameter.
    fn condition(&self) -> (&'static str, Value) {
        match self {
            Self::All => EVERYTHING,
            Self::Id(id) => ("u.id = $2", Value::Blob(id.as_bytes().to_vec())),
            Self::UserName(name) => ("s.folded = $2", Value::Text(name.to_lowercase())),
            Self::ExternalId(id) => ("s.external_id = $2", Value::Text(id.clone())),
        }
    }

    /// What rows go by. Those that are looked up are few, and `+ 0` keeps SQLite from going through everybody in their order instead of to them.
    fn order(&self) -> &'static str {
        if matches!(self, Self::All) { "s.user_no" } else { "s.user_no + 0" }
    }
}

/// Which groups to look for, among those that a provider manages.
#[derive(Clone, Debug)]
pub enum GroupLookup {
    /// All.
    All,
    /// The one with that id.
    Id(GroupId),
    /// Those with that name, whatever its case. It is ASCII: nothing else has the same case everywhere.
    Name(String),
    /// Those with that external id.
    ExternalId(String),
}

impl GroupLookup {
    fn condition(&self) -> (&'static str, Value) {
        match self {
            Self::All => EVERYTHING,
            Self::Id(id) => ("x.id = $2", Value::Blob(id.as_bytes().to_vec())),
            Self::Name(name) => ("LOWER(x.name) = $2", Value::Text(name.to_ascii_lowercase())),
            Self::ExternalId(id) => ("x.external_id = $2", Value::Text(id.clone())),
        }
    }
}

/// The condition that every row fits, with the parameter that it takes.
const EVERYTHING: (&str, Value) = ("CAST($2 AS TEXT) IS NULL", Value::Null);

/// Which of a list by their place, in SCIM's way: so many are passed over, and so many given at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// How many are passed over.
    pub skip: u64,
    /// How many are given at most.
    pub limit: usize,
}

impl Window {
    fn rows(self) -> (i64, i64) {
        (i64::try_from(self.limit).unwrap_or(i64::MAX), row::signed(self.skip))
    }
}

/// Members by their groups: their ids and names.
pub type Members = BTreeMap<GroupId, Vec<(UserId, String)>>;

impl Store {
    /// People whom the view sees and a provider has told of, oldest first: how many there are, and those of the window.
    pub fn scim_users_at(&self, view: &View, window: Window) -> Result<(u64, Vec<ScimUser>), StoreError> {
        self.read(|connection| {
            let (tenant, fits) = (view.scope().no, format!("{FROM} AND {}", view.sees_person()));
            let all: i64 = connection
                .prepare(&format!("SELECT COUNT(*) FROM ({fits}) found"))?
                .query_row([tenant], |row| row.get(0))?;
            let mut statement = connection.prepare(&format!("{fits} ORDER BY s.user_no LIMIT $2 OFFSET $3"))?;
            let (limit, skip) = window.rows();
            let rows = statement.query_map((tenant, limit, skip), from_row)?;
            let users = with_groups(connection, tenant, rows.collect::<Result<_, _>>()?)?;
            Ok((row::unsigned(all), users.into_iter().map(|(_, user)| user).collect()))
        })
    }

    /// Those of them who are looked for, a page at a time.
    pub fn scim_users(&self, view: &View, lookup: &Lookup, slice: Slice) -> Result<Page<ScimUser>, StoreError> {
        self.read(|connection| {
            let tenant = view.scope().no;
            let ((condition, text), order) = (lookup.condition(), lookup.order());
            let sql =
                format!("{FROM} AND {condition} AND {order} > $3 AND {} ORDER BY {order} LIMIT $4", view.sees_person());
            let mut statement = connection.prepare(&sql)?;
            let rows = statement.query_map((tenant, text, slice.after, slice.rows()), from_row)?;
            Ok(slice.page(with_groups(connection, tenant, rows.collect::<Result<_, _>>()?)?))
        })
    }

    /// The groups that the view sees and a provider manages, oldest first: how many there are, and those of the window, without their tags.
    pub fn scim_groups_at(&self, view: &View, window: Window) -> Result<(u64, Vec<Group>), StoreError> {
        self.read(|connection| {
            let (tenant, fits) = (view.scope().no, fitting_groups(view));
            let all: i64 =
                connection.prepare(&format!("SELECT COUNT(*) FROM {fits}"))?.query_row([tenant], |row| row.get(0))?;
            let sql = format!("SELECT {} FROM {fits} ORDER BY x.no LIMIT $2 OFFSET $3", groups::COLUMNS);
            let mut statement = connection.prepare(&sql)?;
            let (limit, skip) = window.rows();
            let rows = statement.query_map((tenant, limit, skip), |row| Ok(groups::from_row(row)?.1))?;
            Ok((row::unsigned(all), rows.collect::<Result<_, _>>()?))
        })
    }

    /// Those of them that are looked for, a page at a time.
    pub fn scim_groups(&self, view: &View, lookup: &GroupLookup, slice: Slice) -> Result<Page<Group>, StoreError> {
        self.read(|connection| {
            let (condition, text) = lookup.condition();
            let sql = format!(
                "SELECT {} FROM {} AND {condition} AND x.no > $3 ORDER BY x.no LIMIT $4",
                groups::COLUMNS,
                fitting_groups(view)
            );
            let mut statement = connection.prepare(&sql)?;
            let rows = statement.query_map((view.scope().no, text, slice.after, slice.rows()), groups::from_row)?;
            Ok(slice.page(rows.collect::<Result<_, _>>()?))
        })
    }

    /// The members of groups of a page, as far as the view sees them.
    pub fn scim_members(&self, view: &View, of: &[GroupId]) -> Result<Members, StoreError> {
        if of.is_empty() {
            return Ok(Members::new());
        }
        self.read(|connection| {
            let sql = format!(
                "SELECT x.id, u.id, u.name FROM user_groups x JOIN group_members g ON g.tenant = x.tenant AND g.group_no = x.no \
                 JOIN users u ON u.tenant = g.tenant AND u.no = g.user_no \
                 WHERE x.tenant = $1 AND x.id IN ({}) AND {} ORDER BY g.group_no, g.user_no",
                places(2, of.len()),
                view.sees_person()
            );
            let mut params = vec![Value::Integer(view.scope().no)];
            params.extend(of.iter().map(|id| Value::Blob(id.as_bytes().to_vec())));
            let mut statement = connection.prepare(&sql)?;
            let mut rows = statement.query(borrowed(&params).as_slice())?;
            let mut members = Members::new();
            while let Some(row) = rows.next()? {
                let group = row::Id(row.get(0)?).into();
                members.entry(group).or_default().push((row::Id(row.get(1)?).into(), row.get(2)?));
            }
            Ok(members)
        })
    }
}

/// Table and conditions of the groups that a provider manages and the view sees.
fn fitting_groups(view: &View) -> String {
    format!(
        "user_groups x WHERE x.tenant = $1 AND x.origin = {} AND {}",
        Source::Provider as u8,
        view.sees(Kind::Group)
    )
}
