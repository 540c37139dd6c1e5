//! Prints the path of each key of a hive file that can be written as one line of text: the list that `hive_get` reads.
//!
//! Usage: `hive_keys HIVE`

use std::io::Write;
use std::ops::ControlFlow;

use hive::{Found, Hive};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let file = std::fs::read(std::env::args_os().nth(1).ok_or("usage: hive_keys HIVE")?)?;
    let mut text = String::new();
    Hive::open(&file)?.walk(|path, found| {
        if let Found::Key(_) = found {
            let path = path.to_string();
            if !path.contains(['\n', '\r']) {
                text.push_str(&path);
                text.push('\n');
            }
        }
        ControlFlow::Continue(())
    });
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(())
}
