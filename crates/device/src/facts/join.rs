//! How a PC is joined, told from the registry: the second source where Windows' API cannot be asked.

use model::policy::Hive;
use model::prerequisite::Join;

use super::{CONTROL, Reader};

/// One key for each certificate by which the PC is known to Microsoft Entra ID.
const CLOUD: &str = r"CloudDomainJoin\JoinInfo";
/// The name of the domain; empty on a PC without one.
const TCPIP: &str = r"SYSTEM\CurrentControlSet\Services\Tcpip\Parameters";
/// One key for each work account that the person has added.
const WORKPLACE: &str = r"Software\Microsoft\Windows NT\CurrentVersion\WorkplaceJoin\JoinInfo";
/// The account name by which a domain knows a PC; only a member of a domain has it.
const NETLOGON: &str = r"SYSTEM\CurrentControlSet\Services\Netlogon\Parameters";

/// What every PC has and its names stand in: a source with it has the half of the PC.
const NAMES: &str = "ComputerName";

/// The join state; `None` if the source has no half of the PC to tell it from.
pub(super) fn of(reader: &mut Reader<'_>) -> Option<Join> {
    let is_cloud = !reader.subkeys(Hive::Machine, &format!(r"{CONTROL}\{CLOUD}")).is_empty();
    let is_member = reader.machine(TCPIP, "NV Domain").or_else(|| reader.machine(TCPIP, "Domain")).is_some()
        || reader.machine(NETLOGON, "DynamicSiteName").is_some();
    let has_account = !reader.subkeys(Hive::User, WORKPLACE).is_empty();
    match (is_cloud, is_member) {
        (true, true) => Some(Join::Hybrid),
        (true, false) => Some(Join::Entra),
        (false, true) => Some(Join::Domain),
        (false, false) if has_account => Some(Join::Registered),
        (false, false) => {
            // The short list first: below `Control` a live PC has a hundred keys, each of which is a call.
            let mut has = |key: &str| !reader.subkeys(Hive::Machine, key).is_empty();
            (has(&format!(r"{CONTROL}\{NAMES}")) || has(CONTROL)).then_some(Join::Workgroup)
        }
    }
}
