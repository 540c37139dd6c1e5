//! Reading and writing against what regedit itself writes.

use model::catalog::Root;
use model::reason::Reason;
use proptest::prelude::*;

use super::{LineProblem, RegFileError, Skipped, VALUE_BYTES_MAX};
use crate::not_tried::not_tried;
use crate::registry::memory::MemoryRegistry;
use crate::registry::{RawValue, Registry, RegistryWrite};

fn utf16(text: &str) -> Vec<u8> {
    [0xff, 0xfe].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect()
}

/// An export in the form of regedit of Windows 11: all types, long lines, odd names.
const EXPORT: &str = include_str!("fixtures/export.reg");

fn export() -> Vec<u8> {
    utf16(&EXPORT.replace('\n', "\r\n"))
}

fn parse(text: &str) -> Result<MemoryRegistry, RegFileError> {
    MemoryRegistry::parse(format!("Windows Registry Editor Version 5.00\n\n{text}").as_bytes())
}

fn value(registry: &MemoryRegistry, key: &str, name: &str) -> Option<RawValue> {
    registry.read(Root::User, key, &[name]).unwrap().remove(0)
}

fn raw(reg_type: u32, bytes: &[u8]) -> RawValue {
    RawValue { reg_type, bytes: bytes.to_vec() }
}

#[test]
fn an_export_of_regedit_is_written_back_byte_for_byte() {
    let registry = MemoryRegistry::parse(&export()).unwrap();
    let written = registry.to_reg_file();
    if written != export() {
        let text: String =
            char::decode_utf16(written[2..].chunks(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])))
                .map(|c| c.unwrap_or('?'))
                .collect();
        assert_eq!(text.replace("\r\n", "\n"), EXPORT);
    }
    assert_eq!(written, export());
}

#[test]
fn every_type_is_read_with_its_bytes() {
    let registry = MemoryRegistry::parse(&export()).unwrap();
    let key = r"Control Panel\Types";
    assert_eq!(value(&registry, key, ""), Some(raw(1, b"d\0\0\0")));
    assert_eq!(value(&registry, key, "text"), Some(raw(1, b"C\0:\0\\\0\"\0x\0\"\0\0\0")));
    assert_eq!(value(&registry, key, "EMPTY"), Some(raw(1, &[0, 0])), "names are compared without case");
    assert_eq!(value(&registry, key, "number"), Some(raw(4, &[0xef, 0xcd, 0xab, 0x89])));
    assert_eq!(value(&registry, key, "none"), Some(raw(0, &[])));
    assert_eq!(value(&registry, key, "expand"), Some(raw(2, b"%\0T\0E\0M\0P\0%\0\0\0")));
    assert_eq!(value(&registry, key, "big-endian"), Some(raw(5, &[0, 0, 0, 1])));
    assert_eq!(value(&registry, key, "list"), Some(raw(7, b"d\0e\0\0\0\0\0")));
    assert_eq!(value(&registry, key, "long"), Some(raw(0xb, &[1, 0, 0, 0, 0, 0, 0, 0x80])));
    assert_eq!(value(&registry, key, "private"), Some(raw(0xffff_0007, &[1, 2])));
    assert_eq!(value(&registry, key, "unended"), Some(raw(1, b"x\0")));
    assert_eq!(value(&registry, key, "short number"), Some(raw(4, &[1])));
    assert_eq!(value(&registry, key, "two lines"), Some(raw(1, b"a\0\r\0\n\0b\0\0\0")));
    assert_eq!(value(&registry, key, "missing"), None);
    let bytes: Vec<u8> = (0..100).collect();
    assert_eq!(value(&registry, key, "bytes"), Some(raw(3, &bytes)));
}

#[test]
fn the_same_text_is_read_from_every_encoding() {
    let expected = MemoryRegistry::parse(&export()).unwrap().to_reg_file();
    let crlf = EXPORT.replace('\n', "\r\n");
    let unmarked = export()[2..].to_vec();
    let swapped: Vec<u8> = export().chunks(2).flat_map(|pair| [pair[1], pair[0]]).collect();
    let marked = [b"\xef\xbb\xbf", crlf.as_bytes()].concat();
    for bytes in [swapped[2..].to_vec(), swapped, unmarked, marked, crlf.into_bytes()] {
        assert_eq!(MemoryRegistry::parse(&bytes).unwrap().to_reg_file(), expected);
    }
}

