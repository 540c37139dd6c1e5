//! Cases: somebody's content is opened for somebody else, for a while, and never unseen.
//!
//! A case is a request that takes a second admin ([`crate::approvals`]): one asks, with a purpose in words and a time; another says yes; from then on
//! whoever asked may have the server open the person's snapshots, until the time is over, one of the two closes it, or one of the two loses the role
//! that it took. Each reading is a row in `openings` and in the audit, written in the transaction that hands the content out, and the person sees both.
//!
//! What is handed out is an [`Entrusted`]: the sealed bytes with what opens them. It cannot be made in any other way, and the server opens nothing else
//! (`server::keyring::content`).

use crate::sql::{Connection, OptionalExtension};
use model::api::SnapshotSummary;
use model::ids::{ApprovalId, ProfileId, TenantId, UserId};
use model::permission::Permission;
use model::world::Moment;
use serde::{Deserialize, Serialize};

use crate::admin::people;
use crate::approvals::{self, Approval, NewApproval, State};
use crate::audit::{self, Action, Event};
use crate::authority::{self, Actor, View};
use crate::error::AdminError;
use crate::keys::{self, Chain};
use crate::scope::{OwnProfile, Scope, TenantScope};
use crate::{Person, Store, StoreError, row, snapshots};

/// The word of such requests, which is also the permission that they take.
pub const KIND: &str = "case.open";

/// The longest that a case is open, in hours: three days. Whoever needs longer asks again, and is answered again.
pub const HOURS_MAX: u32 = 72;

/// How long a case is open unless somebody says otherwise, in hours: a working day.
pub const HOURS: u32 = 8;

/// The shortest purpose, in characters: "x" is none.
pub const PURPOSE_CHARS_MIN: usize = 10;

/// The most cases that a person is shown, newest first.
const SHOWN_MAX: i64 = 1_000;

const HOUR_MILLIS: i64 = 60 * 60 * 1000;

/// What a case covers, as it stands in the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Covers {
    /// Whose content.
    pub user: UserId,
    /// Only this profile of theirs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<ProfileId>,
    /// Only the snapshot with this number in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
    /// For how many hours.
    pub hours: u32,
}

/// A case to be opened.
#[derive(Clone, Debug)]
pub struct NewCase {
    /// Its id.
    pub id: ApprovalId,
    /// What it covers, and for how long.
    pub covers: Covers,
    /// What for, in the words of who asks. The person reads it.
    pub purpose: String,
}

/// Where a case stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Nobody has decided.
    Waiting,
    /// Whoever asked may read.
    Open,
    /// It was open; the outcome says what ended it.
    Ended,
    /// Somebody said no.
    Denied,
    /// Whoever asked took it back before it was open.
    Withdrawn,
    /// Nobody decided in time.
    Lapsed,
}

impl Stage {
    /// The stable word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Open => "open",
            Self::Ended => "ended",
            Self::Denied => "denied",
            Self::Withdrawn => "withdrawn",
            Self::Lapsed => "lapsed",
        }
    }
}

/// Why a case ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Its time was over.
    Time,
    /// Somebody closed it.
    Closed,
    /// Whoever asked or whoever approved does not hold any more what it took.
    Role,
}

impl End {
    /// The stable word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::Closed => "closed",
            Self::Role => "role",
        }
    }
}

/// A case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// The request.
    pub approval: Approval,
    /// What it covers.
    pub covers: Covers,
    /// The person's name.
    pub user_name: String,
    /// Where it stands.
    pub stage: Stage,
    /// From when it is or was open.
    pub from: Option<Moment>,
    /// Until when at most.
    pub until: Option<Moment>,
    /// What was read in it, oldest first.
    pub readings: Vec<Reading>,
}

/// One reading of a snapshot in a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// When.
    pub at: Moment,
    /// Of which profile.
    pub profile: ProfileId,
    /// The name of its PC.
    pub device_name: String,
    /// The snapshot's number in it.
    pub number: u64,
}

