//! What the process keeps from those who could look at it from beside: no image of its memory is ever written, and no other program of the same account reads it.
//!
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

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #[test]
    fn no_image_of_the_memory_is_written_and_nobody_of_the_account_reads_it() {
        use nix::sys::resource::{Resource, getrlimit};
        super::shut_in();
        assert_eq!(getrlimit(Resource::RLIMIT_CORE), Ok((0, 0)));
        assert_eq!(nix::sys::prctl::get_dumpable(), Ok(false));
    }
}
