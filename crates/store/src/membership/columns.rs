//! Facts in memory, as columns: what editors' previews and counts are answered from, over a million PCs in milliseconds.
//!
//! Read at the server's start or when they are first asked for, and brought up to date before each use by what the database says has changed: PCs that have checked in since, new ones, and those whose
//! access was withdrawn. So it makes no difference which of several servers a PC talks to. What else changes without a check-in (a new backup, a person's attributes) is read anew by a job
//! every quarter of an hour, beside whoever asks meanwhile; nothing but previews and counts depends on it, since members are rows and policies are resolved from rows.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use model::admin::GroupOf;
use model::ids::{DeviceId, UserId};
use model::permission::Permission;
use model::world::Moment;
use rules::engine::{Bits, Program, Table, make_room};
use rules::{Kind, Rule};

use super::facts::{self, Known, Wanted};
use super::{known, known_of};
use crate::Store;
use crate::authority::View;
use crate::error::AdminError;
use crate::sql::Connection;
use crate::{StoreError, row};

/// After how long columns are read anew by whoever asks, in milliseconds: three quarters of an hour. The job is there three times before.
pub const REREAD_MILLIS: i64 = 45 * 60 * 1000;

/// The same for people, of whom there are fewer facts and no check-ins.
const REREAD_PEOPLE_MILLIS: i64 = 60 * 1000;

/// By how much servers' clocks may differ, and how long a check-in may wait to be written: check-ins are looked at again that far back.
const SLACK_MILLIS: i64 = 30 * 1000;

/// Rows that are read at once: their facts take some kilobytes each until they are in the columns.
const READ_ROWS: i64 = 1_000;

/// Rows that are taken in before who asks meanwhile has their turn: the thread has stepped back, and may be slow.
const LOCKED_ROWS: usize = 100;

/// The most members that a preview names.
pub const PREVIEW_MEMBERS_MAX: usize = 200;

/// What a rule that is being written comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RulePreview {
    /// How many would be in.
    pub count: u64,
    /// Of how many.
    pub of: u64,
    /// The first of them: id and name.
    pub members: Vec<(String, String)>,
}

/// Facts of a tenant's PCs or people.
#[derive(Debug, Default)]
pub(crate) struct Columns {
    table: Table,
    /// The number of each row of the table in the database, ascending.
    nos: Vec<i64>,
    live: Bits,
    /// The newest check-in that is in it.
    checked_in_at: i64,
    /// Check-ins that were taken over and may be looked at again: number and time.
    taken: HashMap<i64, i64>,
    read_at: Option<Moment>,
    /// When it was last brought up to date.
    looked_at: i64,
}

impl Columns {
    fn place(&self, no: i64) -> Option<usize> {
        self.nos.binary_search(&no).ok()
    }

    /// Takes in a row. Its place, if it has one.
    fn put(&mut self, known: &Known) -> Option<usize> {
        let place = match self.place(known.no) {
            Some(place) => {
                self.table.replace(place, &known.facts);
                place
            }
            // Numbers only grow; one that is not there and not the largest was removed and is read when all are.
            None if self.nos.last().is_none_or(|last| *last < known.no) => {
                make_room(&mut self.nos, 1);
                self.nos.push(known.no);
                self.table.push(&known.facts)
            }
            None => return None,
        };
        self.live.set(place, known.live);
        self.checked_in_at = self.checked_in_at.max(known.checked_in_at);
        Some(place)
    }

    /// Gives back what was taken in advance.
    fn shrink(&mut self) {
        self.table.shrink();
        self.nos.shrink_to_fit();
    }