/// A case as the person sees it whom it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// The case.
    pub case: Case,
    /// The name of who asked and read; none: the server's operator.
    pub by_name: Option<String>,
    /// The name of who approved; none: nobody did, the delay took their place.
    pub approved_by_name: Option<String>,
}

/// Sealed content that the server may open, with what opens it. Made by [`Store::read_in_case`] only, which has written down who reads it and why: whoever
/// has one has been let in, and nobody can make one up.
///
/// ```compile_fail
/// // From bytes and keys alone there is no way to it.
/// fn forge(envelope: Vec<u8>, chain: store::Chain, like: store::Entrusted) -> store::Entrusted {
///     store::Entrusted { envelope, chain, ..like }
/// }
/// ```
pub struct Entrusted {
    owner: (TenantId, UserId, ProfileId),
    number: u64,
    envelope: Vec<u8>,
    chain: Chain,
}

impl Entrusted {
    /// Whose it is today: organisation, person, profile.
    pub fn owner(&self) -> (TenantId, UserId, ProfileId) {
        self.owner
    }

    /// The snapshot's number in the profile.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The envelope's bytes.
    pub fn envelope(&self) -> &[u8] {
        &self.envelope
    }

    /// What opens it, wrapped.
    pub fn chain(&self) -> &Chain {
        &self.chain
    }
}

impl Store {
    /// Asks for a case. The view is that of `case.open`, and must see the person.
    pub fn ask_for_case(&self, view: &View, new: NewCase, at: Moment) -> Result<Case, AdminError> {
        check(&new)?;
        let view = view.clone();
        self.writer.write(move |tx| {
            let user_no = people::number(tx, &view, new.covers.user)?;
            if let Some(profile) = new.covers.profile {
                covered(tx, (view.scope().no, user_no), &new.covers, (profile, new.covers.number))?;
            }
            let body = serde_json::to_string(&new.covers).expect("ids and numbers are plain data");
            let (needs, target) = (Permission::CaseOpen, new.covers.user.0);
            let note = new.purpose.trim().to_owned();
            let asked = NewApproval { id: new.id, kind: KIND, needs, target, body, note };
            let asked = approvals::ask_within(tx, &view, &asked, (Some(user_no), at))?;
            load(tx, view.scope(), asked, at)
        })
    }

    /// The cases that the view sees, newest first: all of them, or without a reach over everything one's own.
    pub fn cases(&self, view: &View, at: Moment) -> Result<Vec<Case>, AdminError> {
        let all = self.approvals(view, None)?.into_iter().filter(|found| found.kind == KIND);
        self.read(|connection| {
            all.map(|found| Ok(load(connection, view.scope(), found, at).ok())).collect::<Result<Vec<_>, StoreError>>()
        })
        .map(|cases| cases.into_iter().flatten().collect())
        .map_err(Into::into)
    }

    /// One case that the view sees.
    pub fn case(&self, view: &View, id: ApprovalId, at: Moment) -> Result<Case, AdminError> {
        let found = self.seen_approval(view, id)?.filter(|found| found.kind == KIND).ok_or(AdminError::NotFound)?;
        self.read(|connection| Ok(load(connection, view.scope(), found, at)))?
    }

    /// Closes a case for good, or takes its request back: by who asked, or by somebody who could have approved it.
    pub fn close_case(&self, view: &View, id: ApprovalId, at: Moment) -> Result<Case, AdminError> {
        let view = view.clone();
        self.writer.write(move |tx| {
            let found = seen(tx, &view, id)?;
            let approver = [Permission::ApprovalDecide, Permission::CaseOpen];
            let may = is_own(&view, &found)
                || approver
                    .iter()
                    .all(|permission| view.authority.view(*permission).is_some_and(|view| view.is_whole()));
            if !may {
                return Err(AdminError::NotOpen("it is closed by who asked for it, or by who could approve it"));
            }
            match found.state {
                State::Approved => end(tx, view.scope(), id, (End::Closed, at))?,
                State::Waiting => approvals::take_back(tx, &view, id, at)?,
                state => return Err(AdminError::Closed(state)),
            }
            load(tx, view.scope(), seen(tx, &view, id)?, at)
        })
    }

