//! Deterministic CBOR, the subset that our formats use.
