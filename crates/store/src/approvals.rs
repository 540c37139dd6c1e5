//! What takes a second admin: somebody asks, somebody else decides, then it is done.
//!
//! The store keeps the request and its state and says who may move it; what is done, and how, belongs to whoever asks ([`NewApproval::kind`] is
//! their word). Whoever decides is another person than who asked, holds `approval.decide` and the permission of the thing itself. A tenant in which
//! nobody else holds `approval.decide` at the time of asking has a delay in its place ([`ALONE_MILLIS`]); a second admin who comes meanwhile may
//! still deny. A request that nobody decides expires. Each move leaves an audit row.
//!
//! What is done is done only while both people still may: whoever asked and whoever decided are looked at again in the transaction that does it
//! ([`Store::who_may_not`]), and what the delay has approved only while there is still nobody who could decide.

use std::collections::BTreeSet;

use crate::sql::{Connection, OptionalExtension, Row};
use model::ids::{ApprovalId, ProfileId, UserId};
use model::permission::Permission;
use model::world::Moment;

use crate::admin::people;
use crate::audit::{self, Action, Event};
use crate::authority::{self, Actor, View};
use crate::error::AdminError;
use crate::people::user_no;
use crate::scope::TenantScope;
use crate::{Store, StoreError, cases, moves, rehome, row};

/// The delay in place of a second admin, where there is none: 7 days, in milliseconds.
pub const ALONE_MILLIS: i64 = 7 * 24 * 60 * 60 * 1000;

/// How long a request waits for its decision, and once it counts as approved for being done: 7 days, in milliseconds.
pub const WAITING_MILLIS: i64 = 7 * 24 * 60 * 60 * 1000;

/// Requests that wait at once in a tenant: more than a person can look at.
pub const WAITING_MAX: i64 = 1_000;

/// The longest note, in characters.
pub const NOTE_CHARS_MAX: usize = 1_000;

/// Where a request stands. The numbers are in the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum State {
    /// Nobody has decided.
    Waiting = 0,
    /// Somebody else has said yes, or the delay is over; not done yet.
    Approved = 1,
    /// Somebody else has said no.
    Denied = 2,
    /// Who asked has taken it back.
    Withdrawn = 3,
    /// Nobody decided in time, or nobody did it in time.
    Expired = 4,
    /// It is done.
    Done = 5,
    /// It could not be done; the outcome says why.
    Failed = 6,
}

impl State {
    /// All of them.
    pub const ALL: &[State] =
        &[Self::Waiting, Self::Approved, Self::Denied, Self::Withdrawn, Self::Expired, Self::Done, Self::Failed];

    /// The stable word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Approved => "approved",
            Self::Denied => "denied",
            Self::Withdrawn => "withdrawn",
            Self::Expired => "expired",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }

    /// Whether it may still be done.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Waiting | Self::Approved)
    }

    fn from_number(number: u8) -> Option<Self> {
        Self::ALL.iter().copied().find(|state| *state as u8 == number)
    }
}

/// A request to be made.
#[derive(Clone, Debug)]
pub struct NewApproval {
    /// Its id.
    pub id: ApprovalId,
    /// Word of what is to be done.
    pub kind: &'static str,
    /// The permission that doing it takes: who decides must hold it too.
    pub needs: Permission,
    /// Id of what it is done to.
    pub target: [u8; 16],
    /// What exactly, as the kind's own JSON. No values of settings.
    pub body: String,
    /// Why, in the words of who asks.
    pub note: String,
}

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// Its id.
    pub id: ApprovalId,
    /// Word of what is to be done.
    pub kind: String,
    /// Id of what it is done to.
    pub target: [u8; 16],
    /// What exactly, as the kind's own JSON.
    pub body: String,
    /// Why.
    pub note: String,
    /// Id of who asked; none: the operator.
    pub asked_by: Option<UserId>,
    /// When.
    pub asked_at: Moment,
    /// When it lapses.
    pub expires_at: Moment,
    /// From when it counts as approved without a second admin.
    pub alone_from: Option<Moment>,
    /// Where it stands.
    pub state: State,
    /// Who decided. `None` with [`State::Approved`]: the delay did.
    pub decided_by: Option<UserId>,
    /// When.
    pub decided_at: Option<Moment>,
    /// In the words of who decided.
    pub answer: Option<String>,
    /// When it was done.
    pub done_at: Option<Moment>,
    /// What became of it.
    pub outcome: Option<String>,
    /// Counts changes.
    pub version: u64,
}

