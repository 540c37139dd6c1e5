//! Signed requests: what a device signs, and what a server reads of it (RFC 9421, HTTP Message Signatures).
//!
//! Each request of a device is signed, so that nothing that travels or lies in a log is worth stealing. RFC 9421 lets both sides choose much;
//! this profile, `rh1`, chooses once: one label, one order of the components, and an algorithm that comes from what signs and is never named
//! on the wire. A reader therefore does not interpret what a peer sends: it takes the three parameters, writes the field again as it must
//! be, and compares. Whatever differs, by a blank or by a component, is refused.
//!
//! Two things sign ([`Signer`]): the device's own key (ECDSA over P-256), or a session that a request signed by that key has opened
//! (HMAC-SHA256), because checking a P-256 signature costs the server as much as keeping a whole backup. `docs/format.md` section 15 has all of
//! it, `docs/decisions/0020-signed-requests.md` why.
//!
//! `@target-uri` and `@scheme` are not covered, because a proxy in front of the server changes them. Nothing here computes a hash or a
//! signature: `seal::device_key` and `seal::session` do.

use std::fmt::Write as _;

use crate::api::{LAST_HEADER, LENGTH_HEADER, OFFSET_HEADER, SESSION_HEADER};
use crate::ids::{from_hex, to_hex};

/// Header with the signature's parameters (RFC 9421, 4.1).
pub const INPUT_HEADER: &str = "signature-input";
/// Header with the signature (RFC 9421, 4.2).
pub const SIGNATURE_HEADER: &str = "signature";
/// Header with the body's hash (RFC 9530, 2).
pub const DIGEST_HEADER: &str = "content-digest";

/// How far a device's clock may be from the server's, in seconds.
pub const CLOCK_SECONDS_MAX: i64 = 300;

/// How long the server remembers a nonce, in seconds: as long as a request that bears it could be taken.
pub const NONCE_SECONDS: i64 = 2 * CLOCK_SECONDS_MAX;

/// Bytes of a nonce. A device makes some dozen requests within [`NONCE_SECONDS`]; with 96 random bits two of them never meet by chance.
pub const NONCE_LEN: usize = 12;

/// How long a session may be used, in seconds.
pub const SESSION_SECONDS: i64 = 15 * 60;

/// Fields that a signature covers where the request has them, in this order: all that change what a request means. A precondition or a range
/// does not, it only makes an answer shorter.
pub const FIELDS: [&str; 8] = [
    "authorization",
    DIGEST_HEADER,
    "content-type",
    "idempotency-key",
    SESSION_HEADER,
    LAST_HEADER,
    LENGTH_HEADER,
    OFFSET_HEADER,
];

/// Place of the body's hash in [`FIELDS`].
const DIGEST_PLACE: usize = 1;

/// The name of this profile in the signature's parameters, so that a signature made for something else is never one for us.
const TAG: &str = "rehome-device-v1";

/// The signature's label.
const LABEL: &str = "rh1";

/// The first bytes of the SHA-256 of a device's public key: the name of the key on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KeyPrint(pub [u8; 16]);

/// The name of a session. Both sides derive it together with its key; it is no secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SessionId(pub [u8; 8]);

/// What a signature covers of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Covered<'a> {
    /// The method, in capitals.
    pub method: &'a str,
    /// What the `Host` header says: [`authority`] is applied to it.
    pub authority: &'a str,
    /// The path, from `/api/` on: a proxy may serve the API below a folder of its own.
    pub path: &'a str,
    /// The query without its question mark.
    pub query: Option<&'a str>,
    /// The values of [`FIELDS`].
    pub fields: [Option<&'a str>; FIELDS.len()],
}

/// Who signs, with what makes the request one of its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signer {
    /// The device's own key.
    Key {
        /// Which.
        key: KeyPrint,
        /// Never used twice.
        nonce: [u8; NONCE_LEN],
    },
    /// A session.
    Session {
        /// Which.
        session: SessionId,
        /// The number of the request in its session, from 1. Takes the place of a nonce, so that the server needs to remember a few bytes only.
        count: u64,
    },
}