    /// What can be read in an open case, by who asked for it: each snapshot with the name of its PC.
    pub fn case_snapshots(
        &self,
        view: &View,
        id: ApprovalId,
        at: Moment,
    ) -> Result<Vec<(String, SnapshotSummary)>, AdminError> {
        self.read(|connection| Ok(listed(connection, view, id, at)))?
    }

    /// Hands a snapshot out to be opened, to who asked for the case, and writes it down for the audit and for the person: one transaction. A case that is
    /// over, or whose two people may not any more, ends here for good.
    pub fn read_in_case(
        &self,
        view: &View,
        (id, profile, number): (ApprovalId, ProfileId, u64),
        at: Moment,
    ) -> Result<Entrusted, AdminError> {
        let view = view.clone();
        // Two results: what ends the case has to be kept even though nothing is handed out.
        self.writer.write_for_reading(move |tx| {
            let (found, covers, user_no) = match open(tx, &view, id, at)? {
                Ok(open) => open,
                Err(why) => {
                    end(tx, view.scope(), id, (why, at))?;
                    return Ok::<_, AdminError>(Err(AdminError::NotOpen(ended_words(why))));
                }
            };
            let tenant = view.scope();
            let own = covered(tx, (tenant.no, user_no), &covers, (profile, Some(number)))?;
            let envelope = snapshots::assemble(tx, &own, row::signed(number))?.ok_or(AdminError::NotFound)?;
            let mut chain = keys::chain(tx, tenant.no, user_no)?;
            keys::add_profile(tx, &mut chain, (tenant.no, own.no))?;
            note_reading(tx, &view, (&found, user_no), (&own, number), at)?;
            Ok(Ok(Entrusted { owner: (tenant.id, covers.user, profile), number, envelope, chain }))
        })?
    }

    /// Ends the cases of all tenants whose time is over or whose people may not any more. Gives how many.
    pub fn end_cases(&self, at: Moment) -> Result<u64, StoreError> {
        let sql = "SELECT t.no, t.id, x.id FROM approvals x JOIN tenants t ON t.no = x.tenant \
                   WHERE x.state = 1 AND x.kind = $1 ORDER BY x.tenant, x.no";
        // Looked at without the write lock first: most of the time there is nothing.
        if !self.read(|connection| Ok(connection.prepare_cached(sql)?.exists([KIND])?))? {
            return Ok(0);
        }
        self.writer.write(move |tx| {
            let mut statement = tx.prepare_cached(sql)?;
            let rows = statement.query_map([KIND], |row| {
                Ok((TenantScope::new(row.get(0)?, row::Id(row.get(1)?).into()), ApprovalId(row.get(2)?)))
            })?;
            let mut ended = 0;
            for row in rows.collect::<Result<Vec<_>, _>>()? {
                let (tenant, id) = row;
                let Some(found) = approvals::load(tx, tenant.no, id)? else { continue };
                if let Some(why) = over(tx, &tenant, &found, at)? {
                    end(tx, &tenant, id, (why, at))?;
                    ended += 1;
                }
            }
            Ok(ended)
        })
    }

    /// Who opened the content of the person of this PC: newest case first.
    pub fn openings(&self, scope: &Scope, at: Moment) -> Result<Vec<Opening>, StoreError> {
        self.read(|connection| openings(connection, &scope.tenant, scope.user(), at))
    }

    /// The same for a person who has signed in.
    pub fn openings_of(&self, person: &Person, at: Moment) -> Result<Vec<Opening>, StoreError> {
        self.read(|connection| openings(connection, &person.tenant, person.user, at))
    }
}

