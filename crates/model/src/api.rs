//! The shapes of the API, version 1, shared by agent and server. `docs/api.md` is the contract.
//!
//! JSON in snake case, times as milliseconds since 1970 in `*_at` fields, ids as hexadecimal digits. Envelopes, receipts and blobs travel as
//! bytes. Errors are RFC 9457 problem details whose `code` is a code of [`crate::reason::Reason`].

use serde::{Deserialize, Serialize};

use crate::device::KeyLevel;
use crate::ids::{ApprovalId, BlobId, DeviceId, KeyId, PartId, ProfileId, SnapshotId, TenantId, UserId};
use crate::reason::Reason;
use crate::rehearsal::Rehearsed;
use crate::retention::Kept;
use crate::world::Moment;

/// Media type of an envelope.
pub const ENVELOPE_TYPE: &str = "application/vnd.rehome.envelope";
/// Media type of an envelope as what it has beyond an earlier header: [`crate::envelope::delta`].
pub const ENVELOPE_DELTA_TYPE: &str = "application/vnd.rehome.envelope-delta";
/// Media type of a receipt.
pub const RECEIPT_TYPE: &str = "application/vnd.rehome.receipt";
/// Media type of the receipt of a deletion.
pub const ERASURE_TYPE: &str = "application/vnd.rehome.erasure";
/// Media type of problem details.
pub const PROBLEM_TYPE: &str = "application/problem+json";
/// Header of a blob upload: where in the sealed bytes the body begins; of its answers: how many are durable.
pub const OFFSET_HEADER: &str = "upload-offset";
/// Header of a blob upload: how long the sealed bytes are in all.
pub const LENGTH_HEADER: &str = "upload-length";
/// Header of a request and of its answer that open a session: a one-time public key each ([`crate::signature`]).
pub const SESSION_HEADER: &str = "rehome-session";
/// Header of every refusal: the code of its problem details, for an answer to HEAD, which has no body to say it.
pub const CODE_HEADER: &str = "rehome-code";
/// Header of a backup that is no delta: the number of the newest backup whose receipt this PC holds.
pub const LAST_HEADER: &str = "rehome-last";

/// `POST /api/v1/enroll`: connects a PC. The request is signed with the key that it brings, which shows that the PC holds it.
///
/// Who the PC's user is comes from a password, from a sign-in, or from a token that is bound to somebody; a token may come with any of them.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnrollRequest {
    /// Name of the PC as its people know it.
    pub device_name: String,
    /// The PC's public key: an uncompressed point of P-256, 130 hexadecimal digits.
    pub public_key: String,
    /// Where the private half is.
    pub key_level: KeyLevel,
    /// What tells this PC from others, hashed on the PC, 64 hexadecimal digits; nothing if it does not know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine: Option<String>,
    /// Account name, of a built-in account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Account password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// What a sign-in through the browser gave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sign_in: Option<String>,
    /// An enrolment token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

impl std::fmt::Debug for EnrollRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EnrollRequest")
            .field("device_name", &self.device_name)
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

/// `POST /api/v1/device/key`: another key for the device, signed by the present one.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangeKey {
    /// The new public key, as in [`EnrollRequest`].
    pub public_key: String,
    /// Where its private half is.
    pub key_level: KeyLevel,
    /// The new key's signature of `"rehome new device key\0"`, the device's id and the new public key: 128 hexadecimal digits. It shows that the PC holds it.
    pub signature: String,
}

/// What a new key signs, to be exchanged for the present one.
pub fn change_key_text(device: DeviceId, public_key: &[u8]) -> Vec<u8> {
    [b"rehome new device key\0".as_slice(), device.as_bytes(), public_key].concat()
}

/// `POST /api/v1/sign-in/device-code`: a PC without a browser asks for a code.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeviceCodeRequest {
    /// Name of the organisation; the one that every server has if it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// Name of the PC as its people know it.
    pub device_name: String,
    /// Thumbprint of the PC's key: SHA-256 of its public point in base64url; empty if it has none.
    #[serde(default)]
    pub thumbprint: String,
}

/// Answer to [`DeviceCodeRequest`] (RFC 8628, 3.2).
#[derive(Clone, Serialize, Deserialize)]
pub struct DeviceCode {
    /// What the PC asks with.
    pub device_code: String,
    /// What the person types.
    pub user_code: String,
    /// Where they type it.
    pub verification_uri: String,
    /// For how long, in seconds.
    pub expires_in_seconds: u64,
    /// How long the PC waits between two questions, in seconds.
    pub interval_seconds: u64,
}

