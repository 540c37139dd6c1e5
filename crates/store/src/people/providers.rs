//! Identity providers of a tenant: where its people sign in.

use crate::sql::{Connection, OptionalExtension, Row};
use model::ids::ProviderId;
use model::world::Moment;
use serde::{Deserialize, Serialize};

use super::note;
use crate::audit::Action;
use crate::scope::TenantScope;
use crate::{Store, StoreError, check_name, row};

/// What kind of provider it is, where that makes a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProviderKind {
    /// Any provider of OpenID Connect.
    Oidc,
    /// Microsoft Entra ID: identity is (`tid`, `oid`), and its peculiarities are heeded.
    Entra,
}

/// A value of a claim that gives a role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mapping {
    /// The claim: `groups`, `roles`.
    pub claim: String,
    /// The value in it.
    pub value: String,
    /// The role that it gives.
    pub role: String,
}

impl std::str::FromStr for Mapping {
    type Err = &'static str;

    /// Reads `groups=VALUE:ROLE`. The role comes after the last colon: values of claims may hold some.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = text.split_once('=').and_then(|(claim, rest)| Some((claim, rest.rsplit_once(':')?)));
        match parts {
            Some((claim, (value, role))) if !claim.is_empty() && !value.is_empty() && !role.is_empty() => {
                Ok(Self { claim: claim.to_owned(), value: value.to_owned(), role: role.to_owned() })
            }
            _ => Err("write CLAIM=VALUE:ROLE, such as `groups=staff:admin`"),
        }
    }
}

/// As it is written.
impl std::fmt::Display for Mapping {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(to, "{}={}:{}", self.claim, self.value, self.role)
    }
}

/// What a change of a provider does with our secret there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretChange {
    /// It stays as it was.
    Keep,
    /// There is none any more.
    Remove,
    /// Another one, sealed.
    Put(Vec<u8>),
}

/// What an operator says of a provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderSettings {
    /// What kind it is.
    pub kind: ProviderKind,
    /// Its issuer, character by character.
    pub issuer: String,
    /// Our name there.
    pub client_id: String,
    /// File with our secret, if it is not in the database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_file: Option<std::path::PathBuf>,
    /// What is asked for beside `openid`.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// Whether guests of an Entra directory are let in.
    #[serde(default)]
    pub guests: bool,
    /// Whether only people who are known already are let in.
    #[serde(default)]
    pub known_only: bool,
    /// Which claims give which roles.
    #[serde(default)]
    pub mappings: Vec<Mapping>,
    /// File of certificates to trust at the provider instead of the system's, PEM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<std::path::PathBuf>,
}

/// A provider of a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provider {
    pub(crate) tenant: TenantScope,
    pub(crate) no: i64,
    /// Its id.
    pub id: ProviderId,
    /// What the button says.
    pub name: String,
    /// What the operator said.
    pub settings: ProviderSettings,
    /// Our secret there, sealed.
    pub secret: Option<Vec<u8>>,
}

impl Provider {
    /// The organisation whose people sign in there.
    pub fn tenant_scope(&self) -> &TenantScope {
        &self.tenant
    }
}

const COLUMNS: &str = "SELECT no, id, name, settings, secret FROM providers WHERE tenant = $1";

fn all(connection: &Connection, tenant: &TenantScope) -> Result<Vec<Provider>, StoreError> {
    let mut statement = connection.prepare_cached(&format!("{COLUMNS} ORDER BY name"))?;
    let mut rows = statement.query([tenant.no])?;
    let mut providers = Vec::new();
    while let Some(row) = rows.next()? {
        providers.push(provider(&row, tenant)?);
    }
    Ok(providers)
}

/// How many claims of the tenant's providers give a role of that name.
pub(crate) fn claims_giving(connection: &Connection, tenant: &TenantScope, role: &str) -> Result<u64, StoreError> {
    let providers = all(connection, tenant)?;
    let given =
        providers.iter().flat_map(|provider| &provider.settings.mappings).filter(|mapping| mapping.role == role);
    Ok(given.count() as u64)
}

impl Store {
    /// The tenant's providers, by name.
    pub fn providers(&self, tenant: &TenantScope) -> Result<Vec<Provider>, StoreError> {
        self.read(|connection| all(connection, tenant))
    }

