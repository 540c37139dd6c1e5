//! Role assignments: who may do what, over whom, and what of it they see.

use std::collections::BTreeSet;

use crate::sql::{Connection, OptionalExtension, Row};
use model::admin::GroupOf;
use model::ids::{AssignmentId, GroupId, RoleId, TagId, TokenId, UserId};
use model::permission::{BuiltIn, Permission};
use model::world::Moment;

use super::tags::Kind;
use super::{
    Page, Slice, TAGS_MAX, change_tags, check_version, groups, guard_owner, new_tags, numbers, people, roles,
    rows_seen, tags,
};
use crate::accounts::{check_name, taken};
use crate::audit::{self, Action, Event};
use crate::authority::{self, Range, View, from_words};
use crate::error::AdminError;
use crate::misfit::Misfit;
use crate::scope::TenantScope;
use crate::{Store, StoreError, row};

/// Which role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// One that every tenant has.
    BuiltIn(BuiltIn),
    /// One of the tenant's own.
    Own(RoleId),
}

/// What an assignment says. In an assignment that is read, members and groups are those that the view sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Its name, unique in the tenant.
    pub name: String,
    /// The role.
    pub role: Which,
    /// People who have it.
    pub users: Vec<UserId>,
    /// Groups whose people have it.
    pub groups: Vec<GroupId>,
    /// Service accounts that have it.
    pub tokens: Vec<TokenId>,
    /// Over the people of which groups; `None`: all people.
    pub scope_groups: Option<Vec<GroupId>>,
    /// Over the objects with which tags; `None`: all objects.
    pub scope_tags: Option<Vec<TagId>>,
    /// Until when; `None`: without an end.
    pub expires_at: Option<Moment>,
}

/// A role assignment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// Its id.
    pub id: AssignmentId,
    /// What it says.
    pub terms: Terms,
    /// Its own tags: who sees it.
    pub tags: Vec<TagId>,
    /// Counts changes.
    pub version: u64,
}

struct Stored {
    no: i64,
    id: AssignmentId,
    name: String,
    built_in: Option<BuiltIn>,
    role_no: Option<i64>,
    all: (bool, bool),
    expires_at: Option<Moment>,
    version: u64,
}

const COLUMNS: &str = "x.no, x.id, x.name, x.built_in, x.role_no, x.all_groups, x.all_tags, x.expires_at, x.version";

fn from_row(row: &Row<'_>) -> crate::sql::Result<Stored> {
    Ok(Stored {
        no: row.get(0)?,
        id: row::Id(row.get(1)?).into(),
        name: row.get(2)?,
        built_in: row.get::<_, Option<String>>(3)?.as_deref().and_then(BuiltIn::from_word),
        role_no: row.get(4)?,
        all: (row.get(5)?, row.get(6)?),
        expires_at: row.get::<_, Option<i64>>(7)?.map(Moment),
        version: row::unsigned(row.get(8)?),
    })
}

fn stored(connection: &Connection, view: &View, id: AssignmentId) -> Result<Stored, AdminError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM assignments x WHERE x.tenant = $1 AND x.id = $2 AND {}",
        view.sees(Kind::Assignment)
    );
    let mut statement = connection.prepare(&sql)?;
    let found = statement.query_row((view.scope().no, id.as_bytes()), from_row).optional()?;
    found.ok_or(AdminError::NotFound)
}

/// The ids of what one of an assignment's lists names. Table and column names are ours.
fn ids<T: From<row::Id<16>>>(
    connection: &Connection,
    (tenant, assignment): (i64, i64),
    (list, column, table): (&str, &str, &str),
) -> Result<Vec<T>, StoreError> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT t.id FROM {list} l JOIN {table} t ON t.tenant = l.tenant AND t.no = l.{column} \
         WHERE l.tenant = $1 AND l.assignment_no = $2 ORDER BY t.no"
    ))?;
    let rows = statement.query_map((tenant, assignment), |row| Ok(row::Id(row.get(0)?).into()))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// An assignment with those of its members and groups that the view sees.