/// `POST /api/v1/sign-in/token`: a code for a token.
#[derive(Clone, Serialize, Deserialize)]
#[serde(tag = "grant", rename_all = "snake_case", deny_unknown_fields)]
pub enum SignInTokenRequest {
    /// The browser on the PC brought a code.
    AuthorizationCode {
        /// The code.
        code: String,
        /// The verifier of PKCE.
        verifier: String,
        /// Where the browser brought it.
        redirect_uri: String,
    },
    /// The person may have typed a code elsewhere.
    DeviceCode {
        /// What the PC was given to ask with.
        device_code: String,
    },
}

/// Answer to [`SignInTokenRequest`].
#[derive(Clone, Serialize, Deserialize)]
pub struct SignInToken {
    /// What goes into `sign_in` of [`EnrollRequest`]: good once, for the key whose thumbprint was given.
    pub token: String,
    /// For how long, in seconds.
    pub expires_in_seconds: u64,
    /// Name of the person who signed in.
    pub user: String,
}

/// Answer to [`EnrollRequest`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Enrolled {
    /// The organisation.
    pub tenant: TenantId,
    /// Its name.
    pub tenant_name: String,
    /// The person.
    pub user: UserId,
    /// Their name, where the PC does not know it, because a token named them.
    #[serde(default)]
    pub user_name: String,
    /// The PC: the same as before if the same user enrols the same PC again.
    pub device: DeviceId,
    /// The person's profile on the PC.
    pub profile: ProfileId,
    /// The server's Ed25519 public key, which signs receipts; 64 hexadecimal digits.
    pub receipt_key: String,
    /// Keys of the profile.
    pub keys: ProfileKeys,
}

/// `GET /api/v1/profiles/{profile}/keys`: what seals and opens a profile's snapshots. Given to the person themself only.
#[derive(Clone, Serialize, Deserialize)]
pub struct ProfileKeys {
    /// The key that the newest snapshots are sealed with.
    pub current: KeyId,
    /// Every key that still opens something, 32 bytes each in hexadecimal digits.
    pub keys: Vec<(KeyId, String)>,
    /// The user's key for content ids, 32 bytes in hexadecimal digits.
    pub id_key: String,
    /// Whose the profile was when its snapshots were sealed, if it was moved to another account since. Envelopes name that person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed_for: Option<SealedFor>,
}

/// The account under which a profile that was moved was sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedFor {
    /// The organisation.
    pub tenant: TenantId,
    /// The person.
    pub user: UserId,
}

impl std::fmt::Debug for ProfileKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProfileKeys").field("current", &self.current).finish_non_exhaustive()
    }
}

/// `GET /api/v1/profiles`: what this person could restore from, newest backup first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profiles {
    /// The profiles.
    pub profiles: Vec<ProfileSummary>,
}

/// One profile of [`Profiles`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileSummary {
    /// The profile.
    pub profile: ProfileId,
    /// The PC.
    pub device: DeviceId,
    /// Its name.
    pub device_name: String,
    /// Whether it is the PC that asks.
    pub this_device: bool,
    /// How many snapshots are kept.
    pub snapshots: u64,
    /// The newest one, if there is any.
    pub latest: Option<SnapshotSummary>,
}

/// `GET /api/v1/profiles/{profile}/snapshots`: newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshots {
    /// The snapshots.
    pub snapshots: Vec<SnapshotSummary>,
}

/// One snapshot of [`Snapshots`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotSummary {
    /// Content id.
    pub snapshot: SnapshotId,
    /// The profile it belongs to.
    pub profile: ProfileId,
    /// Number in the profile.
    pub seq: u64,
    /// When the device took it, by its clock.
    pub taken_at: Moment,
    /// When the server committed it.
    pub committed_at: Moment,
    /// Settings that are set.
    pub settings: u32,
    /// Apps that a restore would bring back.
    pub apps: u32,
    /// Bytes of the sealed snapshot, blobs included.
    pub size_bytes: u64,
    /// What its rehearsal found, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rehearsed: Option<Rehearsed>,
    /// Why it is kept: words of [`crate::retention::Why`], or of a newer version. Empty: the next run of retention lets it go, or nobody has
    /// asked, as where only the newest snapshot is given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kept: Vec<String>,
    /// By which retention policies, where they are named ones: one for each reason and policy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kept_by: Vec<KeptBy>,
}

/// Which retention policy keeps a snapshot for which reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptBy {
    /// A word of `kept`.
    pub why: String,
    /// The policy's name.
    pub policy: String,
}

/// Reasons to keep as the API says them: the words, and which policies have them.
pub fn reasons(kept: &[Kept]) -> (Vec<String>, Vec<KeptBy>) {
    let words = kept.iter().map(|one| one.why.word().to_owned()).collect();
    let by = |one: &Kept| {
        let why = one.why.word();
        one.policies.iter().map(|policy| KeptBy { why: why.to_owned(), policy: policy.clone() }).collect::<Vec<_>>()
    };
    (words, kept.iter().flat_map(by).collect())
}

