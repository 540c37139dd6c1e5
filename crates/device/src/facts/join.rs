//! How a PC is joined, told from the registry: the second source where Windows' API cannot be asked.

use model::policy::Hive;
use model::prerequisite::Join;

use super::{CONTROL, Reader};

/// One key for each certificate by which the PC is known to Microsoft Entra ID.
const CLOUD: &str = r"CloudDomainJoin\JoinInfo";
/// The PC's primary DNS suffix, empty on a PC without one. By default it is that of the domain, and anybody may set another (Microsoft Learn,
/// `SyncDomainWithMembership`).
const TCPIP: &str = r"SYSTEM\CurrentControlSet\Services\Tcpip\Parameters";
/// One key for each work account that the person has added.
const WORKPLACE: &str = r"Software\Microsoft\Windows NT\CurrentVersion\WorkplaceJoin\JoinInfo";
/// The site that Netlogon was told by a domain controller of the PC's own domain (Microsoft, "SiteNameTimeout": `DynamicSiteName` is used on client
/// computers and member servers only).
const NETLOGON: &str = r"SYSTEM\CurrentControlSet\Services\Netlogon\Parameters";
/// From whom the PC takes the time: `Type` is `NT5DS` by default on a member of a domain and `NTP` on a PC that stands alone (Microsoft Learn, "Windows
/// Time service tools and settings").
const TIME: &str = r"SYSTEM\CurrentControlSet\Services\W32Time\Parameters";
const FROM_DOMAIN: &str = "NT5DS";

/// What every PC has and its names stand in: a source with it has the half of the PC.
const NAMES: &str = "ComputerName";

/// The join state; `None` if the source has no half of the PC to tell it from, or what it says of a domain is not enough to know.
pub(super) fn of(reader: &mut Reader<'_>) -> Option<Join> {
    let is_cloud = !reader.subkeys(Hive::Machine, &format!(r"{CONTROL}\{CLOUD}")).is_empty();
    let has_account = !reader.subkeys(Hive::User, WORKPLACE).is_empty();
    match (is_cloud, is_member(reader)?) {
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

/// Whether the PC is a member of a domain; `None` if its suffix and its clock say different things and nothing decides between them.
fn is_member(reader: &mut Reader<'_>) -> Option<bool> {
    if reader.machine(NETLOGON, "DynamicSiteName").is_some() {
        return Some(true);
    }
    let has_suffix = reader.machine(TCPIP, "NV Domain").or_else(|| reader.machine(TCPIP, "Domain")).is_some();
    let time = reader.machine(TIME, "Type").map(|from| from.eq_ignore_ascii_case(FROM_DOMAIN));
    match (has_suffix, time) {
        (true, Some(true)) => Some(true),
        // One that stands alone and was given a suffix by hand.
        (true, Some(false)) | (false, Some(false) | None) => Some(false),
        (true, None) | (false, Some(true)) => None,
    }
}
