//! People of a tenant, for its admins.
//!
//! Nobody acts on somebody who may do more than they: switching an owner off, or erasing them, takes an owner.

use std::collections::BTreeSet;

use crate::sql::{Connection, OptionalExtension, Row, borrowed, places};
use model::ids::{TagId, UserId};
use model::world::Moment;
use rusqlite::types::Value;

use super::tags::Kind;
use super::{Page, Slice, change_tags, check_version, guard_owner, tags};
use crate::audit::{self, Action, Event};
use crate::authority::{self, View};
use crate::error::AdminError;
use crate::people::{self, Person};
use crate::{Deleted, SignErasure, Store, StoreError, row};

/// A person, as admins see them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Their id.
    pub id: UserId,
    /// Their name.
    pub name: String,
    /// When they were switched off.
    pub disabled_at: Option<Moment>,
    /// How many devices of theirs are live.
    pub devices: u64,
    /// How many profiles of theirs hold something.
    pub profiles: u64,
    /// Their tags.
    pub tags: Vec<TagId>,
    /// When they were made.
    pub created_at: Moment,
    /// Counts changes.
    pub version: u64,
}

/// A change of a person. `None`: as it was.
#[derive(Clone, Debug, Default)]
pub struct PersonChange {
    /// Switched off, or on.
    pub disabled: Option<bool>,
    /// Exactly these tags.
    pub tags: Option<Vec<TagId>>,
}

const COLUMNS: &str = "u.no, u.id, u.name, u.disabled_at, (SELECT COUNT(*) FROM devices d WHERE d.tenant = u.tenant \
                       AND d.user_no = u.no AND d.revoked_at IS NULL), (SELECT COUNT(*) FROM profiles p \
                       WHERE p.tenant = u.tenant AND p.user_no = u.no AND p.latest_seq IS NOT NULL), u.created_at, u.version";

fn from_row(row: &Row<'_>) -> crate::sql::Result<(i64, Listed)> {
    let person = Listed {
        id: row::Id(row.get(1)?).into(),
        name: row.get(2)?,
        disabled_at: row.get::<_, Option<i64>>(3)?.map(Moment),
        devices: row::unsigned(row.get(4)?),
        profiles: row::unsigned(row.get(5)?),
        tags: Vec::new(),
        created_at: Moment(row.get(6)?),
        version: row::unsigned(row.get(7)?),
    };
    Ok((row.get(0)?, person))
}

/// The number of a person whom the view sees.
pub(crate) fn number(connection: &Connection, view: &View, id: UserId) -> Result<i64, AdminError> {
    let sql = format!("SELECT u.no FROM users u WHERE u.tenant = $1 AND u.id = $2 AND {}", view.sees_person());
    let mut statement = connection.prepare(&sql)?;
    let no = statement.query_row((view.scope().no, id.as_bytes()), |row| row.get(0)).optional()?;
    no.ok_or(AdminError::NotFound)
}

/// Whether the view sees the person with that number.
pub(crate) fn sees(connection: &Connection, view: &View, no: i64) -> Result<bool, StoreError> {
    let sql = format!("SELECT 1 FROM users u WHERE u.tenant = $1 AND u.no = $2 AND {}", view.sees_person());
    Ok(connection.prepare(&sql)?.exists((view.scope().no, no))?)
}

/// How many people one statement looks for: a group of ten thousand takes some dozens, and each is compiled in a moment.
const NUMBERS_AT_ONCE: usize = 500;

/// The numbers of those of the people whom the view sees.
pub(crate) fn numbers(connection: &Connection, view: &View, ids: &[UserId]) -> Result<BTreeSet<i64>, StoreError> {
    let mut found = BTreeSet::new();
    for these in ids.chunks(NUMBERS_AT_ONCE) {
        let sql = format!(
            "SELECT u.no FROM users u WHERE u.tenant = $1 AND u.id IN ({}) AND {}",
            places(2, these.len()),
            view.sees_person()
        );
        let mut params = vec![Value::Integer(view.scope().no)];
        params.extend(these.iter().map(|id| Value::Blob(id.as_bytes().to_vec())));
        let mut statement = connection.prepare(&sql)?;
        let mut rows = statement.query(borrowed(&params).as_slice())?;
        while let Some(row) = rows.next()? {
            found.insert(row.get(0)?);
        }
    }
    Ok(found)
}

fn find(connection: &Connection, view: &View, id: UserId) -> Result<(i64, Listed), AdminError> {
    let sql = format!("SELECT {COLUMNS} FROM users u WHERE u.tenant = $1 AND u.id = $2 AND {}", view.sees_person());
    let mut statement = connection.prepare(&sql)?;
    let found = statement.query_row((view.scope().no, id.as_bytes()), from_row).optional()?;
    let (no, mut person) = found.ok_or(AdminError::NotFound)?;
    person.tags = tags::ids_of(connection, view.scope().no, (Kind::User, no))?;
    Ok((no, person))
}

