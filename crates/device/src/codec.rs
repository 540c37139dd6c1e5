//! Between stored bytes and typed values.