/// `GET /api/v1/openings` and `GET /api/v1/me/openings`: who has opened this person's content, newest case first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Openings {
    /// The cases that were approved, read in or not.
    pub openings: Vec<Opening>,
    /// Their profiles that were moved away from them or came to them, newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub moves: Vec<Moved>,
}

/// A profile that was moved to or from the person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    /// The profile.
    pub profile: ProfileId,
    /// The name of its PC.
    pub device_name: String,
    /// Whether it came to the person; else it went away from them.
    pub came: bool,
    /// The other organisation; left out: within the person's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organisation: Option<String>,
    /// The name of who asked for it in the person's organisation; left out: the server's operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_by: Option<String>,
    /// The name of who approved it there; left out: there was no second administrator, and seven days took their place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved_by: Option<String>,
    /// When.
    pub moved_at: Moment,
}

/// One case of [`Openings`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opening {
    /// The case.
    pub case: ApprovalId,
    /// The name of who asked for it and may read in it; left out: the server's operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opened_by: Option<String>,
    /// The name of who approved it; left out: there was no second administrator, and seven days took their place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved_by: Option<String>,
    /// What for, in their words.
    pub purpose: String,
    /// From when it was open.
    pub open_from_at: Moment,
    /// Until when at most.
    pub open_until_at: Moment,
    /// Whether it is open now.
    pub open: bool,
    /// What was read, oldest first.
    pub readings: Vec<CaseReading>,
}

/// One reading of a snapshot in a case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseReading {
    /// When.
    pub read_at: Moment,
    /// Of which profile.
    pub profile: ProfileId,
    /// The name of its PC.
    pub device_name: String,
    /// The snapshot's number in it.
    pub seq: u64,
}

/// What an error answer says: RFC 9457.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Always `about:blank`; `code` tells problems apart.
    #[serde(rename = "type")]
    pub kind: String,
    /// The reason's title.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// The reason's code.
    pub code: String,
    /// What exactly was wrong, with the names and numbers of this case.
    pub detail: String,
    /// What to do next.
    pub hint: String,
    /// Parts that the server lacks, for [`Reason::PartsMissing`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing_parts: Vec<PartId>,
    /// Blobs that the server lacks, for [`Reason::BlobsMissing`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing_blobs: Vec<BlobId>,
    /// Number of the profile's newest snapshot, for [`Reason::OutOfOrder`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latest_seq: Option<u64>,
    /// What the server's clock shows, for [`Reason::ClockSkew`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_at: Option<Moment>,
}

impl Problem {
    /// A problem with the reason's own words.
    pub fn new(status: u16, reason: Reason, detail: impl Into<String>) -> Self {
        Self {
            kind: "about:blank".to_owned(),
            title: reason.title().to_owned(),
            status,
            code: reason.code().to_owned(),
            detail: detail.into(),
            hint: reason.next().to_owned(),
            missing_parts: Vec::new(),
            missing_blobs: Vec::new(),
            latest_seq: None,
            server_at: None,
        }
    }
}

/// `GET /version`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// `rehome-server`.
    pub name: String,
    /// Version of the program.
    pub version: String,
    /// Versions of the API.
    pub api: Vec<u16>,
    /// Envelope formats that are taken.
    pub formats: Vec<u16>,
}

/// `GET /api/v1/limits`: what the server takes, so that nobody has to find out by trying.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Largest envelope, in bytes.
    pub envelope_bytes_max: u64,
    /// Largest sealed blob, in bytes.
    pub blob_bytes_max: u64,
    /// Largest piece of a blob in one request, in bytes.
    pub blob_piece_bytes_max: u64,
    /// Largest report of a restore, in bytes.
    pub report_bytes_max: u64,
    /// Largest JSON body of an administrator's request, in bytes.
    pub json_bytes_max: u64,
    /// Most items of a page of a list.
    pub page_items_max: u64,
    /// Requests a minute and device.
    pub requests_per_minute: u32,
    /// Requests of a device at once, before the rate counts.
    pub requests_burst: u32,
    /// Requests a minute and administrator or service account.
    pub admin_requests_per_minute: u32,
    /// Enrolments, sign-ins and other guesses a minute and address.
    pub enrolments_per_minute: u32,
    /// Enrolments a minute and organisation.
    pub tenant_enrolments_per_minute: u32,
    /// New snapshots a day and device.
    pub backups_per_day: u32,
    /// Bytes that one PC's profile may have.
    pub profile_bytes_max: u64,
    /// Bytes that all profiles of an organisation may have together.
    pub tenant_bytes_max: u64,
}
