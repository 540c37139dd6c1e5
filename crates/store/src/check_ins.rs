//! Check-ins: what PCs said when they last came by, what holds for them, and what they are asked to do.
//!
//! What a PC is asked to do waits in a row until the PC has told what became of it, so a lost answer only means that it is told again. A command that nobody
//! fetched in time lapses.

use crate::sql::{Connection, OptionalExtension, Row};
use model::admin::{GroupOf, Status, StatusOfPolicy};
use model::check_in::{Command, Done, Facts, Order, PolicyForDevice};
use model::ids::{CommandId, DeviceId, UserId, to_hex};
use model::policy::resolve::Resolved;
use model::policy::what_if::effective;
use model::prerequisite::{Activity, switched_off, unfit};
use model::world::Moment;

use crate::admin::{Page, Slice, devices};
use crate::audit::{self, Action, Event};
use crate::authority::View;
use crate::error::AdminError;
use crate::membership;
use crate::misfit::Misfit;
use crate::policies::{Asked, Considered, Policies, resolved, subject};
use crate::scope::Scope;
use crate::targets::Subject;
use crate::{Store, StoreError, row};

/// How long a command waits for its PC: a fortnight's holiday.
pub const COMMAND_MILLIS: i64 = 14 * 24 * 60 * 60 * 1000;

/// The most commands that wait for one PC.
pub const COMMANDS_MAX: i64 = 20;

/// The most characters of what became of a command: the code of a reason.
const OUTCOME_CHARS_MAX: usize = 64;

/// What a PC said when it last came by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// When.
    pub at: Moment,
    /// When it was told to come again.
    pub due_at: Moment,
    /// The mark of its facts.
    pub facts_mark: String,
    /// Its facts.
    pub facts: Facts,
    /// The mark of the policy that it has; empty: none.
    pub policy_mark: String,
}

/// What is kept of a check-in.
#[derive(Clone, Debug)]
pub struct Noted {
    /// The mark of the PC's facts.
    pub facts_mark: String,
    /// The facts, if they came along.
    pub facts: Option<Facts>,
    /// The mark of the policy that the PC has.
    pub policy_mark: String,
    /// What became of commands.
    pub done: Vec<Done>,
    /// When it is to come again.
    pub due_at: Moment,
}

/// What holds for a PC, as the server sees it.
#[derive(Clone, Debug)]
pub struct OnDevice {
    /// The PC.
    pub device: DeviceId,
    /// Its name.
    pub device_name: String,
    /// Whose.
    pub user: UserId,
    /// Their name.
    pub user_name: String,
    /// Every policy of the organisation, held against them, the strongest first.
    pub considered: Vec<Considered>,
    /// What those that apply come to.
    pub resolved: Resolved,
    /// What the PC said.
    pub seen: Option<Seen>,
}

/// A command, as admins see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ordered {
    /// Its id.
    pub id: CommandId,
    /// What to do.
    pub order: String,
    /// Id of who wants it; nothing: the operator.
    pub by: Option<String>,
    /// Since when.
    pub created_at: Moment,
    /// Until when it waits.
    pub expires_at: Moment,
    /// When the PC got it.
    pub given_at: Option<Moment>,
    /// When it was done.
    pub done_at: Option<Moment>,
    /// What became of it.
    pub outcome: Option<String>,
}

/// What a PC is told, with a mark that names it: the first half of a hash of it.
pub fn for_device(resolved: &Resolved) -> PolicyForDevice {
    let settings = resolved.settings().to_json();
    let by = resolved.0.iter().map(|(id, decided)| ((*id).to_owned(), decided.by.name.clone())).collect();
    let mut policy = PolicyForDevice { mark: String::new(), settings, by };
    let bytes = serde_json::to_vec(&policy).unwrap_or_default();
    policy.mark = to_hex(&blake3::hash(&bytes).as_bytes()[..8]);
    policy
}

impl OnDevice {
    /// How each policy that applies stands, the strongest first.
    pub fn statuses(&self) -> Vec<StatusOfPolicy> {
        let mark = for_device(&self.resolved).mark;
        let applies = self.considered.iter().filter(|one| one.because.applies());
        applies.map(|one| self.status(one, &mark)).collect()
    }