/// The first kind of export that Windows had. Its texts are bytes, also in hexadecimal digits; all else is as in version 5.
#[test]
fn an_export_in_the_old_format_is_read_and_its_bytes_become_text() {
    let text = b"REGEDIT4\r\n\r\n[HKEY_CURRENT_USER\\B\xfcro]\r\n@=\"Gr\xf6\xdfe\"\r\n\"e\"=hex(2):25,54,25,80,\\\r\n  00\r\n\
        \"m\"=hex(7):61,00,62,00,00\r\n\"s\"=hex(1):99\r\n\"b\"=hex:25,80\r\n\"q\"=hex(b):01,00\r\n\"d\"=dword:00000001\r\n";
    let registry = MemoryRegistry::parse(text).unwrap();
    let wide = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
    let of = |name: &str| value(&registry, "B\u{fc}ro", name).unwrap();
    assert_eq!(of(""), raw(1, &wide("Gr\u{f6}\u{df}e\0")));
    assert_eq!(of("e"), raw(2, &wide("%T%\u{20ac}\0")));
    assert_eq!(of("m"), raw(7, &wide("a\0b\0\0")));
    assert_eq!(of("s"), raw(1, &wide("\u{2122}")));
    assert_eq!(of("b"), raw(3, &[0x25, 0x80]));
    assert_eq!(of("q"), raw(11, &[1, 0]));
    assert_eq!(of("d"), raw(4, &[1, 0, 0, 0]));
    let written = registry.to_reg_file();
    assert!(written.starts_with(&utf16("Windows Registry Editor Version 5.00\r\n")), "what is written stays version 5");
    let again = MemoryRegistry::parse(&written).unwrap();
    assert_eq!(again.values(Root::User, "B\u{fc}ro").unwrap(), registry.values(Root::User, "B\u{fc}ro").unwrap());
}

#[test]
fn text_that_grows_beyond_the_limit_of_a_value_is_refused() {
    let line = |bytes: usize| format!("REGEDIT4\n[HKCU\\A]\n\"x\"=hex(2):{}\n", "41,".repeat(bytes));
    assert!(MemoryRegistry::parse(line(VALUE_BYTES_MAX / 2).as_bytes()).is_ok());
    let problem = RegFileError::Line { line: 3, problem: LineProblem::TooLong };
    assert_eq!(MemoryRegistry::parse(line(VALUE_BYTES_MAX / 2 + 1).as_bytes()).unwrap_err(), problem);
}

#[test]
fn an_export_that_was_saved_in_the_code_page_of_windows_is_read() {
    let signs: Vec<u8> = (0x80..=0xff).collect();
    let parts: [&[u8]; 3] =
        [b"Windows Registry Editor Version 5.00\r\n[HKCU\\A]\r\n\"x\"=\"", &signs, b"\"\r\n\"h\"=hex(2):41,00\r\n"];
    let registry = MemoryRegistry::parse(&parts.concat()).unwrap();
    let found = crate::codec::text_of(&value(&registry, "A", "x").unwrap().bytes).unwrap();
    assert!(found.starts_with("\u{20ac}\u{81}\u{201a}\u{192}"), "{found:?}");
    let undefined: Vec<u32> = (0x80..0xa0)
        .zip(found.chars())
        .filter(|(byte, sign)| u32::from(*sign) == *byte)
        .map(|(byte, _)| byte)
        .collect();
    assert_eq!(undefined, [0x81, 0x8d, 0x8f, 0x90, 0x9d], "they keep their number");
    assert!(found.ends_with("\u{fd}\u{fe}\u{ff}"), "{found:?}");
    assert_eq!(value(&registry, "A", "h"), Some(raw(2, b"A\0")), "version 5 writes UTF-16 whatever its file is in");
}