/// The parameters of one signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// When it was made, in seconds since 1970 by the device's clock.
    pub created: i64,
    /// Who made it.
    pub by: Signer,
}

/// Why a request's signature is none of this profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signature is not one of profile {LABEL}")]
pub struct Malformed;

/// Host and port as they are signed and compared: lower case, without the port that goes without saying (RFC 9421, 2.2.3). Which scheme it was
/// is not known behind a proxy, so both usual ports are left out.
pub fn authority(host: &str) -> String {
    let host = host.trim().to_ascii_lowercase();
    let bare = host.strip_suffix(":443").or_else(|| host.strip_suffix(":80"));
    bare.map(str::to_owned).unwrap_or(host)
}

impl<'a> Covered<'a> {
    /// The body's hash, if it is covered.
    pub fn digest(&self) -> Option<&'a str> {
        self.fields[DIGEST_PLACE]
    }

    /// The bytes that are signed (RFC 9421, 2.5).
    pub fn base(&self, parameters: &Parameters) -> String {
        let mut base = String::with_capacity(640);
        let mut line = |name: &str, value: &str| {
            for text in ["\"", name, "\": ", value, "\n"] {
                base.push_str(text);
            }
        };
        line("@method", self.method);
        line("@authority", &authority(self.authority));
        line("@path", self.path);
        // An absent query is signed as an empty one (RFC 9421, 2.2.7).
        line("@query", &["?", self.query.unwrap_or_default()].concat());
        for (name, value) in FIELDS.iter().zip(self.fields) {
            if let Some(value) = value {
                line(name, value.trim());
            }
        }
        base.push_str("\"@signature-params\": ");
        self.write(&mut base, parameters);
        base
    }

    /// The value of the `signature-input` header.
    pub fn input(&self, parameters: &Parameters) -> String {
        let mut input = String::with_capacity(256);
        input.push_str(LABEL);
        input.push('=');
        self.write(&mut input, parameters);
        input
    }

    fn write(&self, text: &mut String, parameters: &Parameters) {
        text.push_str("(\"@method\" \"@authority\" \"@path\" \"@query\"");
        for (name, value) in FIELDS.iter().zip(self.fields) {
            if value.is_some() {
                text.extend([" \"", name, "\""]);
            }
        }
        let created = parameters.created;
        // Writing to a string does not fail.
        let _ = match &parameters.by {
            Signer::Key { key, nonce } => {
                write!(text, ");created={created};keyid=\"{}\";nonce=\"{}\"", to_hex(&key.0), to_hex(nonce))
            }
            Signer::Session { session, count } => {
                write!(text, ");created={created};keyid=\"s{}\";nonce=\"{count}\"", to_hex(&session.0))
            }
        };
        text.extend([";tag=\"", TAG, "\""]);
    }

    /// Reads the parameters of a `signature-input` header, and insists that it covers exactly what it must.
    pub fn read(&self, input: &str) -> Result<Parameters, Malformed> {
        // From the end, where they are, whatever is covered.
        let mut last = input.rsplit(';').skip(1);
        let (nonce, keyid) = (quoted(last.next(), "nonce=")?, quoted(last.next(), "keyid=")?);
        let created = last.next().and_then(|created| created.strip_prefix("created=")).ok_or(Malformed)?;
        let created = created.parse().map_err(|_| Malformed)?;
        let by = match keyid.strip_prefix('s') {
            Some(session) => Signer::Session {
                session: SessionId(from_hex(session).ok_or(Malformed)?),
                count: nonce.parse().map_err(|_| Malformed)?,
            },
            None => Signer::Key {
                key: KeyPrint(from_hex(keyid).ok_or(Malformed)?),
                nonce: from_hex(nonce).ok_or(Malformed)?,
            },
        };
        let parameters = Parameters { created, by };
        // Written again and compared, so that no two readings of one field are possible.
        if self.input(&parameters) == input { Ok(parameters) } else { Err(Malformed) }
    }
}