const COLUMNS: &str = "x.id, x.kind, x.target, x.body, x.note, x.asked_by, x.asked_at, x.expires_at, x.alone_from, x.state, \
                       x.decided_by, x.decided_at, x.answer, x.done_at, x.outcome, x.version";

fn from_row(row: &Row<'_>) -> crate::sql::Result<Approval> {
    let user = |bytes: Option<Vec<u8>>| bytes.and_then(|bytes| bytes.try_into().ok()).map(UserId);
    let state: u8 = row.get(9)?;
    let state = State::from_number(state)
        .ok_or(crate::sql::Error::Sqlite(rusqlite::Error::IntegralValueOutOfRange(9, i64::from(state))))?;
    Ok(Approval {
        id: row::Id(row.get(0)?).into(),
        kind: row.get(1)?,
        target: row.get(2)?,
        body: row.get(3)?,
        note: row.get(4)?,
        asked_by: user(row.get(5)?),
        asked_at: Moment(row.get(6)?),
        expires_at: Moment(row.get(7)?),
        alone_from: row.get::<_, Option<i64>>(8)?.map(Moment),
        state,
        decided_by: user(row.get(10)?),
        decided_at: row.get::<_, Option<i64>>(11)?.map(Moment),
        answer: row.get(12)?,
        done_at: row.get::<_, Option<i64>>(13)?.map(Moment),
        outcome: row.get(14)?,
        version: row::unsigned(row.get(15)?),
    })
}

impl Store {
    /// Asks for something that takes a second admin. The view is that of the thing's own permission.
    pub fn ask(&self, view: &View, new: NewApproval, at: Moment) -> Result<Approval, AdminError> {
        check_note(&new.note)?;
        let view = view.clone();
        self.writer.write(move |tx| ask_within(tx, &view, &new, (None, at)))
    }

    /// Says yes or no. `needs` is the permission of the thing itself, which the caller knows by its kind; `view` that of `approval.decide`.
    pub fn decide(
        &self,
        view: &View,
        (id, needs): (ApprovalId, Permission),
        (yes, answer): (bool, String),
        at: Moment,
    ) -> Result<Approval, AdminError> {
        check_note(&answer)?;
        let view = view.clone();
        self.writer.write(move |tx| {
            let tenant = view.scope().no;
            let found = load(tx, tenant, id)?.filter(|found| sees(&view, found)).ok_or(AdminError::NotFound)?;
            let Actor::User(decider) = view.actor() else { return Err(AdminError::OwnRequest) };
            if found.asked_by == Some(decider) {
                return Err(AdminError::OwnRequest);
            }
            if view.authority.view(needs).is_none() {
                return Err(AdminError::Lacks(vec![needs]));
            }
            if found.state != State::Waiting || at >= found.expires_at {
                return Err(AdminError::Closed(found.state));
            }
            let (state, action) =
                if yes { (State::Approved, Action::ApprovalApprove) } else { (State::Denied, Action::ApprovalDeny) };
            // Half of a move between organisations waits for the other half.
            let millis =
                if moves::other_half(&found).is_some() { ALONE_MILLIS + WAITING_MILLIS } else { WAITING_MILLIS };
            let expires_at = at.plus_millis(millis);
            tx.prepare_cached(
                "UPDATE approvals SET state = $1, decided_by = $2, decided_at = $3, answer = $4, expires_at = $5, \
                 version = version + 1 WHERE tenant = $6 AND id = $7",
            )?
            .execute((
                state as u8,
                decider.as_bytes(),
                at.0,
                &answer,
                expires_at.0,
                tenant,
                id.as_bytes(),
            ))?;
            record(tx, view.scope(), &view.actor(), (action, at), id)?;
            if !yes {
                end_other_half(tx, &found, "the other organisation has turned it down", at)?;
            }
            load(tx, tenant, id)?.ok_or(AdminError::NotFound)
        })
    }

