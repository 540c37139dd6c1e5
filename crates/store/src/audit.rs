//! What was done, by whom, so that nobody can quietly change it later.
//!
//! Each tenant has one chain: `hash[n] = SHA-256("rehome-audit-1" | tenant | n | hash[n-1] | event)`, and each row is written in the transaction
//! of the change that it tells of: there is no change without its row and no row without its change. Change, removal, insertion and
//! reordering before a hash that somebody kept elsewhere are found ([`heads`] signs one a day); cutting off the rows after it is not
//! (`security.md` 2.12). Where one event stands and how it is read back is in [`record`]; older rows lie together in [`pages`].
//!
//! An event holds ids and plain words only, never names or values. What could say who somebody is (an address, what a client called its request, an
//! admin's own words) lies beside it, and the event holds only a hash of that ([`origin`]): so erasing a person leaves the chain whole.
//!
//! The operator of the server has a chain as well, for what belongs to no tenant; it hangs on a row without a name ([`server_scope`]).

pub(crate) mod chain;
pub(crate) mod heads;
pub(crate) mod newest;
pub(crate) mod origin;
mod pages;
pub(crate) mod record;
pub(crate) mod refusals;

use crate::sql::{Connection, Set};
use crate::writer::Group;
use model::cbor::{self, Item};
use model::ids::TenantId;
use model::world::Moment;
use rusqlite::types::Value;

use crate::StoreError;
use crate::authority::Actor;
use crate::scope::{Scope, TenantScope};
use origin::{Private, Who};

