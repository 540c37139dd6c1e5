//! Walks a hive file, touches each key's name and each value's bytes, and prints one line of counts. Its instructions are counted by
//! `cargo xtask bench` (goal "walk a hive").
//!
//! Usage: `hive_walk HIVE`

#![expect(clippy::print_stdout, reason = "the line of counts is its output")]

use std::ops::ControlFlow;

use hive::{Found, Hive};

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
                // First and last byte: the data is there, and reading all of it would measure memory instead of the reader.
                sum += data.first().zip(data.last()).map_or(0, |(first, last)| u64::from(*first) + u64::from(*last));
            }
        }
        ControlFlow::Continue(())
    });
    let damages = report.damages.total();
    println!("keys {} values {} bytes {bytes} damages {damages} sum {sum}", report.keys, report.values);
    Ok(())
}
