//! Offline registry hives: bytes to keys and values, with transaction-log replay.