    fn status(&self, one: &Considered, mark: &str) -> StatusOfPolicy {
        let conflicts: Vec<String> = self.resolved.conflicts_of(one.id).into_iter().map(ToOwned::to_owned).collect();
        let (status, why, reason) = self.judged(one, conflicts.is_empty(), mark);
        let (name, priority) = (one.applied.by.name.clone(), one.applied.priority);
        StatusOfPolicy { policy: one.id, name, priority, status, conflicts, why, reason }
    }

    /// How a policy stands, why, and the code of that reason.
    fn judged(&self, one: &Considered, agrees: bool, mark: &str) -> (Status, Option<String>, Option<String>) {
        if let Some(seen) = &self.seen {
            let effective = effective(&self.resolved, &seen.facts);
            let of_pc = (seen.facts.exact_build(), seen.facts.join);
            if let Some(why) = unfit(Activity::Backup, &effective, of_pc) {
                return (Status::NotApplicable, Some(why.message), Some(why.reason.code().to_owned()));
            }
        }
        if !agrees {
            return (Status::Conflict, None, None);
        }
        let Some(seen) = self.seen.as_ref().filter(|seen| seen.policy_mark == mark) else {
            return (Status::Pending, None, None);
        };
        let own = |setting: &str| one.applied.settings.get(setting).is_some();
        match seen.facts.problems.iter().find(|problem| own(&problem.setting)) {
            Some(problem) => (Status::Error, Some(format!("`{}`: {}", problem.setting, problem.what)), None),
            None => (Status::Succeeded, None, None),
        }
    }
}

fn seen_from(row: &Row<'_>, first: usize) -> crate::sql::Result<Option<(Seen, String)>> {
    let Some(at) = row.get::<_, Option<i64>>(first)? else { return Ok(None) };
    let seen = Seen {
        at: Moment(at),
        due_at: Moment(row.get(first + 1)?),
        facts_mark: row.get(first + 2)?,
        facts: Facts::default(),
        policy_mark: row.get(first + 4)?,
    };
    Ok(Some((seen, row.get(first + 3)?)))
}

fn facts_of(text: &str) -> Result<Facts, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::Damaged(format!("the facts of a PC: {error}")))
}

fn with_facts((mut seen, text): (Seen, String)) -> Result<Seen, StoreError> {
    seen.facts = facts_of(&text)?;
    Ok(seen)
}

const SEEN: &str = "c.at, c.due_at, c.facts_mark, c.facts, c.policy_mark";

const DEVICES: &str = "FROM devices d JOIN users u ON u.tenant = d.tenant AND u.no = d.user_no \
                       LEFT JOIN check_ins c ON c.tenant = d.tenant AND c.device_no = d.no \
                       WHERE d.tenant = $1";

impl Store {
    /// What holds for the person on the PC that asks.
    pub fn policy_for(&self, scope: &Scope) -> Result<PolicyForDevice, StoreError> {
        self.read(|connection| {
            let tenant = scope.tenant.no;
            let subject = Subject::of(connection, tenant, (scope.user_no, scope.device_no))?;
            let considered = Policies::load(connection, tenant)?.consider(connection, tenant, &subject)?;
            Ok(for_device(&resolved(connection, tenant, (&considered, &subject))?))
        })
    }

    /// Why backups of the PC that asks are not taken; `None`: its policies switch them on. What the PC said of its own policies counts as it does on the PC.
    pub fn backups_off(&self, scope: &Scope) -> Result<Option<String>, StoreError> {
        self.read(|connection| {
            let tenant = scope.tenant.no;
            let subject = Subject::of(connection, tenant, (scope.user_no, scope.device_no))?;
            let considered = Policies::load(connection, tenant)?.consider(connection, tenant, &subject)?;
            let resolved = resolved(connection, tenant, (&considered, &subject))?;
            let sql = "SELECT facts FROM check_ins WHERE tenant = $1 AND device_no = $2";
            let text: Option<String> =
                connection.prepare_cached(sql)?.query_row((tenant, scope.device_no), |row| row.get(0)).optional()?;
            let facts = text.map(|text| facts_of(&text)).transpose()?.unwrap_or_default();
            let policy = effective(&resolved, &facts);
            Ok(switched_off(Activity::Backup, &policy).map(|refusal| refusal.message))
        })
    }

