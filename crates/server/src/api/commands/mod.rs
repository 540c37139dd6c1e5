//! Commands to devices: what they are asked to do at their next check-in.

pub(crate) mod create;
pub(crate) mod list;

use model::admin::DeviceCommand;

fn shape(ordered: store::Ordered) -> DeviceCommand {
    let store::Ordered { id, order, by, created_at, expires_at, given_at, done_at, outcome } = ordered;
    DeviceCommand { id, order, by, created_at, expires_at, given_at, done_at, outcome }
}
