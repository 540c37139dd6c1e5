//! The picture of the lock screen: `Windows.System.UserProfile.LockScreen` of the Windows Runtime, for the signed-in person and without elevation
//! (Microsoft Learn, "`LockScreen` Class"; decision 100). The file itself lies where only the system may look.
//!
//! Not under Wine, which has no such class: there, and wherever a call fails, a backup of the running PC says `system_only`, and a restore saves the picture for the
//! person to choose.

use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use device::apply::Picture;
use device::own_files::lock_screen::{Shown, is_one_picture};
use device::plan::PICTURE_BYTES_MAX;
use model::policy::Hive;
use windows::Foundation::Uri;
use windows::Storage::StorageFile;
use windows::Storage::Streams::DataReader;
use windows::System::UserProfile::LockScreen;
use windows::core::{HRESULT, HSTRING, Result};
use windows_sys::Win32::Foundation::ERROR_TIMEOUT;

use crate::effects::by_hand;
use crate::facts;
use crate::registry::LiveRegistry;

/// Where Windows registers the class, as for packages ([`crate::packages`]).
const CLASS: &str = r"SOFTWARE\Microsoft\WindowsRuntime\ActivatableClassId\Windows.System.UserProfile.LockScreen";

/// How long a call may take. Another process of Windows answers it, which may be busy with a first sign-in; a restore must not hang on a picture.
const CALL: Duration = Duration::from_secs(30);

/// What the lock screen shows; `None` if Windows does not tell, or only something larger than a picture may be.
pub fn lock_screen() -> Option<Shown> {
    is_there().then(|| shown().ok().flatten()).flatten()
}

/// Makes the lock screen show the picture as a run has left it. The error says why it does not.
pub(crate) fn show(picture: &Picture) -> std::result::Result<(), String> {
    match picture {
        _ if !is_there() => by_hand(picture),
        Picture::Set(path) => set(path).map_err(|error| error.message()),
        // What was there before was none of the person's pictures, and the switches in the registry say what is shown again.
        Picture::Removed if is_one_picture(&LiveRegistry) => {
            Err("Windows has no call that takes a picture off the lock screen".to_owned())
        }
        Picture::Removed | Picture::Untouched(_) => Ok(()),
    }
}

fn is_there() -> bool {
    facts::open(Hive::Machine, CLASS).is_ok_and(|key| key.is_some())
}

fn shown() -> Result<Option<Shown>> {
    let stream = LockScreen::GetImageStream()?;
    let Some(bytes) = u32::try_from(stream.Size()?).ok().filter(|&bytes| u64::from(bytes) <= PICTURE_BYTES_MAX) else {
        return Ok(None);
    };
    let reader = DataReader::CreateDataReader(&stream.GetInputStreamAt(0)?)?;
    let loading = reader.LoadAsync(bytes)?;
    wait(|done| loading.when(|loaded| done(loaded.map(drop))))?;
    let loaded = loading.GetResults()?;
    let mut picture = vec![0; loaded as usize];
    reader.ReadBytes(&mut picture)?;
    // A picture that came as a stream has no file: no mistake.
    let made_from = LockScreen::OriginalImageFile().and_then(|uri| path_of(&uri)).ok();
    Ok(Some(Shown { made_from, picture }))
}

/// The path in the address of a file, `file:///C:/Users/ada/sea%20side.jpg`, as Windows writes paths.
fn path_of(uri: &Uri) -> Result<String> {
    let path = Uri::UnescapeComponent(&uri.Path()?)?.to_string_lossy();
    Ok(path.trim_start_matches('/').replace('/', "\\"))
}

fn set(path: &Path) -> Result<()> {
    let opening = StorageFile::GetFileFromPathAsync(&HSTRING::from(&*path.to_string_lossy()))?;
    wait(|done| opening.when(|file| done(file.map(drop))))?;
    let setting = LockScreen::SetImageFileAsync(&opening.GetResults()?)?;
    wait(|done| setting.when(done))
}

/// Waits until a call of the Windows Runtime has ended, or has taken too long. `begin` is told whom to tell.
fn wait(begin: impl FnOnce(Box<dyn FnOnce(Result<()>) + Send>) -> Result<()>) -> Result<()> {
    let (told, ended) = mpsc::channel();
    begin(Box::new(move |result| drop(told.send(result))))?;
    ended.recv_timeout(CALL).unwrap_or_else(|_| Err(HRESULT::from_win32(ERROR_TIMEOUT).into()))
}
