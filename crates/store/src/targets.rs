//! Whom something is for: people, groups, PCs, scope tags. What retention policies and the policies of PCs have in common.
//!
//! Whom has a table for each kind, with foreign keys, so that nothing names what is gone. An admin gives things only to those whom they reach.

use std::collections::{BTreeMap, BTreeSet};

use crate::sql::Connection;
use model::admin::Whom;
use model::permission::Permission;

use crate::StoreError;
use crate::admin::tags::{self, Kind};
use crate::admin::{TAGS_MAX, devices, groups, numbers, people};
use crate::authority::View;
use crate::error::AdminError;
use crate::misfit::Misfit;
use crate::row;

/// Columns of the four tables.
const COLUMNS: [&str; 4] = ["user_no", "group_no", "device_no", "tag_no"];

/// The tables that hold whom things of one kind are for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tables {
    names: [&'static str; 4],
    /// For tables that also hold whom a thing is not for: which of the two is meant.
    excluded: Option<bool>,
}

/// Of retention policies.
pub(crate) const RETENTION: Tables =
    Tables { names: ["retention_users", "retention_groups", "retention_devices", "retention_tags"], excluded: None };

const POLICY: [&str; 4] = ["policy_users", "policy_groups", "policy_devices", "policy_tags"];

/// Whom policies are for.
pub(crate) const INCLUDED: Tables = Tables { names: POLICY, excluded: Some(false) };

/// Whom policies are not for.
pub(crate) const EXCLUDED: Tables = Tables { names: POLICY, excluded: Some(true) };

impl Tables {
    fn condition(self) -> &'static str {
        match self.excluded {
            None => "",
            Some(false) => " AND excluded = 0",
            Some(true) => " AND excluded = 1",
        }
    }
}

/// Whom something is for, as numbers of rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Targets {
    pub(crate) users: BTreeSet<i64>,
    pub(crate) groups: BTreeSet<i64>,
    pub(crate) devices: BTreeSet<i64>,
    pub(crate) tags: BTreeSet<i64>,
}

impl Targets {
    /// Those of one thing.
    pub(crate) fn load(connection: &Connection, tables: Tables, (tenant, no): (i64, i64)) -> Result<Self, StoreError> {
        Ok(Self::load_all(connection, tables, tenant)?.remove(&no).unwrap_or_default())
    }

    /// Those of all things of a tenant, by the thing's number.
    pub(crate) fn load_all(
        connection: &Connection,
        tables: Tables,
        tenant: i64,
    ) -> Result<BTreeMap<i64, Self>, StoreError> {
        let mut all: BTreeMap<i64, Self> = BTreeMap::new();
        for (index, (table, column)) in tables.names.iter().zip(COLUMNS).enumerate() {
            let sql = format!("SELECT policy_no, {column} FROM {table} WHERE tenant = $1{}", tables.condition());
            let mut statement = connection.prepare_cached(&sql)?;
            let mut rows = statement.query([tenant])?;
            while let Some(row) = rows.next()? {
                all.entry(row.get(0)?).or_default().list(index).insert(row.get(1)?);
            }
        }
        Ok(all)
    }

    /// Puts exactly these.
    pub(crate) fn put(&self, tx: &Connection, tables: Tables, (tenant, no): (i64, i64)) -> Result<(), StoreError> {
        for ((table, column), numbers) in tables.names.iter().zip(COLUMNS).zip(self.lists()) {
            let sql = format!("DELETE FROM {table} WHERE tenant = $1 AND policy_no = $2{}", tables.condition());
            tx.prepare_cached(&sql)?.execute((tenant, no))?;
            let more = match tables.excluded {
                None => ["", ""],
                Some(false) => [", excluded", ", 0"],
                Some(true) => [", excluded", ", 1"],
            };
            let sql =
                format!("INSERT INTO {table} (tenant, policy_no, {column}{}) VALUES ($1, $2, $3{})", more[0], more[1]);
            for target in numbers {
                tx.prepare_cached(&sql)?.execute((tenant, no, target))?;
            }
        }
        Ok(())
    }

    fn list(&mut self, index: usize) -> &mut BTreeSet<i64> {
        match index {
            0 => &mut self.users,
            1 => &mut self.groups,
            2 => &mut self.devices,
            _ => &mut self.tags,
        }
    }

    /// Numbers of people, groups, PCs, tags, in this order.
    pub(crate) fn lists(&self) -> [&BTreeSet<i64>; 4] {
        [&self.users, &self.groups, &self.devices, &self.tags]
    }

