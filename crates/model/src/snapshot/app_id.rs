//! The shapes that ids of apps have: allow-lists, as code.
//!
//! Such an id is the only thing of a snapshot that ever becomes an argument of a program or a part of an address (rule R7 of the threat model), so
//! nothing that does not have its very shape is called one. None of the shapes allows a blank, a quote, a slash, a percent sign or a hyphen
//! in front, whatever program reads the line.

/// The most and the fewest characters of a package's name (Microsoft, "Package identity overview").
const NAME_CHARS: std::ops::RangeInclusive<usize> = 3..=50;

/// How many characters the hash of a publisher has (same page).
const PUBLISHER_CHARS: usize = 13;

/// How many characters a product id of the Store has: 12 for packaged apps, 14 for desktop programs, which begin with `XP` (Microsoft Learn, "Launch
/// the Microsoft Store app"; seen in the `msstore` source of winget).
const STORE_CHARS: usize = 12;
const STORE_DESKTOP_CHARS: usize = 14;
const STORE_DESKTOP: &str = "XP";

/// How many pieces a package identifier of winget has, and how long each and the whole may be (manifest schema 1.6, `PackageIdentifier`).
const WINGET_PIECES: std::ops::RangeInclusive<usize> = 2..=8;
const WINGET_PIECE_CHARS: usize = 32;
const WINGET_CHARS: usize = 128;

/// Whether a text has the shape of a package family name: a name, an underscore, and the publisher's hash in base 32 without `i l o u`.
pub fn is_family_name(text: &str) -> bool {
    let is_hash = |byte: u8| byte.is_ascii_digit() || (byte.is_ascii_lowercase() && !b"ilou".contains(&byte));
    text.split_once('_').is_some_and(|(name, publisher)| {
        is_package_name(name) && publisher.len() == PUBLISHER_CHARS && publisher.bytes().all(is_hash)
    })
}

/// Whether a text has the shape of a package's name: letters, digits, points and hyphens, beginning with one of the first two.
pub fn is_package_name(text: &str) -> bool {
    NAME_CHARS.contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'))
        && text.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric())
        && !text.contains("..")
}

/// Whether a text has the shape of a product id of the Store.
pub fn is_store_id(text: &str) -> bool {
    let is_upper = text.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase());
    is_upper && (text.len() == STORE_CHARS || is_desktop_id(text))
}

/// Whether a product id of the Store is that of a desktop program, which comes with an installer of its own and as a rule is no package.
pub fn is_desktop_id(text: &str) -> bool {
    text.len() == STORE_DESKTOP_CHARS && text.starts_with(STORE_DESKTOP)
}

/// Whether a text has the shape of a package identifier of winget's own source. The schema allows any letter but a few; we take those of ASCII,
/// which every package that we know of keeps to.
pub fn is_winget_id(text: &str) -> bool {
    let is_piece = |piece: &str| {
        (1..=WINGET_PIECE_CHARS).contains(&piece.len())
            && piece.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'+'))
            && piece.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric())
    };
    text.len() <= WINGET_CHARS && WINGET_PIECES.contains(&text.split('.').count()) && text.split('.').all(is_piece)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What could be more than an id to whoever reads a command line or an address.
    const NEVER: [&str; 22] = [
        "",
        "-",
        "--help",
        "-x.y",
        "/quiet",
        "a b",
        "a.b c",
        "a.\"b\"",
        "a.b'",
        "a.b&c",
        "a.b|c",
        "a.b;c",
        "a.b%PATH%",
        "a.b\n",
        "a.b\0",
        "..",
        "a..b",
        ".a.b",
        r"\\host\share",
        "ms-windows-store://pdp",
        "Microsoft.\u{202e}Notes_8wekyb3d8bbwe",
        "https://a.b",
    ];

    #[test]
    fn published_ids_are_taken() {
        for id in
            ["Microsoft.WindowsCalculator_8wekyb3d8bbwe", "4DF9E0F8.Netflix_mcm4njqhnhss8", "MSTeams_8wekyb3d8bbwe"]
        {
            assert!(is_family_name(id), "{id}");
        }
        for id in ["9WZDNCRFHVN5", "9N0DX20HK701", "XP8BT8DW290MPQ"] {
            assert!(is_store_id(id), "{id}");
        }
        for id in [
            "Mozilla.Firefox",
            "Notepad++.Notepad++",
            "7zip.7zip",
            "Python.Python.3.12",
            "Microsoft.VCRedist.2015+.x64",
        ] {
            assert!(is_winget_id(id), "{id}");
        }
    }

    #[test]
    fn nothing_else_is() {
        for text in NEVER {
            assert!(!is_family_name(text) && !is_store_id(text) && !is_winget_id(text), "{text:?}");
        }
        for text in
            ["Microsoft.Notes", "Microsoft.Notes_8WEKYB3D8BBWE", "Microsoft.Notes_8wekyb3d8bbw", "-a.b_8wekyb3d8bbwe"]
        {
            assert!(!is_family_name(text), "{text}");
        }
        for text in ["9wzdncrfhvn5", "9WZDNCRFHVN", "9WZDNCRFHVN5A", "9WZDNCRFHVN5AB", "9WZDNCRFHVN-"] {
            assert!(!is_store_id(text), "{text}");
        }
        for text in ["Firefox", "a.-b", "a.b.c.d.e.f.g.h.i", "ä.b"] {
            assert!(!is_winget_id(text), "{text}");
        }
        assert!(!is_winget_id(&format!("a.{}", "b".repeat(33))));
    }
}
