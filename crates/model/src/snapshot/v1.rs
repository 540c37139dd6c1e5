//! Snapshot format 1, frozen.
