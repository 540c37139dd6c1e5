//! One PC of the fleet: its key, what it has set, and what the server has confirmed to it. It asks as the agent does, each request signed by its own key.

use anyhow::{Context, bail};
use model::api::{ENVELOPE_TYPE, EnrollRequest, Enrolled};
use model::device::KeyLevel;
use model::envelope::{Envelope, Source};
use model::ids::{PartId, SnapshotId};
use model::signature::{Covered, DIGEST_HEADER, FIELDS, INPUT_HEADER, SIGNATURE_HEADER};
use model::snapshot::Snapshot;
use model::world::{Clock, Moment};
use seal::content::Outline;
use seal::device_key::{self, DeviceKey};
use seal::random::SystemRandom;
use seal::{KeyRing, Owner, Stamp, pack};
use server::world::SystemClock;

use crate::measure::Measured;
use crate::person::{self, Chance};

/// How often a PC tries again when it is told to come later.
const TRIES: u32 = 8;

/// A PC.
pub struct Pc {
    number: usize,
    key: DeviceKey,
    chance: Chance,
    snapshot: Snapshot,
    enrolled: Option<(Enrolled, KeyRing)>,
    seq: u64,
    tag: Option<String>,
    known: Vec<(PartId, u32)>,
    /// What the server has confirmed, by number.
    pub confirmed: Vec<(u64, SnapshotId)>,
}

/// What a PC asks the server.
#[derive(Clone, Copy)]
struct Question<'a> {
    /// What it is counted as.
    what: &'static str,
    method: &'a str,
    path: &'a str,
    /// Headers beside those of the signature.
    with: &'a [(&'a str, &'a str)],
    body: &'a [u8],
}

/// An answer.
struct Answer {
    status: u16,
    tag: Option<String>,
    body: Vec<u8>,
}

/// The way to the server: one for each thread, with connections that stay open.
pub struct Way<'a> {
    pub agent: ureq::Agent,
    pub authority: &'a str,
    pub measured: Measured,
}

impl<'a> Way<'a> {
    pub fn new(authority: &'a str) -> Self {
        let config = ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0).build();
        Self { agent: config.into(), authority, measured: Measured::default() }
    }
}

impl Pc {
    pub fn new(number: usize, seed: u64) -> Self {
        let mut chance = Chance(seed ^ (number as u64).wrapping_mul(0xD6E8_FEB8_6659_FD93));
        let snapshot = person::snapshot(number, &mut chance);
        let key = DeviceKey::generate();
        let (seq, tag, known, confirmed) = Default::default();
        Self { number, key, chance, snapshot, enrolled: None, seq, tag, known, confirmed }
    }

    /// Connects with a token, without anybody at the PC.
    pub fn enroll(&mut self, way: &mut Way<'_>, token: &str) -> anyhow::Result<()> {
        let request = EnrollRequest {
            device_name: self.snapshot.device.name.clone(),
            public_key: model::ids::to_hex(&self.key.public_key()),
            key_level: KeyLevel::File,
            machine: None,
            user: None,
            password: None,
            sign_in: None,
            token: Some(token.to_owned()),
        };
        let body = serde_json::to_vec(&request)?;
        let answer =
            self.ask(way, &Question { what: "enrol", method: "POST", path: "/api/v1/enroll", with: &[], body: &body })?;
        if answer.status != 201 {
            bail!("PC {} was not taken in: {} {}", self.number, answer.status, String::from_utf8_lossy(&answer.body));
        }
        let enrolled: Enrolled = serde_json::from_slice(&answer.body)?;
        let ring = KeyRing::from_api(&enrolled.keys).ok().context("the keys are no keys")?;
        self.enrolled = Some((enrolled, ring));
        Ok(())
    }

    /// What a PC does when its time has come: it checks in, and backs up; most find that nothing has changed. Now and then its person restores.
    pub fn visit(&mut self, way: &mut Way<'_>) -> anyhow::Result<()> {
        self.check_in(way)?;
        if self.chance.below(10) == 0 {
            person::change(&mut self.snapshot, &mut self.chance);
            self.back_up(way)?;
        } else {
            self.is_unchanged(way)?;
        }
        if self.chance.below(50) == 0 { self.restore(way) } else { Ok(()) }
    }

