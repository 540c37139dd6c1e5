//! The requests of a load, put together and signed before the clock runs.
//!
//! `wrk` shares the cores with the server, so whatever it did for a request (a body, its hash, a tag) would be taken from the server and told as the server's.
//! What is left for it is to read the next request from a file (`presigned.lua`), which is no more than it does for the anchors.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::{Device, newest, session};
use crate::bench::product::Product;
use crate::bench::signing::Session;
use crate::http;

/// Backups that are put together: more than any server of two cores takes in the seconds of a run.
const BACKUPS: usize = 100_000;
/// Checks and check-ins.
const CHECKS: usize = 400_000;
/// Checks of which each is signed by a device's key, and takes long to sign.
const KEYED: usize = 100_000;

/// Bytes of a backup's new part, after sealing.
const PART: usize = 8192;
/// Where in the noise a part may begin.
const STARTS: usize = 4096;
/// The place of the noise that says there is none.
const NONE: u32 = u32::MAX;

/// A file of requests, and the noise that some of them end in.
pub struct Requests {
    path: PathBuf,
    file: BufWriter<std::fs::File>,
    noise: Vec<u8>,
}

impl Requests {
    fn begin(folder: &Path) -> anyhow::Result<Self> {
        let path = folder.join("requests.bin");
        let file = std::fs::File::create(&path).with_context(|| format!("could not make {}", path.display()))?;
        Ok(Self { path, file: BufWriter::new(file), noise: Vec::new() })
    }

    fn add(&mut self, bytes: &[u8], noise: u32) -> anyhow::Result<()> {
        let length = u32::try_from(bytes.len()).context("a request is short")?;
        for piece in [&length.to_le_bytes(), &noise.to_le_bytes(), bytes] {
            self.file.write_all(piece).context("a request could not be written")?;
        }
        Ok(())
    }

    /// The script for `wrk`.
    pub fn script(mut self) -> anyhow::Result<String> {
        self.file.flush().context("the requests could not be written")?;
        let bytes = self.noise.iter().fold(String::new(), |text, byte| text + &format!("\\{byte:03}"));
        let noise = format!("NOISE = {{ BYTES = \"{bytes}\", LENGTH = {PART}, NONE = {NONE} }}\n");
        Ok(format!("REQUESTS = {:?}\n{noise}\n{}", self.path.display().to_string(), include_str!("presigned.lua")))
    }
}

/// Checks that nothing has changed, in sessions.
pub fn checks(product: &Product, devices: &[Device], folder: &Path) -> anyhow::Result<Requests> {
    let listen = product.server.listen();
    let mut asked = Vec::new();
    for device in devices {
        let tag = newest(product, device)?.1;
        let path = format!("/api/v1/profiles/{}/latest", device.profile);
        asked.push((session(product, device)?, format!("if-none-match: {tag}\r\n"), path));
    }
    let mut requests = Requests::begin(folder)?;
    for turn in 0..CHECKS {
        let (session, tag, path) = &mut asked[turn % devices.len()];
        let fields = session.sign(("GET", listen, path), None)?;
        requests.add(format!("GET {path} HTTP/1.1\r\nhost: {listen}\r\n{tag}{fields}\r\n").as_bytes(), NONE)?;
    }
    Ok(requests)
}

/// Check-ins in which nothing is new, in sessions. Each device comes with the mark of its policy.
pub fn check_ins(product: &Product, devices: &[Device], marks: &[String], folder: &Path) -> anyhow::Result<Requests> {
    let (listen, path, json) = (product.server.listen(), "/api/v1/check-in", "application/json");
    let mut asked = Vec::new();
    for (device, mark) in devices.iter().zip(marks) {
        asked.push((
            session(product, device)?,
            serde_json::json!({"facts_mark": "bench", "policy_mark": mark}).to_string(),
        ));
    }
    let mut requests = Requests::begin(folder)?;
    for turn in 0..CHECKS {
        let (session, body) = &mut asked[turn % devices.len()];
        let fields = session.sign(("POST", listen, path), Some((json, &[body.as_bytes()])))?;
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: {listen}\r\ncontent-type: {json}\r\ncontent-length: {}\r\n{fields}\r\n",
            body.len()
        );
        requests.add((head + body).as_bytes(), NONE)?;
    }
    Ok(requests)
}

/// Checks of which each is signed by a device's own key, as a PC's only request of the day is. None may be sent twice.
pub fn keyed(product: &Product, devices: &[Device], folder: &Path) -> anyhow::Result<Requests> {
    let listen = product.server.listen();
    let tags = devices.iter().map(|device| newest(product, device)).collect::<anyhow::Result<Vec<_>>>()?;
    let mut requests = Requests::begin(folder)?;
    for (device, (_, tag)) in devices.iter().zip(&tags).cycle().take(KEYED) {
        let path = format!("/api/v1/profiles/{}/latest", device.profile);
        let fields = http::lines(&device.signer.sign(("GET", listen, &path), &[], None)?);
        let head = format!("GET {path} HTTP/1.1\r\nhost: {listen}\r\nif-none-match: {tag}\r\n{fields}\r\n");
        requests.add(head.as_bytes(), NONE)?;
    }
    Ok(requests)
}