fn whole(connection: &Connection, view: &View, stored: Stored) -> Result<Assignment, StoreError> {
    let tenant = view.scope().no;
    let key = (tenant, stored.no);
    let groups = |list| {
        let mut groups: Vec<GroupId> = ids(connection, key, (list, "group_no", "user_groups"))?;
        retain_seen(&mut groups, |group| groups::find(connection, view, *group).map(drop))?;
        Ok::<_, StoreError>(groups)
    };
    let mut users = ids(connection, key, ("assignment_users", "user_no", "users"))?;
    retain_seen(&mut users, |user| people::number(connection, view, *user).map(drop))?;
    let role = match (stored.built_in, stored.role_no) {
        (Some(role), _) => Which::BuiltIn(role),
        (None, Some(no)) => {
            let sql = "SELECT id FROM roles WHERE tenant = $1 AND no = $2";
            let mut statement = connection.prepare_cached(sql)?;
            Which::Own(statement.query_row((tenant, no), |row| Ok(row::Id(row.get(0)?).into()))?)
        }
        (None, None) => return Err(StoreError::Damaged(format!("the role of assignment {}", stored.id))),
    };
    let scope_groups = groups("assignment_scopes")?;
    let scope_tags = ids(connection, key, ("assignment_tags", "tag_no", "tags"))?;
    let terms = Terms {
        name: stored.name,
        role,
        users,
        groups: groups("assignment_groups")?,
        tokens: ids(connection, key, ("assignment_tokens", "token_no", "api_tokens"))?,
        scope_groups: (!stored.all.0).then_some(scope_groups),
        scope_tags: (!stored.all.1).then_some(scope_tags),
        expires_at: stored.expires_at,
    };
    let tags = tags::ids_of(connection, tenant, (Kind::Assignment, stored.no))?;
    Ok(Assignment { id: stored.id, terms, tags, version: stored.version })
}

fn load(connection: &Connection, view: &View, id: AssignmentId) -> Result<Assignment, AdminError> {
    Ok(whole(connection, view, stored(connection, view, id)?)?)
}

/// What a stored assignment gives, and over what.
fn gives(tx: &Connection, tenant: i64, stored: &Stored) -> Result<(BTreeSet<Permission>, Range), StoreError> {
    let permissions = match (stored.built_in, stored.role_no) {
        (Some(role), _) => role.permissions().into_iter().collect(),
        (None, no) => {
            let sql = "SELECT permissions FROM roles WHERE tenant = $1 AND no = $2";
            let words: Option<String> = tx.prepare_cached(sql)?.query_row((tenant, no), |row| row.get(0)).optional()?;
            from_words(words.as_deref().unwrap_or(""))
        }
    };
    Ok((permissions, authority::reach(tx, tenant, stored.no, stored.all)?))
}

fn refuse_more(view: &View, (permissions, range): &(BTreeSet<Permission>, Range)) -> Result<(), AdminError> {
    let lacks = view.authority.lacks(permissions, range);
    if lacks.is_empty() { Ok(()) } else { Err(AdminError::Lacks(lacks)) }
}

/// Whether the view may grant everything that being in a group gives.
pub(crate) fn check_grants_of_group(tx: &Connection, view: &View, group: i64, at: Moment) -> Result<(), AdminError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM assignments x JOIN assignment_groups g ON g.tenant = x.tenant AND g.assignment_no = x.no \
         WHERE x.tenant = $1 AND g.group_no = $2 AND (x.expires_at IS NULL OR x.expires_at > $3)"
    );
    let tenant = view.scope().no;
    let mut statement = tx.prepare_cached(&sql)?;
    let rows = statement.query_map((tenant, group, at.0), from_row)?;
    for stored in rows.collect::<Result<Vec<_>, _>>()? {
        if view.authority.view(Permission::RoleWrite).is_none() {
            return Err(AdminError::Lacks(vec![Permission::RoleWrite]));
        }
        refuse_more(view, &gives(tx, tenant, &stored)?)?;
    }
    Ok(())
}

