//! Who acts, with what rights, and what of the tenant they see: as types.
//!
//! An [`Authority`] is all that somebody's role assignments add up to, looked up anew for each request. A [`View`] is an authority at work with one
//! permission: the store's functions for admins take one, and its ranges go into their statements, as the tenant's number does. So what an admin
//! may not see is not found, by the same means by which another tenant's is not (`security.md` 2.6, 2.9).
//!
//! A range is people (those of some groups, or all) and tags (some, or all). What carries no tag is seen by those who see all tags. A device is seen
//! with its own tags and with its person's.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::sql::{Connection, OptionalExtension};
use model::ids::{DeviceId, TenantId, TokenId, UserId};
use model::permission::{BuiltIn, Permission};
use model::world::Moment;

use crate::accounts;
use crate::admin::tags::Kind;
use crate::audit::origin::Origin;
use crate::people::Person;
use crate::scope::TenantScope;
use crate::{Store, StoreError, row};

/// Who acts, for the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Actor {
    /// Whoever runs the server, on its command line.
    Operator,
    /// A person.
    User(UserId),
    /// A service account.
    Token(TokenId),
    /// A PC, for its person.
    Device(DeviceId),
}

impl Actor {
    /// The id's bytes; none for the operator.
    pub fn id(&self) -> &[u8] {
        match self {
            Self::Operator => &[],
            Self::User(id) => id.as_bytes(),
            Self::Token(id) => id.as_bytes(),
            Self::Device(id) => id.as_bytes(),
        }
    }
}

/// A service account that has shown its token. Made by lookups only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    pub(crate) tenant: TenantScope,
    pub(crate) token_no: i64,
    pub(crate) token: TokenId,
}

impl Service {
    /// The organisation.
    pub fn tenant(&self) -> TenantId {
        self.tenant.id
    }

    /// The same account for one request: what is done through it says from where in the audit.
    #[must_use]
    pub fn by(&self, origin: impl Into<Arc<Origin>>) -> Self {
        Self { tenant: self.tenant.by(origin), ..self.clone() }
    }

    /// The organisation's scope, with whoever acts.
    pub fn tenant_scope(&self) -> &TenantScope {
        &self.tenant
    }

    /// Which.
    pub fn token(&self) -> TokenId {
        self.token
    }
}

/// Over what a role assignment reaches. `None`: everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) groups: Option<BTreeSet<i64>>,
    pub(crate) tags: Option<BTreeSet<i64>>,
}

impl Range {
    fn covers(&self, other: &Self) -> bool {
        let within = |mine: &Option<BTreeSet<i64>>, theirs: &Option<BTreeSet<i64>>| match (mine, theirs) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(mine), Some(theirs)) => theirs.is_subset(mine),
        };
        within(&self.groups, &other.groups) && within(&self.tags, &other.tags)
    }
}

/// One assignment, as far as it counts.
#[derive(Clone, Debug)]
struct Grant {
    permissions: BTreeSet<Permission>,
    range: Range,
}

/// What somebody's assignments add up to.
#[derive(Clone, Debug)]
pub struct Authority {
    pub(crate) tenant: TenantScope,
    pub(crate) actor: Actor,
    grants: Vec<Grant>,
}

impl Authority {
    /// The operator's: everything in one tenant. For the command line, not for requests.
    pub fn operator(tenant: &TenantScope) -> Self {
        let all = Grant { permissions: Permission::ALL.iter().copied().collect(), range: Range::default() };
        Self { tenant: tenant.clone(), actor: Actor::Operator, grants: vec![all] }
    }

    /// Of somebody who has asked for something earlier, for what follows from it now. Whether they still may is for the caller to look at.
    pub(crate) fn earlier(tenant: &TenantScope, actor: Actor) -> Self {
        Self { actor, ..Self::operator(tenant) }
    }

    /// Whether there is any right at all.
    pub fn is_empty(&self) -> bool {
        self.grants.is_empty()
    }

    /// Every permission that is held over something.
    pub fn permissions(&self) -> BTreeSet<Permission> {
        self.grants.iter().flat_map(|grant| grant.permissions.iter().copied()).collect()
    }

