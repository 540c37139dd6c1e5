//! The rules a catalog entry must keep.