    fn refresh(
        &mut self,
        connection: &Connection,
        (tenant, of): (i64, GroupOf),
        now: Moment,
    ) -> Result<(), StoreError> {
        let all = Wanted::ALL;
        let age = self.read_at.map_or(i64::MAX, |at| now.0.saturating_sub(at.0));
        let reread = if of == GroupOf::People { REREAD_PEOPLE_MILLIS } else { REREAD_MILLIS };
        let anew = !(0..reread).contains(&age);
        if anew {
            *self = Self { table: facts::table(of), read_at: Some(now), ..Self::default() };
        } else if of == GroupOf::Devices {
            let since = self.checked_in_at.min(now.0).saturating_sub(SLACK_MILLIS);
            let taken = std::mem::take(&mut self.taken);
            for (no, at) in facts::checked_in_since(connection, tenant, since)? {
                if taken.get(&no) != Some(&at)
                    && let Some(known) = known_of(connection, (tenant, of, no), (all, now))?
                {
                    self.put(&known);
                }
                self.taken.insert(no, at);
            }
            for no in facts::revoked_since(connection, tenant, self.looked_at.min(now.0).saturating_sub(SLACK_MILLIS))?
            {
                if self.place(no).is_some_and(|place| self.live.has(place))
                    && let Some(known) = known_of(connection, (tenant, of, no), (all, now))?
                {
                    self.put(&known);
                }
            }
        }
        self.looked_at = now.0;
        loop {
            let after = self.nos.last().copied().unwrap_or(0);
            let rows = known(connection, (tenant, of), ((after, i64::MAX), READ_ROWS), (all, now))?;
            if rows.is_empty() {
                if anew {
                    self.shrink();
                }
                return Ok(());
            }
            for known in &rows {
                self.put(known);
            }
        }
    }

    /// The rows for which a rule holds.
    pub(crate) fn run(&self, rule: &Rule, now: Moment) -> Bits {
        Program::new([rule], &self.table, now.0.div_euclid(1000)).run(&self.table).pop().unwrap_or_default()
    }

    /// The rows with these numbers, as far as they are in it.
    pub(crate) fn places(&self, numbers: impl IntoIterator<Item = i64>) -> Bits {
        let mut bits = Bits::default();
        numbers.into_iter().filter_map(|no| self.place(no)).for_each(|place| bits.set(place, true));
        bits
    }

    /// The live rows that the view sees.
    pub(crate) fn seen(&self, connection: &Connection, (view, of): (&View, GroupOf)) -> Result<Bits, StoreError> {
        let mut bits = self.live.clone();
        if !view.is_whole() {
            let sql = match of {
                GroupOf::People => format!("SELECT u.no FROM users u WHERE u.tenant = $1 AND {}", view.sees_person()),
                GroupOf::Devices => format!(
                    "SELECT d.no FROM devices d JOIN users u ON u.tenant = d.tenant AND u.no = d.user_no \
                     WHERE d.tenant = $1 AND {}",
                    view.sees_device()
                ),
            };
            bits.keep(&self.places(numbers(connection, (&sql, view.scope().no))?));
        }
        Ok(bits)
    }
}

type Shared = Arc<Mutex<Columns>>;

/// The columns of all tenants that were asked for.
#[derive(Debug, Default)]
pub(crate) struct AllColumns(Mutex<HashMap<(i64, bool), Shared>>);

impl AllColumns {
    fn of(&self, tenant: i64, of: GroupOf) -> Shared {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(all.entry((tenant, of == GroupOf::People)).or_default())
    }

    /// Reads columns anew: into those that are in use, as a million rows would take as much again beside them.
    fn renew(&self, store: &Store, (tenant, of, now): (i64, GroupOf, Moment)) -> Result<(), StoreError> {
        let shared = self.of(tenant, of);
        let in_use = shared.lock().unwrap_or_else(PoisonError::into_inner).read_at.is_some();
        if !in_use || !read_into(&shared, store, (tenant, of, now))? {
            // The first time, or after rows went: what was in them goes too.
            let fresh = Mutex::new(Columns { table: facts::table(of), ..Columns::default() });
            read_into(&fresh, store, (tenant, of, now))?;
            let fresh = fresh.into_inner().unwrap_or_else(PoisonError::into_inner);
            *shared.lock().unwrap_or_else(PoisonError::into_inner) = fresh;
        }
        Ok(())
    }

    /// Does something with the columns as they are now.
    pub(crate) fn with<T>(
        &self,
        connection: &Connection,
        (tenant, of, now): (i64, GroupOf, Moment),
        work: impl FnOnce(&Columns) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let shared = self.of(tenant, of);
        let mut columns = shared.lock().unwrap_or_else(PoisonError::into_inner);
        columns.refresh(connection, (tenant, of), now)?;
        work(&columns)
    }
}

