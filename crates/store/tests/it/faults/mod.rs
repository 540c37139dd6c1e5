//! Faults that chance or a list drives (`docs/faults.md`): every system call refused or the last one, and whole simulations that are the same again from their seed.

mod away;
mod calls;
pub mod figures;
mod simulation;
