//! Filters: rules over PCs that narrow what a policy is for.
//!
//! A filter is asked when a PC asks for its policy, with what is known of it then, so nothing is kept of it and nothing can be out of date. Its rule decides for PCs that its writer may not
//! see, so writing one takes somebody who reaches everything.

use crate::sql::{Connection, OptionalExtension, Row};
use model::admin::{Filter, NewFilter};
use model::ids::FilterId;
use model::permission::Permission;
use model::world::Moment;
use rules::Kind;

use super::policies::DESCRIPTION_CHARS_MAX;
use super::tags::{self, Kind as Tagged};
use super::{Page, Slice, change_tags, check_version, new_tags, rows_seen};
use crate::accounts::{check_name, taken};
use crate::audit::{self, Action, Event};
use crate::authority::View;
use crate::error::AdminError;
use crate::misfit::{Misfit, Use};
use crate::{Store, StoreError, row};

/// The most filters of a tenant, as in Intune (memdocs `filters.md`: "a maximum of 200 filters per tenant").
pub const FILTERS_MAX: i64 = 200;

const COLUMNS: &str = "x.no, x.id, x.name, x.description, x.rule, (SELECT COUNT(DISTINCT p.policy_no) FROM policy_filters p \
                       WHERE p.tenant = x.tenant AND p.filter_no = x.no), x.version, x.created_at, x.changed_at";

const SAME_NAME: &str = "SELECT 1 FROM filters WHERE tenant = $1 AND name = $2";

fn from_row(row: &Row<'_>) -> crate::sql::Result<(i64, Filter)> {
    let filter = Filter {
        id: row::Id(row.get(1)?).into(),
        version: row::unsigned(row.get(6)?),
        created_at: Moment(row.get(7)?),
        changed_at: Moment(row.get(8)?),
        policies: row::unsigned(row.get(5)?),
        terms: NewFilter { name: row.get(2)?, description: row.get(3)?, rule: row.get(4)?, scope_tags: None },
    };
    Ok((row.get(0)?, filter))
}

/// A filter that the view sees.
pub(crate) fn find(connection: &Connection, view: &View, id: FilterId) -> Result<(i64, Filter), AdminError> {
    let sql =
        format!("SELECT {COLUMNS} FROM filters x WHERE x.tenant = $1 AND x.id = $2 AND {}", view.sees(Tagged::Filter));
    let mut statement = connection.prepare(&sql)?;
    let found = statement.query_row((view.scope().no, id.as_bytes()), from_row).optional()?;
    let (no, mut filter) = found.ok_or(AdminError::NotFound)?;
    filter.terms.scope_tags = Some(tags::ids_of(connection, view.scope().no, (Tagged::Filter, no))?);
    Ok((no, filter))
}

/// What is said of groups and filters in words.
pub(crate) fn check_description(text: &str) -> Result<(), AdminError> {
    let odd = |letter: char| letter.is_control() && !matches!(letter, '\n' | '\r' | '\t');
    if text.chars().count() > DESCRIPTION_CHARS_MAX || text.chars().any(odd) {
        return Err(Misfit::Description(DESCRIPTION_CHARS_MAX).into());
    }
    Ok(())
}

/// Writing a rule takes somebody who reaches everything.
pub(crate) fn check_whole(view: &View, permission: Permission) -> Result<(), AdminError> {
    if view.is_whole() { Ok(()) } else { Err(AdminError::Lacks(vec![permission])) }
}

fn tag_ids(terms: &NewFilter) -> Option<Vec<[u8; 16]>> {
    terms.scope_tags.as_ref().map(|tags| tags.iter().map(|tag| tag.0).collect())
}

