//! Service accounts: tokens for programs, with a role, an end and the networks they may come from.
//!
//! The token itself is shown once and kept nowhere. A service account never holds what takes a fresh sign-in, and is never an owner
//! ([`Store::service_authority`]).

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::sql::{Connection, OptionalExtension, Row};
use model::ids::{AssignmentId, TagId, TokenId};
use model::world::Moment;

use super::assignments::{self, Terms};
use super::tags::Kind;
use super::{Page, Slice, check_version, new_tags, rows_seen, tags};
use crate::accounts::{check_name, taken};
use crate::audit::{self, Action, Event};
use crate::authority::{Service, View};
use crate::error::AdminError;
use crate::misfit::Misfit;
use crate::scope::TenantScope;
use crate::{Store, StoreError, row};

/// The longest that a token lives: a year, in milliseconds. Whoever wants longer makes a new one in time.
pub const TOKEN_MILLIS_MAX: i64 = 366 * 24 * 60 * 60 * 1000;

/// Networks that a token may name.
const NETWORKS_MAX: usize = 32;

/// A network in CIDR form, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

impl Network {
    /// Reads `10.0.0.0/8`, `2001:db8::/32` or a single address.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.parse().ok()?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Some(most), |bits| bits.parse().ok())?;
        (bits <= most).then_some(Self { address, bits })
    }

    /// Whether an address is in it. An IPv4 address that came as IPv6 counts as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.bits)).unwrap_or(0);
                network.to_bits() & mask == address.to_bits() & mask
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.bits)).unwrap_or(0);
                network.to_bits() & mask == address.to_bits() & mask
            }
            _ => false,
        }
    }
}

/// A service account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Its id.
    pub id: TokenId,
    /// Its name, unique in the tenant.
    pub name: String,
    /// Networks that it may come from; none: any.
    pub networks: Vec<String>,
    /// When it was made.
    pub created_at: Moment,
    /// When it ends.
    pub expires_at: Moment,
    /// When it was last used, to the minute.
    pub used_at: Option<Moment>,
    /// From where.
    pub used_from: Option<String>,
    /// When it was withdrawn.
    pub revoked_at: Option<Moment>,
    /// Its tags.
    pub tags: Vec<TagId>,
    /// Counts changes.
    pub version: u64,
}

/// A service account to be made, with its role assignment.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// Its id.
    pub id: TokenId,
    /// BLAKE3 of the token.
    pub token_hash: [u8; 32],
    /// Networks that it may come from; none: any.
    pub networks: Vec<String>,
    /// When it ends.
    pub expires_at: Moment,
    /// Id of its assignment.
    pub assignment: AssignmentId,
    /// Its name, role and reach. Members are not looked at.
    pub terms: Terms,
    /// Its tags; `None`: the maker's.
    pub tags: Option<Vec<TagId>>,
}

const COLUMNS: &str =
    "x.no, x.id, x.name, x.addresses, x.created_at, x.expires_at, x.used_at, x.used_from, x.revoked_at, x.version";

fn from_row(row: &Row<'_>) -> crate::sql::Result<(i64, Token)> {
    let token = Token {
        id: row::Id(row.get(1)?).into(),
        name: row.get(2)?,
        networks: row.get::<_, String>(3)?.split_whitespace().map(str::to_owned).collect(),
        created_at: Moment(row.get(4)?),
        expires_at: Moment(row.get(5)?),
        used_at: row.get::<_, Option<i64>>(6)?.map(Moment),
        used_from: row.get(7)?,
        revoked_at: row.get::<_, Option<i64>>(8)?.map(Moment),
        tags: Vec::new(),
        version: row::unsigned(row.get(9)?),
    };
    Ok((row.get(0)?, token))
}

fn find(connection: &Connection, view: &View, id: TokenId) -> Result<(i64, Token), AdminError> {
    let sql =
        format!("SELECT {COLUMNS} FROM api_tokens x WHERE x.tenant = $1 AND x.id = $2 AND {}", view.sees(Kind::Token));
    let mut statement = connection.prepare(&sql)?;
    let found = statement.query_row((view.scope().no, id.as_bytes()), from_row).optional()?;
    let (no, mut token) = found.ok_or(AdminError::NotFound)?;
    token.tags = tags::ids_of(connection, view.scope().no, (Kind::Token, no))?;
    Ok((no, token))
}

