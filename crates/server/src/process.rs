//! What the process asks of the system about itself: to keep it from those who could look at it from beside, and who goes first inside it.
//!
//! No image of its memory is ever written, and no other program of the same account reads it.
//! The memory holds keys in the clear while requests need them. They are wiped when they are dropped, but a core file or a debugger would meet those in use. Pages are not
//! locked against being swapped out: what does that safely is encrypted swap, or none (`docs/threat-model.md`).

/// Holds for the rest of the process. What a system refuses is only said: a server that does not start protects nobody's backups.
pub fn shut_in() {
    #[cfg(unix)]
    if let Err(error) = nix::sys::resource::setrlimit(nix::sys::resource::Resource::RLIMIT_CORE, 0, 0) {
        tracing::warn!(%error, "core files could not be switched off");
    }
    // Also makes `/proc/PID/mem`, `environ` and the like root's, and keeps debuggers of the same account away (prctl(2), PR_SET_DUMPABLE).
    #[cfg(target_os = "linux")]
    if let Err(error) = nix::sys::prctl::set_dumpable(false) {
        tracing::warn!(%error, "the process could not be made unreadable");
    }
}

/// How far work steps back that nobody waits for: `nice` of a thread. It then has about a tenth of a core that somebody else wants, and all of one that nobody does.
#[cfg(target_os = "linux")]
const BEHIND: i32 = 10;

/// Does work that nobody waits for, behind all that somebody waits for: on a thread of its own, as a thread that has stepped back may not step forward again. Waits for it. The
/// error is what it panicked with.
pub fn behind<T: Send>(work: impl FnOnce() -> T + Send) -> std::thread::Result<T> {
    let runtime = tokio::runtime::Handle::try_current();
    std::thread::scope(|scope| {
        let work = move || {
            let _runtime = runtime.as_ref().map(tokio::runtime::Handle::enter);
            // On Linux this is one thread's alone (setpriority(2), "C library/kernel differences"). Whoever may not does the work all the same.
            #[cfg(target_os = "linux")]
            if let Err(error) = rustix::process::setpriority_process(None, BEHIND) {
                tracing::debug!(%error, "jobs could not step back");
            }
            work()
        };
        scope.spawn(work).join()
    })
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #[test]
    fn no_image_of_the_memory_is_written_and_nobody_of_the_account_reads_it() {
        use nix::sys::resource::{Resource, getrlimit};
        super::shut_in();
        assert_eq!(getrlimit(Resource::RLIMIT_CORE), Ok((0, 0)));
        assert_eq!(nix::sys::prctl::get_dumpable(), Ok(false));
    }

    #[test]
    fn work_that_nobody_waits_for_steps_back_alone() {
        let nice = || rustix::process::getpriority_process(None).unwrap();
        let before = nice();
        let within = super::behind(nice).unwrap();
        assert_eq!((within, nice()), (before.max(super::BEHIND), before));
        assert!(super::behind(|| panic!("a job panicked")).is_err());
    }
}
