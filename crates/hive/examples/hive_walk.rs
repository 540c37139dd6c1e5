//! Walks a hive file, touches each key's name and each value's bytes, and prints one line of counts. Its instructions
//! are counted by `cargo xtask bench` (goal "walk a hive").
//!
//! Usage: `hive_walk HIVE`

#![expect(clippy::print_stdout, reason = "the line of counts is its output")]

use std::ops::ControlFlow;

use hive::{Found, Hive};

/// Reads each byte.
fn touch(data: &[u8]) -> u64 {
    let (words, rest) = data.as_chunks::<8>();
    words.iter().fold(0, |sum, word| sum ^ u64::from_le_bytes(*word))
        ^ rest.iter().fold(0, |sum, byte| sum ^ u64::from(*byte))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args_os().nth(1).ok_or("usage: hive_walk HIVE")?;
    let file = std::fs::read(path)?;
    let (mut bytes, mut sum) = (0, 0_u64);
    let report = Hive::open(&file)?.walk(|_, found| {
        match found {
            Found::Key(key) => sum += key.name().len() as u64,
            Found::Value(value, data) => {
                sum += value.name().len() as u64 + u64::from(value.kind());
                bytes += data.len();
                sum ^= touch(&data);
            }
        }
        ControlFlow::Continue(())
    });
    let damages = report.damages.total();
    println!("keys {} values {} bytes {bytes} damages {damages} sum {sum}", report.keys, report.values);
    Ok(())
}
