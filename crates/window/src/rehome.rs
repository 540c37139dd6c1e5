//! Runs the program `rehome` that lies beside this one, and hears it out.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::call::{Answer, Call, Heard, Stead, answer, broken, heard};

/// The longest document that is read: a plan with all settings and apps has some hundred kB.
const DOCUMENT_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// The longest line of progress; longer talk is cut.
const LINE_BYTES_MAX: u64 = 64 * 1024;

/// The program.
#[derive(Clone, Debug)]
pub struct Rehome {
    program: PathBuf,
    stead: Stead,
    quietly: fn(&mut Command),
}

impl Rehome {
    /// The one beside this program and no other: a name alone would be looked for in folders that others can write to. `quietly` keeps the system from
    /// opening a console for it.
    pub fn beside(own: &Path, stead: Stead, quietly: fn(&mut Command)) -> Self {
        Self { program: own.with_file_name(if cfg!(windows) { "rehome.exe" } else { "rehome" }), stead, quietly }
    }

    /// Does what is due, and gives its exit code. What it says goes nowhere: its logs have it. `bind` has the run end with this program, which is all that the
    /// scheduler knows and ends when its time is over.
    pub fn scheduled(&self, bind: fn(&Child)) -> u8 {
        let mut command = Command::new(&self.program);
        command.args(["schedule", "run"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        (self.quietly)(&mut command);
        let ended = command.spawn().and_then(|mut child| {
            bind(&child);
            child.wait()
        });
        ended.ok().and_then(|status| status.code()).and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
    }

    /// Runs it to its end. `told` hears of progress.
    pub fn run(&self, call: &Call, told: &dyn Fn(Heard)) -> Answer {
        let mut command = Command::new(&self.program);
        command.args(call.words(&self.stead)).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        (self.quietly)(&mut command);
        let failed = |error: &std::io::Error| broken(&format!("`{}`: {error}", self.program.display()));
        let mut child = command.spawn().map_err(|error| failed(&error))?;
        let (mut out, err) = (child.stdout.take(), child.stderr.take());
        let document = std::thread::scope(|scope| {
            // Both ends are read at the same time: a full pipe would stop the program.
            let document = scope.spawn(move || {
                let mut bytes = Vec::new();
                let read = out.as_mut().map(|out| out.take(DOCUMENT_BYTES_MAX).read_to_end(&mut bytes));
                read.transpose().map(|_| bytes)
            });
            if let Some(err) = err {
                listen(BufReader::new(err), told);
            }
            document.join()
        });
        child.wait().map_err(|error| failed(&error))?;
        match document {
            Ok(Ok(bytes)) => answer(&bytes),
            Ok(Err(error)) => Err(failed(&error)),
            Err(_) => Err(broken("its answer could not be read")),
        }
    }
}

fn listen(mut talk: impl BufRead, told: &dyn Fn(Heard)) {
    let mut line = Vec::new();
    while talk.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line).is_ok_and(|bytes| bytes > 0) {
        if let Some(heard) = heard(&String::from_utf8_lossy(&line)) {
            told(heard);
        }
        line.clear();
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::cell::RefCell;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    /// A folder with a program `rehome` that does what the script says.
    #[expect(clippy::disallowed_methods, reason = "a scratch folder of a test: nobody reads half a file")]
    fn beside(script: &str) -> (tempfile::TempDir, Rehome) {
        let folder = tempfile::tempdir().unwrap();
        let text = folder.path().join("text");
        std::fs::write(&text, format!("#!/bin/sh\n{script}\n")).unwrap();
        // Another process makes the program: a child of another test may hold on to a file that this one has open to write, and Linux starts no such file.
        let made = Command::new("install").args(["-m", "755"]).arg(&text).arg(folder.path().join("rehome")).status();
        assert!(made.unwrap().success());
        let rehome = Rehome::beside(&folder.path().join("rehome-backup"), Stead::default(), |_| ());
        (folder, rehome)
    }

    /// The process that was bound last.
    static BOUND: AtomicU32 = AtomicU32::new(0);

    #[test]
    fn what_is_due_is_done_without_a_word_and_ends_as_it_ended() {
        let (folder, rehome) = beside(r#"echo "$*" > "$(dirname "$0")/said"; exit 4"#);
        let bind = |child: &Child| BOUND.store(child.id(), Ordering::Relaxed);
        assert_eq!(rehome.scheduled(bind), 4);
        assert_ne!(BOUND.load(Ordering::Relaxed), 0, "it ends with this program");
        assert_eq!(std::fs::read_to_string(folder.path().join("said")).unwrap(), "schedule run\n");
        drop(folder);
        assert_eq!(rehome.scheduled(bind), 1, "there is no program any more");
    }

    #[test]
    fn progress_is_heard_and_the_document_read_however_much_there_is_of_both() {
        let script = r#"
            i=0
            while [ $i -lt 3000 ]; do
                echo '{"station":"upload","bytes_done":1,"bytes_total":2}' >&2
                echo 'warning: talk' >&2
                i=$((i+1))
            done
            head -c 300000 /dev/zero | tr '\0' ' '
            echo "{\"words\":\"$*\"}"
        "#;
        let (_folder, rehome) = beside(script);
        let told = RefCell::new(0);
        let document = rehome.run(&Call::BackUp, &|heard| {
            assert_eq!(heard.share, Some(0.5));
            *told.borrow_mut() += 1;
        });
        assert_eq!(document.unwrap()["words"], "--json --json-lines backup");
        assert_eq!(*told.borrow(), 3000);
    }

    #[test]
    fn a_no_is_an_answer_and_a_program_that_is_not_there_is_named() {
        let (folder, rehome) = beside(r#"echo '{"code":"busy","message":"m","hint":"h","exit":7}'; exit 7"#);
        assert_eq!(rehome.run(&Call::Status, &|_| ()).unwrap_err().code, "busy");
        std::fs::remove_file(folder.path().join("rehome")).unwrap();
        let problem = rehome.run(&Call::Status, &|_| ()).unwrap_err();
        assert_eq!(problem.code, "internal");
        assert!(problem.message.contains("rehome"), "{}", problem.message);
    }
}
