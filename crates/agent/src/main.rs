//! The command line `rehome`.
fn main() {}