    /// The authority at work with one permission. `None`: it is not held.
    pub fn view(&self, permission: Permission) -> Option<View> {
        let grants = self.grants.iter().filter(|grant| grant.permissions.contains(&permission));
        let ranges: Vec<Range> = grants.map(|grant| grant.range.clone()).collect();
        (!ranges.is_empty()).then(|| View { authority: Arc::new(self.clone()), ranges })
    }

    /// Those of `permissions` that are not held over all of `range`: nobody grants what they lack.
    pub(crate) fn lacks(&self, permissions: &BTreeSet<Permission>, range: &Range) -> Vec<Permission> {
        let held = |permission: &Permission| {
            self.grants.iter().any(|grant| grant.permissions.contains(permission) && grant.range.covers(range))
        };
        permissions.iter().copied().filter(|permission| !held(permission)).collect()
    }
}

/// An authority at work: whose, in which tenant, and over what.
#[derive(Clone, Debug)]
pub struct View {
    pub(crate) authority: Arc<Authority>,
    pub(crate) ranges: Vec<Range>,
}

impl View {
    /// The organisation.
    pub fn tenant(&self) -> TenantId {
        self.authority.tenant.id
    }

    /// The organisation's scope. Whoever uses this beyond what the view sees has looked there first.
    pub fn tenant_scope(&self) -> &TenantScope {
        &self.authority.tenant
    }

    /// Who acts.
    pub fn actor(&self) -> Actor {
        self.authority.actor
    }

    /// The same person's view with another permission, for what a page shows beside its own matter. `None`: they do not hold it, or it is one that takes a
    /// fresh sign-in, which is checked at the door of its own route only.
    pub fn beside(&self, permission: Permission) -> Option<Self> {
        if permission.is_sensitive() { None } else { self.authority.view(permission) }
    }

    /// Whether whoever acts holds a permission over something, so that a page can offer what takes it.
    pub fn holds(&self, permission: Permission) -> bool {
        self.authority.grants.iter().any(|grant| grant.permissions.contains(&permission))
    }

    /// Whether whoever acts holds a permission over everything, so that they can give it over everything.
    pub fn holds_everywhere(&self, permission: Permission) -> bool {
        self.authority.lacks(&BTreeSet::from([permission]), &Range::default()).is_empty()
    }

    /// The operator's view of one tenant. For the command line, not for requests.
    pub fn operator(tenant: &TenantScope) -> Self {
        Self { authority: Arc::new(Authority::operator(tenant)), ranges: vec![Range::default()] }
    }

    /// The view of somebody who has asked for something earlier: [`Authority::earlier`].
    pub(crate) fn earlier(tenant: &TenantScope, actor: Actor) -> Self {
        Self { authority: Arc::new(Authority::earlier(tenant, actor)), ranges: vec![Range::default()] }
    }

    pub(crate) fn scope(&self) -> &TenantScope {
        &self.authority.tenant
    }

    /// Whether there is nothing of the tenant that it does not reach.
    pub fn is_whole(&self) -> bool {
        self.ranges.iter().any(|range| *range == Range::default())
    }

    /// The tags that what is made with this view carries: none if it reaches all.
    pub(crate) fn own_tags(&self) -> BTreeSet<i64> {
        if self.ranges.iter().any(|range| range.tags.is_none()) {
            return BTreeSet::new();
        }
        self.ranges.iter().flat_map(|range| range.tags.iter().flatten().copied()).collect()
    }

    /// Whether the tags may be put on something with this view.
    pub(crate) fn holds_tags(&self, tags: &BTreeSet<i64>) -> bool {
        self.ranges.iter().any(|range| range.tags.as_ref().is_none_or(|held| tags.is_subset(held)))
    }

    /// Whether everybody of a group is reached, with all that is theirs.
    pub(crate) fn covers_group(&self, group: i64) -> bool {
        let covers = |groups: &BTreeSet<i64>| groups.contains(&group);
        self.ranges.iter().any(|range| range.tags.is_none() && range.groups.as_ref().is_none_or(covers))
    }

    /// Whether everything that carries a tag is reached.
    pub(crate) fn covers_tag(&self, tag: i64) -> bool {
        let covers = |tags: &BTreeSet<i64>| tags.contains(&tag);
        self.ranges.iter().any(|range| range.groups.is_none() && range.tags.as_ref().is_none_or(covers))
    }