/// Refuses to act on somebody who may do what the view's owner may not.
pub(crate) fn refuse_above(tx: &Connection, view: &View, user_no: i64, at: Moment) -> Result<(), AdminError> {
    let lacks = authority::above(tx, &view.authority, (user_no, at))?;
    if lacks.is_empty() { Ok(()) } else { Err(AdminError::Lacks(lacks)) }
}

/// Switches a person off or on inside a transaction; their sessions end.
pub(crate) fn switch(tx: &Connection, view: &View, person: &Person, off: bool, at: Moment) -> Result<(), AdminError> {
    let tenant = view.scope().no;
    guard_owner(tx, tenant, || {
        let sql = "UPDATE users SET disabled_at = $1, version = version + 1 WHERE tenant = $2 AND no = $3 \
                   AND (disabled_at IS NULL) = $4";
        let changed = tx.prepare_cached(sql)?.execute((off.then_some(at.0), tenant, person.user_no, off))?;
        if changed == 1 {
            people::end_sessions(tx, person)?;
            let action = if off { Action::UserDisable } else { Action::UserEnable };
            let actor = view.actor();
            audit::append(tx, view.scope(), &Event::of(&actor, at, action, person.user.as_bytes()))?;
        }
        Ok(())
    })
}

impl Store {
    /// The people whom the view sees; `named`: those whose name contains that, whatever the case.
    pub fn people(&self, view: &View, named: Option<&str>, slice: Slice) -> Result<Page<Listed>, StoreError> {
        self.read(|connection| {
            let sql = format!(
                "SELECT {COLUMNS} FROM users u WHERE u.tenant = $1 AND u.no > $2 AND {} \
                 AND (LOWER(u.name) LIKE $3 ESCAPE '!' OR $3 IS NULL) ORDER BY u.no LIMIT $4",
                view.sees_person()
            );
            let tenant = view.scope().no;
            let mut statement = connection.prepare(&sql)?;
            let rows = statement.query_map((tenant, slice.after, named.map(pattern), slice.rows()), from_row)?;
            let mut rows: Vec<_> = rows.collect::<Result<_, _>>()?;
            for (no, person) in &mut rows {
                person.tags = tags::ids_of(connection, tenant, (Kind::User, *no))?;
            }
            Ok(slice.page(rows))
        })
    }

    /// A person whom the view sees.
    pub fn listed_person(&self, view: &View, id: UserId) -> Result<Listed, AdminError> {
        self.read(|connection| Ok(find(connection, view, id).ok()))?
            .map(|(_, person)| person)
            .ok_or(AdminError::NotFound)
    }

    /// Changes a person's account.
    pub fn change_person(
        &self,
        view: &View,
        (id, version): (UserId, Option<u64>),
        change: PersonChange,
        at: Moment,
    ) -> Result<Listed, AdminError> {
        let view = view.clone();
        self.writer.write(move |tx| {
            let (no, person) = find(tx, &view, id)?;
            check_version(version, row::signed(person.version))?;
            refuse_above(tx, &view, no, at)?;
            if let Some(named) = &change.tags {
                let named: Vec<_> = named.iter().map(|tag| tag.0).collect();
                change_tags(tx, &view, (Kind::User, no), &named)?;
                let sql = "UPDATE users SET version = version + 1 WHERE tenant = $1 AND no = $2";
                tx.prepare_cached(sql)?.execute((view.scope().no, no))?;
                let actor = view.actor();
                audit::append(tx, view.scope(), &Event::of(&actor, at, Action::UserTags, id.as_bytes()))?;
            }
            if let Some(off) = change.disabled {
                let person = Person { tenant: view.scope().clone(), user_no: no, user: id };
                switch(tx, &view, &person, off, at)?;
            }
            Ok(find(tx, &view, id)?.1)
        })
    }

    /// Erases a person whom the view sees, for good: see [`Store::erase_user`].
    pub fn erase_person(
        &self,
        view: &View,
        id: UserId,
        (at, sign): (Moment, SignErasure),
    ) -> Result<Deleted, AdminError> {
        let checked = view.clone();
        // Checked in a transaction of its own: what changes in between, another admin does at the same moment.
        self.writer.write(move |tx| {
            let (no, _) = find(tx, &checked, id)?;
            refuse_above(tx, &checked, no, at)?;
            let tenant = checked.scope().no;
            let person = Person { tenant: checked.scope().clone(), user_no: no, user: id };
            guard_owner(tx, tenant, || switch(tx, &checked, &person, true, at))
        })?;
        match self.erase_user(view.scope(), id, (at, sign)) {
            Ok(deleted) => deleted.ok_or(AdminError::NotFound),
            Err(crate::EraseError::OnHold { .. }) => Err(AdminError::OnHold),
            Err(crate::EraseError::Store(error)) => Err(error.into()),
        }
    }
}

/// A pattern for LIKE that finds the text anywhere.
fn pattern(text: &str) -> String {
    let mut pattern = String::from("%");
    for c in text.to_lowercase().chars() {
        if matches!(c, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}
