//! What the figures were measured on: without it a figure says nothing.

use std::process::Command;

/// One line on processor, memory, system and compiler.
pub fn describe() -> String {
    let cpu = first_line("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown processor".to_owned());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let memory = first_line("/proc/meminfo", "MemTotal").unwrap_or_default();
    let system = first_line("/etc/os-release", "PRETTY_NAME").unwrap_or_default();
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!(
        "{cores} cores of {cpu}, {memory} memory, {}, Linux {}, {}",
        system.trim_matches('"'),
        kernel.trim(),
        toolchain()
    )
}

/// The compiler, with what makes its output differ: version and target.
pub fn toolchain() -> String {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("-vV").output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("unknown").to_owned();
    format!("rustc {} {}", field("release: "), field("host: "))
}

/// The day, in UTC, as year, month and day.
pub fn today() -> String {
    let output = Command::new("date").args(["-u", "+%F"]).output();
    output.map_or_else(
        |_| "an unknown day".to_owned(),
        |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    )
}

/// The load averages, to be said beside every figure that load moves.
pub fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
}

/// The version that a peer says it has: the first line of `--version` that holds a digit.
pub fn version(program: &str) -> String {
    let Some(path) = crate::repo::which(program) else { return format!("{program}: not installed") };
    for flag in ["--version", "version", "-v"] {
        let Ok(output) = Command::new(&path).arg(flag).output() else { continue };
        let text = [output.stdout, output.stderr].concat();
        let line = String::from_utf8_lossy(&text)
            .lines()
            .find(|line| line.contains(|c: char| c.is_ascii_digit()))
            .map(str::to_owned);
        if let Some(line) = line {
            return line.chars().take(60).collect();
        }
    }
    program.to_owned()
}

fn first_line(file: &str, name: &str) -> Option<String> {
    let text = std::fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once([':', '='])?.1.trim().to_owned())
}