fn check_terms(terms: &Terms, at: Moment) -> Result<(), AdminError> {
    check_name(&terms.name)?;
    let long = [
        terms.users.len(),
        terms.groups.len(),
        terms.tokens.len(),
        terms.scope_groups.as_ref().map_or(0, Vec::len),
        terms.scope_tags.as_ref().map_or(0, Vec::len),
    ];
    if long.iter().any(|len| *len > TAGS_MAX) {
        return Err(Misfit::List(TAGS_MAX).into());
    }
    if terms.expires_at.is_some_and(|expires| expires <= at) {
        return Err(Misfit::Ended.into());
    }
    match terms.role {
        Which::BuiltIn(role) if role.is_api_only() && !(terms.users.is_empty() && terms.groups.is_empty()) => {
            Err(Misfit::AccountsOnly(role.word()).into())
        }
        Which::BuiltIn(BuiltIn::Owner) if !terms.tokens.is_empty() => Err(Misfit::OwnerAccount.into()),
        _ => Ok(()),
    }
}

/// What of one of an assignment's lists the view does not see: who changes the list has not seen it there, so it stays. Tags and service accounts are
/// shown to whoever sees the assignment. Table and column names are ours.
fn out_of_sight(
    tx: &Connection,
    view: &View,
    (assignment, table, column): (i64, &str, &str),
) -> Result<BTreeSet<i64>, AdminError> {
    let seen = match column {
        "user_no" => format!("SELECT u.no FROM users u WHERE u.tenant = $1 AND {}", view.sees_person()),
        "group_no" => format!("SELECT x.no FROM user_groups x WHERE x.tenant = $1 AND {}", view.sees(Kind::Group)),
        _ => return Ok(BTreeSet::new()),
    };
    let sql = format!(
        "SELECT l.{column} FROM {table} l WHERE l.tenant = $1 AND l.assignment_no = $2 AND l.{column} NOT IN ({seen})"
    );
    let mut statement = tx.prepare(&sql)?;
    let rows = statement.query_map((view.scope().no, assignment), |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Leaves out what is not found; other errors are errors.
fn retain_seen<T>(all: &mut Vec<T>, find: impl Fn(&T) -> Result<(), AdminError>) -> Result<(), StoreError> {
    let mut failed = None;
    all.retain(|one| match find(one) {
        Ok(()) => true,
        Err(AdminError::Store(error)) => {
            failed = Some(error);
            false
        }
        Err(_) => false,
    });
    failed.map_or(Ok(()), Err)
}

/// Puts the lists of an assignment. Who it names must be seen, and what it gives must be held; whom it named out of sight stays.
fn put(tx: &Connection, view: &View, no: i64, terms: &Terms) -> Result<(), AdminError> {
    let tenant = view.scope().no;
    let seen = |ids: &[GroupId], by_rule: bool| -> Result<BTreeSet<i64>, AdminError> {
        let number = |id: &GroupId| {
            let (no, group) = groups::find(tx, view, *id)?;
            if group.of == GroupOf::Devices {
                return Err(Misfit::GroupOfPcs(group.name).into());
            }
            // Entra has the same rule for groups that give roles (entra-docs, "Use Microsoft Entra groups to manage role assignments").
            if !by_rule && group.rule.is_some() {
                return Err(Misfit::RuleGivesNothing(group.name).into());
            }
            Ok(no)
        };
        ids.iter().map(number).collect()
    };
    let tag_ids: Vec<[u8; 16]> = terms.scope_tags.iter().flatten().map(|tag| tag.0).collect();
    let token_ids: Vec<[u8; 16]> = terms.tokens.iter().map(|token| token.0).collect();
    let lists = [
        ("assignment_users", "user_no", groups::seen_people(tx, view, &terms.users)?),
        ("assignment_groups", "group_no", seen(&terms.groups, false)?),
        ("assignment_tokens", "token_no", numbers(tx, tenant, "api_tokens", &token_ids)?),
        ("assignment_scopes", "group_no", seen(terms.scope_groups.as_deref().unwrap_or(&[]), true)?),
        ("assignment_tags", "tag_no", numbers(tx, tenant, "tags", &tag_ids)?),
    ];
    for (table, column, mut members) in lists {
        members.extend(out_of_sight(tx, view, (no, table, column))?);
        // Those out of sight count as well: a role for service accounts would be none to them.
        let has_people = ["assignment_users", "assignment_groups"].contains(&table) && !members.is_empty();
        if let (true, Which::BuiltIn(role)) = (has_people, terms.role)
            && role.is_api_only()
        {
            return Err(Misfit::AccountsOnly(role.word()).into());
        }
        let sql = format!("DELETE FROM {table} WHERE tenant = $1 AND assignment_no = $2");
        tx.prepare_cached(&sql)?.execute((tenant, no))?;
        let sql = format!("INSERT INTO {table} (tenant, assignment_no, {column}) VALUES ($1, $2, $3)");
        for member in members {
            tx.prepare_cached(&sql)?.execute((tenant, no, member))?;
        }
    }
    Ok(())
}

fn role_columns(tx: &Connection, view: &View, role: Which) -> Result<(Option<&'static str>, Option<i64>), AdminError> {
    match role {
        Which::BuiltIn(role) => Ok((Some(role.word()), None)),
        Which::Own(id) => Ok((None, Some(roles::find(tx, view, id)?.0))),
    }
}

/// Makes an assignment inside a transaction: [`Store::assign`] and new service accounts.
pub(crate) fn insert(
    tx: &Connection,
    view: &View,
    (id, terms, named): (AssignmentId, &Terms, Option<&[[u8; 16]]>),
    at: Moment,
) -> Result<i64, AdminError> {
    check_terms(terms, at)?;
    let tenant = view.scope().no;
    let same = "SELECT 1 FROM assignments WHERE tenant = $1 AND name = $2";
    taken(tx, "role assignment", &terms.name, same, (tenant, &terms.name))?;
    let own = new_tags(tx, view, named)?;
    let role = role_columns(tx, view, terms.role)?;
    let no = row::next_no(tx, "SELECT COALESCE(MAX(no), 0) + 1 FROM assignments WHERE tenant = $1", tenant)?;
    tx.prepare_cached(
        "INSERT INTO assignments (tenant, no, id, name, built_in, role_no, all_groups, all_tags, expires_at, version, \
         created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 1, $10)",
    )?
    .execute((
        tenant,
        no,
        id.as_bytes(),
        &terms.name,
        role.0,
        role.1,
        terms.scope_groups.is_none(),
        terms.scope_tags.is_none(),
        terms.expires_at.map(|at| at.0),
        at.0,
    ))?;
    put(tx, view, no, terms)?;
    tags::put(tx, tenant, (Kind::Assignment, no), &own)?;
    refuse_more(view, &gives(tx, tenant, &stored(tx, &whole_view(view), id)?)?)?;
    let actor = view.actor();
    audit::append(tx, view.scope(), &Event::of(&actor, at, Action::RoleAssign, id.as_bytes()))?;
    Ok(no)
}

/// The same authority, seeing all: to read back what has just been written, whatever its tags.
fn whole_view(view: &View) -> View {
    View { authority: view.authority.clone(), ranges: vec![Range::default()] }
}

impl Store {
    /// Gives a role, which nobody does beyond what they hold themself.
    pub fn assign(
        &self,
        view: &View,
        (id, terms, tags): (AssignmentId, Terms, Option<Vec<TagId>>),
        at: Moment,
    ) -> Result<Assignment, AdminError> {
        let view = view.clone();
        self.writer.write(move |tx| {
            let named = tags.as_ref().map(|tags| tags.iter().map(|tag| tag.0).collect::<Vec<_>>());
            insert(tx, &view, (id, &terms, named.as_deref()), at)?;
            load(tx, &view, id)
        })
    }

    /// Makes a person an owner of the tenant, for the operator.
    pub fn make_owner(
        &self,
        tenant: &TenantScope,
        (id, user): (AssignmentId, UserId),
        at: Moment,
    ) -> Result<Assignment, AdminError> {
        let terms = Terms {
            name: format!("owner {user}"),
            role: Which::BuiltIn(BuiltIn::Owner),
            users: vec![user],
            groups: Vec::new(),
            tokens: Vec::new(),
            scope_groups: None,
            scope_tags: None,
            expires_at: None,
        };
        self.assign(&View::operator(tenant), (id, terms, None), at)
    }

    /// The assignments that the view sees.
    pub fn assignments(&self, view: &View, slice: Slice) -> Result<Page<Assignment>, StoreError> {
        self.read(|connection| {
            let rows = rows_seen(connection, (view, slice), (COLUMNS, "assignments", Kind::Assignment), from_row)?;
            let whole = |stored: Stored| Ok((stored.no, whole(connection, view, stored)?));
            Ok(slice.page(rows.into_iter().map(whole).collect::<Result<_, StoreError>>()?))
        })
    }

    /// An assignment that the view sees.
    pub fn assignment(&self, view: &View, id: AssignmentId) -> Result<Assignment, AdminError> {
        self.read(|connection| Ok(load(connection, view, id).ok()))?.ok_or(AdminError::NotFound)
    }

    /// Puts other terms in place of an assignment's. Who does it must hold what it gave and what it gives.
    pub fn reassign(
        &self,
        view: &View,
        (id, version): (AssignmentId, Option<u64>),
        (terms, tags): (Terms, Option<Vec<TagId>>),
        at: Moment,
    ) -> Result<Assignment, AdminError> {
        check_terms(&terms, at)?;
        let view = view.clone();
        self.writer.write(move |tx| {
            let tenant = view.scope().no;
            let before = stored(tx, &view, id)?;
            check_version(version, row::signed(before.version))?;
            refuse_more(&view, &gives(tx, tenant, &before)?)?;
            if before.name != terms.name {
                let same = "SELECT 1 FROM assignments WHERE tenant = $1 AND name = $2";
                taken(tx, "role assignment", &terms.name, same, (tenant, &terms.name))?;
            }
            let role = role_columns(tx, &view, terms.role)?;
            guard_owner(tx, tenant, || {
                tx.prepare_cached(
                    "UPDATE assignments SET name = $1, built_in = $2, role_no = $3, all_groups = $4, all_tags = $5, \
                     expires_at = $6, version = version + 1 WHERE tenant = $7 AND no = $8",
                )?
                .execute((
                    &terms.name,
                    role.0,
                    role.1,
                    terms.scope_groups.is_none(),
                    terms.scope_tags.is_none(),
                    terms.expires_at.map(|at| at.0),
                    tenant,
                    before.no,
                ))?;
                put(tx, &view, before.no, &terms)
            })?;
            if let Some(named) = &tags {
                let named: Vec<_> = named.iter().map(|tag| tag.0).collect();
                change_tags(tx, &view, (Kind::Assignment, before.no), &named)?;
            }
            refuse_more(&view, &gives(tx, tenant, &stored(tx, &whole_view(&view), id)?)?)?;
            let actor = view.actor();
            audit::append(tx, view.scope(), &Event::of(&actor, at, Action::RoleReassign, id.as_bytes()))?;
            load(tx, &view, id)
        })
    }

    /// Takes an assignment away.
    pub fn unassign(
        &self,
        view: &View,
        (id, version): (AssignmentId, Option<u64>),
        at: Moment,
    ) -> Result<(), AdminError> {
        let view = view.clone();
        self.writer.write(move |tx| {
            let tenant = view.scope().no;
            let before = stored(tx, &view, id)?;
            check_version(version, row::signed(before.version))?;
            refuse_more(&view, &gives(tx, tenant, &before)?)?;
            guard_owner(tx, tenant, || remove(tx, tenant, before.no))?;
            let actor = view.actor();
            Ok(audit::append(tx, view.scope(), &Event::of(&actor, at, Action::RoleUnassign, id.as_bytes()))?)
        })
    }
}

/// Removes an assignment with its lists.
pub(crate) fn remove(tx: &Connection, tenant: i64, no: i64) -> Result<(), AdminError> {
    tags::put(tx, tenant, (Kind::Assignment, no), &BTreeSet::new())?;
    tx.prepare_cached("DELETE FROM assignments WHERE tenant = $1 AND no = $2")?.execute((tenant, no))?;
    Ok(())
}