impl Parameters {
    /// Whether the signature is of the time that the server's clock shows, give or take [`CLOCK_SECONDS_MAX`]. `now` in seconds since 1970.
    pub fn is_timely(&self, now: i64) -> bool {
        now.abs_diff(self.created) <= CLOCK_SECONDS_MAX.unsigned_abs()
    }
}

/// The value of the `signature` header; `signature` in base64 (RFC 8941, 3.3.5).
pub fn signature_field(signature: &str) -> String {
    [LABEL, "=:", signature, ":"].concat()
}

/// The base64 text of a `signature` header.
pub fn read_signature_field(field: &str) -> Result<&str, Malformed> {
    let rest = field.strip_prefix(LABEL).and_then(|rest| rest.strip_prefix("=:"));
    rest.and_then(|rest| rest.strip_suffix(':')).ok_or(Malformed)
}

/// The value of a parameter in quotation marks.
fn quoted<'a>(parameter: Option<&'a str>, name: &str) -> Result<&'a str, Malformed> {
    let value = parameter.and_then(|parameter| parameter.strip_prefix(name)?.strip_prefix('"')?.strip_suffix('"'));
    value.ok_or(Malformed)
}

/// Which requests of a session were seen: the highest number and which of the [`Window::WIDTH`] below it, as the security of IP does it (RFC 4303, 3.4.3). Requests of one
/// connection may overtake each other; none is taken twice.
#[derive(Clone, Copy, Debug, Default)]
pub struct Window {
    highest: u64,
    seen: u64,
}

impl Window {
    /// How far a request may be behind the newest one.
    pub const WIDTH: u64 = 64;

    /// Takes a number, unless it was taken before or is too far behind.
    pub fn take(&mut self, count: u64) -> bool {
        if count > self.highest {
            self.seen = self.seen.checked_shl(u32::try_from(count - self.highest).unwrap_or(u32::MAX)).unwrap_or(0) | 1;
            self.highest = count;
            return true;
        }
        let behind = self.highest - count;
        let bit = if behind < Self::WIDTH { 1_u64 << behind } else { return false };
        let new = count > 0 && self.seen & bit == 0;
        self.seen |= bit;
        new
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    const PARAMETERS: Parameters =
        Parameters { created: 1_764_000_000, by: Signer::Key { key: KeyPrint([0xAB; 16]), nonce: [7; NONCE_LEN] } };

    const IN_SESSION: Parameters =
        Parameters { created: 1_764_000_000, by: Signer::Session { session: SessionId([0xCD; 8]), count: 17 } };

    fn request() -> Covered<'static> {
        Covered {
            method: "POST",
            authority: "Rehome.example:8640",
            path: "/api/v1/backups",
            query: Some("a=1&b"),
            fields: [Some("Bearer abc"), Some("sha-256=:AAAA:"), None, None, None, None, None, None],
        }
    }

    #[test]
    fn the_base_is_what_the_standard_says() {
        let base = request().base(&PARAMETERS);
        let lines: Vec<&str> = base.split('\n').collect();
        assert_eq!(lines[0], "\"@method\": POST");
        assert_eq!(lines[1], "\"@authority\": rehome.example:8640");
        assert_eq!(lines[2], "\"@path\": /api/v1/backups");
        assert_eq!(lines[3], "\"@query\": ?a=1&b");
        assert_eq!(lines[4], "\"authorization\": Bearer abc");
        assert_eq!(lines[5], "\"content-digest\": sha-256=:AAAA:");
        assert_eq!(
            lines[6],
            "\"@signature-params\": (\"@method\" \"@authority\" \"@path\" \"@query\" \"authorization\" \"content-digest\");\
             created=1764000000;keyid=\"abababababababababababababababab\";nonce=\"070707070707070707070707\";tag=\"rehome-device-v1\""
        );
        assert_eq!(lines.len(), 7, "and no line break at the end");
    }