    /// The condition under which a person is seen; `u` is the alias of their row.
    pub(crate) fn sees_person(&self) -> String {
        self.any_range(|range| {
            let people = in_groups(range, "u.tenant", "u.no");
            let tags = with_tags(range, &[(Kind::User, "u.no")], "u.tenant");
            format!("({people} AND {tags})")
        })
    }

    /// The condition under which a device is seen; `d` and `u` are the aliases of its and its person's row.
    pub(crate) fn sees_device(&self) -> String {
        self.any_range(|range| {
            let people = in_groups(range, "u.tenant", "u.no");
            let tags = with_tags(range, &[(Kind::Device, "d.no"), (Kind::User, "u.no")], "u.tenant");
            format!("({people} AND {tags})")
        })
    }

    /// The condition under which anything else that carries tags is seen; `x` is the alias of its row.
    pub(crate) fn sees(&self, kind: Kind) -> String {
        self.any_range(|range| with_tags(range, &[(kind, "x.no")], "x.tenant"))
    }

    fn any_range(&self, condition: impl Fn(&Range) -> String) -> String {
        let conditions: Vec<String> = self.ranges.iter().map(condition).collect();
        format!("({})", conditions.join(" OR "))
    }
}

/// Numbers of our own rows, so there is nothing to escape. An empty list matches nothing.
pub(crate) fn list(numbers: &BTreeSet<i64>) -> String {
    let numbers: Vec<String> = numbers.iter().map(ToString::to_string).collect();
    if numbers.is_empty() { "NULL".to_owned() } else { numbers.join(", ") }
}

fn in_groups(range: &Range, tenant: &str, no: &str) -> String {
    let Some(groups) = &range.groups else { return "1 = 1".to_owned() };
    format!(
        "EXISTS (SELECT 1 FROM group_members m WHERE m.tenant = {tenant} AND m.user_no = {no} AND m.group_no IN ({}))",
        list(groups)
    )
}

fn with_tags(range: &Range, objects: &[(Kind, &str)], tenant: &str) -> String {
    let Some(tags) = &range.tags else { return "1 = 1".to_owned() };
    let of = |(kind, no): &(Kind, &str)| {
        format!(
            "EXISTS (SELECT 1 FROM object_tags o WHERE o.tenant = {tenant} AND o.kind = {} AND o.object_no = {no} \
             AND o.tag_no IN ({}))",
            *kind as u8,
            list(tags)
        )
    };
    format!("({})", objects.iter().map(of).collect::<Vec<_>>().join(" OR "))
}

impl Store {
    /// What a person's assignments add up to at that time. `None`: they are switched off or gone.
    pub fn authority(&self, person: &Person, at: Moment) -> Result<Option<Authority>, StoreError> {
        self.read(|connection| {
            if !accounts::is_on(connection, (person.tenant.no, person.user_no))? {
                return Ok(None);
            }
            let grants = of_person(connection, person.tenant.no, (person.user_no, at))?;
            Ok(Some(Authority { tenant: person.tenant.clone(), actor: Actor::User(person.user), grants }))
        })
    }

    /// What a service account may do at that time: never what needs a fresh sign-in, and never as an owner.
    pub fn service_authority(&self, service: &Service, at: Moment) -> Result<Authority, StoreError> {
        self.read(|connection| {
            let mut grants = of_token(connection, service.tenant.no, (service.token_no, at))?;
            for grant in &mut grants {
                grant.permissions.retain(|permission| !permission.is_sensitive());
            }
            grants.retain(|grant| !grant.permissions.is_empty());
            Ok(Authority { tenant: service.tenant.clone(), actor: Actor::Token(service.token), grants })
        })
    }
}

/// Assignments in force at a time, with role and reach; the member's condition follows.
const IN_FORCE: &str = "SELECT a.no, a.built_in, r.permissions, a.all_groups, a.all_tags FROM assignments a \
                        LEFT JOIN roles r ON r.tenant = a.tenant AND r.no = a.role_no \
                        WHERE a.tenant = $1 AND (a.expires_at IS NULL OR a.expires_at > $2)";

