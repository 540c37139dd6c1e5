//! Child processes that never outlive us.
//!
//! Ctrl-C, a closed terminal and SIGTERM only raise a flag here; whoever waits for a child sees the flag, stops the child politely and returns
//! [`Stopped`], and everything that was set up is torn down by `Drop` on the way out. The children get a process group of their own, so that the
//! terminal's Ctrl-C reaches them through us and in order.

use std::fs::File;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// How often a waiting loop looks up; short against what a person notices.
const GLANCE: Duration = Duration::from_millis(10);
/// How many glances a child gets to end after being asked to: 5 s, the server's own limit for open requests.
const GRACE_GLANCES: u32 = 500;

static STOP: AtomicBool = AtomicBool::new(false);

/// The person asked us to stop.
#[derive(Debug)]
pub struct Stopped;

impl std::fmt::Display for Stopped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("stopped on request")
    }
}

impl std::error::Error for Stopped {}

/// From now on Ctrl-C, SIGTERM and SIGHUP are a request, not a death.
pub fn listen_for_stop() -> anyhow::Result<()> {
    ctrlc::set_handler(|| STOP.store(true, Ordering::SeqCst)).context("could not listen for Ctrl-C")
}

/// Ends with [`Stopped`] if the person asked for it.
pub fn check_stop() -> anyhow::Result<()> {
    if STOP.load(Ordering::SeqCst) { Err(Stopped.into()) } else { Ok(()) }
}

/// A short pause that a stop request ends.
pub fn pause() -> anyhow::Result<()> {
    std::thread::sleep(GLANCE);
    check_stop()
}

/// A child that ends when its owner goes.
pub struct Guarded(Child);

impl Guarded {
    /// Starts `command` in a process group of its own.
    pub fn spawn(command: &mut Command) -> anyhow::Result<Self> {
        let child = command
            .process_group(0)
            .spawn()
            .with_context(|| format!("could not start {}", command.get_program().display()))?;
        Ok(Self(child))
    }

    /// The child, for its pipes.
    pub fn child(&mut self) -> &mut Child {
        &mut self.0
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        self.0.try_wait().context("could not ask after a child")
    }

    /// Waits for its end, or for a stop request.
    pub fn wait(&mut self) -> anyhow::Result<ExitStatus> {
        loop {
            if let Some(status) = self.ended()? {
                return Ok(status);
            }
            pause()?;
        }
    }

    /// Asks it to end, waits, and in the end does not ask any more.
    pub fn stop(&mut self) {
        let pid = Pid::from_raw(self.0.id().cast_signed());
        for glance in 0..=GRACE_GLANCES {
            match self.0.try_wait() {
                Ok(None) if glance == 0 => drop(kill(pid, Signal::SIGTERM)),
                Ok(None) => std::thread::sleep(GLANCE),
                Ok(Some(_)) | Err(_) => return,
            }
        }
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Runs `command` to its end with its output on our own, `input` on its stdin.
pub fn run(command: &mut Command, input: &str) -> anyhow::Result<ExitStatus> {
    let mut child = Guarded::spawn(command.stdin(Stdio::piped()))?;
    feed(&mut child, input)?;
    child.wait()
}

/// Runs `command` to its end with what it says on our own stderr, and takes what it prints.
pub fn run_and_take(command: &mut Command) -> anyhow::Result<(ExitStatus, Vec<u8>)> {
    let mut child = Guarded::spawn(command.stdin(Stdio::null()).stdout(Stdio::piped()))?;
    let stdout = drain(child.child().stdout.take());
    let status = child.wait()?;
    Ok((status, stdout.join().expect("a reader of a pipe does not panic")))
}

/// Runs `command` to its end, with all it says and prints in a file.
pub fn run_into(command: &mut Command, file: File) -> anyhow::Result<ExitStatus> {
    let other = file.try_clone().context("could not share a file of output")?;
    Guarded::spawn(command.stdin(Stdio::null()).stdout(file).stderr(other))?.wait()
}

/// Runs `command` to its end and takes its output, `input` on its stdin.
pub fn capture(command: &mut Command, input: &str) -> anyhow::Result<Output> {
    let mut child = Guarded::spawn(command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()))?;
    feed(&mut child, input)?;
    let stdout = drain(child.child().stdout.take());
    let stderr = drain(child.child().stderr.take());
    let status = child.wait()?;
    let take = |reader: std::thread::JoinHandle<Vec<u8>>| reader.join().expect("a reader of a pipe does not panic");
    Ok(Output { status, stdout: take(stdout), stderr: take(stderr) })
}

fn feed(child: &mut Guarded, input: &str) -> anyhow::Result<()> {
    let mut stdin = child.child().stdin.take().expect("stdin was asked for");
    match stdin.write_all(input.as_bytes()) {
        // A child that does not want its input is no failure of ours: its exit status says what is.
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(error).context("could not write to a child")
        }
        _ => Ok(()),
    }
}

fn drain(pipe: Option<impl std::io::Read + Send + 'static>) -> std::thread::JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            // What came before a broken pipe is still worth showing.
            drop(pipe.read_to_end(&mut bytes));
        }
        bytes
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_ends_with_its_owner() {
        let child = Guarded::spawn(Command::new("sleep").arg("600")).unwrap();
        let pid = Pid::from_raw(child.0.id().cast_signed());
        assert!(kill(pid, None).is_ok());
        drop(child);
        assert!(kill(pid, None).is_err());
    }

    #[test]
    fn input_goes_in_and_both_outputs_come_back() {
        let output = capture(Command::new("sh").args(["-c", "cat; echo aside >&2; exit 3"]), "hello").unwrap();
        assert_eq!(output.stdout, b"hello");
        assert_eq!(output.stderr, b"aside\n");
        assert_eq!(output.status.code(), Some(3));
    }

    #[test]
    fn a_child_that_reads_nothing_is_no_failure() {
        let status = run(&mut Command::new("true"), &"x".repeat(1 << 20)).unwrap();
        assert!(status.success());
    }
}