#[test]
fn what_stands_behind_the_text_is_not_part_of_it() {
    let text = "Windows Registry Editor Version 5.00\r\n[HKCU\\A]\r\n\"x\"=dword:1";
    let wide = utf16(text);
    for end in ["\u{1a}", "\0", "\0\0\u{1a}", "\r\n\u{1a}", " \t\u{a0}\r\n", "\u{b}"] {
        for bytes in [format!("{text}{end}").into_bytes(), [wide.as_slice(), &utf16(end)[2..]].concat()] {
            let registry = MemoryRegistry::parse(&bytes).unwrap_or_else(|error| panic!("{end:?}: {error}"));
            assert_eq!(value(&registry, "A", "x"), Some(raw(4, &[1, 0, 0, 0])), "{end:?}");
            assert_eq!(registry.notes().skipped, Skipped::default(), "{end:?}");
        }
    }
    assert!(MemoryRegistry::parse(&[wide.as_slice(), b"\x1a"].concat()).is_ok(), "one byte behind two");
}

#[test]
fn lines_that_say_nothing_are_passed_over_and_counted() {
    let registry = parse("# one\n// two\n[HKCU\\A]\n\"x\"=dword:1\nthree\n[-HKCU\\B]\n\"y\"=hex:01,\\\n  02\n\"z\"=-\n[HKCU\\C]\n\"w\"=dword:2\n; no\n").unwrap();
    assert_eq!(registry.notes().skipped, Skipped { lines: 5, first: 3 });
    assert_eq!(registry.notes().removals, 1, "only what was carried out");
    assert_eq!(registry.subkeys(Root::User, "").unwrap(), ["A", "C"]);
    assert_eq!(value(&registry, "A", "x"), Some(raw(4, &[1, 0, 0, 0])));
    assert_eq!(registry.values(Root::User, "C").unwrap(), [("w".to_owned(), raw(4, &[2, 0, 0, 0]))]);
    assert_eq!(parse("[HKCU\\A]\n").unwrap().notes().skipped, Skipped::default());
}

#[test]
fn what_people_write_by_hand_is_understood() {
    let registry = parse(
        "; a comment\n[HKCU\\A]  \n  \"x\" = DWORD:1 ; one\n@=\"d\";\n\"h\"=hex: 1,02 , \\ ; more\n ff,\\\n\n[HKEY_CURRENT_USER\\a\\[b]]\n\"y\"=hex(b):",
    )
    .unwrap();
    assert_eq!(value(&registry, "a", "X"), Some(raw(4, &[1, 0, 0, 0])));
    assert_eq!(value(&registry, "A", ""), Some(raw(1, b"d\0\0\0")));
    assert_eq!(value(&registry, "A", "h"), Some(raw(3, &[1, 2, 0xff])));
    assert_eq!(value(&registry, r"A\[B]", "y"), Some(raw(11, &[])));
    assert_eq!(registry.subkeys(Root::User, "").unwrap(), ["A"]);
    assert_eq!(registry.subkeys(Root::User, "A").unwrap(), ["[b]"]);
}

#[test]
fn removals_are_carried_out_in_order_and_counted() {
    let registry = parse(
        "[HKEY_CURRENT_USER\\A]\n\"x\"=\"1\"\n\"y\"=\"2\"\n\"x\"=-\n[HKEY_CURRENT_USER\\A\\B]\n\"z\"=\"3\"\n[HKEY_CURRENT_USER\\A\\Bc]\n[HKEY_CURRENT_USER\\A C]\n[-HKEY_CURRENT_USER\\a\\b]\n",
    )
    .unwrap();
    assert_eq!(registry.values(Root::User, "A").unwrap(), [("y".to_owned(), raw(1, b"2\0\0\0"))]);
    assert_eq!(registry.subkeys(Root::User, "").unwrap(), ["A", "A C"]);
    assert_eq!(registry.subkeys(Root::User, "A").unwrap(), ["Bc"], "a longer name is another key");
    assert_eq!(registry.notes().removals, 2);
}