const OF_PERSON: &str = "AND (a.no IN (SELECT au.assignment_no FROM assignment_users au \
                         WHERE au.tenant = a.tenant AND au.user_no = $3) \
                         OR a.no IN (SELECT ag.assignment_no FROM assignment_groups ag \
                         JOIN group_members m ON m.tenant = ag.tenant AND m.group_no = ag.group_no \
                         WHERE ag.tenant = a.tenant AND m.user_no = $3))";

const OF_TOKEN: &str = "AND a.no IN (SELECT t.assignment_no FROM assignment_tokens t \
                        WHERE t.tenant = a.tenant AND t.token_no = $3)";

/// Whether a person has any role at that time.
pub(crate) fn has_role(connection: &Connection, tenant: i64, who: (i64, Moment)) -> Result<bool, StoreError> {
    Ok(!of_person(connection, tenant, who)?.is_empty())
}

fn of_person(connection: &Connection, tenant: i64, who: (i64, Moment)) -> Result<Vec<Grant>, StoreError> {
    let mut grants = grants(connection, OF_PERSON, tenant, who)?;
    grants.extend(claimed(connection, tenant, who.0)?);
    grants.retain(|(role, _)| !role.is_some_and(BuiltIn::is_api_only));
    Ok(grants.into_iter().map(|(_, grant)| grant).collect())
}

