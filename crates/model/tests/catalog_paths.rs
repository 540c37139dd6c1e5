//! No text that Windows could take for a path, an address, a variable or an indirect string passes (rule R4, `docs/threat-model.md`).

use std::collections::BTreeSet;

use model::catalog::{Alphabet, path_like};
use proptest::prelude::*;

/// Spellings by hand: one for each trick that is known.
const BY_HAND: &[&str] = &[
    r"..\x.dll",
    r"\x",
    r"x\",
    "/etc/passwd",
    "//",
    "/x",
    "x/y",
    "./d",
    "d/.",
    "~/x",
    "~",
    r"C:\PROGRA~1",
    "PROGRA~1",
    "C:",
    "c:x",
    "d:M",
    "M:ss",
    "m:ss",
    "s:mm",
    "t:mm",
    "h:ss",
    "H:t",
    "h: m",
    "h:/d",
    "H:yyyy",
    "h:",
    ":mm",
    "::",
    "x::$DATA",
    "x.txt:stream",
    "::{20D04FE0-3AEA-1069-A2D8-08002B30309D}",
    "{20D04FE0-3AEA-1069-A2D8-08002B30309D}",
    "shell:startup",
    "ms-settings:about",
    "ms-msdt:/id",
    "search-ms:query=x",
    "javascript:x",
    "mailto:a",
    "data:x",
    "tel:1",
    "file:x",
    "file:///c:/x",
    "http://h/x",
    "https:h",
    "%X%",
    "%SystemRoot%",
    "100%",
    "%%",
    "$env:TEMP",
    "${x}",
    "@x.dll,-1",
    "@",
    " @shell32.dll,-1",
    "..",
    "...",
    "a..b",
    "x\0y",
    "x\ny",
    "x\ry",
    "x\ty",
    "\u{1b}x",
    "\u{202e}txt.exe",
    "x\u{200f}",
    "x\u{200b}y",
    "x\u{feff}",
    "x\u{2028}y",
    "GLOBALROOT\\x",
    "?",
    "*",
    "x|y",
    "<x>",
    "\"x\"",
    "x`y",
    "user@host",
    "#x",
    "evil.dll",
    "evil.DLL",
    "evil.dll.",
    "evil.dll ",
    "evil.exe. .",
    "a.scr",
    "a.cur",
    "a.ani",
    "a.theme",
    "a.lnk",
    "a.url",
    "a.scf",
    "a.wav",
    "a.ini",
    "a.cpl",
    "a.ps1",
    "yyyy.com",
    "d/M:yy",
    "h:mm/d",
    "'d/M'",
    "'h:m",
    "'c:'",
    "d'/'M",
    "¥¥host¥share",
    "₩₩host",
    "a¥b¥c",
    "[x]",
    "x=y",
    "x&y",
    "x^y",
    "!x",
    " C:x",
    " /x",
    "x /y",
    "dd//MM",
    "h::mm",
    "/d/M",
    "d/M/",
    "a\u{e000}b",
    "x\u{e0041}",
];

/// What can stand before a host: separators of all kinds and device prefixes.
const PREFIXES: &[&str] = &[
    r"\\",
    "//",
    r"\/",
    r"/\",
    r"\\?\",
    r"\\?\UNC\",
    r"\??\",
    r"\??\UNC\",
    r"\\.\",
    r"//?/",
    r"//./",
    r"\\.\UNC\",
    r"\\?\GLOBALROOT\Device\",
    "file:",
    r"file:\\",
    "file://",
    "file:////",
    "http://",
    "https://",
    "ftp://",
    "smb://",
    "ldap://",
    "C:\\",
    "C:/",
    "c:",
    "Z:\\..\\",
    "%SystemRoot%\\",
    "%X%",
    "@",
    "@\\\\",
    r"@%SystemRoot%\",
    "..\\",
    "../",
    "\u{ff3c}\u{ff3c}",
    "\u{ff0f}\u{ff0f}",
    "\u{2215}\u{2215}",
    "\u{2044}\u{2044}",
    "\u{2216}\u{2216}",
    "\u{29f5}",
    "\u{29f8}",
    "\u{fe68}",
    "\u{ff23}\u{ff1a}\u{ff3c}",
    "C\u{2236}\u{2216}",
    "C\u{a789}",
    "C\u{ff1a}",
    "\u{ff05}X\u{ff05}",
    "\u{ff20}",
    "\u{2024}\u{2024}\u{2215}",
    "\u{ff0e}\u{ff0e}\u{ff0f}",
    "\u{fe52}\u{fe52}/",
];

/// Hosts, shares and files as they follow.
const TAILS: &[&str] = &[
    r"host\share",
    "host/share/x.dll,-1",
    r"host@SSL@443\DavWWWRoot",
    r"10.0.0.1\c$",
    "x. ",
    r"x\NUL",
    "x.txt::$DATA",
];

const DEVICES: &[&str] =
    &["CON", "PRN", "AUX", "NUL", "COM1", "COM9", "COM0", "COM¹", "LPT1", "LPT³", "CONIN$", "CONOUT$", "CLOCK$"];

fn corpus() -> BTreeSet<String> {
    let mut corpus: BTreeSet<String> = BY_HAND.iter().map(|&text| text.to_owned()).collect();
    for prefix in PREFIXES {
        corpus.extend(TAILS.iter().map(|tail| format!("{prefix}{tail}")));
    }
    for device in DEVICES {
        let lower = device.to_lowercase();
        corpus.extend([
            device.to_string(),
            lower.clone(),
            format!("{lower}.txt"),
            format!("{device} "),
            format!(" {device}."),
            format!("{lower}:"),
        ]);
    }
    corpus
}