/// What was done. The text never changes its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Target: the tenant.
    TenantCreate,
    /// Target: the user.
    UserCreate,
    /// Target: the device. By itself, with the person's password.
    DeviceEnroll,
    /// Target: the device.
    DeviceRevoke,
    /// Target: the device. It changed its key; the old one vouched for the new one.
    DeviceKey,
    /// Target: the device. Two PCs seem to back up as it.
    DeviceFork,
    /// Target: the device. It may write again.
    DeviceAccept,
    /// Target: the name of the PC's key. A token let it in; it waits for its user or an administrator.
    DeviceWait,
    /// Target: the name of the PC's key.
    DeviceApprove,
    /// Target: the enrolment token.
    EnrolmentTokenCreate,
    /// Target: the enrolment token.
    EnrolmentTokenRevoke,
    /// Target: the profile; detail: the number.
    SnapshotCreate,
    /// Target: the profile; detail: the number.
    SnapshotDelete,
    /// Target: the profile; detail: the number. Given out whole, to be restored or looked at.
    SnapshotRead,
    /// Target: the profile; detail: the number. Retention let it go.
    SnapshotExpire,
    /// Target: the profile; detail: the number.
    SnapshotPin,
    /// Target: the profile; detail: the number.
    SnapshotUnpin,
    /// Target: the profile; detail: the number.
    SnapshotHold,
    /// Target: the profile; detail: the number.
    SnapshotRelease,
    /// Target: the profile. Its key is destroyed.
    ProfileDelete,
    /// Target: the user. Their keys are destroyed.
    UserErase,
    /// Target: the tenant.
    RetentionSet,
    /// Target: the policy; after: its settings, its switches, for how many it is.
    PolicyCreate,
    /// Target: the policy; before and after as above.
    PolicyUpdate,
    /// Target: the policy; before as above.
    PolicyDelete,
    /// Target: the tenant; before and after: the restore page, for everybody and for how many groups.
    EnrolmentOptions,
    /// Target: the device; after: the word of the command.
    DeviceCommand,
    /// Target: the retention policy. Its rules, and how many of each kind it is for, are in `after`.
    RetentionPolicyCreate,
    /// Target: the retention policy.
    RetentionPolicyUpdate,
    /// Target: the retention policy.
    RetentionPolicyDelete,
    /// Target: the profile that was restored from.
    RestoreReport,
    /// Target: the profile. Its keys were given out.
    KeysRead,
    /// Detail: how many, if more than one. What was asked for is in `after`.
    AccessRefuse,
    /// Target: the key that is new; before: id of the old key; after: level and id of the new one.
    KeyRotate,
    /// Target: the key that is gone, because nothing hangs on it any more.
    KeyRetire,
    /// Target: the request. Somebody asks for what takes a second admin.
    ApprovalAsk,
    /// Target: the request.
    ApprovalApprove,
    /// Target: the request.
    ApprovalDeny,
    /// Target: the request. By who asked.
    ApprovalWithdraw,
    /// Target: the request. Nobody decided or did it in time.
    ApprovalExpire,
    /// Target: the request. There is no second admin, and the delay is over.
    ApprovalAlone,
    /// Target: the request. It was done, or could not be.
    ApprovalDone,
    /// Target: the profile; detail: the number; after: id of the case. Its content was opened for somebody else than its person.
    CaseRead,
    /// Target: the request. The case has ended; after: `time`, `closed` or `role`.
    CaseEnd,
    /// After: which rows of the audit were given out.
    AuditExport,
    /// Target: the scope tag.
    TagCreate,
    /// Target: the scope tag.
    TagUpdate,
    /// Target: the scope tag.
    TagDelete,
    /// Target: the group.
    GroupCreate,
    /// Target: the group.
    GroupUpdate,
    /// Target: the group.
    GroupDelete,
    /// Target: the filter; after: its rule.
    FilterCreate,
    /// Target: the filter; before, after: its rule.
    FilterUpdate,
    /// Target: the filter; before: its rule.
    FilterDelete,
    /// Target: the role.
    RoleCreate,
    /// Target: the role.
    RoleUpdate,
    /// Target: the role.
    RoleDelete,
    /// Target: the role assignment.
    RoleAssign,
    /// Target: the role assignment.
    RoleReassign,
    /// Target: the role assignment.
    RoleUnassign,
    /// Target: the service account.
    TokenCreate,
    /// Target: the service account.
    TokenRevoke,
    /// Target: the person.
    UserTags,
    /// Target: the device.
    DeviceTags,
    /// Target: the profile. After: id of the organisation that it went to, if it is another.
    ProfileRehome,
    /// Target: the profile. Before: id of the organisation that it came from.
    ProfileReceive,
    /// Target: the invitation.
    InvitationCreate,
    /// Target: the invitation. Another organisation has used it.
    InvitationUse,
    /// Target: the invitation.
    InvitationWithdraw,
    /// Target: the person. What an identity provider says of them.
    UserUpdate,
    /// Target: the tenant. What becomes of people whom a provider takes away.
    LeavingSet,
    /// By and target: the person; detail: 1 if more than one factor was used.
    SignIn,
    /// Target: the person; detail: how many sessions were closed.
    SignOut,
    /// Target: the person.
    PasswordChange,
    /// Target: the person. Their sessions are closed.
    UserDisable,
    /// Target: the person.
    UserEnable,
    /// Target: the person.
    SecondFactorSet,
    /// Target: the person.
    SecondFactorRemove,
    /// By and target: the person.
    RecoveryCodeUse,
    /// Target: the person.
    IdentityLink,
    /// Target: the provider.
    ProviderAdd,
    /// Target: the provider. Its name, what it is told, or our secret there.
    ProviderChange,
    /// Target: the provider. Sessions that came from it are closed.
    ProviderRemove,
    /// Target: the tenant; detail: 1 if device codes are allowed.
    SignInRules,
    /// Target: the tenant; before and after: of whom a second factor is demanded.
    FactorRule,
    /// Target: the tenant; detail: the place of the weakest key level among all.
    EnrolmentRules,
    /// By and target: the person; detail: 1 for a device code.
    AgentApprove,
    /// By and target: the person; detail: 1 for a device code.
    AgentDeny,
}

