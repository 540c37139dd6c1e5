//! Compiles the pages of `ui` into Rust, in the look of Windows 11; and for Windows what it shows of the program, its icon and its name.

use std::path::PathBuf;
use std::process::Command;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let look = slint_build::CompilerConfiguration::new().with_style("fluent".to_owned());
    slint_build::compile_with_config("ui/window.slint", look)?;
    if std::env::var("CARGO_CFG_TARGET_OS")? == "windows" {
        resources()?;
    }
    Ok(())
}

/// Icon and version, by mingw's own compiler for them, which comes with the linker that is needed anyway.
fn resources() -> Result<(), Box<dyn std::error::Error>> {
    let folder = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?).join("../../packaging/windows");
    let object = PathBuf::from(std::env::var("OUT_DIR")?).join("resources.o");
    let version = std::env::var("CARGO_PKG_VERSION")?;
    let numbers = format!("-DREHOME_VERSION={},0", version.replace('.', ","));
    let text = format!("-DREHOME_VERSION_TEXT=\\\"{version}\\\"");
    let mut compiler = Command::new("x86_64-w64-mingw32-windres");
    compiler.current_dir(&folder).args([&numbers, &text]).args(["--input", "rehome.rc", "--output"]).arg(&object);
    if !compiler.status()?.success() {
        return Err("mingw could not compile packaging/windows/rehome.rc".into());
    }
    println!("cargo::rustc-link-arg-bins={}", object.display());
    for name in ["rehome.rc", "rehome.ico"] {
        println!("cargo::rerun-if-changed={}", folder.join(name).display());
    }
    Ok(())
}
