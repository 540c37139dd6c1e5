//! How the program for Windows is laid out in its file: each part begins where a page of memory begins, so that the system maps what is needed of it, and the
//! rest is not read. It costs a few kilobytes.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let is = |name: &str, value: &str| std::env::var(name).is_ok_and(|found| found == value);
    if is("CARGO_CFG_TARGET_OS", "windows") && is("CARGO_CFG_TARGET_ENV", "gnu") {
        println!("cargo::rustc-link-arg-bins=-Wl,--file-alignment=4096");
    }
}
