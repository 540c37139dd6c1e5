//! Any bytes as a hive: opening, walking and looking up neither panic nor hang nor use boundless memory.

#![no_main]

#[path = "../reading.rs"]
mod reading;

libfuzzer_sys::fuzz_target!(|file: &[u8]| reading::read(file));
