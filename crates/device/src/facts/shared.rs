//! Whether a PC is one that people share or a kiosk, told from the registry: nobody there is to be offered what their own PC had.

use model::policy::Hive;

use super::{Reader, number};

/// What Windows keeps of the nodes of its shared mode (the CSP `SharedPC`).
const NODES: &str = r"SOFTWARE\Microsoft\Windows\CurrentVersion\SharedPC\NodeValues";
/// The nodes that stand at 1 on a PC in shared mode (Microsoft Learn, "Troubleshoot Windows 365 Boot", registry keys of the physical device).
const SWITCHES: [&str; 2] = ["01", "18"];
/// What Assigned Access holds the person to who is signed in; without the key they are no kiosk's account (Microsoft's page on troubleshooting kiosks).
const KIOSK: &str = r"Software\Microsoft\Windows\AssignedAccessConfiguration";

/// `Some(true)` if the registry says so; that it does not say so is no proof, because the firmware of a Surface Hub and other programs have ways of their own.
pub(super) fn of(reader: &mut Reader<'_>) -> Option<bool> {
    let is_on = |raw: crate::registry::RawValue| number(&raw) == Some(1);
    let is_shared = SWITCHES.iter().any(|node| reader.raw(Hive::Machine, NODES, node).is_some_and(is_on));
    let is_shared = is_shared || reader.has_something(Hive::User, KIOSK);
    is_shared.then_some(true)
}