    /// Takes a request back, by who made it.
    pub fn withdraw(&self, view: &View, id: ApprovalId, at: Moment) -> Result<Approval, AdminError> {
        let view = view.clone();
        self.writer.write(move |tx| {
            let tenant = view.scope().no;
            let found = load(tx, tenant, id)?.ok_or(AdminError::NotFound)?;
            let own = match view.actor() {
                Actor::User(user) => found.asked_by == Some(user),
                Actor::Operator => found.asked_by.is_none(),
                Actor::Token(_) | Actor::Device(_) => false,
            };
            if !own {
                return Err(AdminError::NotFound);
            }
            if !matches!(found.state, State::Waiting | State::Approved) {
                return Err(AdminError::Closed(found.state));
            }
            if found.kind == cases::KIND && found.state == State::Approved {
                // It was open: that stays on record.
                cases::end(tx, view.scope(), id, (cases::End::Closed, at))?;
            } else {
                take_back(tx, &view, id, at)?;
                end_other_half(tx, &found, "the other organisation has taken it back", at)?;
            }
            load(tx, tenant, id)?.ok_or(AdminError::NotFound)
        })
    }

    /// The requests that the view sees, newest first, of one state or all: all of them, or without a reach over everything one's own.
    pub fn approvals(&self, view: &View, state: Option<State>) -> Result<Vec<Approval>, StoreError> {
        self.read(|connection| {
            let sql = format!(
                "SELECT {COLUMNS} FROM approvals x WHERE x.tenant = $1 AND (x.state = $2 OR $2 IS NULL) ORDER BY x.no DESC"
            );
            let mut statement = connection.prepare_cached(&sql)?;
            let rows = statement.query_map((view.scope().no, state.map(|state| state as u8)), from_row)?;
            let mut all: Vec<Approval> = rows.collect::<Result<_, _>>()?;
            all.retain(|found| sees(view, found));
            Ok(all)
        })
    }

    /// One request that the view sees.
    pub fn seen_approval(&self, view: &View, id: ApprovalId) -> Result<Option<Approval>, StoreError> {
        Ok(self.approval(view.scope(), id)?.filter(|found| sees(view, found)))
    }

    /// From when a request that is made now would count as approved without a second admin. `None`: there is one.
    pub fn alone_from(&self, view: &View, at: Moment) -> Result<Option<Moment>, StoreError> {
        self.read(|connection| Ok((others(connection, view, at)? == 0).then(|| at.plus_millis(ALONE_MILLIS))))
    }

    /// One request of the tenant.
    pub fn approval(&self, tenant: &TenantScope, id: ApprovalId) -> Result<Option<Approval>, StoreError> {
        self.read(|connection| load(connection, tenant.no, id))
    }