fn check(new: &NewCase) -> Result<(), AdminError> {
    let invalid = |text: String| Err(AdminError::Invalid(text));
    if new.purpose.trim().chars().count() < PURPOSE_CHARS_MIN {
        return invalid(format!(
            "a case has a purpose in words, of {PURPOSE_CHARS_MIN} characters or more; the person reads it"
        ));
    }
    approvals::check_note(&new.purpose)?;
    if !(1..=HOURS_MAX).contains(&new.covers.hours) {
        return invalid(format!("a case is open for 1 to {HOURS_MAX} hours"));
    }
    if new.covers.number.is_some() && new.covers.profile.is_none() {
        return invalid("a snapshot's number says nothing without its profile".to_owned());
    }
    Ok(())
}

/// The profile that is asked for, if the person has it, the case covers it and, where a number is given, it has that snapshot.
fn covered(
    connection: &Connection,
    (tenant, user_no): (i64, i64),
    covers: &Covers,
    (profile, number): (ProfileId, Option<u64>),
) -> Result<OwnProfile, AdminError> {
    let outside = |wish: Option<u64>| covers.number.is_some() && wish.is_some() && covers.number != wish;
    if covers.profile.is_some_and(|only| only != profile) || outside(number) {
        return Err(AdminError::NotFound);
    }
    let sql = "SELECT no FROM profiles WHERE tenant = $1 AND id = $2 AND user_no = $3 AND left_at IS NULL";
    let mut statement = connection.prepare_cached(sql)?;
    let no = statement.query_row((tenant, profile.as_bytes(), user_no), |row| row.get(0)).optional()?;
    let own = OwnProfile { tenant, no: no.ok_or(AdminError::NotFound)?, id: profile };
    if let Some(number) = number {
        let sql = "SELECT 1 FROM snapshots WHERE tenant = $1 AND profile_no = $2 AND seq = $3";
        if !connection.prepare_cached(sql)?.exists((tenant, own.no, row::signed(number)))? {
            return Err(AdminError::NotFound);
        }
    }
    Ok(own)
}

fn seen(connection: &Connection, view: &View, id: ApprovalId) -> Result<Approval, AdminError> {
    let found = approvals::load(connection, view.scope().no, id)?;
    found.filter(|found| found.kind == KIND && approvals::sees(view, found)).ok_or(AdminError::NotFound)
}

fn is_own(view: &View, found: &Approval) -> bool {
    match view.actor() {
        Actor::User(user) => found.asked_by == Some(user),
        Actor::Operator => found.asked_by.is_none(),
        Actor::Token(_) | Actor::Device(_) => false,
    }
}

fn covers(found: &Approval) -> Result<Covers, StoreError> {
    serde_json::from_str(&found.body).map_err(|_| StoreError::Damaged(format!("the request {}", found.id)))
}

/// From when until when an approved case is open.
fn span(found: &Approval, covers: &Covers) -> Option<(Moment, Moment)> {
    let from = found.decided_at.filter(|_| matches!(found.state, State::Approved | State::Done))?;
    Some((from, from.plus_millis(i64::from(covers.hours.min(HOURS_MAX)) * HOUR_MILLIS)))
}

/// What ends an approved case at that time, if anything does. A clock that was set back to before the approval ends it too.
fn over(
    connection: &Connection,
    tenant: &TenantScope,
    found: &Approval,
    at: Moment,
) -> Result<Option<End>, StoreError> {
    let Ok(covers) = covers(found) else { return Ok(Some(End::Time)) };
    if span(found, &covers).is_none_or(|(from, until)| at < from || at >= until) {
        return Ok(Some(End::Time));
    }
    let holds = |who: Option<UserId>, permissions: &[Permission]| match who {
        // The operator, or the delay in the second admin's place.
        None => Ok(true),
        Some(user) => authority::holds(connection, tenant.no, (user, at), permissions),
    };
    let both = holds(found.asked_by, &[Permission::CaseOpen])?
        && holds(found.decided_by, &[Permission::ApprovalDecide, Permission::CaseOpen])?;
    Ok((!both).then_some(End::Role))
}

