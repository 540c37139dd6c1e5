//! Signed heads: once a day the server signs where each chain stands.
//!
//! A head that was carried elsewhere proves every row up to it: whoever changes, removes or adds one afterwards would have to forge the
//! signature. The store knows no key; it is handed the signing.

use model::audit::{HEAD_LEN, Head};
use model::world::Moment;
use rusqlite::{Connection, OptionalExtension};

use crate::audit::chain::FIRST;
use crate::{Store, StoreError, TenantScope, row};

/// Signs a head: its signed bytes and the signature.
pub type SignHead<'a> = &'a dyn Fn(&Head) -> [u8; HEAD_LEN];

impl Store {
    /// Signs where each chain stands that has grown since it was signed last. Returns how many were.
    pub fn sign_heads(&self, at: Moment, sign: SignHead<'_>) -> Result<u64, StoreError> {
        let mut scopes = self.tenants()?;
        scopes.extend(self.server_chain(at)?);
        let mut signed = 0;
        for scope in scopes {
            let (n, hash, last) = self.read(|connection| {
                let (n, hash) = newest(connection, scope.no)?;
                Ok((n, hash, last_signed(connection, scope.no)?))
            })?;
            if n == 0 || n <= last {
                continue;
            }
            let head = sign(&Head { tenant: scope.id, n: row::unsigned(n), hash, at, epoch: self.epoch });
            let no = scope.no;
            self.writer.write::<_, StoreError>(move |tx| {
                tx.prepare_cached(
                    "INSERT INTO audit_heads (tenant, n, head) VALUES ($1, $2, $3) ON CONFLICT (tenant, n) DO NOTHING",
                )?
                .execute((no, n, head))?;
                Ok(())
            })?;
            signed += 1;
        }
        Ok(signed)
    }

    /// The signed heads of a tenant's chain, oldest first.
    pub fn heads(&self, tenant: &TenantScope) -> Result<Vec<[u8; HEAD_LEN]>, StoreError> {
        self.read(|connection| {
            let mut statement =
                connection.prepare_cached("SELECT head FROM audit_heads WHERE tenant = $1 ORDER BY n")?;
            let heads = statement.query_map([tenant.no], |row| row.get(0))?;
            Ok(heads.collect::<Result<_, _>>()?)
        })
    }

    /// The epoch of this database, which signatures name.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The operator's own chain, which belongs to no tenant.
    pub fn server_chain(&self, at: Moment) -> Result<Option<TenantScope>, StoreError> {
        self.writer.write(move |tx| super::server_scope(tx, at).map(Some))
    }

    /// Compares the signed heads with the rows that they sign; `ok` says whether a head bears the server's signature. Gives each that does not fit.
    pub fn verify_heads(&self, ok: &dyn Fn(&[u8; HEAD_LEN]) -> bool) -> Result<(u64, Vec<String>), StoreError> {
        self.read(|connection| {
            let (mut good, mut findings) = (0, Vec::new());
            let mut statement = connection.prepare(
                "SELECT t.id, h.n, h.head, a.hash FROM audit_heads h JOIN tenants t ON t.no = h.tenant \
                 LEFT JOIN audit a ON a.tenant = h.tenant AND a.n = h.n ORDER BY h.tenant, h.n",
            )?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let tenant = model::ids::TenantId(row.get(0)?);
                let (n, head): (i64, [u8; HEAD_LEN]) = (row.get(1)?, row.get(2)?);
                let hash: Option<[u8; 32]> = row.get(3)?;
                let says = Head::from_bytes(&head).map(|(head, _)| head);
                let fits = says
                    .is_some_and(|head| head.tenant == tenant && head.n == row::unsigned(n) && Some(head.hash) == hash);
                if fits && ok(&head) {
                    good += 1;
                } else {
                    findings.push(format!("audit of tenant {tenant}: row {n} is not the one that was signed"));
                }
            }
            Ok((good, findings))
        })
    }
}

pub(crate) fn newest(connection: &Connection, no: i64) -> Result<(i64, [u8; 32]), StoreError> {
    let sql = "SELECT n, hash FROM audit WHERE tenant = $1 ORDER BY n DESC LIMIT 1";
    let head = connection.prepare_cached(sql)?.query_row([no], |row| Ok((row.get(0)?, row.get(1)?)));
    Ok(head.optional()?.unwrap_or((0, FIRST)))
}

fn last_signed(connection: &Connection, no: i64) -> Result<i64, StoreError> {
    let sql = "SELECT COALESCE(MAX(n), 0) FROM audit_heads WHERE tenant = $1";
    Ok(connection.prepare_cached(sql)?.query_row([no], |row| row.get(0))?)
}

/// The first row after `last` that was signed once: it is gone.
pub(crate) fn contradiction(connection: &Connection, no: i64, last: i64) -> Result<Option<i64>, StoreError> {
    let signed = last_signed(connection, no)?;
    Ok((signed > last).then_some(last + 1))
}
