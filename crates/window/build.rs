//! Compiles the pages of `ui` into Rust, in the look of Windows 11.

fn main() -> Result<(), slint_build::CompileError> {
    let look = slint_build::CompilerConfiguration::new().with_style("fluent".to_owned());
    slint_build::compile_with_config("ui/window.slint", look)
}
