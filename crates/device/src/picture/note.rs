//! The note in a picture of ours: which file of a backup it was made from.
//!
//! Nothing rests on it but the word "the same already" of a plan: whoever forges one keeps their own picture.

use model::ids::BlobId;
use model::value::FileRef;

/// The note's place in a JPEG: the application segment 15, which no program of today uses.
pub(super) const JPEG_SEGMENT: u8 = 15;
/// The note's keyword in a PNG (specification of PNG, section 11.3.3: `tEXt`).
pub(super) const PNG_KEYWORD: &str = "Rehome";

/// How the note begins.
const MARK: &str = "rehome picture ";

/// The most of a file that is looked through for its note, in bytes: it stands in front of the pixels.
pub const HEAD_BYTES: usize = 4096;

/// The note for a file: its id, a blank and its size.
pub(super) fn of(file: &FileRef) -> Vec<u8> {
    format!("{MARK}{} {};", file.blob, file.size).into_bytes()
}

/// Which file the picture was made from; `None` if it bears no note.
pub fn noted(picture: &[u8]) -> Option<FileRef> {
    let head = &picture[..picture.len().min(HEAD_BYTES)];
    let at = head.windows(MARK.len()).position(|window| window == MARK.as_bytes())? + MARK.len();
    let end = head[at..].iter().position(|byte| *byte == b';')? + at;
    let (blob, size) = std::str::from_utf8(&head[at..end]).ok()?.split_once(' ')?;
    Some(FileRef { blob: blob.parse::<BlobId>().ok()?, size: size.parse().ok()? })
}