    /// What a PC does that comes while nobody answers: it says so and comes again when it looks the next time.
    pub fn is_turned_away(&mut self, way: &mut Way<'_>) -> anyhow::Result<()> {
        let request = way.agent.get(format!("http://{}/readyz", way.authority));
        if request.call().is_ok() {
            bail!("a server that is away has answered PC {}", self.number);
        }
        Ok(())
    }

    /// Has the server let go of the newest snapshot, and goes on as if that had not been asked for: the loss that the last chapter has to find.
    pub fn lose_one(&mut self, way: &mut Way<'_>) -> anyhow::Result<()> {
        let newest = self.confirmed.last().context("it has backed up before")?.1;
        let path = format!("/api/v1/profiles/{}/snapshots/{newest}", self.enrolled().0.profile);
        let answer = self.ask(way, &Question { what: "lose", method: "DELETE", path: &path, with: &[], body: b"" })?;
        if answer.status < 300 { Ok(()) } else { bail!("PC {} could lose nothing: {}", self.number, answer.status) }
    }

    fn check_in(&mut self, way: &mut Way<'_>) -> anyhow::Result<()> {
        let mark = format!("{:016x}", self.number);
        let device = &self.snapshot.device;
        let facts = serde_json::json!({"facts_mark": mark, "policy_mark": "", "facts": {"name": device.name, "build": device.build,
            "revision": device.revision, "edition": device.edition, "model": device.model}});
        let answer = self.ask(
            way,
            &Question {
                what: "check-in",
                method: "POST",
                path: "/api/v1/check-in",
                with: &[],
                body: facts.to_string().as_bytes(),
            },
        )?;
        if answer.status == 200 { Ok(()) } else { bail!("check-in of PC {}: {}", self.number, answer.status) }
    }

    fn is_unchanged(&mut self, way: &mut Way<'_>) -> anyhow::Result<()> {
        let path = format!("/api/v1/profiles/{}/latest", self.enrolled().0.profile);
        let known = self.tag.clone().map(|tag| ("if-none-match", tag));
        let with: Vec<(&str, &str)> = known.iter().map(|(name, tag)| (*name, tag.as_str())).collect();
        let answer =
            self.ask(way, &Question { what: "unchanged?", method: "GET", path: &path, with: &with, body: b"" })?;
        self.tag = answer.tag.or(self.tag.take());
        if matches!(answer.status, 200 | 304) {
            Ok(())
        } else {
            bail!("latest of PC {}: {}", self.number, answer.status)
        }
    }

    /// Seals what the server does not have and brings it. What is confirmed is remembered with its receipt checked.
    pub fn back_up(&mut self, way: &mut Way<'_>) -> anyhow::Result<()> {
        let (enrolled, ring) = self.enrolled();
        let outline = Outline::of(&self.snapshot, ring.id_key())?;
        let stamp = Stamp {
            owner: owner(enrolled),
            device: enrolled.device,
            seq: self.seq + 1,
            taken_at: now(),
            source: Source::Hive,
            device_name: self.snapshot.device.name.clone(),
        };
        let has = |id| self.known.iter().find(|(part, _)| *part == id).map(|(_, len)| *len);
        let packed = pack(&outline, ring, &stamp, &has, &SystemRandom::new())?;
        let receipt_key = model::ids::from_hex::<32>(&enrolled.receipt_key).context("the receipt key is none")?;
        let with = [("content-type", ENVELOPE_TYPE)];
        let answer = self.ask(
            way,
            &Question { what: "backup", method: "POST", path: "/api/v1/backups", with: &with, body: &packed.bytes },
        )?;
        if !matches!(answer.status, 200 | 201) {
            bail!("backup of PC {}: {} {}", self.number, answer.status, String::from_utf8_lossy(&answer.body));
        }
        let receipt = seal::receipt::verify(&answer.body, &receipt_key)?;
        if (receipt.seq, receipt.snapshot) != (self.seq + 1, outline.snapshot) {
            bail!("the receipt of PC {} confirms another backup", self.number);
        }
        self.seq = receipt.seq;
        self.tag = None;
        self.known = packed.header.parts.iter().map(|part| (part.id, part.sealed_len)).collect();
        self.confirmed.push((receipt.seq, receipt.snapshot));
        Ok(())
    }

