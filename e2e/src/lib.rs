//! Whole-system stories live in `tests/`; this library is empty.