    /// Lets time do its part in all tenants: what nobody decided or did lapses, and where there is no second admin the delay approves. Gives what is
    /// approved and not yet done, for the jobs that do it.
    pub fn settle_approvals(&self, at: Moment) -> Result<Vec<(TenantScope, Approval)>, StoreError> {
        let open = "SELECT t.no, t.id, x.id, x.state, x.expires_at, x.alone_from FROM approvals x \
                    JOIN tenants t ON t.no = x.tenant WHERE x.state IN (0, 1) ORDER BY x.tenant, x.no";
        // Looked at without the write lock first: most of the time there is nothing.
        let any = self.read(|connection| Ok(connection.prepare_cached(open)?.exists([])?))?;
        if !any {
            return Ok(Vec::new());
        }
        self.writer.write(move |tx| {
            let mut statement = tx.prepare_cached(open)?;
            let rows = statement.query_map([], |row| {
                let tenant = TenantScope::new(row.get(0)?, row::Id(row.get(1)?).into());
                let (state, lapses, alone): (u8, i64, Option<i64>) = (row.get(3)?, row.get(4)?, row.get(5)?);
                Ok((tenant, ApprovalId(row.get(2)?), (state, lapses, alone)))
            })?;
            let mut approved = Vec::new();
            for row in rows.collect::<Result<Vec<_>, _>>()? {
                let (tenant, id, (state, lapses, alone)) = row;
                // The other half of one that has just lapsed has ended with it.
                if !load(tx, tenant.no, id)?.is_some_and(|found| found.state.is_open()) {
                    continue;
                }
                if lapses <= at.0 {
                    move_to(tx, tenant.no, (id, State::Expired), at)?;
                    record(tx, &tenant, &Actor::Operator, (Action::ApprovalExpire, at), id)?;
                    if let Some(found) = load(tx, tenant.no, id)? {
                        end_other_half(tx, &found, "nobody of the other organisation has decided in time", at)?;
                    }
                    continue;
                }
                if state == State::Waiting as u8 {
                    if alone.is_none_or(|alone| alone > at.0) {
                        continue;
                    }
                    move_to(tx, tenant.no, (id, State::Approved), at)?;
                    record(tx, &tenant, &Actor::Operator, (Action::ApprovalAlone, at), id)?;
                }
                approved.extend(load(tx, tenant.no, id)?.map(|found| (tenant, found)));
            }
            Ok(approved)
        })
    }

    /// Why an approved request is not done any more, in words: whoever asked or decided does not hold any more what it takes, or the delay stood in for
    /// nobody and there is somebody now. Looked at again in the transaction that does it, where it is final.
    pub fn who_may_not(
        &self,
        tenant: &TenantScope,
        found: &Approval,
        at: Moment,
    ) -> Result<Option<&'static str>, StoreError> {
        self.read(|connection| who_may_not(connection, tenant, found, at))
    }

    /// The same of what it is about, a profile or a person, if who asked does not reach it any more. What is not there any more is for whoever does it
    /// to find out.
    pub fn out_of_reach(
        &self,
        tenant: &TenantScope,
        found: &Approval,
        (profile, user): (Option<ProfileId>, Option<UserId>),
        at: Moment,
    ) -> Result<Option<&'static str>, StoreError> {
        let Some(asker) = found.asked_by else { return Ok(None) };
        let (person, needs) = (self.person(tenant, asker)?, Permission::from_word(&found.kind));
        let authority = person.map(|person| self.authority(&person, at)).transpose()?.flatten();
        let Some(view) = needs.and_then(|needs| authority?.view(needs)) else { return Ok(Some(ASKER_MAY_NOT)) };
        let whole = View::operator(tenant);
        self.read(|connection| {
            let misses = |view: &View| -> Result<bool, StoreError> {
                let profile = profile.map(|profile| rehome::find_profile(connection, view, profile).map(drop));
                let user = user.map(|user| people::number(connection, view, user).map(drop));
                for found in [profile, user].into_iter().flatten() {
                    match found {
                        Ok(()) => {}
                        Err(AdminError::Store(error)) => return Err(error),
                        Err(_) => return Ok(true),
                    }
                }
                Ok(false)
            };
            Ok((misses(&view)? && !misses(&whole)?).then_some(ASKER_MAY_NOT))
        })
    }

    /// Notes that an approved request was done, or why not. `false`: it was not approved, or is done already.
    pub fn finish_approval(
        &self,
        tenant: &TenantScope,
        id: ApprovalId,
        (done, outcome): (bool, String),
        at: Moment,
    ) -> Result<bool, StoreError> {
        let tenant = tenant.clone();
        self.writer.write(move |tx| finish(tx, &tenant, id, (done, &outcome), at))
    }
}