impl Store {
    /// Makes a service account. What it gives, its maker must hold.
    pub fn create_token(&self, view: &View, new: NewToken, at: Moment) -> Result<Token, AdminError> {
        check_name(&new.terms.name)?;
        if new.networks.len() > NETWORKS_MAX || new.networks.iter().any(|network| Network::parse(network).is_none()) {
            return Err(Misfit::Networks(NETWORKS_MAX).into());
        }
        if new.expires_at <= at || new.expires_at > at.plus_millis(TOKEN_MILLIS_MAX) {
            return Err(Misfit::TokenEnd.into());
        }
        let view = view.clone();
        self.writer.write(move |tx| {
            let (tenant, name) = (view.scope().no, &new.terms.name);
            let same = "SELECT 1 FROM api_tokens WHERE tenant = $1 AND name = $2";
            taken(tx, "service account", name, same, (tenant, name))?;
            let named = new.tags.as_ref().map(|tags| tags.iter().map(|tag| tag.0).collect::<Vec<_>>());
            let own = new_tags(tx, &view, named.as_deref())?;
            let no = row::next_no(tx, "SELECT COALESCE(MAX(no), 0) + 1 FROM api_tokens WHERE tenant = $1", tenant)?;
            tx.prepare_cached(
                "INSERT INTO api_tokens (tenant, no, id, name, token_hash, addresses, created_by, created_at, expires_at, \
                 version) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 1)",
            )?
            .execute((
                tenant,
                no,
                new.id.as_bytes(),
                name,
                new.token_hash,
                new.networks.join(" "),
                view.actor().id(),
                at.0,
                new.expires_at.0,
            ))?;
            tags::put(tx, tenant, (Kind::Token, no), &own)?;
            let terms = Terms {
                users: Vec::new(),
                groups: Vec::new(),
                tokens: vec![new.id],
                name: format!("service account {name}").chars().take(crate::NAME_CHARS_MAX).collect(),
                ..new.terms.clone()
            };
            assignments::insert(tx, &view, (new.assignment, &terms, named.as_deref()), at)?;
            let actor = view.actor();
            audit::append(tx, view.scope(), &Event::of(&actor, at, Action::TokenCreate, new.id.as_bytes()))?;
            Ok(find(tx, &view, new.id)?.1)
        })
    }

    /// The service accounts that the view sees.
    pub fn tokens(&self, view: &View, slice: Slice) -> Result<Page<Token>, StoreError> {
        self.read(|connection| {
            let tenant = view.scope().no;
            let mut rows = rows_seen(connection, (view, slice), (COLUMNS, "api_tokens", Kind::Token), from_row)?;
            for (no, token) in &mut rows {
                token.tags = tags::ids_of(connection, tenant, (Kind::Token, *no))?;
            }
            Ok(slice.page(rows))
        })
    }

    /// A service account that the view sees.
    pub fn token(&self, view: &View, id: TokenId) -> Result<Token, AdminError> {
        self.read(|connection| Ok(find(connection, view, id).ok()))?.map(|(_, token)| token).ok_or(AdminError::NotFound)
    }