impl Action {
    #[expect(clippy::too_many_lines, reason = "one line for each action")]
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::TenantCreate => "tenant.create",
            Self::UserCreate => "user.create",
            Self::DeviceEnroll => "device.enroll",
            Self::DeviceRevoke => "device.revoke",
            Self::DeviceKey => "device.key",
            Self::DeviceFork => "device.fork",
            Self::DeviceAccept => "device.accept",
            Self::DeviceWait => "device.wait",
            Self::DeviceApprove => "device.approve",
            Self::EnrolmentTokenCreate => "enrolment_token.create",
            Self::EnrolmentTokenRevoke => "enrolment_token.revoke",
            Self::SnapshotCreate => "snapshot.create",
            Self::SnapshotDelete => "snapshot.delete",
            Self::SnapshotRead => "snapshot.read",
            Self::SnapshotExpire => "snapshot.expire",
            Self::SnapshotPin => "snapshot.pin",
            Self::SnapshotUnpin => "snapshot.unpin",
            Self::SnapshotHold => "snapshot.hold",
            Self::SnapshotRelease => "snapshot.release",
            Self::ProfileDelete => "profile.delete",
            Self::UserErase => "user.erase",
            Self::RetentionSet => "retention.set",
            Self::PolicyCreate => "policy.create",
            Self::PolicyUpdate => "policy.update",
            Self::PolicyDelete => "policy.delete",
            Self::EnrolmentOptions => "enrolment_options.update",
            Self::DeviceCommand => "device.command",
            Self::RetentionPolicyCreate => "retention_policy.create",
            Self::RetentionPolicyUpdate => "retention_policy.update",
            Self::RetentionPolicyDelete => "retention_policy.delete",
            Self::RestoreReport => "restore.report",
            Self::KeysRead => "keys.read",
            Self::AccessRefuse => "access.refuse",
            Self::KeyRotate => "key.rotate",
            Self::KeyRetire => "key.retire",
            Self::ApprovalAsk => "approval.ask",
            Self::ApprovalApprove => "approval.approve",
            Self::ApprovalDeny => "approval.deny",
            Self::ApprovalWithdraw => "approval.withdraw",
            Self::ApprovalExpire => "approval.expire",
            Self::ApprovalAlone => "approval.alone",
            Self::ApprovalDone => "approval.done",
            Self::CaseRead => "case.read",
            Self::CaseEnd => "case.end",
            Self::AuditExport => "audit.export",
            Self::TagCreate => "tag.create",
            Self::TagUpdate => "tag.update",
            Self::TagDelete => "tag.delete",
            Self::GroupCreate => "group.create",
            Self::GroupUpdate => "group.update",
            Self::GroupDelete => "group.delete",
            Self::FilterCreate => "filter.create",
            Self::FilterUpdate => "filter.update",
            Self::FilterDelete => "filter.delete",
            Self::RoleCreate => "role.create",
            Self::RoleUpdate => "role.update",
            Self::RoleDelete => "role.delete",
            Self::RoleAssign => "role.assign",
            Self::RoleReassign => "role.reassign",
            Self::RoleUnassign => "role.unassign",
            Self::TokenCreate => "token.create",
            Self::TokenRevoke => "token.revoke",
            Self::UserTags => "user.tags",
            Self::DeviceTags => "device.tags",
            Self::ProfileRehome => "profile.rehome",
            Self::ProfileReceive => "profile.receive",
            Self::InvitationCreate => "invitation.create",
            Self::InvitationUse => "invitation.use",
            Self::InvitationWithdraw => "invitation.withdraw",
            Self::UserUpdate => "user.update",
            Self::LeavingSet => "leaving.set",
            Self::SignIn => "sign_in.done",
            Self::SignOut => "session.close",
            Self::PasswordChange => "password.change",
            Self::UserDisable => "user.disable",
            Self::UserEnable => "user.enable",
            Self::SecondFactorSet => "second_factor.set",
            Self::SecondFactorRemove => "second_factor.remove",
            Self::RecoveryCodeUse => "recovery_code.use",
            Self::IdentityLink => "identity.link",
            Self::ProviderAdd => "provider.add",
            Self::ProviderChange => "provider.change",
            Self::ProviderRemove => "provider.remove",
            Self::FactorRule => "second_factor.rule",
            Self::SignInRules => "sign_in.rules",
            Self::EnrolmentRules => "enrolment.rules",
            Self::AgentApprove => "agent.approve",
            Self::AgentDeny => "agent.deny",
        }
    }
}

