//! Where the agent's memory comes from.
//!
//! A backup takes and gives back small pieces all the time, and the heap of the system takes longer for each than the backup for its work: under Wine a sixth of what a
//! run costs. dlmalloc asks the system for a megabyte at a time and hands that out itself. The program ends within seconds, so what it holds on to meanwhile does not matter.

use std::alloc::{GlobalAlloc, Layout};
use std::sync::{Mutex, MutexGuard, PoisonError};

use dlmalloc::Dlmalloc;

/// How much the system is asked for at a time, in bytes.
const AT_ONCE: usize = 1 << 20;

/// The memory of a program that ends soon, to be named as its `global_allocator`.
///
/// Its functions are never put in the place of their calls: there are so many of those that the program would grow by half a megabyte.
pub struct Memory(Mutex<Dlmalloc>);

impl Memory {
    /// Nothing is taken yet.
    pub const fn empty() -> Self {
        let mut memory = Dlmalloc::new();
        assert!(memory.set_granularity(AT_ONCE), "a power of two");
        Self(Mutex::new(memory))
    }

    /// The standard library's lock takes no memory itself, and nobody panics while it is held.
    fn lock(&self) -> MutexGuard<'_, Dlmalloc> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// SAFETY: each function hands what it is given to dlmalloc's function for it, which asks the same of its caller; the lock lets one in at a time.
unsafe impl GlobalAlloc for Memory {
    #[inline(never)]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: any size and any alignment will do.
        unsafe { self.lock().malloc(layout.size(), layout.align()) }
    }

    #[inline(never)]
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: the caller has it from here, with this layout, and does not use it again.
        unsafe { self.lock().free(at, layout.size(), layout.align()) }
    }

    #[inline(never)]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: any size and any alignment will do.
        unsafe { self.lock().calloc(layout.size(), layout.align()) }
    }

    #[inline(never)]
    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller has it from here, with this layout, and goes on with what it is given.
        unsafe { self.lock().realloc(at, layout.size(), layout.align(), size) }
    }
}