    /// The tenant's provider with that id.
    pub fn provider(&self, tenant: &TenantScope, id: ProviderId) -> Result<Option<Provider>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(&format!("{COLUMNS} AND id = $2"))?;
            let mut rows = statement.query((tenant.no, id.as_bytes()))?;
            rows.next()?.map(|row| provider(&row, tenant)).transpose()
        })
    }

    /// Adds a provider.
    pub fn add_provider(
        &self,
        tenant: &TenantScope,
        (id, name): (ProviderId, String),
        settings: &ProviderSettings,
        (secret, at): (Option<Vec<u8>>, Moment),
    ) -> Result<(), StoreError> {
        check_name(&name)?;
        let (tenant, settings) = (tenant.clone(), to_json(settings));
        self.writer.write(move |tx| {
            let same = tx.prepare_cached("SELECT 1 FROM providers WHERE tenant = $1 AND name = $2")?;
            if { same }.exists((tenant.no, &name))? {
                return Err(StoreError::Taken { what: "provider", name: name.clone() });
            }
            let no = row::next_no(tx, "SELECT COALESCE(MAX(no), 0) + 1 FROM providers WHERE tenant = $1", tenant.no)?;
            tx.prepare_cached(
                "INSERT INTO providers (tenant, no, id, name, settings, secret, created_at) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7)",
            )?
            .execute((tenant.no, no, id.as_bytes(), &name, &settings, &secret, at.0))?;
            note(tx, &tenant, at, Action::ProviderAdd, (&[], id.as_bytes(), 0))
        })
    }

    /// Changes a provider. Its issuer stays what it is: our secret is for that one, and people are who they are by it. `false`: there is none with that id, or it has another
    /// issuer.
    pub fn change_provider(
        &self,
        tenant: &TenantScope,
        (id, name): (ProviderId, String),
        settings: &ProviderSettings,
        (secret, at): (SecretChange, Moment),
    ) -> Result<bool, StoreError> {
        check_name(&name)?;
        let (tenant, settings) = (tenant.clone(), settings.clone());
        self.writer.write(move |tx| {
            let before = {
                let mut statement = tx.prepare_cached(&format!("{COLUMNS} AND id = $2"))?;
                let mut rows = statement.query((tenant.no, id.as_bytes()))?;
                rows.next()?.map(|row| provider(&row, &tenant)).transpose()?
            };
            let Some(before) = before.filter(|before| before.settings.issuer == settings.issuer) else {
                return Ok(false);
            };
            let same = tx.prepare_cached("SELECT 1 FROM providers WHERE tenant = $1 AND name = $2 AND no <> $3")?;
            if { same }.exists((tenant.no, &name, before.no))? {
                return Err(StoreError::Taken { what: "provider", name: name.clone() });
            }
            let secret = match &secret {
                SecretChange::Keep => before.secret,
                SecretChange::Remove => None,
                SecretChange::Put(sealed) => Some(sealed.clone()),
            };
            let sql = "UPDATE providers SET name = $1, settings = $2, secret = $3 WHERE tenant = $4 AND no = $5";
            tx.prepare_cached(sql)?.execute((&name, to_json(&settings), secret, tenant.no, before.no))?;
            note(tx, &tenant, at, Action::ProviderChange, (&[], id.as_bytes(), 0))?;
            Ok(true)
        })
    }

    /// Removes a provider; the sessions that came from it end, its people stay. `false`: there is none of that name.
    pub fn remove_provider(&self, tenant: &TenantScope, name: &str, at: Moment) -> Result<bool, StoreError> {
        let (tenant, name) = (tenant.clone(), name.to_owned());
        self.writer.write(move |tx| {
            let gone = delete(tx, &tenant, &name)?;
            if let Some(id) = gone {
                note(tx, &tenant, at, Action::ProviderRemove, (&[], id.as_bytes(), 0))?;
            }
            Ok(gone.is_some())
        })
    }
}

fn delete(tx: &Connection, tenant: &TenantScope, name: &str) -> Result<Option<ProviderId>, StoreError> {
    let sql = "DELETE FROM providers WHERE tenant = $1 AND name = $2 RETURNING id";
    Ok(tx.prepare_cached(sql)?.query_row((tenant.no, name), |row| Ok(ProviderId(row.get(0)?))).optional()?)
}

fn to_json(settings: &ProviderSettings) -> String {
    serde_json::to_string(settings).expect("settings are plain data")
}

fn provider(row: &Row<'_>, tenant: &TenantScope) -> Result<Provider, StoreError> {
    let settings: String = row.get(3)?;
    let settings = serde_json::from_str(&settings)
        .map_err(|error| StoreError::Damaged(format!("the settings of a provider: {error}")))?;
    Ok(Provider {
        tenant: tenant.clone(),
        no: row.get(0)?,
        id: row::Id(row.get(1)?).into(),
        name: row.get(2)?,
        settings,
        secret: row.get(4)?,
    })
}