/// How it ended, for events that may end otherwise than done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Outcome {
    /// It was done.
    #[default]
    Done,
    /// It was refused.
    Refused,
}

/// One event on its way to the chain.
pub(crate) struct Event<'a> {
    pub(crate) at: Moment,
    /// Id of who acts: a device, or what `kind` says. Empty: whoever the scope's origin names, and the operator if it names nobody.
    pub(crate) actor: &'a [u8],
    /// Number of the kind of `actor` ([`Who`]), if it is not a device.
    pub(crate) kind: Option<u8>,
    pub(crate) action: Action,
    pub(crate) target: &'a [u8],
    pub(crate) detail: u64,
    /// What it was before, in plain words or JSON: never a name, never a value of a setting.
    pub(crate) before: Option<&'a str>,
    /// What it is now.
    pub(crate) after: Option<&'a str>,
    pub(crate) outcome: Outcome,
    /// Code of a reason.
    pub(crate) reason: Option<&'a str>,
    /// Words of a person, or a name that somebody typed. Lies beside the chain and goes when the person goes.
    pub(crate) note: Option<&'a str>,
    /// Number of the user whom the words beside the chain are about.
    pub(crate) person: Option<i64>,
}

impl<'a> Event<'a> {
    /// Something by whoever the scope's origin names, that says no more than what it was.
    pub(crate) fn new(at: Moment, action: Action) -> Self {
        Self {
            at,
            actor: &[],
            kind: None,
            action,
            target: &[],
            detail: 0,
            before: None,
            after: None,
            outcome: Outcome::Done,
            reason: None,
            note: None,
            person: None,
        }
    }

    /// Something that a device did.
    pub(crate) fn by(device: &'a [u8; 16], at: Moment, action: Action, target: (&'a [u8; 16], u64)) -> Self {
        Self { actor: device, target: target.0, detail: target.1, ..Self::new(at, action) }
    }

    /// The same about the person who has the device.
    pub(crate) fn from_pc(scope: &'a Scope, at: Moment, action: Action, target: (&'a [u8; 16], u64)) -> Self {
        Self { person: Some(scope.user_no), ..Self::by(scope.device_bytes(), at, action, target) }
    }

    /// Something done through a tenant's scope: by whoever its origin names, by the operator if it has none.
    pub(crate) fn by_operator(at: Moment, action: Action, target: &'a [u8; 16]) -> Self {
        Self { target, ..Self::new(at, action) }
    }

    /// Something that an admin, a service account or the operator did.
    pub(crate) fn of(actor: &'a Actor, at: Moment, action: Action, target: &'a [u8; 16]) -> Self {
        let kind = match actor {
            Actor::Operator | Actor::Device(_) => None,
            Actor::User(_) => Some(2),
            Actor::Token(_) => Some(5),
        };
        Self { actor: actor.id(), kind, target, ..Self::new(at, action) }
    }

    /// The stored bytes: five items, and a sixth with what is not usual (`docs/format.md` section 14).
    fn to_cbor(&self, actor: Option<&Who>, commitment: Option<&[u8; 16]>) -> Vec<u8> {
        let (kind, id) = match actor {
            _ if !self.actor.is_empty() => (self.kind, self.actor),
            None | Some(Who::Operator) => (None, [].as_slice()),
            Some(actor) => (Some(actor.number()), actor.id().map_or([].as_slice(), |id| id)),
        };
        let unusual = [
            kind.map(|kind| Item::Unsigned(kind.into())),
            self.before.map(Item::Text),
            self.after.map(Item::Text),
            (self.outcome == Outcome::Refused).then_some(Item::Unsigned(1)),
            self.reason.map(Item::Text),
            commitment.map(|hash| Item::Bytes(hash)),
        ];
        let more: Vec<_> = (0..).zip(unusual).filter_map(|(key, item)| Some((Item::Unsigned(key), item?))).collect();
        let action = self.action.text();
        let mut items = vec![
            Item::int(self.at.0),
            Item::Bytes(id),
            Item::Text(action),
            Item::Bytes(self.target),
            Item::Unsigned(self.detail),
        ];
        if !more.is_empty() {
            items.push(Item::Map(more));
        }
        cbor::encode(&Item::Array(items))
    }
}