/// An open case in the hands of who asked for it; inner error: what has ended it.
fn open(
    connection: &Connection,
    view: &View,
    id: ApprovalId,
    at: Moment,
) -> Result<Result<(Approval, Covers, i64), End>, AdminError> {
    let found = seen(connection, view, id)?;
    if !is_own(view, &found) {
        return Err(AdminError::NotOpen("only who asked for it reads in it"));
    }
    match found.state {
        State::Approved => {}
        State::Waiting => return Err(AdminError::NotOpen("nobody has approved it yet")),
        state => return Err(AdminError::Closed(state)),
    }
    if let Some(why) = over(connection, view.scope(), &found, at)? {
        return Ok(Err(why));
    }
    let covers = covers(&found)?;
    // Whoever does not reach the person any more reads nothing of theirs.
    match people::number(connection, view, covers.user) {
        Ok(user_no) => Ok(Ok((found, covers, user_no))),
        Err(AdminError::NotFound) => Ok(Err(End::Role)),
        Err(other) => Err(other),
    }
}

fn ended_words(why: End) -> &'static str {
    match why {
        End::Time => "its time is over",
        End::Closed => "it was closed",
        End::Role => "who asked for it or who approved it does not hold any more what it takes",
    }
}

fn listed(
    connection: &Connection,
    view: &View,
    id: ApprovalId,
    at: Moment,
) -> Result<Vec<(String, SnapshotSummary)>, AdminError> {
    let (_, covers, user_no) = open(connection, view, id, at)?.map_err(|why| AdminError::NotOpen(ended_words(why)))?;
    let sql = "SELECT p.no, p.id, d.name FROM profiles p JOIN devices d ON d.tenant = p.tenant AND d.no = p.device_no \
               WHERE p.tenant = $1 AND p.user_no = $2 AND p.left_at IS NULL ORDER BY p.no";
    let tenant = view.scope().no;
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map((tenant, user_no), |row| {
        Ok((OwnProfile { tenant, no: row.get(0)?, id: row::Id(row.get(1)?).into() }, row.get::<_, String>(2)?))
    })?;
    let mut all = Vec::new();
    for row in rows.collect::<Result<Vec<_>, _>>()? {
        let (own, name) = row;
        if covers.profile.is_some_and(|only| only != own.id) {
            continue;
        }
        let snapshots = snapshots::listed(connection, &own)?.into_iter();
        let within = |one: &SnapshotSummary| covers.number.is_none_or(|only| only == one.seq);
        all.extend(snapshots.filter(within).map(|one| (name.clone(), one)));
    }
    Ok(all)
}