/// As [`Store::ask`], inside a transaction. `about`: the number of the user whom the note is about; then it is told in the audit, beside the chain.
pub(crate) fn ask_within(
    tx: &Connection,
    view: &View,
    new: &NewApproval,
    (about, at): (Option<i64>, Moment),
) -> Result<Approval, AdminError> {
    let tenant = view.scope().no;
    let waiting = "SELECT COUNT(*) FROM approvals WHERE tenant = $1 AND state = 0";
    let waiting: i64 = tx.prepare_cached(waiting)?.query_row([tenant], |row| row.get(0))?;
    if waiting >= WAITING_MAX {
        return Err(AdminError::Invalid(format!("{WAITING_MAX} requests wait already; decide some of them")));
    }
    let others = others(tx, view, at)?;
    let alone_from = (others == 0).then(|| at.plus_millis(ALONE_MILLIS));
    let expires_at = alone_from.unwrap_or(at).plus_millis(WAITING_MILLIS);
    let no = row::next_no(tx, "SELECT COALESCE(MAX(no), 0) + 1 FROM approvals WHERE tenant = $1", tenant)?;
    tx.prepare_cached(
        "INSERT INTO approvals (tenant, no, id, kind, target, body, note, asked_by, asked_at, expires_at, alone_from, \
         state, version) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 0, 1)",
    )?
    .execute(crate::sql::params![
        tenant,
        no,
        new.id.as_bytes(),
        new.kind,
        new.target,
        &new.body,
        &new.note,
        view.actor().id(),
        at.0,
        expires_at.0,
        alone_from.map(|at| at.0),
    ])?;
    let (actor, id) = (view.actor(), new.id);
    let event = Event {
        after: Some(new.kind),
        note: about.and(Some(new.note.as_str())),
        person: about,
        ..Event::of(&actor, at, Action::ApprovalAsk, id.as_bytes())
    };
    audit::append(tx, view.scope(), &event)?;
    load(tx, tenant, id)?.ok_or(AdminError::NotFound)
}

/// Takes a request back, inside a transaction.
pub(crate) fn take_back(tx: &Connection, view: &View, id: ApprovalId, at: Moment) -> Result<(), AdminError> {
    move_to(tx, view.scope().no, (id, State::Withdrawn), at)?;
    Ok(record(tx, view.scope(), &view.actor(), (Action::ApprovalWithdraw, at), id)?)
}

/// What is said of a request when who asked may not any more.
const ASKER_MAY_NOT: &str = "who asked for it does not hold any more what it takes";

/// The same of who said yes.
const DECIDER_MAY_NOT: &str = "who approved it does not hold any more what it takes";

/// Where the delay has approved and need not have.
const NOT_ALONE: &str = "nobody has approved it, and there is somebody by now who could have";

/// As [`Store::who_may_not`], inside a transaction. Cases have their own (`cases::over`): they are not done once, but stay open.
fn who_may_not(
    connection: &Connection,
    tenant: &TenantScope,
    found: &Approval,
    at: Moment,
) -> Result<Option<&'static str>, StoreError> {
    if found.kind == cases::KIND {
        return Ok(None);
    }
    // The word of the kind is the permission that it takes.
    let needs: Vec<Permission> = Permission::from_word(&found.kind).into_iter().collect();
    let holds = |user: UserId| authority::holds(connection, tenant.no, (user, at), &needs);
    if let Some(asker) = found.asked_by
        && !holds(asker)?
    {
        return Ok(Some(ASKER_MAY_NOT));
    }
    if let Some(decider) = found.decided_by {
        // As it was when they decided: over everything, since requests carry no tags.
        let decides = holders_but(connection, tenant.no, None, at)?;
        let no = user_no(connection, tenant.no, decider)?;
        let may = no.is_some_and(|no| decides.contains(&no)) && holds(decider)?;
        return Ok((!may).then_some(DECIDER_MAY_NOT));
    }
    let others = holders_but(connection, tenant.no, found.asked_by, at)?;
    Ok((!others.is_empty()).then_some(NOT_ALONE))
}

