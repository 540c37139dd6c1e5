//! Scope tags: which objects an admin sees.

use std::collections::BTreeSet;

use crate::sql::{Connection, OptionalExtension};
use model::ids::TagId;
use model::world::Moment;

use super::{Page, Slice, check_version};
use crate::accounts::{check_name, taken};
use crate::audit::{self, Action, Event};
use crate::authority::View;
use crate::error::AdminError;
use crate::misfit::Use;
use crate::{Store, StoreError, row};

/// What carries tags. The numbers are in the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub(crate) enum Kind {
    User = 1,
    Device = 2,
    Group = 3,
    Role = 4,
    Assignment = 5,
    Token = 6,
    RetentionPolicy = 7,
    Policy = 8,
    Filter = 9,
}

/// A scope tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    /// Its id.
    pub id: TagId,
    /// Its name, unique in the tenant.
    pub name: String,
    /// Counts changes.
    pub version: u64,
}

/// The tags of an object.
pub(crate) fn of(
    connection: &Connection,
    tenant: i64,
    (kind, object): (Kind, i64),
) -> Result<BTreeSet<i64>, StoreError> {
    let sql = "SELECT tag_no FROM object_tags WHERE tenant = $1 AND kind = $2 AND object_no = $3";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map((tenant, kind as u8, object), |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The ids of an object's tags.
pub(crate) fn ids_of(
    connection: &Connection,
    tenant: i64,
    (kind, object): (Kind, i64),
) -> Result<Vec<TagId>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT t.id FROM object_tags o JOIN tags t ON t.tenant = o.tenant AND t.no = o.tag_no \
         WHERE o.tenant = $1 AND o.kind = $2 AND o.object_no = $3 ORDER BY t.no",
    )?;
    let rows = statement.query_map((tenant, kind as u8, object), |row| Ok(row::Id(row.get(0)?).into()))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Puts exactly these tags on an object.
pub(crate) fn put(
    tx: &Connection,
    tenant: i64,
    (kind, object): (Kind, i64),
    tags: &BTreeSet<i64>,
) -> Result<(), StoreError> {
    let sql = "DELETE FROM object_tags WHERE tenant = $1 AND kind = $2 AND object_no = $3";
    tx.prepare_cached(sql)?.execute((tenant, kind as u8, object))?;
    let sql = "INSERT INTO object_tags (tenant, kind, object_no, tag_no) VALUES ($1, $2, $3, $4)";
    for tag in tags {
        tx.prepare_cached(sql)?.execute((tenant, kind as u8, object, tag))?;
    }
    Ok(())
}

fn from_row(row: &crate::sql::Row<'_>) -> crate::sql::Result<(i64, Tag)> {
    Ok((row.get(0)?, Tag { id: row::Id(row.get(1)?).into(), name: row.get(2)?, version: row::unsigned(row.get(3)?) }))
}

/// A tag that the view holds.
fn find(connection: &Connection, view: &View, id: TagId) -> Result<(i64, Tag), AdminError> {
    let sql = "SELECT x.no, x.id, x.name, x.version FROM tags x WHERE x.tenant = $1 AND x.id = $2";
    let mut statement = connection.prepare_cached(sql)?;
    let found = statement.query_row((view.scope().no, id.as_bytes()), from_row).optional()?;
    found.filter(|(no, _)| view.holds_tags(&BTreeSet::from([*no]))).ok_or(AdminError::NotFound)
}

impl Store {
    /// Makes a tag. Who holds only some tags cannot hold a new one, so this takes a view of everything.
    pub fn create_tag(&self, view: &View, (id, name): (TagId, String), at: Moment) -> Result<Tag, AdminError> {
        check_name(&name)?;
        let view = view.clone();
        self.writer.write(move |tx| {
            if !view.own_tags().is_empty() {
                return Err(AdminError::TagNotHeld);
            }
            let tenant = view.scope().no;
            taken(tx, "scope tag", &name, "SELECT 1 FROM tags WHERE tenant = $1 AND name = $2", (tenant, &name))?;
            let no = row::next_no(tx, "SELECT COALESCE(MAX(no), 0) + 1 FROM tags WHERE tenant = $1", tenant)?;
            let sql = "INSERT INTO tags (tenant, no, id, name, version, created_at) VALUES ($1, $2, $3, $4, 1, $5)";
            tx.prepare_cached(sql)?.execute((tenant, no, id.as_bytes(), &name, at.0))?;
            let actor = view.actor();
            audit::append(tx, view.scope(), &Event::of(&actor, at, Action::TagCreate, id.as_bytes()))?;
            Ok(find(tx, &view, id)?.1)
        })
    }

    /// The tags that the view holds.
    pub fn tags(&self, view: &View, slice: Slice) -> Result<Page<Tag>, StoreError> {
        let held = view.own_tags();
        self.read(|connection| {
            let sql =
                "SELECT x.no, x.id, x.name, x.version FROM tags x WHERE x.tenant = $1 AND x.no > $2 ORDER BY x.no";
            let mut statement = connection.prepare_cached(sql)?;
            let rows = statement.query_map((view.scope().no, slice.after), from_row)?;
            let mut rows: Vec<_> = rows.collect::<Result<_, _>>()?;
            rows.retain(|(no, _)| held.is_empty() || held.contains(no));
            rows.truncate(usize::try_from(slice.rows()).unwrap_or(1));
            Ok(slice.page(rows))
        })
    }

    /// A tag that the view holds.
    pub fn tag(&self, view: &View, id: TagId) -> Result<Tag, AdminError> {
        self.read(|connection| Ok(find(connection, view, id).ok()))?.map(|(_, tag)| tag).ok_or(AdminError::NotFound)
    }

    /// The tag with that name, for the operator.
    pub fn tag_named(&self, view: &View, name: &str) -> Result<Option<TagId>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached("SELECT id FROM tags WHERE tenant = $1 AND name = $2")?;
            Ok(statement.query_row((view.scope().no, name), |row| Ok(TagId(row.get(0)?))).optional()?)
        })
    }

    /// Renames a tag.
    pub fn rename_tag(
        &self,
        view: &View,
        (id, version): (TagId, Option<u64>),
        name: String,
        at: Moment,
    ) -> Result<Tag, AdminError> {
        check_name(&name)?;
        let view = view.clone();
        self.writer.write(move |tx| {
            let tenant = view.scope().no;
            let (no, tag) = find(tx, &view, id)?;
            check_version(version, row::signed(tag.version))?;
            if tag.name != name {
                taken(tx, "scope tag", &name, "SELECT 1 FROM tags WHERE tenant = $1 AND name = $2", (tenant, &name))?;
            }
            let sql = "UPDATE tags SET name = $1, version = version + 1 WHERE tenant = $2 AND no = $3";
            tx.prepare_cached(sql)?.execute((&name, tenant, no))?;
            let actor = view.actor();
            audit::append(tx, view.scope(), &Event::of(&actor, at, Action::TagUpdate, id.as_bytes()))?;
            Ok(find(tx, &view, id)?.1)
        })
    }

    /// Deletes a tag that nothing carries and no assignment names.
    pub fn delete_tag(&self, view: &View, (id, version): (TagId, Option<u64>), at: Moment) -> Result<(), AdminError> {
        let view = view.clone();
        self.writer.write(move |tx| {
            let tenant = view.scope().no;
            let (no, tag) = find(tx, &view, id)?;
            check_version(version, row::signed(tag.version))?;
            for (sql, what) in [
                ("SELECT COUNT(*) FROM object_tags WHERE tenant = $1 AND tag_no = $2", Use::Carried as fn(u64) -> Use),
                ("SELECT COUNT(*) FROM assignment_tags WHERE tenant = $1 AND tag_no = $2", Use::Assignments),
                ("SELECT COUNT(*) FROM retention_tags WHERE tenant = $1 AND tag_no = $2", Use::Retention),
                ("SELECT COUNT(*) FROM policy_tags WHERE tenant = $1 AND tag_no = $2", Use::Policies),
            ] {
                let count: i64 = tx.prepare_cached(sql)?.query_row((tenant, no), |row| row.get(0))?;
                if count > 0 {
                    return Err(AdminError::Used(what(row::unsigned(count))));
                }
            }
            tx.prepare_cached("DELETE FROM tags WHERE tenant = $1 AND no = $2")?.execute((tenant, no))?;
            let actor = view.actor();
            Ok(audit::append(tx, view.scope(), &Event::of(&actor, at, Action::TagDelete, id.as_bytes()))?)
        })
    }
}