/// A new row: tenant, number, event, hash, person, what lies beside it.
static NEW_ROWS: Set = Set::rows(
    "INSERT INTO audit (tenant, n, event, hash, person_no, private) VALUES ",
    ("($1, $2, $3, $4, $5, $6)", 6),
    "",
);

/// Adds an event to the tenant's chain, inside the transaction of what it tells.
pub(crate) fn append(tx: &Connection, tenant: &TenantScope, event: &Event<'_>) -> Result<(), StoreError> {
    let (n, row) = next(tx, tenant, event)?;
    pages::turn(tx, tenant, n)?;
    Ok(NEW_ROWS.hand_over(tx, &row)?)
}

/// The row with which the chain goes on, and its number.
fn next(tx: &Connection, tenant: &TenantScope, event: &Event<'_>) -> Result<(i64, Vec<Value>), StoreError> {
    let (last, previous) = newest::of(tx, tenant.no)?;
    let n = last + 1;
    let origin = tenant.origin.as_deref();
    let private = Private::of(origin, event.note);
    let commitment = private.as_ref().map(|private| private.commitment(tenant.id, n));
    let bytes = event.to_cbor(origin.map(|origin| &origin.actor), commitment.as_ref());
    let hash = chain::link(tenant.id, n, &previous, &bytes);
    newest::is(tx, tenant.no, (n, hash));
    let person = private.as_ref().and(event.person);
    let row = vec![
        Value::Integer(tenant.no),
        Value::Integer(n),
        Value::Blob(bytes),
        Value::Blob(hash.to_vec()),
        person.map_or(Value::Null, Value::Integer),
        private.map_or(Value::Null, |private| Value::Blob(private.as_bytes().to_vec())),
    ];
    Ok((n, row))
}

/// Adds what a device did.
pub(crate) fn append_by(
    tx: &Connection,
    scope: &Scope,
    at: Moment,
    action: Action,
    target: (&[u8; 16], u64),
) -> Result<(), StoreError> {
    append(tx, &scope.tenant, &Event::from_pc(scope, at, action, target))
}

/// Adds an event of a profile together with the other jobs of a group.
pub(crate) fn append_with(group: &Group<'_>, scope: &Scope, event: &Event<'_>) -> Result<(), StoreError> {
    let (n, row) = next(group.tx(), &scope.tenant, event)?;
    if pages::begins(n) {
        group.flush()?;
        pages::turn(group.tx(), &scope.tenant, n)?;
    }
    Ok(group.put(&NEW_ROWS, (scope.tenant.no, scope.profile_no), row)?)
}

/// Takes what lies beside the chain about a person. The chain stays whole.
pub(crate) fn forget_person(tx: &Connection, (tenant, user_no): (i64, i64)) -> Result<(), StoreError> {
    tx.prepare_cached("UPDATE audit SET private = NULL WHERE tenant = $1 AND person_no = $2 AND private IS NOT NULL")?
        .execute((tenant, user_no))?;
    Ok(())
}

/// Number of the row on which the operator's own chain hangs. Tenants begin at 1.
pub(crate) const SERVER_NO: i64 = 0;

/// The operator's own chain, made if it is not there.
pub(crate) fn server_scope(tx: &Connection, at: Moment) -> Result<TenantScope, StoreError> {
    let id = TenantId([0; 16]);
    tx.prepare_cached(
        "INSERT INTO tenants (no, id, name, created_at) VALUES ($1, $2, '', $3) ON CONFLICT (no) DO NOTHING",
    )?
    .execute((SERVER_NO, id.as_bytes(), at.0))?;
    Ok(TenantScope::new(SERVER_NO, id))
}