    /// Whether somebody is named twice, here and there.
    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        self.lists().into_iter().zip(other.lists()).any(|(mine, theirs)| !mine.is_disjoint(theirs))
    }

    /// Whom the ids name: each must be there and be seen.
    pub(crate) fn find(connection: &Connection, view: &View, whom: &Whom) -> Result<Self, AdminError> {
        let lens = [whom.users.len(), whom.groups.len(), whom.devices.len(), whom.scope_tags.len()];
        if lens.iter().any(|len| *len > TAGS_MAX) {
            return Err(Misfit::List(TAGS_MAX).into());
        }
        let tag_ids: Vec<[u8; 16]> = whom.scope_tags.iter().map(|tag| tag.0).collect();
        let group = |id| groups::find(connection, view, id).map(|(no, _)| no);
        let device = |id| devices::find(connection, view, id).map(|(no, _)| no);
        Ok(Self {
            users: groups::seen_people(connection, view, &whom.users)?,
            groups: whom.groups.iter().copied().map(group).collect::<Result<_, _>>()?,
            devices: whom.devices.iter().copied().map(device).collect::<Result<_, _>>()?,
            tags: numbers(connection, view.scope().no, "tags", &tag_ids)?,
        })
    }

    /// The ids.
    pub(crate) fn whom(&self, connection: &Connection, tenant: i64) -> Result<Whom, StoreError> {
        Ok(Whom {
            users: ids(connection, tenant, ("users", &self.users))?,
            groups: ids(connection, tenant, ("user_groups", &self.groups))?,
            devices: ids(connection, tenant, ("devices", &self.devices))?,
            scope_tags: ids(connection, tenant, ("tags", &self.tags))?,
        })
    }

    /// Refuses if the view does not reach everybody who is named.
    pub(crate) fn check_reach(
        &self,
        connection: &Connection,
        view: &View,
        permission: Permission,
    ) -> Result<(), AdminError> {
        let device = format!(
            "SELECT 1 FROM devices d JOIN users u ON u.tenant = d.tenant AND u.no = d.user_no \
             WHERE d.tenant = $1 AND d.no = $2 AND {}",
            view.sees_device()
        );
        let mut reached = self.groups.iter().all(|no| view.covers_group(*no));
        reached &= self.tags.iter().all(|no| view.covers_tag(*no));
        for no in &self.users {
            reached &= people::sees(connection, view, *no)?;
        }
        for no in &self.devices {
            reached &= connection.prepare(&device)?.exists((view.scope().no, no))?;
        }
        if reached { Ok(()) } else { Err(AdminError::Lacks(vec![permission])) }
    }
}

/// The ids of rows. `table` is one of ours.
fn ids<T: From<row::Id<16>>>(
    connection: &Connection,
    tenant: i64,
    (table, numbers): (&str, &BTreeSet<i64>),
) -> Result<Vec<T>, StoreError> {
    let sql = format!("SELECT id FROM {table} WHERE tenant = $1 AND no = $2");
    let mut statement = connection.prepare_cached(&sql)?;
    let id = |no: &i64| Ok(statement.query_row((tenant, no), |row| Ok(row::Id(row.get(0)?).into()))?);
    numbers.iter().map(id).collect()
}

/// What things can be for, of one person on one PC.
#[derive(Clone, Debug, Default)]
pub(crate) struct Subject {
    pub(crate) user: i64,
    pub(crate) device: i64,
    pub(crate) groups: BTreeSet<i64>,
    pub(crate) tags: BTreeSet<i64>,
}

impl Subject {
    pub(crate) fn of(connection: &Connection, tenant: i64, (user, device): (i64, i64)) -> Result<Self, StoreError> {
        let sql = "SELECT group_no FROM group_members WHERE tenant = $1 AND user_no = $2";
        let mut statement = connection.prepare_cached(sql)?;
        let mut groups: BTreeSet<i64> =
            statement.query_map((tenant, user), |row| row.get(0))?.collect::<Result<_, _>>()?;
        let sql = "SELECT group_no FROM group_devices WHERE tenant = $1 AND device_no = $2";
        let mut statement = connection.prepare_cached(sql)?;
        for group in statement.query_map((tenant, device), |row| row.get(0))? {
            groups.insert(group?);
        }
        // A PC is seen with its own tags and its person's; so it is here.
        let mut tags = tags::of(connection, tenant, (Kind::Device, device))?;
        tags.extend(tags::of(connection, tenant, (Kind::User, user))?);
        Ok(Self { user, device, groups, tags })
    }

    pub(crate) fn fits(&self, targets: &Targets) -> bool {
        self.fits_without_groups(targets) || !targets.groups.is_disjoint(&self.groups)
    }

    pub(crate) fn fits_without_groups(&self, targets: &Targets) -> bool {
        targets.users.contains(&self.user)
            || targets.devices.contains(&self.device)
            || !targets.tags.is_disjoint(&self.tags)
    }
}