#[test]
fn hundreds_of_path_spellings_are_refused_by_every_alphabet() {
    let corpus = corpus();
    assert!(corpus.len() >= 400, "{}", corpus.len());
    for text in &corpus {
        assert!(path_like(text), "{text:?} passes");
        for alphabet in Alphabet::ALL {
            assert!(!alphabet.allows(text), "{text:?} passes as {}", alphabet.word());
        }
    }
}

#[test]
fn formats_of_windows_pass() {
    // From the locale data of Windows: short and long dates, times, separators and currency signs.
    let formats = [
        "",
        "/",
        ":",
        ".",
        "-",
        ". ",
        " ",
        "\u{a0}",
        "\u{202f}",
        "\u{2019}",
        "\u{2212}",
        "dd/MM/yyyy",
        "M/d/yyyy",
        "yyyy/MM/dd",
        "d.M.yyyy",
        "yyyy. MM. dd.",
        "d. M. yyyy",
        "yyyy-MM-dd",
        "dd-MM-yyyy",
        "dddd, d. MMMM yyyy",
        "dddd, MMMM d, yyyy",
        "dddd, d' de 'MMMM' de 'yyyy",
        "yyyy'年'M'月'd'日'",
        "yyyy'년' M'월' d'일' dddd",
        "d MMMM yyyy 'г.'",
        "h:mm tt",
        "h:mm:ss tt",
        "HH:mm",
        "HH:mm:ss",
        "H:mm:ss",
        "HH.mm",
        "tt h:mm",
        "HH:mm 'ч.'",
        "HH 'h' mm 'min' ss 's'",
        "H' h 'mm",
        "AM",
        "PM",
        "a.m.",
        "오전",
        "上午",
        "पूर्वाह्न",
        "ก่อนเที่ยง",
        "$",
        "€",
        "£",
        "¥",
        "₩",
        "kr.",
        "zł",
        "Kč",
        "R$",
        "CHF",
        "S/",
        "B/.",
        "руб.",
        "₹",
        "0123456789",
        "٠١٢٣٤٥٦٧٨٩",
        "(",
        ")",
        ";",
        "MMMM yyyy",
        "yyyy'年'M'月'",
    ];
    for format in formats {
        assert!(!path_like(format), "{format:?} is taken for a path");
        assert!(Alphabet::Format.allows(format), "{format:?} is refused");
    }
}

#[test]
fn tags_layouts_groupings_and_names_pass_in_their_own_alphabet_only() {
    for tag in ["en-GB", "de", "zh-Hant-TW", "sr-Latn-RS", "es-419", "de-DE_phoneb", "ENU", "GB", "x-klingon"] {
        assert!(Alphabet::LanguageTag.allows(tag), "{tag}");
    }
    for text in ["", "-en", "en-", "en--GB", "en GB", "en.GB", "1en", "abcdefghijklm", "en-GB;de", "ën"] {
        assert!(!Alphabet::LanguageTag.allows(text), "{text}");
    }
    assert!(
        Alphabet::LayoutId.allows("00000407")
            && Alphabet::LayoutId.allows("E0010411")
            && Alphabet::LayoutId.allows("d0010409")
    );
    for text in ["", "407", "0000040", "000004070", "0000040g", "0x000407", " 0000407"] {
        assert!(!Alphabet::LayoutId.allows(text), "{text}");
    }
    assert!(Alphabet::Digits.allows("3;0") && Alphabet::Digits.allows("3;2;0"));
    assert!(!Alphabet::Digits.allows("") && !Alphabet::Digits.allows("3,0") && !Alphabet::Digits.allows("-3"));
    assert!(
        Alphabet::Name.allows("Courier New")
            && Alphabet::Name.allows("MS Gothic")
            && Alphabet::Name.allows("Segoe UI Variable 2.0")
    );
    for text in ["", " Arial", "Arial ", "Arial.", "-x", "a,b", "a/b", "a;b", "@MS Gothic"] {
        assert!(!Alphabet::Name.allows(text), "{text}");
    }
}

proptest! {
    #[test]
    fn no_allowed_text_holds_what_makes_a_path(text in "[a-zA-Z:/\\\\.%@~ '0-9hHmdMy¥,;()\u{ff0f}\u{2215}-]{0,24}") {
        for alphabet in Alphabet::ALL {
            if alphabet.allows(&text) {
                prop_assert!(!text.contains(['\\', '%', '@', '~', '\0', '\u{ff0f}', '\u{2215}']), "{text:?}");
                prop_assert!(!text.contains("//") && !text.contains("..") && !text.contains(":/"), "{text:?}");
                prop_assert!(!text.trim().starts_with('/') || text.trim() == "/", "{text:?}");
                let drive = text.trim().as_bytes();
                let like_drive = drive.len() > 1 && drive[1] == b':' && drive[0].is_ascii_alphabetic();
                prop_assert!(!like_drive || (matches!(drive[0], b'h' | b'H') && drive[2] == b'm'), "{text:?}");
            }
        }
    }

    #[test]
    fn any_text_at_all_is_judged_without_panic(text in any::<String>()) {
        let judged = path_like(&text);
        prop_assert!(Alphabet::ALL.into_iter().all(|alphabet| !(judged && alphabet.allows(&text))));
    }
}
