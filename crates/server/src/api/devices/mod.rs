//! PCs, for administrators.

pub(crate) mod get;
pub(crate) mod list;
pub(crate) mod patch;
pub(crate) mod revoke;

use model::admin::Device;
use store::ListedDevice;

fn shape(device: ListedDevice) -> Device {
    Device {
        id: device.id,
        name: device.name,
        user: device.user,
        user_name: device.user_name,
        created_at: device.created_at,
        seen_at: device.seen_at,
        revoked_at: device.revoked_at,
        scope_tags: device.tags,
    }
}
