//! The desktop background.
//!
//! Windows keeps a copy of the picture in the profile, whatever it was chosen from, and the registry value `WallPaper` names the original. The
//! copy is what travels, by its content. It stays behind when the person has no picture of their own: a plain colour (`WallPaper` is
//! empty) or the picture that every new Windows has.

use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::Path;

use model::catalog::{FileRole, Place, Root, Setting};
use model::envelope::BLOB_BYTES_MAX;
use model::reason::Reason;
use model::snapshot::Reading;
use model::value::{FileRef, Value};

use super::{CollectedFile, Sources};
use crate::codec::text_of;
use crate::registry::Registry;

/// How files begin that Rehome carries (rule R6): JPEG, and PNG.
const SIGNATURES: [&[u8]; 2] = [&[0xff, 0xd8, 0xff], b"\x89PNG\r\n\x1a\n"];

/// The picture of a new Windows, light and dark, at the end of the path it has.
const STOCK: [&str; 2] = [r"\web\wallpaper\windows\img0.jpg", r"\web\wallpaper\windows\img19.jpg"];

/// The files of these settings, and the readings that name them.
pub(super) fn of(sources: &Sources<'_>, settings: &[&'static Setting]) -> (Vec<CollectedFile>, Vec<(String, Reading)>) {
    let (mut files, mut readings) = (Vec::new(), Vec::new());
    for setting in settings {
        let Place::File(FileRole::Wallpaper) = setting.place else { continue };
        let reading = match wallpaper(sources) {
            Ok(None) => Reading::Absent,
            Err(reason) => Reading::Refused { reason },
            Ok(Some(file)) => {
                let value = Value::File(file.file);
                files.push(file);
                Reading::Set { value }
            }
        };
        readings.push((setting.id.to_owned(), reading));
    }
    (files, readings)
}

/// The person's own background; `None` if they have none.
fn wallpaper(sources: &Sources<'_>) -> Result<Option<CollectedFile>, Reason> {
    let original = original(sources.registry);
    let path = match (original.as_deref(), sources.wallpaper) {
        (Some(original), _) if original.is_empty() || STOCK.iter().any(|stock| original.ends_with(stock)) => {
            return Ok(None);
        }
        (None, None) => return Ok(None),
        (Some(_), None) => return Err(Reason::FileMissing),
        (_, Some(path)) => path,
    };
    let bytes = read(path)?;
    if !SIGNATURES.iter().any(|signature| bytes.starts_with(signature)) {
        return Err(Reason::NotAPicture);
    }
    let file = FileRef { blob: (sources.blob_id)(&bytes), size: bytes.len() as u64 };
    Ok(Some(CollectedFile { role: FileRole::Wallpaper, file, bytes }))
}

/// Where the picture came from, in lower case: empty for a plain colour, `None` if the registry does not say, as in a hive that has
/// only just been made; then the file alone decides.
fn original(registry: &dyn Registry) -> Option<String> {
    let stored = registry.read(Root::User, r"Control Panel\Desktop", &["WallPaper"]).ok()?.pop().flatten()?;
    text_of(&stored.bytes).map(|path| path.to_lowercase())
}

fn read(path: &Path) -> Result<Vec<u8>, Reason> {
    let reason = |error: std::io::Error| match error.kind() {
        ErrorKind::NotFound => Reason::FileMissing,
        ErrorKind::PermissionDenied => Reason::AccessDenied,
        _ => Reason::InputFailed,
    };
    let kind = std::fs::metadata(path).map_err(reason)?;
    if !kind.is_file() {
        return Err(Reason::FileMissing);
    }
    if kind.len() > BLOB_BYTES_MAX {
        return Err(Reason::FileTooLarge);
    }
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(BLOB_BYTES_MAX + 1).read_to_end(&mut bytes)).map_err(reason)?;
    if bytes.len() as u64 > BLOB_BYTES_MAX { Err(Reason::FileTooLarge) } else { Ok(bytes) }
}