fn note_reading(
    tx: &Connection,
    view: &View,
    (found, user_no): (&Approval, i64),
    (own, number): (&OwnProfile, u64),
    at: Moment,
) -> Result<(), StoreError> {
    let no = row::next_no(tx, "SELECT COALESCE(MAX(no), 0) + 1 FROM openings WHERE tenant = $1", own.tenant)?;
    tx.prepare_cached(
        "INSERT INTO openings (tenant, no, case_id, user_no, profile_no, seq, opened_by, opened_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )?
    .execute((
        own.tenant,
        no,
        found.id.as_bytes(),
        user_no,
        own.no,
        row::signed(number),
        view.actor().id(),
        at.0,
    ))?;
    let (actor, case) = (view.actor(), found.id.to_string());
    let event = Event {
        detail: number,
        after: Some(&case),
        note: Some(&found.note),
        person: Some(user_no),
        ..Event::of(&actor, at, Action::CaseRead, own.id.as_bytes())
    };
    audit::append(tx, view.scope(), &event)
}

/// Ends an approved case for good.
pub(crate) fn end(
    tx: &Connection,
    tenant: &TenantScope,
    id: ApprovalId,
    (why, at): (End, Moment),
) -> Result<(), StoreError> {
    let changed = tx
        .prepare_cached(
            "UPDATE approvals SET state = $1, done_at = $2, outcome = $3, version = version + 1 \
             WHERE tenant = $4 AND id = $5 AND state = 1",
        )?
        .execute((State::Done as u8, at.0, why.word(), tenant.no, id.as_bytes()))?;
    if changed == 1 {
        let event = Event { after: Some(why.word()), ..Event::by_operator(at, Action::CaseEnd, id.as_bytes()) };
        audit::append(tx, tenant, &event)?;
    }
    Ok(())
}

/// Takes the words from the requests that are about a person who is erased.
pub(crate) fn forget(tx: &Connection, tenant: i64, user: UserId) -> Result<(), StoreError> {
    tx.prepare_cached("UPDATE approvals SET note = '', answer = NULL WHERE tenant = $1 AND kind = $2 AND target = $3")?
        .execute((tenant, KIND, user.as_bytes()))?;
    Ok(())
}

fn load(connection: &Connection, tenant: &TenantScope, approval: Approval, at: Moment) -> Result<Case, AdminError> {
    let covers = covers(&approval)?;
    let name = name_of(connection, tenant.no, Some(covers.user))?.unwrap_or_default();
    let span = span(&approval, &covers);
    let stage = match approval.state {
        State::Waiting => Stage::Waiting,
        State::Approved if span.is_some_and(|(from, until)| from <= at && at < until) => Stage::Open,
        State::Approved | State::Done | State::Failed => Stage::Ended,
        State::Denied => Stage::Denied,
        State::Withdrawn => Stage::Withdrawn,
        State::Expired => Stage::Lapsed,
    };
    let readings = readings(connection, tenant.no, approval.id)?;
    let (from, until) = span.unzip();
    Ok(Case { approval, covers, user_name: name, stage, from, until, readings })
}

fn readings(connection: &Connection, tenant: i64, id: ApprovalId) -> Result<Vec<Reading>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT o.opened_at, p.id, d.name, o.seq FROM openings o \
         JOIN profiles p ON p.tenant = o.tenant AND p.no = o.profile_no \
         JOIN devices d ON d.tenant = p.tenant AND d.no = p.device_no \
         WHERE o.tenant = $1 AND o.case_id = $2 ORDER BY o.no",
    )?;
    let rows = statement.query_map((tenant, id.as_bytes()), |row| {
        Ok(Reading {
            at: Moment(row.get(0)?),
            profile: row::Id(row.get(1)?).into(),
            device_name: row.get(2)?,
            number: row::unsigned(row.get(3)?),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn name_of(connection: &Connection, tenant: i64, user: Option<UserId>) -> Result<Option<String>, StoreError> {
    let Some(user) = user else { return Ok(None) };
    let sql = "SELECT name FROM users WHERE tenant = $1 AND id = $2";
    Ok(connection.prepare_cached(sql)?.query_row((tenant, user.as_bytes()), |row| row.get(0)).optional()?)
}

fn openings(
    connection: &Connection,
    tenant: &TenantScope,
    user: UserId,
    at: Moment,
) -> Result<Vec<Opening>, StoreError> {
    let sql = "SELECT id FROM approvals WHERE tenant = $1 AND kind = $2 AND target = $3 AND state IN ($4, $5) \
               ORDER BY no DESC LIMIT $6";
    let mut statement = connection.prepare_cached(sql)?;
    let (approved, done) = (State::Approved as u8, State::Done as u8);
    let rows = statement
        .query_map((tenant.no, KIND, user.as_bytes(), approved, done, SHOWN_MAX), |row| Ok(ApprovalId(row.get(0)?)))?;
    let mut all = Vec::new();
    for id in rows.collect::<Result<Vec<_>, _>>()? {
        let Some(found) = approvals::load(connection, tenant.no, id)? else { continue };
        let Ok(case) = load(connection, tenant, found, at) else { continue };
        let by_name = name_of(connection, tenant.no, case.approval.asked_by)?;
        let approved_by_name = name_of(connection, tenant.no, case.approval.decided_by)?;
        all.push(Opening { case, by_name, approved_by_name });
    }
    Ok(all)
}