impl Store {
    /// Makes a filter.
    pub fn create_filter(
        &self,
        view: &View,
        (id, mut terms): (FilterId, NewFilter),
        at: Moment,
    ) -> Result<Filter, AdminError> {
        check_name(&terms.name)?;
        check_description(&terms.description)?;
        check_whole(view, Permission::PolicyWrite)?;
        terms.rule = rules::parse(Kind::Filter, &terms.rule)?.to_string();
        let view = view.clone();
        self.writer.write(move |tx| {
            let tenant = view.scope().no;
            taken(tx, "filter", &terms.name, SAME_NAME, (tenant, &terms.name))?;
            let sql = "SELECT COUNT(*) FROM filters WHERE tenant = $1";
            let there: i64 = tx.prepare_cached(sql)?.query_row([tenant], |row| row.get(0))?;
            if there >= FILTERS_MAX {
                return Err(Misfit::FiltersFull(FILTERS_MAX).into());
            }
            let tags = new_tags(tx, &view, tag_ids(&terms).as_deref())?;
            let no = row::next_no(tx, "SELECT COALESCE(MAX(no), 0) + 1 FROM filters WHERE tenant = $1", tenant)?;
            tx.prepare_cached(
                "INSERT INTO filters (tenant, no, id, name, description, rule, version, created_at, changed_at) \
                 VALUES ($1, $2, $3, $4, $5, $6, 1, $7, $7)",
            )?
            .execute((tenant, no, id.as_bytes(), &terms.name, &terms.description, &terms.rule, at.0))?;
            tags::put(tx, tenant, (Tagged::Filter, no), &tags)?;
            let actor = view.actor();
            let event = Event::of(&actor, at, Action::FilterCreate, id.as_bytes());
            audit::append(tx, view.scope(), &Event { after: Some(&terms.rule), ..event })?;
            Ok(find(tx, &view, id)?.1)
        })
    }

    /// The filters that the view sees.
    pub fn filters(&self, view: &View, slice: Slice) -> Result<Page<Filter>, StoreError> {
        self.read(|connection| {
            let tenant = view.scope().no;
            let mut rows = rows_seen(connection, (view, slice), (COLUMNS, "filters", Tagged::Filter), from_row)?;
            for (no, filter) in &mut rows {
                filter.terms.scope_tags = Some(tags::ids_of(connection, tenant, (Tagged::Filter, *no))?);
            }
            Ok(slice.page(rows))
        })
    }

    /// A filter that the view sees.
    pub fn filter(&self, view: &View, id: FilterId) -> Result<Filter, AdminError> {
        self.look_up(|connection| Ok(find(connection, view, id)?.1))
    }

    /// Changes a filter.
    pub fn change_filter(
        &self,
        view: &View,
        (id, version): (FilterId, Option<u64>),
        terms: NewFilter,
        at: Moment,
    ) -> Result<Filter, AdminError> {
        check_name(&terms.name)?;
        check_description(&terms.description)?;
        let view = view.clone();
        self.writer.write(move |tx| {
            let tenant = view.scope().no;
            let (no, before) = find(tx, &view, id)?;
            check_whole(&view, Permission::PolicyWrite)?;
            let rule = rules::parse(Kind::Filter, &terms.rule)?.to_string();
            check_version(version, row::signed(before.version))?;
            if before.terms.name != terms.name {
                taken(tx, "filter", &terms.name, SAME_NAME, (tenant, &terms.name))?;
            }
            if let Some(named) = tag_ids(&terms) {
                change_tags(tx, &view, (Tagged::Filter, no), &named)?;
            }
            tx.prepare_cached(
                "UPDATE filters SET name = $1, description = $2, rule = $3, changed_at = $4, version = version + 1 \
                 WHERE tenant = $5 AND no = $6",
            )?
            .execute((&terms.name, &terms.description, &rule, at.0, tenant, no))?;
            let actor = view.actor();
            let event = Event::of(&actor, at, Action::FilterUpdate, id.as_bytes());
            let event = Event { before: Some(&before.terms.rule), after: Some(&rule), ..event };
            audit::append(tx, view.scope(), &event)?;
            Ok(find(tx, &view, id)?.1)
        })
    }

    /// Deletes a filter that no policy uses.
    pub fn delete_filter(
        &self,
        view: &View,
        (id, version): (FilterId, Option<u64>),
        at: Moment,
    ) -> Result<(), AdminError> {
        let view = view.clone();
        self.writer.write(move |tx| {
            let tenant = view.scope().no;
            let (no, before) = find(tx, &view, id)?;
            check_whole(&view, Permission::PolicyWrite)?;
            check_version(version, row::signed(before.version))?;
            if before.policies > 0 {
                return Err(AdminError::Used(Use::Policies(before.policies)));
            }
            tags::put(tx, tenant, (Tagged::Filter, no), &std::collections::BTreeSet::new())?;
            tx.prepare_cached("DELETE FROM filters WHERE tenant = $1 AND no = $2")?.execute((tenant, no))?;
            let actor = view.actor();
            let event = Event::of(&actor, at, Action::FilterDelete, id.as_bytes());
            Ok(audit::append(tx, view.scope(), &Event { before: Some(&before.terms.rule), ..event })?)
        })
    }
}