/// Takes in every row as it is now, some at a time: who asks meanwhile hardly waits, and no long read keeps the write-ahead log from being begun anew. `false`: there are rows that
/// are not in the database any more, or some that cannot be taken in.
fn read_into(
    columns: &Mutex<Columns>,
    store: &Store,
    (tenant, of, now): (i64, GroupOf, Moment),
) -> Result<bool, StoreError> {
    let lock = || columns.lock().unwrap_or_else(PoisonError::into_inner);
    let rows = lock().nos.len();
    let (mut after, mut met) = (0, Bits::default());
    loop {
        let between = ((after, i64::MAX), READ_ROWS);
        let some = store.read(|connection| known(connection, (tenant, of), between, (Wanted::ALL, now)))?;
        let Some(last) = some.last() else { break };
        after = last.no;
        for some in some.chunks(LOCKED_ROWS) {
            let mut columns = lock();
            for known in some {
                let Some(place) = columns.put(known) else { return Ok(false) };
                met.set(place, true);
            }
        }
    }
    if rows > 0 {
        // What rows said before, the name of somebody who was erased among it, goes; column by column, as who asks meanwhile waits for one.
        let columns = lock().table.columns();
        for column in 0..columns {
            lock().table.let_go(column);
        }
    }
    let mut columns = lock();
    if rows == 0 {
        columns.shrink();
    }
    // Whoever has checked in since this began may have been read before that, and is looked at again.
    (columns.read_at, columns.looked_at, columns.checked_in_at) = (Some(now), now.0, now.0);
    columns.taken.clear();
    Ok((0..rows).all(|place| met.has(place)))
}

/// The numbers that a question about a tenant is answered with, its only column.
pub(crate) fn numbers(connection: &Connection, (sql, tenant): (&str, i64)) -> Result<Vec<i64>, StoreError> {
    let mut statement = connection.prepare(sql)?;
    let rows = statement.query_map([tenant], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

impl Store {
    /// Reads the columns of PCs of the tenants that have had dynamic groups or have policies, so that previews and counts do not wait for them.
    pub fn warm_columns(&self, now: Moment) -> Result<(), StoreError> {
        let tenants: Vec<i64> = self.read(|connection| {
            let sql = "SELECT tenant FROM rule_books UNION SELECT tenant FROM policies ORDER BY tenant";
            let mut statement = connection.prepare_cached(sql)?;
            let tenants = statement.query_map([], |row| row.get(0))?;
            Ok::<_, StoreError>(tenants.collect::<Result<_, _>>()?)
        })?;
        tenants.into_iter().try_for_each(|tenant| self.columns.renew(self, (tenant, GroupOf::Devices, now)))
    }

    /// How many people or PCs that the view sees a rule would take in, and the first of them. Names are shown, so it takes the permission to see people or devices as well.
    pub fn rule_preview(
        &self,
        view: &View,
        (kind, text): (Kind, &str),
        limit: usize,
        now: Moment,
    ) -> Result<RulePreview, AdminError> {
        let rule = rules::parse(kind, text)?;
        let (of, permission) = match kind {
            Kind::User => (GroupOf::People, Permission::UserRead),
            Kind::Device | Kind::Filter => (GroupOf::Devices, Permission::DeviceRead),
        };
        let view = view.beside(permission).ok_or_else(|| AdminError::Lacks(vec![permission]))?;
        let tenant = view.scope().no;
        self.look_up(|connection| {
            let preview = self.columns.with(connection, (tenant, of, now), |columns| {
                let base = columns.seen(connection, (&view, of))?;
                let mut bits = columns.run(&rule, now);
                bits.keep(&base);
                let first: Vec<i64> =
                    bits.rows().take(limit.min(PREVIEW_MEMBERS_MAX)).map(|place| columns.nos[place]).collect();
                Ok((bits.count() as u64, base.count() as u64, first))
            })?;
            let (count, of_all, first) = preview;
            let table = if of == GroupOf::People { "users" } else { "devices" };
            let sql = format!("SELECT id, name FROM {table} WHERE tenant = $1 AND no = $2");
            let mut statement = connection.prepare_cached(&sql)?;
            let mut members = Vec::with_capacity(first.len());
            for no in first {
                members.push(statement.query_row((tenant, no), |row| {
                    let (id, name): (row::Id<16>, String) = (row::Id(row.get(0)?), row.get(1)?);
                    let id = if of == GroupOf::People { UserId(id.0).to_string() } else { DeviceId(id.0).to_string() };
                    Ok((id, name))
                })?);
            }
            Ok(RulePreview { count, of: of_all, members })
        })
    }
}
