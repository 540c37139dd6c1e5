//! Product ids in the Store of the apps that are on most PCs.
//!
//! No place of the registry leads from a package family to the Store's own product id; winget's export says it while the old PC lives
//! (`winget.rs`), and this table where that was not to be had, such as on a dead disk. The ids stand in the Store's own addresses
//! (`apps.microsoft.com/detail/<id>`) and in the lists of tools that install by them (Winhance). What is not here is handed to the
//! Store by its family name.

/// Package names of Microsoft's publisher id, in the order of their bytes.
const OF_MICROSOFT: &[(&str, &str)] = &[
    ("MSTeams", "XP8BT8DW290MPQ"),
    ("Microsoft.BingNews", "9WZDNCRFHVFW"),
    ("Microsoft.BingSearch", "9NZBF4GT040C"),
    ("Microsoft.BingWeather", "9WZDNCRFJ3Q2"),
    ("Microsoft.GamingApp", "9MV0B5HZVK9Z"),
    ("Microsoft.GetHelp", "9PKDZBMV1H3T"),
    ("Microsoft.Microsoft3DViewer", "9NBLGGH42THS"),
    ("Microsoft.MicrosoftOfficeHub", "9WZDNCRD29V9"),
    ("Microsoft.MicrosoftSolitaireCollection", "9WZDNCRFHWD2"),
    ("Microsoft.MicrosoftStickyNotes", "9NBLGGH4QGHW"),
    ("Microsoft.OutlookForWindows", "9NRX63209R7B"),
    ("Microsoft.Paint", "9PCFS5B6T72H"),
    ("Microsoft.PowerAutomateDesktop", "9NFTCH6J7FHV"),
    ("Microsoft.PowerShell", "9MZ1SNWT0N5D"),
    ("Microsoft.ScreenSketch", "9MZ95KL8MR0L"),
    ("Microsoft.Todos", "9NBLGGH5R558"),
    ("Microsoft.Windows.DevHome", "9N8MHTPHNGVV"),
    ("Microsoft.Windows.Photos", "9WZDNCRFJBH4"),
    ("Microsoft.WindowsAlarms", "9WZDNCRFJ3PR"),
    ("Microsoft.WindowsCalculator", "9WZDNCRFHVN5"),
    ("Microsoft.WindowsCamera", "9WZDNCRFJBBG"),
    ("Microsoft.WindowsFeedbackHub", "9NBLGGH4R32N"),
    ("Microsoft.WindowsNotepad", "9MSMLRH6LZF3"),
    ("Microsoft.WindowsSoundRecorder", "9WZDNCRFHWKN"),
    ("Microsoft.WindowsTerminal", "9N0DX20HK701"),
    ("Microsoft.Xbox.TCUI", "9NKNC0LD5NN6"),
    ("Microsoft.XboxGamingOverlay", "9NZKPSTSNW4P"),
    ("Microsoft.XboxIdentityProvider", "9WZDNCRD1HKW"),
    ("Microsoft.YourPhone", "9NMPJ99VJBWV"),
    ("Microsoft.ZuneMusic", "9WZDNCRFJ3PT"),
    ("Microsoft.ZuneVideo", "9WZDNCRFJ3P2"),
    ("MicrosoftCorporationII.MicrosoftFamily", "9PDJDJS743XF"),
    ("MicrosoftCorporationII.QuickAssist", "9P7BP5VNWKX5"),
    ("microsoft.windowscommunicationsapps", "9WZDNCRFHVQM"),
];

/// The publisher id of Microsoft's apps.
const MICROSOFT: &str = "8wekyb3d8bbwe";

/// The product id of a package family, if it is one of these.
pub(super) fn of(family: &str) -> Option<&'static str> {
    let (name, publisher) = family.split_once('_')?;
    let found = OF_MICROSOFT.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    found.filter(|_| publisher == MICROSOFT).map(|(_, id)| *id)
}

#[cfg(test)]
mod tests {
    use model::snapshot::app_id::{is_package_name, is_store_id};

    use super::*;

    #[test]
    fn names_and_ids_have_their_shapes_and_stand_in_order() {
        assert!(OF_MICROSOFT.is_sorted_by(|a, b| a.0 < b.0));
        for (name, id) in OF_MICROSOFT {
            assert!(is_package_name(name) && is_store_id(id), "{name} {id}");
        }
    }

    #[test]
    fn another_publisher_s_app_of_the_same_name_is_another_app() {
        assert_eq!(of("Microsoft.Todos_8wekyb3d8bbwe"), Some("9NBLGGH5R558"));
        assert_eq!(of("Microsoft.Todos_mcm4njqhnhss8"), None);
    }
}