/// What an identity provider's claims give: roles by word or name, over everything. A role that is not there gives nothing.
fn claimed(connection: &Connection, tenant: i64, user: i64) -> Result<Vec<(Option<BuiltIn>, Grant)>, StoreError> {
    let sql = "SELECT DISTINCT c.role, r.permissions FROM claimed_roles c \
               LEFT JOIN roles r ON r.tenant = c.tenant AND r.name = c.role WHERE c.tenant = $1 AND c.user_no = $2";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map((tenant, user), |row| {
        let (name, words): (String, Option<String>) = (row.get(0)?, row.get(1)?);
        let built_in = BuiltIn::from_word(&name);
        let permissions = built_in.map_or_else(
            || from_words(words.as_deref().unwrap_or("")),
            |role| role.permissions().into_iter().collect(),
        );
        Ok((built_in, Grant { permissions, range: Range::default() }))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn of_token(connection: &Connection, tenant: i64, who: (i64, Moment)) -> Result<Vec<Grant>, StoreError> {
    let mut grants = grants(connection, OF_TOKEN, tenant, who)?;
    grants.retain(|(role, _)| *role != Some(BuiltIn::Owner));
    Ok(grants.into_iter().map(|(_, grant)| grant).collect())
}

fn grants(
    connection: &Connection,
    whose: &str,
    tenant: i64,
    (no, at): (i64, Moment),
) -> Result<Vec<(Option<BuiltIn>, Grant)>, StoreError> {
    let mut statement = connection.prepare_cached(&format!("{IN_FORCE} {whose}"))?;
    let mut rows = statement.query((tenant, at.0, no))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let (assignment, built_in, words): (i64, Option<String>, Option<String>) =
            (row.get(0)?, row.get(1)?, row.get(2)?);
        let built_in = built_in.as_deref().and_then(BuiltIn::from_word);
        let permissions = match built_in {
            Some(role) => role.permissions().into_iter().collect(),
            None => from_words(words.as_deref().unwrap_or("")),
        };
        let (all_groups, all_tags): (bool, bool) = (row.get(3)?, row.get(4)?);
        let range = reach(connection, tenant, assignment, (all_groups, all_tags))?;
        found.push((built_in, Grant { permissions, range }));
    }
    Ok(found)
}

/// Over what an assignment reaches.
pub(crate) fn reach(
    connection: &Connection,
    tenant: i64,
    assignment: i64,
    (all_groups, all_tags): (bool, bool),
) -> Result<Range, StoreError> {
    let numbers = |sql: &str| -> Result<BTreeSet<i64>, StoreError> {
        let mut statement = connection.prepare_cached(sql)?;
        let rows = statement.query_map((tenant, assignment), |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    };
    let groups = "SELECT group_no FROM assignment_scopes WHERE tenant = $1 AND assignment_no = $2";
    let tags = "SELECT tag_no FROM assignment_tags WHERE tenant = $1 AND assignment_no = $2";
    Ok(Range {
        groups: if all_groups { None } else { Some(numbers(groups)?) },
        tags: if all_tags { None } else { Some(numbers(tags)?) },
    })
}

/// Permissions as a row holds them. A word that this version does not know gives nothing.
pub(crate) fn from_words(words: &str) -> BTreeSet<Permission> {
    words.split_whitespace().filter_map(Permission::from_word).collect()
}

/// Permissions for a row.
pub(crate) fn to_words(permissions: &BTreeSet<Permission>) -> String {
    permissions.iter().map(|permission| permission.word()).collect::<Vec<_>>().join(" ")
}

/// What a person may do, somewhere, that `authority` may not do there.
pub(crate) fn above(
    connection: &Connection,
    authority: &Authority,
    who: (i64, Moment),
) -> Result<Vec<Permission>, StoreError> {
    let mut above = BTreeSet::new();
    for grant in of_person(connection, authority.tenant.no, who)? {
        above.extend(authority.lacks(&grant.permissions, &grant.range));
    }
    Ok(above.into_iter().collect())
}

/// The people, switched on, who hold a permission at that time over everything.
pub(crate) fn holders(
    connection: &Connection,
    tenant: i64,
    (permission, at): (Permission, Moment),
) -> Result<BTreeSet<i64>, StoreError> {
    let sql = "SELECT DISTINCT u.no FROM users u WHERE u.tenant = $1 AND u.disabled_at IS NULL AND (\
               u.no IN (SELECT au.user_no FROM assignment_users au WHERE au.tenant = u.tenant) OR \
               u.no IN (SELECT c.user_no FROM claimed_roles c WHERE c.tenant = u.tenant) OR \
               u.no IN (SELECT m.user_no FROM group_members m JOIN assignment_groups ag ON ag.tenant = m.tenant \
               AND ag.group_no = m.group_no WHERE m.tenant = u.tenant))";
    let mut statement = connection.prepare_cached(sql)?;
    let people: Vec<i64> = statement.query_map([tenant], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let mut holders = BTreeSet::new();
    for no in people {
        if of_person(connection, tenant, (no, at))?
            .iter()
            .any(|grant| grant.permissions.contains(&permission) && grant.range == Range::default())
        {
            holders.insert(no);
        }
    }
    Ok(holders)
}

/// Whether a person, switched on, holds each of the permissions over something at that time.
pub(crate) fn holds(
    connection: &Connection,
    tenant: i64,
    (user, at): (UserId, Moment),
    permissions: &[Permission],
) -> Result<bool, StoreError> {
    let sql = "SELECT no FROM users WHERE tenant = $1 AND id = $2 AND disabled_at IS NULL";
    let no = connection.prepare_cached(sql)?.query_row((tenant, user.as_bytes()), |row| row.get(0)).optional()?;
    let Some(no) = no else { return Ok(false) };
    let grants = of_person(connection, tenant, (no, at))?;
    Ok(permissions.iter().all(|permission| grants.iter().any(|grant| grant.permissions.contains(permission))))
}

/// The people, switched on, who are owners over everything and without an end.
pub(crate) fn owners(connection: &Connection, tenant: i64) -> Result<u64, StoreError> {
    let sql = "SELECT COUNT(DISTINCT u.no) FROM users u JOIN assignments a ON a.tenant = u.tenant \
               WHERE u.tenant = $1 AND u.disabled_at IS NULL AND a.built_in = 'owner' AND a.all_groups = 1 \
               AND a.all_tags = 1 AND a.expires_at IS NULL AND (\
               EXISTS (SELECT 1 FROM assignment_users au WHERE au.tenant = a.tenant AND au.assignment_no = a.no \
               AND au.user_no = u.no) OR \
               EXISTS (SELECT 1 FROM assignment_groups ag JOIN group_members m ON m.tenant = ag.tenant \
               AND m.group_no = ag.group_no WHERE ag.tenant = a.tenant AND ag.assignment_no = a.no AND m.user_no = u.no))";
    Ok(row::unsigned(connection.prepare_cached(sql)?.query_row([tenant], |row| row.get(0))?))
}