    /// Fetches its newest backup by the list and opens it, as a new PC would.
    fn restore(&mut self, way: &mut Way<'_>) -> anyhow::Result<()> {
        let answer =
            self.ask(way, &Question { what: "list", method: "GET", path: "/api/v1/profiles", with: &[], body: b"" })?;
        if answer.status != 200 {
            bail!("the profiles of PC {}: {}", self.number, answer.status);
        }
        let newest = self.confirmed.last().context("it has backed up before")?.1;
        self.opens(way, newest, "restore")
    }

    /// Whether a confirmed snapshot opens and is the one that was sent.
    pub fn opens(&mut self, way: &mut Way<'_>, snapshot: SnapshotId, what: &'static str) -> anyhow::Result<()> {
        let path = format!("/api/v1/profiles/{}/snapshots/{snapshot}", self.enrolled().0.profile);
        let answer = self.ask(way, &Question { what, method: "GET", path: &path, with: &[], body: b"" })?;
        if answer.status != 200 {
            bail!("snapshot {snapshot} of PC {} is not given: {}", self.number, answer.status);
        }
        let envelope = Envelope::parse(&answer.body)?;
        let (enrolled, ring) = self.enrolled();
        let opened = seal::open(&envelope, &owner(enrolled), ring)?;
        let again = Outline::of(&opened.snapshot, ring.id_key())?;
        if again.snapshot != snapshot || !opened.damaged.is_empty() {
            bail!("snapshot {snapshot} of PC {} is not the one that was sent", self.number);
        }
        Ok(())
    }

    fn enrolled(&self) -> &(Enrolled, KeyRing) {
        self.enrolled.as_ref().expect("it is enrolled before it does anything else")
    }

    /// Asks, and again when it is told to come later. Each try is measured on its own.
    fn ask(&mut self, way: &mut Way<'_>, question: &Question<'_>) -> anyhow::Result<Answer> {
        for turn in 0..TRIES {
            let mut headers: Vec<(String, String)> =
                question.with.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            sign(&self.key, question, way.authority, &mut headers)?;
            let answer = send(way, question, &headers)?;
            if !matches!(answer.status, 429 | 503) {
                return Ok(answer);
            }
            way.measured.later += 1;
            let most = 200_u64 << turn;
            Measured::pause(most / 2 + self.chance.below(most / 2));
        }
        bail!("PC {} was told {TRIES} times to come later", self.number)
    }
}

fn owner(enrolled: &Enrolled) -> Owner {
    Owner { tenant: enrolled.tenant, user: enrolled.user, profile: enrolled.profile }
}

fn now() -> Moment {
    SystemClock.now()
}

fn send(way: &mut Way<'_>, question: &Question<'_>, headers: &[(String, String)]) -> anyhow::Result<Answer> {
    let Question { what, method, path, body, .. } = *question;
    let mut request = ureq::http::Request::builder().method(method).uri(format!("http://{}{path}", way.authority));
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let begun = way.measured.begin();
    let mut response =
        if body.is_empty() { way.agent.run(request.body(())?)? } else { way.agent.run(request.body(body)?)? };
    let answer = Answer {
        status: response.status().as_u16(),
        tag: response.headers().get("etag").and_then(|tag| tag.to_str().ok()).map(str::to_owned),
        body: response.body_mut().read_to_vec()?,
    };
    way.measured.end(what, begun, (body.len(), answer.body.len()));
    Ok(answer)
}

/// Signs a request as `docs/format.md` section 15 says.
fn sign(
    key: &DeviceKey,
    question: &Question<'_>,
    authority: &str,
    headers: &mut Vec<(String, String)>,
) -> anyhow::Result<()> {
    let Question { method, path, body, .. } = *question;
    if method == "POST" {
        headers.push((DIGEST_HEADER.to_owned(), device_key::digest(body)));
    }
    let parameters = device_key::parameters(device_key::print(&key.public_key()), now().0 / 1000, &SystemRandom::new());
    let proof = {
        let fields =
            FIELDS.map(|name| headers.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str()));
        let covered = Covered { method, authority, path, query: None, fields };
        device_key::prove(&covered, &parameters, |bytes| Ok::<_, std::convert::Infallible>(key.sign(bytes)))?
    };
    headers.push((INPUT_HEADER.to_owned(), proof.input));
    headers.push((SIGNATURE_HEADER.to_owned(), proof.signature));
    Ok(())
}
