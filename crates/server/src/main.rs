//! The program `rehome-server`.
fn main() {}
