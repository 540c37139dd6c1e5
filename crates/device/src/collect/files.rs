//! The settings that are files: pictures and the person's own words.
//!
//! What travels is content, never a place. A picture stays behind when the person has none of their own: for the desktop a plain colour (`WallPaper` is
//! empty) or the picture that every new Windows has, for the lock screen what Windows itself shows there. Windows keeps a copy of the desktop's picture
//! in the profile, whatever it was chosen from; the registry value `WallPaper` names the original. The words of all languages travel as one list.

use std::io::Read as _;

use model::catalog::{FileRole, Place, Root, Setting};
use model::envelope::BLOB_BYTES_MAX;
use model::reason::Reason;
use model::snapshot::Reading;
use model::value::{FileRef, Value};

use super::{BlobIdOf, CollectedFile, Sources};
use crate::apply::picture_ending;
use crate::codec::text_of;
use crate::folder::FolderError;
use crate::own_files::Content;
use crate::own_files::dictionary::Kept;
use crate::own_files::lock_screen::{NOT_OWN, is_one_picture};
use crate::picture::HEAD_BYTES;
use crate::registry::Registry;

/// The picture of a new Windows, light and dark, at the end of the path it has.
const STOCK: [&str; 2] = [r"\web\wallpaper\windows\img0.jpg", r"\web\wallpaper\windows\img19.jpg"];

/// Where the registry names the picture that the desktop's was made from.
const ORIGINAL: (&str, &str) = (r"Control Panel\Desktop", "WallPaper");

/// The values that are looked at here.
pub(super) const PLACES: [(Root, &str, &str); 3] = [
    (Root::User, ORIGINAL.0, ORIGINAL.1),
    (Root::User, NOT_OWN[0].0, NOT_OWN[0].1),
    (Root::User, NOT_OWN[1].0, NOT_OWN[1].1),
];

/// What was found of the settings that are files.
#[derive(Default)]
pub(super) struct Found {
    pub(super) files: Vec<CollectedFile>,
    pub(super) readings: Vec<(String, Reading)>,
    pub(super) warnings: Vec<String>,
}

/// The files of these settings, and the readings that name them.
pub(super) fn of(sources: &Sources<'_>, registry: &dyn Registry, settings: &[&'static Setting]) -> Found {
    let mut found = Found::default();
    for setting in settings {
        let Place::File(role) = setting.place else { continue };
        let content = match role {
            FileRole::Wallpaper => wallpaper(sources, registry),
            FileRole::LockScreen => lock_screen(sources, registry),
            FileRole::AccountPicture => sources.files.account_picture.clone().map(|place| place.map(Content::There)),
            FileRole::Dictionary => words(sources, &mut found.warnings),
        };
        let file =
            content.and_then(|content| content.map(|content| identify(role, content, sources.blob_id)).transpose());
        let reading = match file {
            Ok(None) => Reading::Absent,
            Err(reason) => Reading::Refused { reason },
            Ok(Some(found_here)) => {
                let file = found_here.file;
                found.files.push(found_here);
                Reading::Set { value: Value::File(file) }
            }
        };
        found.readings.push((setting.id.to_owned(), reading));
    }
    found
}

/// The person's own background; `None` if they have none.
fn wallpaper(sources: &Sources<'_>, registry: &dyn Registry) -> Result<Option<Content>, Reason> {
    let original = original(registry);
    match (original.as_deref(), &sources.files.wallpaper) {
        (Some(original), _) if original.is_empty() || STOCK.iter().any(|stock| original.ends_with(stock)) => Ok(None),
        (None, None) => Ok(None),
        (Some(_), None) => Err(Reason::FileMissing),
        (_, Some(place)) => Ok(Some(Content::There(place.clone()))),
    }
}

/// Where the picture came from, in lower case: empty for a plain colour, `None` if the registry does not say, as in a hive that has
/// only just been made; then the file alone decides.
fn original(registry: &dyn Registry) -> Option<String> {
    let stored = registry.read(Root::User, ORIGINAL.0, &[ORIGINAL.1]).ok()?.pop().flatten()?;
    text_of(&stored.bytes).map(|path| path.to_lowercase())
}

fn lock_screen(sources: &Sources<'_>, registry: &dyn Registry) -> Result<Option<Content>, Reason> {
    if !is_one_picture(registry) {
        return Ok(None);
    }
    sources.files.lock_screen.clone()
}

/// All words; `None` if there are none. Those that may not travel are counted in a warning.
fn words(sources: &Sources<'_>, warnings: &mut Vec<String>) -> Result<Option<Content>, Reason> {
    let Some(place) = &sources.files.spelling else { return Ok(None) };
    let (list, left_out) = Kept::read(place)?.words()?;
    if left_out > 0 {
        let words = if left_out == 1 { "1 word".to_owned() } else { format!("{left_out} words") };
        warnings.push(format!(
            "{words} of the spelling checker's dictionary cannot travel: too long, or with characters of paths"
        ));
    }
    if list.is_empty() { Ok(None) } else { list.to_bytes().map(|bytes| Some(Content::Here(bytes))) }
}

/// Reads a file once, piece by piece: pictures have megabytes, and most days nobody wants to see more of them than their hash.
fn identify(role: FileRole, content: Content, blob_id: BlobIdOf<'_>) -> Result<CollectedFile, Reason> {
    let unread = |error| FolderError::System(error).reason_of_read();
    let mut head = Vec::with_capacity(HEAD_BYTES);
    let (blob, size) = match &content {
        Content::There(place) => {
            let mut file = place.open(BLOB_BYTES_MAX).map_err(|error| error.reason_of_read())?;
            file.by_ref().take(HEAD_BYTES as u64).read_to_end(&mut head).map_err(unread)?;
            // Rule R6: what Rehome carries is JPEG or PNG.
            picture_ending(&head).ok_or(Reason::NotAPicture)?;
            blob_id(&mut head.chain(file))
        }
        Content::Here(bytes) => {
            head.extend(bytes.iter().take(HEAD_BYTES));
            blob_id(&mut bytes.as_slice())
        }
    }
    .map_err(unread)?;
    Ok(CollectedFile { role, file: FileRef { blob, size }, head, content })
}