/// As [`Store::finish_approval`], inside the transaction that does it. `false` as well if those who asked and decided may not any more.
pub(crate) fn finish(
    tx: &Connection,
    tenant: &TenantScope,
    id: ApprovalId,
    (done, outcome): (bool, &str),
    at: Moment,
) -> Result<bool, StoreError> {
    let state = if done { State::Done } else { State::Failed };
    if done
        && let Some(found) = load(tx, tenant.no, id)?.filter(|found| found.state == State::Approved)
        && who_may_not(tx, tenant, &found, at)?.is_some()
    {
        return Ok(false);
    }
    let changed = tx
        .prepare_cached(
            "UPDATE approvals SET state = $1, done_at = $2, outcome = $3, version = version + 1 \
             WHERE tenant = $4 AND id = $5 AND state = 1",
        )?
        .execute((state as u8, at.0, outcome, tenant.no, id.as_bytes()))?;
    if changed == 1 {
        record(tx, tenant, &Actor::Operator, (Action::ApprovalDone, at), id)?;
        if let (false, Some(found)) = (done, load(tx, tenant.no, id)?) {
            end_other_half(tx, &found, outcome, at)?;
        }
    }
    Ok(changed == 1)
}

/// A move between organisations is two requests, and when one of them ends otherwise than done, so does the other, with the words why.
fn end_other_half(tx: &Connection, found: &Approval, why: &str, at: Moment) -> Result<(), StoreError> {
    let Some((tenant, other)) =
        moves::other_half(found).map(|other| moves::load_half(tx, &other)).transpose()?.flatten()
    else {
        return Ok(());
    };
    if !other.state.is_open() {
        return Ok(());
    }
    tx.prepare_cached(
        "UPDATE approvals SET state = $1, done_at = $2, outcome = $3, version = version + 1 WHERE tenant = $4 AND id = $5",
    )?
    .execute((State::Failed as u8, at.0, why, tenant.no, other.id.as_bytes()))?;
    record(tx, &tenant, &Actor::Operator, (Action::ApprovalDone, at), other.id)
}

/// Requests carry no tags: who reaches everything sees all of them, who does not their own.
pub(crate) fn sees(view: &View, found: &Approval) -> bool {
    view.is_whole() || matches!(view.actor(), Actor::User(user) if found.asked_by == Some(user))
}

/// How many others could decide.
fn others(tx: &Connection, view: &View, at: Moment) -> Result<usize, StoreError> {
    let own = if let Actor::User(user) = view.actor() { Some(user) } else { None };
    Ok(holders_but(tx, view.scope().no, own, at)?.len())
}

/// Who could decide, without one.
fn holders_but(tx: &Connection, tenant: i64, but: Option<UserId>, at: Moment) -> Result<BTreeSet<i64>, StoreError> {
    let mut holders = authority::holders(tx, tenant, (Permission::ApprovalDecide, at))?;
    if let Some(user) = but {
        let own = user_no(tx, tenant, user)?;
        holders.retain(|no| Some(*no) != own);
    }
    Ok(holders)
}

fn move_to(tx: &Connection, tenant: i64, (id, state): (ApprovalId, State), at: Moment) -> Result<(), StoreError> {
    tx.prepare_cached(
        "UPDATE approvals SET state = $1, decided_at = $2, version = version + 1 WHERE tenant = $3 AND id = $4",
    )?
    .execute((state as u8, at.0, tenant, id.as_bytes()))?;
    Ok(())
}

pub(crate) fn load(connection: &Connection, tenant: i64, id: ApprovalId) -> Result<Option<Approval>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM approvals x WHERE x.tenant = $1 AND x.id = $2");
    let mut statement = connection.prepare_cached(&sql)?;
    Ok(statement.query_row((tenant, id.as_bytes()), from_row).optional()?)
}

fn record(
    tx: &Connection,
    tenant: &TenantScope,
    actor: &Actor,
    (action, at): (Action, Moment),
    id: ApprovalId,
) -> Result<(), StoreError> {
    audit::append(tx, tenant, &Event::of(actor, at, action, id.as_bytes()))
}

/// Text in somebody's words: short, and on one screen.
pub(crate) fn check_note(note: &str) -> Result<(), AdminError> {
    let fits = note.chars().count() <= NOTE_CHARS_MAX && !note.chars().any(|c| c.is_control() && c != '\n');
    if fits {
        Ok(())
    } else {
        Err(AdminError::Invalid(format!("a note has at most {NOTE_CHARS_MAX} characters and no control characters")))
    }
}
