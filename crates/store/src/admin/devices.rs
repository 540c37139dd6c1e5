//! Devices of a tenant, for its admins.

use crate::sql::{Connection, OptionalExtension, Row};
use model::ids::{DeviceId, TagId, UserId};
use model::world::Moment;

use super::tags::Kind;
use super::{Page, Slice, change_tags, tags};
use crate::audit::{self, Action, Event};
use crate::authority::View;
use crate::error::AdminError;
use crate::{Store, StoreError, row};

/// A device, as admins see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its id.
    pub id: DeviceId,
    /// Its name.
    pub name: String,
    /// Whose it is.
    pub user: UserId,
    /// Their name.
    pub user_name: String,
    /// When it was connected.
    pub created_at: Moment,
    /// When it last asked anything.
    pub seen_at: Moment,
    /// When its access was withdrawn.
    pub revoked_at: Option<Moment>,
    /// Its tags.
    pub tags: Vec<TagId>,
}

const FROM: &str = "SELECT d.no, d.id, d.name, u.id, u.name, d.created_at, d.seen_at, d.revoked_at FROM devices d \
                    JOIN users u ON u.tenant = d.tenant AND u.no = d.user_no WHERE d.tenant = $1";

fn from_row(row: &Row<'_>) -> crate::sql::Result<(i64, Listed)> {
    let device = Listed {
        id: row::Id(row.get(1)?).into(),
        name: row.get(2)?,
        user: row::Id(row.get(3)?).into(),
        user_name: row.get(4)?,
        created_at: Moment(row.get(5)?),
        seen_at: Moment(row.get(6)?),
        revoked_at: row.get::<_, Option<i64>>(7)?.map(Moment),
        tags: Vec::new(),
    };
    Ok((row.get(0)?, device))
}

/// A device that the view sees.
pub(crate) fn find(connection: &Connection, view: &View, id: DeviceId) -> Result<(i64, Listed), AdminError> {
    let mut statement = connection.prepare(&format!("{FROM} AND d.id = $2 AND {}", view.sees_device()))?;
    let found = statement.query_row((view.scope().no, id.as_bytes()), from_row).optional()?;
    let (no, mut device) = found.ok_or(AdminError::NotFound)?;
    device.tags = tags::ids_of(connection, view.scope().no, (Kind::Device, no))?;
    Ok((no, device))
}

impl Store {
    /// The devices that the view sees.
    pub fn seen_devices(&self, view: &View, slice: Slice) -> Result<Page<Listed>, StoreError> {
        self.read(|connection| {
            let sql = format!("{FROM} AND d.no > $2 AND {} ORDER BY d.no LIMIT $3", view.sees_device());
            let tenant = view.scope().no;
            let mut statement = connection.prepare(&sql)?;
            let rows = statement.query_map((tenant, slice.after, slice.rows()), from_row)?;
            let mut rows: Vec<_> = rows.collect::<Result<_, _>>()?;
            for (no, device) in &mut rows {
                device.tags = tags::ids_of(connection, tenant, (Kind::Device, *no))?;
            }
            Ok(slice.page(rows))
        })
    }

    /// A device that the view sees.
    pub fn seen_device(&self, view: &View, id: DeviceId) -> Result<Listed, AdminError> {
        self.read(|connection| Ok(find(connection, view, id).ok()))?
            .map(|(_, device)| device)
            .ok_or(AdminError::NotFound)
    }

    /// Puts exactly these tags on a device.
    pub fn tag_device(&self, view: &View, id: DeviceId, named: Vec<TagId>, at: Moment) -> Result<Listed, AdminError> {
        let view = view.clone();
        self.writer.write(move |tx| {
            let (no, _) = find(tx, &view, id)?;
            let named: Vec<_> = named.iter().map(|tag| tag.0).collect();
            change_tags(tx, &view, (Kind::Device, no), &named)?;
            let actor = view.actor();
            audit::append(tx, view.scope(), &Event::of(&actor, at, Action::DeviceTags, id.as_bytes()))?;
            Ok(find(tx, &view, id)?.1)
        })
    }

    /// Withdraws the access of a device that the view sees. `false`: it was withdrawn before.
    pub fn revoke_seen(&self, view: &View, id: DeviceId, at: Moment) -> Result<bool, AdminError> {
        let view = view.clone();
        self.writer.write(move |tx| {
            find(tx, &view, id)?;
            let sql = "UPDATE devices SET revoked_at = $1 WHERE tenant = $2 AND id = $3 AND revoked_at IS NULL";
            let changed = tx.prepare_cached(sql)?.execute((at.0, view.scope().no, id.as_bytes()))?;
            if changed == 1 {
                let actor = view.actor();
                audit::append(tx, view.scope(), &Event::of(&actor, at, Action::DeviceRevoke, id.as_bytes()))?;
            }
            Ok(changed == 1)
        })
    }
}