#[test]
fn a_user_of_hkey_users_is_read_when_there_is_no_current_user() {
    let sid = "S-1-5-21-1-2-3-1001";
    let text = format!(
        "[HKEY_USERS\\S-1-5-18\\A]\n\"x\"=\"service\"\n[HKEY_USERS\\{sid}\\A]\n\"x\"=\"me\"\n[HKEY_USERS\\{sid}_Classes\\B]\n\"x\"=\"cls\"\n[HKEY_LOCAL_MACHINE\\C]\n"
    );
    let registry = parse(&text).unwrap();
    assert_eq!(value(&registry, "A", "x"), Some(raw(1, b"m\0e\0\0\0")));
    assert_eq!(registry.subkeys(Root::Classes, "").unwrap(), ["B"]);
    let others: Vec<_> = registry.notes().other_keys.clone().into_iter().collect();
    assert_eq!(others, [("HKEY_LOCAL_MACHINE".to_owned(), 1), ("HKEY_USERS".to_owned(), 1)]);

    let own = parse(&format!("{text}[HKEY_CURRENT_USER\\A]\n\"x\"=\"own\"\n")).unwrap();
    assert_eq!(value(&own, "A", "x"), Some(raw(1, b"o\0w\0n\0\0\0")));
}

#[test]
fn classes_of_the_current_user_are_their_own_root() {
    let registry = parse("[HKEY_CURRENT_USER\\Software\\Classes\\Local Settings\\X]\n\"a\"=dword:1\n").unwrap();
    let found = registry.read(Root::Classes, r"local settings\x", &["A"]).unwrap();
    assert_eq!(found, [Some(raw(4, &[1, 0, 0, 0]))]);
}

#[test]
fn a_wrong_line_is_named_with_its_number() {
    let wrong = [
        ("\n\n[HKEY_CURRENT_USER\\A\n", 5, LineProblem::KeyOpen),
        ("[HKEY_NOBODY\\A]", 3, LineProblem::KeyRoot),
        ("\"x\"=\"1\"", 3, LineProblem::NoKey),
        ("[HKCU\\A]\n\"x=1", 4, LineProblem::QuoteOpen),
        ("[HKCU\\A]\n\"x\"\n", 4, LineProblem::NoEquals),
        ("[HKCU\\A]\n\"x\"=12", 4, LineProblem::DataKind),
        ("[HKCU\\A]\n\"x\"=hex(zz):00", 4, LineProblem::DataKind),
        ("[HKCU\\A]\n\"x\"=dword:123456789", 4, LineProblem::Dword),
        ("[HKCU\\A]\n\"x\"=dword:zz", 4, LineProblem::Dword),
        ("[HKCU\\A]\n\"x\"=hex:00,\\\n  0g", 5, LineProblem::Hex),
        ("[HKCU\\A]\n\"x\"=hex:000", 4, LineProblem::Hex),
        ("[HKCU\\A]\n\"x\"=\"1\" 2", 4, LineProblem::Trailing),
    ];
    for (text, line, problem) in wrong {
        assert_eq!(parse(text).unwrap_err(), RegFileError::Line { line, problem }, "{text:?}");
    }
    let error = parse("[HKCU\\A]\n\"x\"=dword:zz").unwrap_err();
    insta::assert_snapshot!(format!("{error}\nhint: {}", error.hint()), @r"
    line 4: `dword:` takes one to eight hexadecimal digits
    hint: correct that line, or export the file again with regedit
    ");
}

#[test]
fn other_files_are_refused_by_what_they_are() {
    let refused = |bytes: &[u8]| MemoryRegistry::parse(bytes).unwrap_err();
    assert_eq!(refused(b""), RegFileError::NoSignature);
    assert_eq!(refused(b"hello"), RegFileError::NoSignature);
    assert_eq!(refused(b"REGEDIT5\r\n"), RegFileError::NoSignature);
    assert_eq!(refused(b"regf\xff\xff\0\0"), RegFileError::NotText);
    let cut = &utf16("Windows Registry Editor Version 5.00\r\n")[..41];
    assert_eq!(refused(cut), RegFileError::Cut { bytes: 41 }, "half a unit");
    assert_eq!((refused(cut).reason(), refused(&cut[2..]).reason()), (Reason::Truncated, Reason::Truncated));
}

#[test]
fn flushing_replaces_the_file_and_keeps_what_lies_outside_the_branch() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("new pc.reg");
    let text = "[HKEY_LOCAL_MACHINE\\Kept]\n\"x\"=dword:1\n[HKEY_CURRENT_USER\\A]\n\"gone\"=\"1\"\n";
    let mut registry = parse(text).unwrap().backed_by(file.clone());
    registry.set(Root::User, "A\\New", "y", &raw(4, &[2, 0, 0, 0])).unwrap();
    registry.remove(Root::User, "a", "GONE").unwrap();
    registry.flush().unwrap();
    let written = MemoryRegistry::parse(&std::fs::read(&file).unwrap()).unwrap();
    assert_eq!(value(&written, r"A\New", "y"), Some(raw(4, &[2, 0, 0, 0])));
    assert_eq!(value(&written, "A", "gone"), None);
    assert_eq!(written.notes().other_keys["HKEY_LOCAL_MACHINE"], 1);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no scratch file is left");
}