    /// When the PC was connected, and the mark of the facts that the server has of it.
    pub fn last_check_in(&self, scope: &Scope) -> Result<(Moment, Option<String>), StoreError> {
        self.read(|connection| {
            let sql = "SELECT d.created_at, c.facts_mark FROM devices d \
                       LEFT JOIN check_ins c ON c.tenant = d.tenant AND c.device_no = d.no \
                       WHERE d.tenant = $1 AND d.no = $2";
            let found = connection
                .prepare_cached(sql)?
                .query_row((scope.tenant.no, scope.device_no), |row| Ok((Moment(row.get(0)?), row.get(1)?)))?;
            Ok(found)
        })
    }

    /// Keeps what a PC said and gives what it is asked to do.
    pub fn note_check_in(&self, scope: &Scope, noted: Noted, at: Moment) -> Result<Vec<Command>, StoreError> {
        let facts = noted.facts.map(|facts| serde_json::to_string(&facts.bounded()));
        let facts = facts.transpose().map_err(|error| StoreError::Damaged(format!("facts: {error}")))?;
        let (mark, policy) = (noted.facts_mark, noted.policy_mark);
        let (scope, done, due) = (scope.clone(), noted.done, noted.due_at);
        let books = self.books.clone();
        self.writer.write(move |tx| {
            let key = (scope.tenant.no, scope.device_no);
            let sql = "SELECT 1 FROM check_ins WHERE tenant = $1 AND device_no = $2";
            let fresh = !tx.prepare_cached(sql)?.exists(key)?;
            let before = membership::before(tx, &books, ((key.0, GroupOf::Devices, key.1), fresh), at)?;
            if let Some(facts) = &facts {
                tx.prepare_cached(
                    "INSERT INTO check_ins (tenant, device_no, at, due_at, facts_mark, facts, policy_mark) \
                     VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (tenant, device_no) DO UPDATE SET at = excluded.at, \
                     due_at = excluded.due_at, facts_mark = excluded.facts_mark, facts = excluded.facts, \
                     policy_mark = excluded.policy_mark",
                )?
                .execute((key.0, key.1, at.0, due.0, &mark, facts, &policy))?;
            } else {
                // Numbers in the order in which they appear: SQLite counts them so, whatever they are called.
                let sql = "UPDATE check_ins SET at = $1, due_at = $2, policy_mark = $3 WHERE tenant = $4 AND device_no = $5";
                tx.prepare_cached(sql)?.execute((at.0, due.0, &policy, key.0, key.1))?;
            }
            membership::changed(tx, &before, key, at)?;
            for done in done.iter().take(usize::try_from(COMMANDS_MAX).unwrap_or(0)) {
                let outcome: String =
                    done.outcome.chars().filter(|letter| !letter.is_control()).take(OUTCOME_CHARS_MAX).collect();
                tx.prepare_cached(
                    "UPDATE device_commands SET done_at = $1, outcome = $2 \
                     WHERE tenant = $3 AND device_no = $4 AND id = $5 AND done_at IS NULL",
                )?
                .execute((at.0, outcome, key.0, key.1, done.command.as_bytes()))?;
            }
            waiting(tx, key, at)
        })
    }

    /// What holds for a device that the view sees.
    pub fn on_device(&self, view: &View, id: DeviceId) -> Result<OnDevice, AdminError> {
        self.look_up(|connection| {
            let sql = format!(
                "SELECT d.no, d.id, d.name, u.id, u.name, {SEEN} {DEVICES} AND d.id = $2 AND {}",
                view.sees_device()
            );
            let mut statement = connection.prepare(&sql)?;
            let found = statement.query_row((view.scope().no, id.as_bytes()), listed).optional()?;
            let found = found.ok_or(AdminError::NotFound)?;
            let policies = Policies::load(connection, view.scope().no)?;
            Ok(on_device(connection, view.scope().no, (&policies, found))?.1)
        })
    }

