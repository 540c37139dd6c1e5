//! Looks up the keys of a list in a hive file, reads all of their values, and prints one line of counts. Its
//! instructions are counted by `cargo xtask bench` (goal "look up 200 keys").
//!
//! Usage: `hive_get HIVE LIST` (LIST: a file of key paths, one a line)

#![expect(clippy::print_stdout, reason = "the line of counts is its output")]

use hive::Hive;

/// Reads each byte.
fn touch(data: &[u8]) -> u64 {
    let (words, rest) = data.as_chunks::<8>();
    words.iter().fold(0, |sum, word| sum ^ u64::from_le_bytes(*word))
        ^ rest.iter().fold(0, |sum, byte| sum ^ u64::from(*byte))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args_os().skip(1);
    let (Some(path), Some(list)) = (args.next(), args.next()) else { return Err("usage: hive_get HIVE LIST".into()) };
    let (file, list) = (std::fs::read(path)?, std::fs::read_to_string(list)?);
    let hive = Hive::open(&file)?;
    let (mut keys, mut values, mut bytes, mut sum) = (0, 0, 0, 0_u64);
    for path in list.lines() {
        let Some(key) = hive.root().open(path)? else { continue };
        keys += 1;
        for value in key.values() {
            let value = value?;
            let data = value.data()?;
            values += 1;
            bytes += data.len();
            sum += value.name().len() as u64 + u64::from(value.kind());
            sum ^= touch(&data);
        }
    }
    println!("keys {keys} values {values} bytes {bytes} sum {sum}");
    Ok(())
}