#[test]
fn a_target_that_cannot_be_written_is_left_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("locked.reg");
    std::fs::write(&file, "old").unwrap();
    let mut permissions = std::fs::metadata(&file).unwrap().permissions();
    permissions.set_readonly(true);
    std::fs::set_permissions(&file, permissions).unwrap();
    let error = MemoryRegistry::new().backed_by(file.clone()).flush().unwrap_err();
    assert_eq!(error.reason(), Reason::ReadOnlyTarget);
    assert_eq!(std::fs::read(&file).unwrap(), b"old");

    let error = MemoryRegistry::new().backed_by(folder.path().to_owned()).flush().unwrap_err();
    assert_eq!(error.reason(), Reason::IsADirectory);
}

#[test]
fn every_file_of_win11debloat_is_read() {
    let folder = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/reg/win11debloat"));
    if !folder.is_dir() {
        not_tried(&format!("{} is not here", folder.display()), None);
        return;
    }
    let mut files = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let registry = MemoryRegistry::parse(&std::fs::read(&path).unwrap());
        let registry = registry.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let again = MemoryRegistry::parse(&registry.to_reg_file()).unwrap();
        assert_eq!(again.to_reg_file(), registry.to_reg_file(), "{}", path.display());
        files += 1;
        if path.ends_with("Enable-Dark-Mode.reg") {
            let key = r"Software\Microsoft\Windows\CurrentVersion\Themes\Personalize";
            assert_eq!(value(&registry, key, "AppsUseLightTheme"), Some(raw(4, &[0, 0, 0, 0])));
        }
    }
    assert_eq!(files, 24);
}

fn any_key() -> impl Strategy<Value = String> {
    "[a-zA-Z \\[\\]ä.]{1,8}(\\\\[a-z{}-]{1,5}){0,3}"
}

fn any_raw() -> impl Strategy<Value = RawValue> {
    let reg_type = prop_oneof![0..12u32, any::<u32>()];
    let text = ".{0,40}".prop_map(|text: String| text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect());
    let bytes = prop_oneof![prop::collection::vec(any::<u8>(), 0..120), text];
    (reg_type, bytes).prop_map(|(reg_type, bytes)| RawValue { reg_type, bytes })
}

proptest! {
    #[test]
    fn any_registry_survives_its_file(values in prop::collection::vec((any_key(), ".{0,12}", any_raw()), 0..20)) {
        let mut registry = MemoryRegistry::new();
        for (key, name, raw) in &values {
            registry.set(Root::User, key, name, raw).unwrap();
        }
        let bytes = registry.to_reg_file();
        let again = MemoryRegistry::parse(&bytes).unwrap();
        for (key, ..) in &values {
            prop_assert_eq!(again.values(Root::User, key).unwrap(), registry.values(Root::User, key).unwrap());
        }
        prop_assert_eq!(again.to_reg_file(), bytes);
    }

    #[test]
    fn garbage_ends_in_an_error_and_never_in_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        _ = MemoryRegistry::parse(&bytes);
        for first in [&b"REGEDIT4\n[HKCU\\A]\n"[..], b"Windows Registry Editor Version 5.00\n", b"\xfe\xff", b"\xff\xfe"] {
            _ = MemoryRegistry::parse(&[first, &bytes].concat());
        }
    }

    #[test]
    fn a_damaged_export_ends_in_an_error_or_a_registry(cut in 0usize..4000, at in 0usize..4000, byte in any::<u8>()) {
        let mut bytes = export();
        let length = bytes.len();
        bytes[at % length] = byte;
        bytes.truncate(cut);
        if let Ok(registry) = MemoryRegistry::parse(&bytes) {
            prop_assert!(MemoryRegistry::parse(&registry.to_reg_file()).is_ok());
        }
    }
}