    #[test]
    fn an_absent_query_is_signed_as_an_empty_one() {
        let base = Covered { query: None, ..request() }.base(&PARAMETERS);
        assert!(base.contains("\"@query\": ?\n"), "{base}");
    }

    #[test]
    fn the_port_that_goes_without_saying_is_not_said() {
        for (host, said) in [
            ("Rehome.Example", "rehome.example"),
            ("rehome.example:443", "rehome.example"),
            ("rehome.example:80", "rehome.example"),
            ("rehome.example:8443", "rehome.example:8443"),
            ("[::1]:8640", "[::1]:8640"),
        ] {
            assert_eq!(authority(host), said);
        }
    }

    #[test]
    fn what_one_side_writes_the_other_reads() {
        let covered = request();
        for parameters in [PARAMETERS, IN_SESSION] {
            assert_eq!(covered.read(&covered.input(&parameters)), Ok(parameters));
        }
        assert!(covered.input(&IN_SESSION).contains(";keyid=\"scdcdcdcdcdcdcdcd\";nonce=\"17\";"));
        assert_eq!(read_signature_field(&signature_field("QUJD")), Ok("QUJD"));
    }

    #[test]
    fn a_field_that_covers_less_or_is_written_otherwise_is_refused() {
        let covered = request();
        let right = covered.input(&PARAMETERS);
        for (from, to) in [
            (" \"authorization\"", ""),
            (" \"content-digest\"", ""),
            ("\"@method\" \"@authority\"", "\"@authority\" \"@method\""),
            ("rehome-device-v1", "other"),
            (";tag", ";alg=\"ecdsa-p256-sha256\";tag"),
            ("rh1=", "rh1= "),
            ("rh1=", "sig1="),
            ("created=1764000000", "created=01764000000"),
            ("created=1764000000", "created=-1"),
            ("created=1764000000", "created=17640000000000000000000"),
            ("\"@path\"", "\"@path\";req"),
            ("abab", "ABAB"),
            ("\"abab", "\"sabab"),
        ] {
            let wrong = right.replacen(from, to, 1);
            assert_ne!(wrong, right, "{from} is not in it");
            // A negative time is well written; that it is not timely is another matter.
            let expected_malformed = to != "created=-1";
            assert_eq!(covered.read(&wrong).is_err(), expected_malformed, "{wrong}");
        }
        let session = covered.input(&IN_SESSION);
        for (from, to) in [("\"17\"", "\"017\""), ("\"17\"", "\"-1\""), ("\"17\"", "\"99999999999999999999\"")] {
            assert_eq!(covered.read(&session.replacen(from, to, 1)), Err(Malformed));
        }
        assert_eq!(covered.read(""), Err(Malformed));
        assert_eq!(read_signature_field("rh1=QUJD"), Err(Malformed));
    }

    #[test]
    fn a_signature_is_timely_for_five_minutes_both_ways() {
        let now = PARAMETERS.created;
        assert!(PARAMETERS.is_timely(now + 300) && PARAMETERS.is_timely(now - 300));
        assert!(!PARAMETERS.is_timely(now + 301) && !PARAMETERS.is_timely(now - 301));
        assert!(!Parameters { created: i64::MIN, ..PARAMETERS }.is_timely(i64::MAX));
    }

    proptest! {
        #[test]
        fn no_number_of_a_session_is_taken_twice_and_none_far_behind(counts in prop::collection::vec(0_u64..300, 1..200)) {
            let (mut window, mut taken) = (Window::default(), BTreeSet::new());
            for count in counts {
                let highest = taken.last().copied().unwrap_or(0);
                let expected = count > 0 && !taken.contains(&count) && count + Window::WIDTH > highest;
                prop_assert_eq!(window.take(count), expected, "{} after {:?}", count, taken);
                if expected {
                    taken.insert(count);
                }
            }
        }
    }
}