    /// What these devices said of themselves last, in the same order; `None` for one that has said nothing, or that the view does not see.
    pub fn said_by(&self, view: &View, ids: &[DeviceId]) -> Result<Vec<Option<Facts>>, StoreError> {
        self.read(|connection| {
            let sql = format!("SELECT c.facts {DEVICES} AND d.id = $2 AND {}", view.sees_device());
            let mut statement = connection.prepare(&sql)?;
            let mut said = |id: &DeviceId| {
                let text = statement.query_row((view.scope().no, id.as_bytes()), |row| row.get(0)).optional()?;
                text.flatten().map(|text: String| facts_of(&text)).transpose()
            };
            ids.iter().map(&mut said).collect()
        })
    }

    /// What holds for each live device that the view sees.
    pub fn on_devices(&self, view: &View, slice: Slice) -> Result<Page<OnDevice>, StoreError> {
        self.read(|connection| {
            let tenant = view.scope().no;
            let sql = format!(
                "SELECT d.no, d.id, d.name, u.id, u.name, {SEEN} {DEVICES} AND d.no > $2 AND d.revoked_at IS NULL AND {} \
                 ORDER BY d.no LIMIT $3",
                view.sees_device()
            );
            let mut statement = connection.prepare(&sql)?;
            let rows = statement.query_map((tenant, slice.after, slice.rows()), listed)?;
            let rows: Vec<Found> = rows.collect::<Result<_, _>>()?;
            let policies = Policies::load(connection, tenant)?;
            let each = |found| on_device(connection, tenant, (&policies, found));
            Ok(slice.page(rows.into_iter().map(each).collect::<Result<_, StoreError>>()?))
        })
    }

    /// What would hold for a person that the view sees, on a PC that the server does not know and that says this. Such a PC is in no group; filters are asked about what it says.
    pub fn would_hold(
        &self,
        view: &View,
        user: Option<UserId>,
        (says, at): (&Facts, Moment),
    ) -> Result<(Vec<Considered>, Resolved), AdminError> {
        self.look_up(|connection| {
            let tenant = view.scope().no;
            let user = user.map(|user| crate::admin::people::number(connection, view, user)).transpose()?;
            // Numbers of rows begin at 1.
            let subject = Subject::of(connection, tenant, (user.unwrap_or(0), 0))?;
            let considered = Policies::load(connection, tenant)?
                .consider_as(&subject, &Asked { facts: membership::facts::said(says), at: at.0.div_euclid(1000) });
            let resolved = resolved(connection, tenant, (&considered, &subject))?;
            Ok((considered, resolved))
        })
    }

    /// Whether a person has a backup on another PC than this, of which a restore could be offered.
    pub fn has_backup(&self, user: UserId, view: &View, but: Option<DeviceId>) -> Result<bool, StoreError> {
        self.read(|connection| {
            let sql = "SELECT 1 FROM profiles p JOIN users u ON u.tenant = p.tenant AND u.no = p.user_no \
                       JOIN devices d ON d.tenant = p.tenant AND d.no = p.device_no \
                       WHERE p.tenant = $1 AND u.id = $2 AND p.last_seq > 0 AND (d.id <> $3 OR $3 IS NULL) \
                       AND EXISTS (SELECT 1 FROM snapshots s WHERE s.tenant = p.tenant AND s.profile_no = p.no)";
            let but = but.map(|id| id.as_bytes().to_vec());
            Ok(connection.prepare_cached(sql)?.exists((view.scope().no, user.as_bytes(), but))?)
        })
    }