/// Backups in sessions: the next number of the next device, a new snapshot id, one new part of 8 kB that is random, as sealed ones look.
/// `docs/format.md` sections 7 and 8 say what the bytes are.
pub fn backups(product: &Product, devices: &[Device], folder: &Path) -> anyhow::Result<Requests> {
    let (listen, path, envelope) = (product.server.listen(), "/api/v1/backups", "application/vnd.rehome.envelope");
    let mut senders = Vec::new();
    for device in devices {
        senders.push(Sender::new(session(product, device)?, device, newest(product, device)?.0)?);
    }
    let mut random = std::fs::File::open("/dev/urandom").context("there is no randomness")?;
    let mut fill = |length: usize| -> anyhow::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        std::io::Read::read_exact(&mut random, &mut bytes).context("there is no randomness")?;
        Ok(bytes)
    };
    let mut requests = Requests::begin(folder)?;
    let noise = fill(PART + STARTS)?;
    let tag = fill(32)?;
    for turn in 0..BACKUPS {
        let ids = fill(64)?;
        let start = turn % STARTS;
        let sender = &mut senders[turn % devices.len()];
        let sealed = &noise[start..start + PART];
        let before = sender.envelope(ids.split_at(32), &tag);
        let fields = sender.session.sign(("POST", listen, path), Some((envelope, &[&before, sealed])))?;
        let mut bytes = format!(
            "POST {path} HTTP/1.1\r\nhost: {listen}\r\ncontent-type: {envelope}\r\ncontent-length: {}\r\n{fields}\r\n",
            before.len() + PART
        )
        .into_bytes();
        bytes.extend(before);
        requests.add(&bytes, u32::try_from(start).context("the noise is short")?)?;
    }
    requests.noise = noise;
    Ok(requests)
}

/// A device that sends one backup after the other.
struct Sender {
    session: Session,
    /// Number of its last backup.
    number: u64,
    /// What its headers have before the number, and between the ids of snapshot and part.
    whose: Vec<u8>,
    facts: Vec<u8>,
}

impl Sender {
    fn new(session: Session, device: &Device, number: u64) -> anyhow::Result<Self> {
        const TAKEN_AT: u64 = 1_764_000_000_000;
        let mut ids = Vec::new();
        for digits in &device.ids {
            let digit = |at: usize| u8::from_str_radix(digits.get(at..at + 2).unwrap_or_default(), 16);
            let bytes: Result<Vec<u8>, _> = (0..digits.len()).step_by(2).map(digit).collect();
            ids.push(bytes.with_context(|| format!("`{digits}` is no id"))?);
        }
        let [tenant, user, pc, profile, key] = &ids[..] else { anyhow::bail!("a PC has five ids") };
        let mut whose = head(5, 15);
        for (place, id) in (0..).zip([tenant, user, pc, profile]) {
            whose.extend([head(0, place), bytes(id)].concat());
        }
        whose.extend(head(0, 4));
        let facts = [
            [head(0, 6), head(0, TAKEN_AT)],
            [head(0, 7), head(0, 1)],
            [head(0, 8), bytes(key)],
            [head(0, 9), head(0, 2)],
            [head(0, 10), [head(3, 2), b"PC".to_vec()].concat()],
            [head(0, 11), head(0, 150)],
            [head(0, 12), head(0, 20)],
            [head(0, 13), [head(4, 1), head(4, 4), head(0, 1)].concat()],
        ];
        Ok(Self { session, number, whose, facts: facts.concat().concat() })
    }

    /// The next envelope up to its part's own bytes.
    fn envelope(&mut self, (snapshot, part): (&[u8], &[u8]), tag: &[u8]) -> Vec<u8> {
        self.number += 1;
        let counts = [head(0, PART as u64), head(0, 1), head(0, 14), head(4, 0)].concat();
        let header =
            [&self.whose[..], &head(0, self.number), &head(0, 5), &bytes(snapshot), &self.facts, &bytes(part), &counts]
                .concat();
        let length = |length: usize| u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
        [b"RHE1", &length(header.len())[..], &header, tag, &[0, 1], part, &length(PART)].concat()
    }
}

/// A byte string of CBOR.
fn bytes(value: &[u8]) -> Vec<u8> {
    [head(2, value.len() as u64), value.to_vec()].concat()
}

/// The head of an item of CBOR (RFC 8949, section 3).
fn head(major: u8, value: u64) -> Vec<u8> {
    let first = |info: u8| vec![major << 5 | info];
    match (u8::try_from(value), u16::try_from(value), u32::try_from(value)) {
        (Ok(value), ..) if value < 24 => first(value),
        (Ok(value), ..) => [first(24), vec![value]].concat(),
        (_, Ok(value), _) => [first(25), value.to_be_bytes().to_vec()].concat(),
        (_, _, Ok(value)) => [first(26), value.to_be_bytes().to_vec()].concat(),
        _ => [first(27), value.to_be_bytes().to_vec()].concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_the_standard_shows_them() {
        // RFC 8949, appendix A.
        for (value, expected) in [
            (23, &[0x17][..]),
            (24, &[0x18, 24]),
            (100, &[0x18, 0x64]),
            (1000, &[0x19, 0x03, 0xE8]),
            (1_000_000, &[0x1A, 0x00, 0x0F, 0x42, 0x40]),
            (1_000_000_000_000, &[0x1B, 0x00, 0x00, 0x00, 0xE8, 0xD4, 0xA5, 0x10, 0x00]),
        ] {
            assert_eq!(head(0, value), expected);
        }
        assert_eq!(bytes(&[1, 2, 3, 4]), [0x44, 1, 2, 3, 4]);
    }
}
