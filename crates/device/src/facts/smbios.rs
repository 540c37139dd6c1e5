//! Maker, model and serial number out of the firmware's table (SMBIOS), as Windows hands it out.
//!
//! Layout: DMTF DSP0134, chapters 6.1 and 7.2: structures of a type, a length, a handle and fields, followed by texts that end in a zero, the last
//! one in two. Windows puts eight bytes before the first structure (`GetSystemFirmwareTable`, provider `RSMB`). The table comes from a
//! maker's firmware: every length is checked.

/// The bytes that Windows puts before the table: calling method, version, length.
const WINDOWS_HEADER: usize = 8;
/// The type of the structure "System Information".
const SYSTEM: u8 = 1;
/// The most structures looked at; a server has a few hundred.
const STRUCTURES_MAX: usize = 4096;

/// What the firmware says of the PC.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct System {
    /// Maker.
    pub maker: Option<String>,
    /// Model.
    pub product: Option<String>,
    /// Serial number; often nonsense such as `Default string`.
    pub serial: Option<String>,
}

/// Reads the table; whatever is not there, or not as it should be, stays unknown.
pub fn system(table: &[u8]) -> System {
    let mut rest = table.get(WINDOWS_HEADER..).unwrap_or_default();
    for _ in 0..STRUCTURES_MAX {
        let Some(Structure { kind, fields, texts, after }) = structure(rest) else { break };
        if kind == SYSTEM {
            let text = |at: usize| text(texts, *fields.get(at)?);
            return System { maker: text(4), product: text(5), serial: text(7) };
        }
        rest = after;
    }
    System::default()
}

/// One structure of the table.
struct Structure<'a> {
    kind: u8,
    fields: &'a [u8],
    texts: &'a [u8],
    after: &'a [u8],
}

/// The first structure, if it is whole.
fn structure(bytes: &[u8]) -> Option<Structure<'_>> {
    let length = usize::from(*bytes.get(1)?);
    let fields = bytes.get(..length).filter(|fields| fields.len() >= 4)?;
    let behind = &bytes[length..];
    let end = behind.windows(2).position(|pair| pair == [0, 0])?;
    Some(Structure { kind: bytes[0], fields, texts: &behind[..end], after: &behind[end + 2..] })
}

/// The text with that number, counted from 1; 0 means none.
fn text(texts: &[u8], number: u8) -> Option<String> {
    let index = usize::from(number).checked_sub(1)?;
    let text = String::from_utf8_lossy(texts.split(|&byte| byte == 0).nth(index)?).trim().to_owned();
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Vec<u8> {
        let mut table = vec![0; WINDOWS_HEADER];
        table.extend([0, 4, 0, 0, 0, 0]);
        table.extend([1, 8, 1, 0, 1, 2, 0, 3]);
        table.extend(b"Contoso\0Book 14 \0SN-1234\0\0");
        table
    }

    #[test]
    fn maker_model_and_serial_are_found() {
        let some = |text: &str| Some(text.to_owned());
        let expected = System { maker: some("Contoso"), product: some("Book 14"), serial: some("SN-1234") };
        assert_eq!(system(&table()), expected);
    }

    #[test]
    fn a_table_that_is_cut_or_wrong_anywhere_says_less_and_never_fails() {
        let table = table();
        for end in 0..table.len() - 1 {
            assert_eq!(system(&table[..end]), System::default(), "{end}");
        }
        for at in 0..table.len() {
            for byte in [0, 1, 127, 255] {
                let mut wrong = table.clone();
                wrong[at] = byte;
                system(&wrong);
            }
        }
    }
}
