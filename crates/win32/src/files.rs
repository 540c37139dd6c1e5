//! What Windows says of an open file.

use std::fs::File;
use std::io;
use std::os::windows::io::AsRawHandle as _;

use windows_sys::Win32::Storage::FileSystem::{
    FILE_ATTRIBUTE_TAG_INFO, FileAttributeTagInfo, GetFileInformationByHandleEx,
};

/// The attributes of an open file or folder (winnt.h, `FILE_ATTRIBUTE_...`), and nothing else of it. Fails where the system of files does not know that question.
pub fn attributes(file: &File) -> io::Result<u32> {
    let mut info = FILE_ATTRIBUTE_TAG_INFO { FileAttributes: 0, ReparseTag: 0 };
    let size = u32::try_from(size_of_val(&info)).unwrap_or_default();
    // SAFETY: the file is open, and `size` is the size of the structure that this class fills.
    let done = unsafe {
        GetFileInformationByHandleEx(file.as_raw_handle(), FileAttributeTagInfo, (&raw mut info).cast(), size)
    };
    if done == 0 { Err(io::Error::last_os_error()) } else { Ok(info.FileAttributes) }
}
