//! A process that gives up what it could do harm with, for the rest of its life: the one that decodes pictures.
//!
//! A job keeps it from starting anything and from taking too much; its privileges go; at low integrity (Microsoft Learn, "Mandatory Integrity Control") it
//! may write to nothing of the person's. Each step stands for itself: what an older Windows, or Wine, does not know is passed over. Not under Wine: whether they hold.

use std::ffi::c_void;
use std::ptr;

use windows_sys::Win32::Foundation::{CloseHandle, HANDLE};
use windows_sys::Win32::Security::{
    AdjustTokenPrivileges, CreateWellKnownSid, SECURITY_MAX_SID_SIZE, SID_AND_ATTRIBUTES, SetTokenInformation,
    TOKEN_ADJUST_DEFAULT, TOKEN_ADJUST_PRIVILEGES, TOKEN_MANDATORY_LABEL, TOKEN_QUERY, TokenIntegrityLevel,
    WinLowLabelSid,
};
use windows_sys::Win32::System::JobObjects::{
    AssignProcessToJobObject, CreateJobObjectW, JOB_OBJECT_LIMIT_ACTIVE_PROCESS, JOB_OBJECT_LIMIT_PROCESS_MEMORY,
    JOB_OBJECT_LIMIT_PROCESS_TIME, JOBOBJECT_BASIC_LIMIT_INFORMATION, JOBOBJECT_EXTENDED_LIMIT_INFORMATION,
    JobObjectExtendedLimitInformation, SetInformationJobObject,
};
use windows_sys::Win32::System::SystemServices::SE_GROUP_INTEGRITY;
use windows_sys::Win32::System::Threading::{GetCurrentProcess, OpenProcessToken};

/// Memory, in bytes: the pixels of the largest picture in four bytes each, twice, and what decoding takes besides.
const MEMORY_BYTES: usize = 1536 << 20;
/// Processor time, in units of 100 nanoseconds: a minute; the largest picture takes a few seconds.
const TIME: i64 = 60 * 10_000_000;

/// Gives it up.
pub fn confine() {
    into_job();
    let mut token: HANDLE = ptr::null_mut();
    // SAFETY: it only gives a constant that stands for this process.
    let process = unsafe { GetCurrentProcess() };
    let rights = TOKEN_ADJUST_DEFAULT | TOKEN_ADJUST_PRIVILEGES | TOKEN_QUERY;
    // SAFETY: the process is this one, and `token` outlives the call.
    if unsafe { OpenProcessToken(process, rights, &raw mut token) } == 0 {
        return;
    }
    // SAFETY: the token is open; with `TRUE` all privileges are disabled and the rest is not read.
    unsafe { AdjustTokenPrivileges(token, 1, ptr::null(), 0, ptr::null_mut(), ptr::null_mut()) };
    to_low_integrity(token);
    // SAFETY: the token was opened above and is closed once.
    unsafe { CloseHandle(token) };
}

/// The job is never closed: its handle goes with the process.
fn into_job() {
    // SAFETY: both may be null: no security of its own, no name.
    let job = unsafe { CreateJobObjectW(ptr::null(), ptr::null()) };
    if job.is_null() {
        return;
    }
    let basic = JOBOBJECT_BASIC_LIMIT_INFORMATION {
        PerProcessUserTimeLimit: TIME,
        LimitFlags: JOB_OBJECT_LIMIT_ACTIVE_PROCESS | JOB_OBJECT_LIMIT_PROCESS_MEMORY | JOB_OBJECT_LIMIT_PROCESS_TIME,
        ActiveProcessLimit: 1,
        ..Default::default()
    };
    let limits = JOBOBJECT_EXTENDED_LIMIT_INFORMATION {
        BasicLimitInformation: basic,
        ProcessMemoryLimit: MEMORY_BYTES,
        ..Default::default()
    };
    let size = u32::try_from(size_of_val(&limits)).unwrap_or_default();
    // SAFETY: the job is open, and the structure is the one of this class, of that size.
    unsafe { SetInformationJobObject(job, JobObjectExtendedLimitInformation, (&raw const limits).cast(), size) };
    // SAFETY: it only gives a constant that stands for this process.
    let process = unsafe { GetCurrentProcess() };
    // SAFETY: both handles are open.
    unsafe { AssignProcessToJobObject(job, process) };
}

fn to_low_integrity(token: HANDLE) {
    let mut sid = [0_u64; SECURITY_MAX_SID_SIZE as usize / 8 + 1];
    let mut size = SECURITY_MAX_SID_SIZE;
    let place: *mut c_void = sid.as_mut_ptr().cast();
    // SAFETY: the place is aligned and has at least the size of the longest id.
    if unsafe { CreateWellKnownSid(WinLowLabelSid, ptr::null_mut(), place, &raw mut size) } == 0 {
        return;
    }
    let label = TOKEN_MANDATORY_LABEL {
        Label: SID_AND_ATTRIBUTES { Sid: place, Attributes: SE_GROUP_INTEGRITY.cast_unsigned() },
    };
    let bytes = u32::try_from(size_of_val(&label)).unwrap_or_default() + size;
    // SAFETY: the token is open, and the label and the id that it points to outlive the call.
    unsafe { SetTokenInformation(token, TokenIntegrityLevel, (&raw const label).cast(), bytes) };
}
