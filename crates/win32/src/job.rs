//! A program that ends when this one does, however this one ends.
//!
//! Windows ends a process and not what it has started. A job does: "the job object is destroyed and all processes associated with it are terminated" when its last handle
//! is closed (Microsoft Learn, `JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE`), and a handle is closed with the process that holds it.

use std::os::windows::io::AsRawHandle as _;
use std::process::Child;
use std::{io, ptr};

use windows_sys::Win32::System::JobObjects::{
    AssignProcessToJobObject, CreateJobObjectW, JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE,
    JOB_OBJECT_LIMIT_SILENT_BREAKAWAY_OK, JOBOBJECT_BASIC_LIMIT_INFORMATION, JOBOBJECT_EXTENDED_LIMIT_INFORMATION,
    JobObjectExtendedLimitInformation, SetInformationJobObject,
};

/// Has the program end with this one. What it starts itself is not in the job: an installer is not cut off in the middle.
///
/// The job is never closed: its handle goes with this process, which is the point.
pub fn ends_with_this(child: &Child) -> io::Result<()> {
    let done = |answer: i32| if answer == 0 { Err(io::Error::last_os_error()) } else { Ok(()) };
    // SAFETY: both may be null: no security of its own, no name.
    let job = unsafe { CreateJobObjectW(ptr::null(), ptr::null()) };
    if job.is_null() {
        return Err(io::Error::last_os_error());
    }
    let basic = JOBOBJECT_BASIC_LIMIT_INFORMATION {
        LimitFlags: JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE | JOB_OBJECT_LIMIT_SILENT_BREAKAWAY_OK,
        ..Default::default()
    };
    let limits = JOBOBJECT_EXTENDED_LIMIT_INFORMATION { BasicLimitInformation: basic, ..Default::default() };
    let size = u32::try_from(size_of_val(&limits)).unwrap_or_default();
    // SAFETY: the job is open, and the structure is the one of this class, of that size.
    done(unsafe { SetInformationJobObject(job, JobObjectExtendedLimitInformation, (&raw const limits).cast(), size) })?;
    // SAFETY: both handles are open.
    done(unsafe { AssignProcessToJobObject(job, child.as_raw_handle()) })
}