    /// Asks a device that the view sees to do something.
    pub fn order(
        &self,
        view: &View,
        (id, device, order): (CommandId, DeviceId, Order),
        at: Moment,
    ) -> Result<Ordered, AdminError> {
        let view = view.clone();
        self.writer.write(move |tx| {
            let tenant = view.scope().no;
            let (no, found) = devices::find(tx, &view, device)?;
            if found.revoked_at.is_some() {
                return Err(Misfit::Withdrawn.into());
            }
            let sql = "SELECT COUNT(*) FROM device_commands WHERE tenant = $1 AND device_no = $2 AND done_at IS NULL \
                       AND expires_at > $3";
            let open: i64 = tx.prepare_cached(sql)?.query_row((tenant, no, at.0), |row| row.get(0))?;
            if open >= COMMANDS_MAX {
                return Err(Misfit::CommandsWait(COMMANDS_MAX).into());
            }
            let next =
                row::next_no(tx, "SELECT COALESCE(MAX(no), 0) + 1 FROM device_commands WHERE tenant = $1", tenant)?;
            let actor = view.actor();
            tx.prepare_cached(
                "INSERT INTO device_commands (tenant, no, id, device_no, kind, actor, created_at, expires_at) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            )?
            .execute((
                tenant,
                next,
                id.as_bytes(),
                no,
                order.word(),
                actor.id(),
                at.0,
                at.plus_millis(COMMAND_MILLIS).0,
            ))?;
            let event = Event::of(&actor, at, Action::DeviceCommand, device.as_bytes());
            audit::append(tx, view.scope(), &Event { after: Some(order.word()), ..event })?;
            let sql = format!("{ORDERED} AND id = $2");
            Ok(tx.prepare_cached(&sql)?.query_row((tenant, id.as_bytes()), ordered)?)
        })
    }

    /// What a device that the view sees was asked to do, newest first: the last hundred.
    pub fn orders(&self, view: &View, device: DeviceId) -> Result<Vec<Ordered>, AdminError> {
        self.look_up(|connection| {
            let (no, _) = devices::find(connection, view, device)?;
            let sql = format!("{ORDERED} AND device_no = $2 ORDER BY no DESC LIMIT 100");
            let mut statement = connection.prepare_cached(&sql)?;
            let rows = statement.query_map((view.scope().no, no), ordered)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }
}

const ORDERED: &str = "SELECT id, kind, actor, created_at, expires_at, given_at, done_at, outcome FROM device_commands \
                       WHERE tenant = $1";

fn ordered(row: &Row<'_>) -> crate::sql::Result<Ordered> {
    let actor: Vec<u8> = row.get(2)?;
    let moment = |at: Option<i64>| at.map(Moment);
    Ok(Ordered {
        id: row::Id(row.get(0)?).into(),
        order: row.get(1)?,
        by: (!actor.is_empty()).then(|| to_hex(&actor)),
        created_at: Moment(row.get(3)?),
        expires_at: Moment(row.get(4)?),
        given_at: moment(row.get(5)?),
        done_at: moment(row.get(6)?),
        outcome: row.get(7)?,
    })
}

/// What waits for a PC; from now on it has it.
fn waiting(tx: &Connection, (tenant, device): (i64, i64), at: Moment) -> Result<Vec<Command>, StoreError> {
    let sql = "SELECT id, kind FROM device_commands WHERE tenant = $1 AND device_no = $2 AND done_at IS NULL \
               AND expires_at > $3 ORDER BY no";
    let mut statement = tx.prepare_cached(sql)?;
    let rows = statement
        .query_map((tenant, device, at.0), |row| Ok(Command { id: row::Id(row.get(0)?).into(), order: row.get(1)? }))?;
    let commands: Vec<Command> = rows.collect::<Result<_, _>>()?;
    if !commands.is_empty() {
        let sql = "UPDATE device_commands SET given_at = $1 WHERE tenant = $2 AND device_no = $3 AND done_at IS NULL \
                   AND expires_at > $4 AND given_at IS NULL";
        tx.prepare_cached(sql)?.execute((at.0, tenant, device, at.0))?;
    }
    Ok(commands)
}

struct Found {
    no: i64,
    device: DeviceId,
    device_name: String,
    user: UserId,
    user_name: String,
    seen: Option<(Seen, String)>,
}

fn listed(row: &Row<'_>) -> crate::sql::Result<Found> {
    Ok(Found {
        no: row.get(0)?,
        device: row::Id(row.get(1)?).into(),
        device_name: row.get(2)?,
        user: row::Id(row.get(3)?).into(),
        user_name: row.get(4)?,
        seen: seen_from(row, 5)?,
    })
}

fn on_device(
    connection: &Connection,
    tenant: i64,
    (policies, found): (&Policies, Found),
) -> Result<(i64, OnDevice), StoreError> {
    let subject = subject(connection, tenant, found.no)?.unwrap_or_default();
    let considered = policies.consider(connection, tenant, &subject)?;
    let resolved = resolved(connection, tenant, (&considered, &subject))?;
    let on_device = OnDevice {
        device: found.device,
        device_name: found.device_name,
        user: found.user,
        user_name: found.user_name,
        considered,
        resolved,
        seen: found.seen.map(with_facts).transpose()?,
    };
    Ok((found.no, on_device))
}
