//! From `strace` output to operations on files below one folder.

use std::collections::HashMap;

/// What the program did to its files, in the order in which the system finished it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    /// A file was made.
    Create(String),
    /// A folder was made.
    Mkdir(String),
    /// Bytes were written at an offset.
    Write(String, u64, Vec<u8>),
    /// The length was set.
    Truncate(String, u64),
    /// A file or folder was synced.
    Sync(String),
    /// A file got another name.
    Rename(String, String),
    /// A file was removed.
    Unlink(String),
    /// The program told its caller that snapshots up to this one are safe.
    Acknowledge(u64),
}

impl Op {
    /// The path that it is about.
    pub fn path(&self) -> Option<&str> {
        match self {
            Self::Create(path)
            | Self::Mkdir(path)
            | Self::Write(path, ..)
            | Self::Truncate(path, _)
            | Self::Sync(path)
            | Self::Rename(path, _)
            | Self::Unlink(path) => Some(path),
            Self::Acknowledge(_) => None,
        }
    }
}

/// The system calls to ask `strace` for.
pub const CALLS: &str =
    "openat,close,write,pwrite64,lseek,ftruncate,fsync,fdatasync,rename,renameat2,unlink,unlinkat,mkdir,mkdirat";

/// Name of the file whose bytes are acknowledgements.
pub const ACKS: &str = "acks";

struct Open {
    path: String,
    at: u64,
}

/// Reads the trace. Only paths below `root` count, relative to it; SQLite's shared memory is none of the disk's.
pub fn parse(text: &str, root: &str) -> Vec<Op> {
    let mut reader = Reader { root, open: HashMap::new(), known: Vec::new(), ops: Vec::new() };
    let mut unfinished: HashMap<&str, String> = HashMap::new();
    for line in text.lines() {
        let Some((pid, rest)) = line.split_once(' ') else { continue };
        let rest = rest.trim_start();
        if let Some(start) = rest.strip_suffix("<unfinished ...>") {
            unfinished.insert(pid, start.trim_end().to_owned());
        } else if let Some((_, end)) = rest.strip_prefix("<... ").and_then(|rest| rest.split_once("resumed>")) {
            let whole = unfinished.remove(pid).unwrap_or_default() + end;
            reader.call(&whole);
        } else {
            reader.call(rest);
        }
    }
    reader.ops
}

struct Reader<'a> {
    root: &'a str,
    open: HashMap<i64, Open>,
    known: Vec<String>,
    ops: Vec<Op>,
}

impl Reader<'_> {
    fn call(&mut self, line: &str) {
        let Some((name, rest)) = line.split_once('(') else { return };
        let Some((arguments, result)) = rest.rsplit_once(" = ") else { return };
        let result: i64 = result.split(' ').next().and_then(|number| number.parse().ok()).unwrap_or(-1);
        if result < 0 {
            return;
        }
        let arguments: Vec<&str> = arguments.trim_end().trim_end_matches(')').split(", ").collect();
        let fd = arguments[0].parse().unwrap_or(-1);
        match name {
            "openat" => self.opened(arguments[1], arguments[2], result),
            "close" => drop(self.open.remove(&fd)),
            "write" => {
                let at = self.open.get(&fd).map_or(0, |open| open.at);
                self.written(fd, at, &text(arguments[1]));
                if let Some(open) = self.open.get_mut(&fd) {
                    open.at = at + result.unsigned_abs();
                }
            }
            "pwrite64" => self.written(fd, arguments[3].parse().unwrap(), &text(arguments[1])),
            "lseek" => {
                if let Some(open) = self.open.get_mut(&fd) {
                    open.at = result.unsigned_abs();
                }
            }
            "ftruncate" => self.on(fd, |path| Op::Truncate(path, arguments[1].parse().unwrap())),
            "fsync" | "fdatasync" => self.on(fd, Op::Sync),
            "rename" => self.renamed(arguments[0], arguments[1]),
            "renameat2" => self.renamed(arguments[1], arguments[3]),
            "unlink" => self.at(arguments[0], Op::Unlink),
            "unlinkat" => self.at(arguments[1], Op::Unlink),
            "mkdir" => self.at(arguments[0], Op::Mkdir),
            "mkdirat" => self.at(arguments[1], Op::Mkdir),
            _ => {}
        }
    }

    fn relative(&self, argument: &str) -> Option<String> {
        let path = String::from_utf8(text(argument)).ok()?;
        let path = path.strip_prefix(self.root)?.trim_start_matches('/').to_owned();
        (!path.ends_with("-shm")).then_some(path)
    }

    fn opened(&mut self, path: &str, flags: &str, fd: i64) {
        let Some(path) = self.relative(path) else { return };
        if flags.contains("O_CREAT") && !self.known.contains(&path) && path != ACKS {
            self.known.push(path.clone());
            self.ops.push(Op::Create(path.clone()));
        }
        self.open.insert(fd, Open { path, at: 0 });
    }

    fn written(&mut self, fd: i64, at: u64, bytes: &[u8]) {
        let Some(open) = self.open.get(&fd) else { return };
        if open.path == ACKS {
            let line = String::from_utf8_lossy(bytes);
            self.ops.push(Op::Acknowledge(line.trim().parse().unwrap()));
        } else {
            self.ops.push(Op::Write(open.path.clone(), at, bytes.to_vec()));
        }
    }

    fn on(&mut self, fd: i64, op: impl FnOnce(String) -> Op) {
        if let Some(open) = self.open.get(&fd) {
            self.ops.push(op(open.path.clone()));
        }
    }

    fn at(&mut self, path: &str, op: impl FnOnce(String) -> Op) {
        if let Some(path) = self.relative(path) {
            self.known.retain(|known| *known != path);
            self.ops.push(op(path));
        }
    }

    fn renamed(&mut self, from: &str, to: &str) {
        if let (Some(from), Some(to)) = (self.relative(from), self.relative(to)) {
            self.known.retain(|known| *known != from);
            self.known.push(to.clone());
            for open in self.open.values_mut().filter(|open| open.path == from) {
                open.path.clone_from(&to);
            }
            self.ops.push(Op::Rename(from, to));
        }
    }
}

/// The bytes of a string argument as `strace -xx` prints it.
fn text(argument: &str) -> Vec<u8> {
    let digits = argument.trim_matches('"').split("\\x").skip(1);
    digits.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}
