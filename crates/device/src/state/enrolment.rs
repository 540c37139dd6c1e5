//! Who this PC is at its server, as it is written down.

use std::path::Path;

use model::api::{Enrolled, ProfileKeys};
use model::ids::{DeviceId, ProfileId, TenantId, UserId, from_hex};
use model::world::Moment;
use serde::{Deserialize, Serialize};

use super::StateError;
use crate::key::KeyRecord;
use crate::upload::pin::Pin;

/// The version of the file that this program writes.
const VERSION: u32 = 2;

/// The last version whose devices had a token and no key.
const BEFORE_KEYS: u32 = 1;

/// Who this PC is at its server.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Enrolment {
    /// The version of this record.
    version: u32,
    /// Address of the server.
    pub server: String,
    /// Whether plain HTTP to another machine was asked for.
    pub allow_http: bool,
    /// The organisation's certificate, as PEM, if one was named.
    pub ca_pem: Option<String>,
    /// The fingerprint of the one server that is trusted, if one was named.
    #[serde(default)]
    pub pin: Option<Pin>,
    /// The organisation.
    pub tenant: TenantId,
    /// Its name.
    pub tenant_name: String,
    /// The person.
    pub user: UserId,
    /// The account name that was given.
    pub user_name: String,
    /// The PC.
    pub device: DeviceId,
    /// Its name.
    pub device_name: String,
    /// The person's profile on the PC.
    pub profile: ProfileId,
    /// What finds this PC's key.
    pub key: KeyRecord,
    /// When the key was made.
    pub key_made_at: Moment,
    /// What told this PC from others when it was connected, hashed.
    #[serde(default)]
    pub machine: Option<String>,
    /// Whose account on the PC this is: their security identifier, where there is such. What this folder keeps is about their settings and nobody else's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    /// The key that signs receipts, pinned at enrolment.
    receipt_key: String,
    /// The profile's keys.
    pub keys: ProfileKeys,
}

/// What a person chose when enrolling.
#[derive(Clone, Debug)]
pub struct Chosen {
    /// Address of the server.
    pub server: String,
    /// Whether plain HTTP to another machine was asked for.
    pub allow_http: bool,
    /// The organisation's certificate, as PEM.
    pub ca_pem: Option<String>,
    /// The fingerprint of the one server.
    pub pin: Option<Pin>,
    /// Account name.
    pub user_name: String,
    /// Name of the PC.
    pub device_name: String,
    /// What finds this PC's key, and when that was made.
    pub key: (KeyRecord, Moment),
    /// What tells this PC from others, hashed.
    pub machine: Option<String>,
    /// The security identifier of the account on the PC.
    pub person: Option<String>,
}

impl Enrolment {
    /// What to remember of the server's answer; `None` if its receipt key is no key.
    pub fn new(chosen: Chosen, enrolled: Enrolled) -> Option<Self> {
        from_hex::<32>(&enrolled.receipt_key)?;
        Some(Self {
            version: VERSION,
            server: chosen.server,
            allow_http: chosen.allow_http,
            ca_pem: chosen.ca_pem,
            pin: chosen.pin,
            tenant: enrolled.tenant,
            tenant_name: enrolled.tenant_name,
            user: enrolled.user,
            user_name: chosen.user_name,
            device: enrolled.device,
            device_name: chosen.device_name,
            profile: enrolled.profile,
            key: chosen.key.0,
            key_made_at: chosen.key.1,
            machine: chosen.machine,
            person: chosen.person,
            receipt_key: enrolled.receipt_key,
            keys: enrolled.keys,
        })
    }

    /// The Ed25519 public key that signs receipts.
    pub fn receipt_key(&self) -> [u8; 32] {
        from_hex(&self.receipt_key).expect("checked when it was made and when it was read")
    }

    /// Reads the record back; `path` is named in errors.
    pub fn from_bytes(bytes: &[u8], path: &Path) -> Result<Self, StateError> {
        #[derive(Deserialize)]
        struct Version {
            version: u32,
        }
        let damaged = |what: String| StateError::Damaged { path: path.to_owned(), what };
        let in_json = |error: serde_json::Error| damaged(format!("line {}, column {}", error.line(), error.column()));
        let Version { version } = serde_json::from_slice(bytes).map_err(in_json)?;
        if version > VERSION {
            return Err(StateError::Newer { path: path.to_owned() });
        }
        if version <= BEFORE_KEYS {
            return Err(StateError::BeforeKeys);
        }
        let enrolment: Self = serde_json::from_slice(bytes).map_err(in_json)?;
        if from_hex::<32>(&enrolment.receipt_key).is_none() {
            return Err(damaged("the receipt key is not one".to_owned()));
        }
        Ok(enrolment)
    }

    /// The record as it is written down.
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec_pretty(self).expect("texts, numbers and ids can always be written as JSON")
    }
}
