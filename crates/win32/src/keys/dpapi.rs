//! DPAPI: bytes that only this person can decrypt, on this PC (`CryptProtectData`, Windows documentation).

use std::ptr;

use device::key::Protect;
use windows_sys::Win32::Foundation::LocalFree;
use windows_sys::Win32::Security::Cryptography::{
    CRYPT_INTEGER_BLOB, CRYPTPROTECT_UI_FORBIDDEN, CryptProtectData, CryptUnprotectData,
};

/// The person's own DPAPI keys. Never asks anything.
pub struct Dpapi;

impl Protect for Dpapi {
    fn word(&self) -> &'static str {
        "dpapi"
    }

    fn protect(&self, bytes: &[u8]) -> Result<Vec<u8>, String> {
        let (given, mut made) = (blob(bytes)?, empty());
        // SAFETY: `given` names bytes that outlive the call, `made` is filled by it, and what may be null is.
        let done = unsafe {
            CryptProtectData(
                &raw const given,
                ptr::null(),
                ptr::null(),
                ptr::null(),
                ptr::null(),
                CRYPTPROTECT_UI_FORBIDDEN,
                &raw mut made,
            )
        };
        take(done, made, "could not encrypt")
    }

    fn unprotect(&self, bytes: &[u8]) -> Result<Vec<u8>, String> {
        let (given, mut made) = (blob(bytes)?, empty());
        // SAFETY: `given` names bytes that outlive the call, `made` is filled by it, and what may be null is.
        let done = unsafe {
            CryptUnprotectData(
                &raw const given,
                ptr::null_mut(),
                ptr::null(),
                ptr::null(),
                ptr::null(),
                CRYPTPROTECT_UI_FORBIDDEN,
                &raw mut made,
            )
        };
        take(done, made, "could not decrypt")
    }
}

fn empty() -> CRYPT_INTEGER_BLOB {
    CRYPT_INTEGER_BLOB { cbData: 0, pbData: ptr::null_mut() }
}

/// The bytes as Windows takes them; it only reads them.
fn blob(bytes: &[u8]) -> Result<CRYPT_INTEGER_BLOB, String> {
    let len = u32::try_from(bytes.len()).map_err(|_| "too many bytes".to_owned())?;
    Ok(CRYPT_INTEGER_BLOB { cbData: len, pbData: bytes.as_ptr().cast_mut() })
}

/// Copies what Windows made, wipes and frees it.
fn take(done: i32, made: CRYPT_INTEGER_BLOB, what: &str) -> Result<Vec<u8>, String> {
    if done == 0 || made.pbData.is_null() {
        return Err(format!("{what}: {}", std::io::Error::last_os_error()));
    }
    // SAFETY: the call succeeded, so the pointer names `cbData` bytes that are ours until they are freed below.
    let bytes = unsafe { std::slice::from_raw_parts_mut(made.pbData, made.cbData as usize) };
    let copy = bytes.to_vec();
    bytes.fill(0);
    // SAFETY: the memory is `LocalAlloc`'s, as the documentation of both calls says, and is freed once.
    unsafe { LocalFree(made.pbData.cast()) };
    Ok(copy)
}
