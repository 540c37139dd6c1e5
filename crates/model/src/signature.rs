//! Signed requests: what a device signs, and what a server reads of it (RFC 9421, HTTP Message Signatures).
//!
//! A stolen token is worth nothing without the device's own key, so each request of a device is signed. RFC 9421 lets both sides choose much;
//! this profile, `rh1`, chooses once: one label, one order of the components, one algorithm that comes from the key and is never named on the
//! wire. A reader therefore does not interpret what a peer sends: it takes the four parameters, writes the field again as it must be, and
//! compares. Whatever differs, by a blank or by a component, is refused.
//!
//! `@target-uri` and `@scheme` are not covered, because a proxy in front of the server changes them. Nothing here computes a hash or a
//! signature: `seal::device_key` does.

use std::fmt::Write as _;

use crate::ids::{DeviceId, to_hex};

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

/// Bytes of a nonce.
pub const NONCE_LEN: usize = 16;

/// The name of this profile in the signature's parameters, so that a signature made for something else is never one for us.
const TAG: &str = "rehome-device-v1";

/// The signature's label.
const LABEL: &str = "rh1";

/// What a signature covers of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Covered<'a> {
    /// The method, in capitals.
    pub method: &'a str,
    /// Host and, if it is not the scheme's own, port: what the `Host` header says. Compared in lower case.
    pub authority: &'a str,
    /// The path, beginning with a slash, as it stands in the request.
    pub path: &'a str,
    /// The query without its question mark.
    pub query: Option<&'a str>,
    /// The `authorization` field.
    pub authorization: &'a str,
    /// The `content-digest` field; every request with a body has one.
    pub digest: Option<&'a str>,
}

/// The parameters of one signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// When it was made, in seconds since 1970 by the device's clock.
    pub created: i64,
    /// Whose key made it.
    pub device: DeviceId,
    /// Never used twice.
    pub nonce: [u8; NONCE_LEN],
}

/// Why a request's signature is none of this profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signature is not one of profile {LABEL}")]
pub struct Malformed;

impl Covered<'_> {
    /// The bytes that are signed (RFC 9421, 2.5).
    pub fn base(&self, parameters: &Parameters) -> String {
        let mut base = String::with_capacity(512);
        let mut line = |name: &str, value: &str| {
            let _ = writeln!(base, "\"{name}\": {value}");
        };
        line("@method", self.method);
        line("@authority", &self.authority.to_ascii_lowercase());
        line("@path", self.path);
        // An absent query is signed as an empty one (RFC 9421, 2.2.7).
        line("@query", &format!("?{}", self.query.unwrap_or_default()));
        line("authorization", self.authorization.trim());
        if let Some(digest) = self.digest {
            line(DIGEST_HEADER, digest.trim());
        }
        let _ = write!(base, "\"@signature-params\": {}", self.written(parameters));
        base
    }

    /// The value of the `signature-input` header.
    pub fn input(&self, parameters: &Parameters) -> String {
        format!("{LABEL}={}", self.written(parameters))
    }

    fn written(&self, parameters: &Parameters) -> String {
        let digest = if self.digest.is_some() { " \"content-digest\"" } else { "" };
        format!(
            "(\"@method\" \"@authority\" \"@path\" \"@query\" \"authorization\"{digest});created={};keyid=\"{}\";nonce=\"{}\";tag=\"{TAG}\"",
            parameters.created,
            parameters.device,
            to_hex(&parameters.nonce),
        )
    }

    /// Reads the parameters of a `signature-input` header, and insists that it covers exactly what it must.
    pub fn read(&self, input: &str) -> Result<Parameters, Malformed> {
        let parameters = Parameters {
            created: parameter(input, ";created=", ";")?.parse().map_err(|_| Malformed)?,
            device: parameter(input, ";keyid=\"", "\"")?.parse().map_err(|_| Malformed)?,
            nonce: crate::ids::from_hex(parameter(input, ";nonce=\"", "\"")?).ok_or(Malformed)?,
        };
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
    format!("{LABEL}=:{signature}:")
}

/// The base64 text of a `signature` header.
pub fn read_signature_field(field: &str) -> Result<&str, Malformed> {
    let rest = field.strip_prefix(LABEL).and_then(|rest| rest.strip_prefix("=:"));
    rest.and_then(|rest| rest.strip_suffix(':')).ok_or(Malformed)
}

/// What stands between `before` and the next `after`.
fn parameter<'a>(input: &'a str, before: &str, after: &str) -> Result<&'a str, Malformed> {
    let (_, rest) = input.split_once(before).ok_or(Malformed)?;
    rest.split_once(after).map(|(value, _)| value).ok_or(Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARAMETERS: Parameters =
        Parameters { created: 1_764_000_000, device: DeviceId([0xAB; DeviceId::LEN]), nonce: [7; NONCE_LEN] };

    fn request() -> Covered<'static> {
        Covered {
            method: "POST",
            authority: "Rehome.example:8640",
            path: "/api/v1/backups",
            query: Some("a=1&b"),
            authorization: "Bearer abc",
            digest: Some("sha-256=:AAAA:"),
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
        assert!(lines[6].starts_with("\"@signature-params\": (\"@method\" \"@authority\""), "{}", lines[6]);
        assert_eq!(lines.len(), 7, "and no line break at the end");
    }

    #[test]
    fn an_absent_query_is_signed_as_an_empty_one() {
        let base = Covered { query: None, ..request() }.base(&PARAMETERS);
        assert!(base.contains("\"@query\": ?\n"), "{base}");
    }

    #[test]
    fn what_one_side_writes_the_other_reads() {
        let covered = request();
        assert_eq!(covered.read(&covered.input(&PARAMETERS)), Ok(PARAMETERS));
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
        ] {
            let wrong = right.replacen(from, to, 1);
            assert_ne!(wrong, right, "{from} is not in it");
            // A negative time is well written; that it is not timely is another matter.
            let expected_malformed = to != "created=-1";
            assert_eq!(covered.read(&wrong).is_err(), expected_malformed, "{wrong}");
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
}
