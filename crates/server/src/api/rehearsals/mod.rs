//! Rehearsals of restores.

pub(crate) mod put;