    /// Withdraws a service account, from the next request on, and takes its roles away. Its row stays, so that the record can be read.
    pub fn revoke_token(
        &self,
        view: &View,
        (id, version): (TokenId, Option<u64>),
        at: Moment,
    ) -> Result<(), AdminError> {
        let view = view.clone();
        self.writer.write(move |tx| {
            let tenant = view.scope().no;
            let (no, token) = find(tx, &view, id)?;
            check_version(version, row::signed(token.version))?;
            if token.revoked_at.is_some() {
                return Ok(());
            }
            // The name becomes free for the account that takes its place.
            let name = format!("{} (withdrawn {id})", token.name.chars().take(40).collect::<String>());
            let sql =
                "UPDATE api_tokens SET revoked_at = $1, name = $2, version = version + 1 WHERE tenant = $3 AND no = $4";
            tx.prepare_cached(sql)?.execute((at.0, name, tenant, no))?;
            let sql = "SELECT a.assignment_no FROM assignment_tokens a WHERE a.tenant = $1 AND a.token_no = $2";
            let mut statement = tx.prepare_cached(sql)?;
            let rows = statement.query_map((tenant, no), |row| row.get::<_, i64>(0))?;
            for assignment in rows.collect::<Result<Vec<_>, _>>()? {
                let sql = "DELETE FROM assignment_tokens WHERE tenant = $1 AND assignment_no = $2 AND token_no = $3";
                tx.prepare_cached(sql)?.execute((tenant, assignment, no))?;
                let sql = "SELECT (SELECT COUNT(*) FROM assignment_tokens WHERE tenant = $1 AND assignment_no = $2) + \
                           (SELECT COUNT(*) FROM assignment_users WHERE tenant = $1 AND assignment_no = $2) + \
                           (SELECT COUNT(*) FROM assignment_groups WHERE tenant = $1 AND assignment_no = $2)";
                let left: i64 = tx.prepare_cached(sql)?.query_row((tenant, assignment), |row| row.get(0))?;
                if left == 0 {
                    assignments::remove(tx, tenant, assignment)?;
                }
            }
            let actor = view.actor();
            Ok(audit::append(tx, view.scope(), &Event::of(&actor, at, Action::TokenRevoke, id.as_bytes()))?)
        })
    }

    /// The live service account that holds the token with this BLAKE3 hash and may come from that address; and when its use was last written down.
    pub fn service(
        &self,
        token_hash: &[u8; 32],
        (from, at): (IpAddr, Moment),
    ) -> Result<Option<(Service, Option<Moment>)>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT x.tenant, t.id, x.no, x.id, x.addresses, x.used_at FROM api_tokens x \
                 JOIN tenants t ON t.no = x.tenant \
                 WHERE x.token_hash = $1 AND x.revoked_at IS NULL AND x.expires_at > $2",
            )?;
            let found = statement.query_row((token_hash, at.0), |row| {
                let tenant = TenantScope::new(row.get(0)?, row::Id(row.get(1)?).into());
                let service = Service { tenant, token_no: row.get(2)?, token: row::Id(row.get(3)?).into() };
                Ok((service, row.get::<_, String>(4)?, row.get::<_, Option<i64>>(5)?))
            });
            let Some((service, networks, used_at)) = found.optional()? else { return Ok(None) };
            let networks: BTreeSet<&str> = networks.split_whitespace().collect();
            let near = |text: &&str| Network::parse(text).is_some_and(|network| network.contains(from));
            let may = networks.is_empty() || networks.iter().any(near);
            Ok(may.then_some((service, used_at.map(Moment))))
        })
    }

    /// Notes that a service account was used.
    pub fn note_used(&self, service: &Service, (from, at): (IpAddr, Moment)) -> Result<(), StoreError> {
        let service = service.clone();
        self.writer.write(move |tx| {
            let sql = "UPDATE api_tokens SET used_at = $1, used_from = $2 WHERE tenant = $3 AND no = $4";
            tx.prepare_cached(sql)?.execute((at.0, from.to_string(), service.tenant.no, service.token_no))?;
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_contains_what_begins_with_its_bits() {
        let network = Network::parse("10.1.0.0/16").unwrap();
        assert!(network.contains("10.1.255.1".parse().unwrap()) && !network.contains("10.2.0.1".parse().unwrap()));
        assert!(network.contains("::ffff:10.1.0.1".parse().unwrap()), "IPv4 over IPv6");
        assert!(Network::parse("0.0.0.0/0").unwrap().contains("8.8.8.8".parse().unwrap()));
        let one = Network::parse("2001:db8::1").unwrap();
        assert!(one.contains("2001:db8::1".parse().unwrap()) && !one.contains("2001:db8::2".parse().unwrap()));
        assert!(Network::parse("2001:db8::/32").unwrap().contains("2001:db8:ffff::1".parse().unwrap()));
        for text in ["", "10.0.0.0/33", "10.0.0.0/-1", "::/129", "ten", "10.0.0.0/8/8"] {
            assert_eq!(Network::parse(text), None, "{text}");
        }
    }
}
