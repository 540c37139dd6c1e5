//! What admins do through the API and the operator on the command line: people, devices, groups, roles, assignments, tags, service accounts,
//! policies, enrollment options, retention policies.
//!
//! Everything takes a [`View`] and finds only what that sees. A change names the version that it changes; what is made carries the tags of
//! who made it; nobody grants what they lack; and whatever is done, an owner stays ([`guard_owner`]).

pub(crate) mod assignments;
pub(crate) mod devices;
pub(crate) mod drafts;
pub(crate) mod enrolment_options;
pub(crate) mod filters;
pub(crate) mod groups;
pub(crate) mod people;
pub(crate) mod policies;
mod reach;
pub(crate) mod retention;
pub(crate) mod roles;
pub(crate) mod tags;
pub(crate) mod tokens;

use std::collections::BTreeSet;

use crate::sql::{Connection, OptionalExtension, Row};

use crate::authority::{self, View};
use crate::error::{AdminError, StoreError};
use crate::misfit::Misfit;
use crate::row;

/// The most that a page of a list holds.
pub const PAGE_MAX: usize = 200;

/// The most tags on an object, and tags, groups or members in a role assignment, as in Intune (`microsoft.md` 2.8).
pub const TAGS_MAX: usize = 100;

/// Part of a list: what comes next has a number above `next`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// Where the next page begins; `None`: this is the last.
    pub next: Option<i64>,
}

/// Which part of a list.
#[derive(Clone, Copy, Debug)]
pub struct Slice {
    /// After which number.
    pub after: i64,
    /// How many at most.
    pub limit: usize,
}

impl Default for Slice {
    fn default() -> Self {
        Self { after: 0, limit: PAGE_MAX }
    }
}

impl Slice {
    /// Rows to ask for: one more than wanted says whether there is a next page.
    pub(crate) fn rows(self) -> i64 {
        i64::try_from(self.limit.clamp(1, PAGE_MAX)).unwrap_or(1) + 1
    }

    /// Every item of a list, page after page. `page` gives the page that it is asked for.
    pub fn all<T, E>(page: impl FnMut(Self) -> Result<Page<T>, E>) -> Result<Vec<T>, E> {
        let mut items = Vec::new();
        Self::default().pages(page, |found| {
            items.extend(found);
            Ok(())
        })?;
        Ok(items)
    }

    /// Hands each page of a list to `with`, from this one on; one is in memory at a time. `page` gives the page that it is asked for.
    pub fn pages<T, E>(
        mut self,
        mut page: impl FnMut(Self) -> Result<Page<T>, E>,
        mut with: impl FnMut(Vec<T>) -> Result<(), E>,
    ) -> Result<(), E> {
        loop {
            let found = page(self)?;
            with(found.items)?;
            match found.next {
                Some(after) => self.after = after,
                None => return Ok(()),
            }
        }
    }

    pub(crate) fn page<T>(self, mut rows: Vec<(i64, T)>) -> Page<T> {
        let limit = self.limit.clamp(1, PAGE_MAX);
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().map(|(no, _)| *no).filter(|_| more);
        Page { items: rows.into_iter().map(|(_, item)| item).collect(), next }
    }
}

/// The rows of a table that the view sees, in the order in which they were made: those of the slice, and one more if there is one. The columns, the
/// table and its kind of object are ours.
fn rows_seen<T>(
    connection: &Connection,
    (view, slice): (&View, Slice),
    (columns, table, kind): (&str, &str, tags::Kind),
    from_row: fn(&Row<'_>) -> crate::sql::Result<T>,
) -> Result<Vec<T>, StoreError> {
    let sql = format!(
        "SELECT {columns} FROM {table} x WHERE x.tenant = $1 AND x.no > $2 AND {} ORDER BY x.no LIMIT $3",
        view.sees(kind)
    );
    let mut statement = connection.prepare(&sql)?;
    let rows = statement.query_map((view.scope().no, slice.after, slice.rows()), from_row)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// A change names the version that it was made for; `None`: whatever there is.
pub(crate) fn check_version(wanted: Option<u64>, found: i64) -> Result<(), AdminError> {
    let version = row::unsigned(found);
    if wanted.is_none_or(|wanted| wanted == version) { Ok(()) } else { Err(AdminError::Changed { version }) }
}

/// Does something that could take the last owner away, and refuses it if it would.
pub(crate) fn guard_owner<T>(
    tx: &Connection,
    tenant: i64,
    work: impl FnOnce() -> Result<T, AdminError>,
) -> Result<T, AdminError> {
    let before = authority::owners(tx, tenant)?;
    let result = work()?;
    if before > 0 && authority::owners(tx, tenant)? == 0 { Err(AdminError::LastOwner) } else { Ok(result) }
}

/// The numbers of things by their ids. `table` is one of ours. One that is not there is refused.
pub(crate) fn numbers<const N: usize>(
    tx: &Connection,
    tenant: i64,
    table: &'static str,
    ids: &[[u8; N]],
) -> Result<BTreeSet<i64>, AdminError> {
    let mut statement = tx.prepare_cached(&format!("SELECT no FROM {table} WHERE tenant = $1 AND id = $2"))?;
    let number = |id: &[u8; N]| {
        let found = statement.query_row((tenant, id), |row| row.get(0)).optional()?;
        found.ok_or(AdminError::NotFound)
    };
    ids.iter().map(number).collect()
}

/// The tags that a new thing gets: those that are named, which its maker must hold, or else the maker's own.
fn new_tags(tx: &Connection, view: &View, named: Option<&[[u8; 16]]>) -> Result<BTreeSet<i64>, AdminError> {
    let Some(named) = named else { return Ok(view.own_tags()) };
    if named.len() > TAGS_MAX {
        return Err(Misfit::Tags(TAGS_MAX).into());
    }
    let tags = numbers(tx, view.scope().no, "tags", named)?;
    let lost = tags.is_empty() && !view.own_tags().is_empty();
    if lost || !view.holds_tags(&tags) { Err(AdminError::TagNotHeld) } else { Ok(tags) }
}

/// Puts other tags on a thing. Tags that the admin does not hold stay as they are, since they do not see them.
fn change_tags(
    tx: &Connection,
    view: &View,
    (kind, no): (tags::Kind, i64),
    named: &[[u8; 16]],
) -> Result<(), AdminError> {
    let mut tags = new_tags(tx, view, Some(named))?;
    let own = view.own_tags();
    if !own.is_empty() {
        tags.extend(tags::of(tx, view.scope().no, (kind, no))?.difference(&own));
    }
    Ok(tags::put(tx, view.scope().no, (kind, no), &tags)?)
}
