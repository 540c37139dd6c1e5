//! Signature of a request, as AWS Signature Version 4 has it ("Authenticating Requests: Using the Authorization Header", Amazon S3 API reference).

use std::fmt::Write;

use model::world::Moment;
use ring::{digest, hmac};

use super::client::Credentials;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// A request before it is signed. Path and query are escaped already; headers are lower-case and sorted.
pub(super) struct Request<'a> {
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    /// Pairs joined by `&`, sorted by name.
    pub(super) query: &'a str,
    pub(super) headers: &'a [(&'a str, &'a str)],
    /// SHA-256 of the body, in hex.
    pub(super) body_hash: &'a str,
}

/// SHA-256 in hex.
pub(super) fn hash(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

/// The moment as AWS writes it: `20130524T000000Z`.
pub(super) fn stamp(at: Moment) -> String {
    let seconds = at.0.div_euclid(1000);
    let (day, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = date(day);
    format!("{year:04}{month:02}{day:02}T{:02}{:02}{:02}Z", second / 3600, second / 60 % 60, second % 60)
}

/// Year, month and day of a day counted from 1970-01-01 in the Gregorian calendar. Eras of 400 years are all of 146,097 days, and in a year that begins in
/// March the lengths of the months follow a line.
fn date(day: i64) -> (i64, i64, i64) {
    let from_march_0 = day + 719_468;
    let (era, day) = (from_march_0.div_euclid(146_097), from_march_0.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let (date, month_of_year) = (day - (153 * month + 2) / 5 + 1, if month < 10 { month + 3 } else { month - 9 });
    (year + era * 400 + i64::from(month_of_year <= 2), month_of_year, date)
}

/// The value of the header `authorization`.
pub(super) fn authorization(request: &Request<'_>, credentials: &Credentials, region: &str, stamp: &str) -> String {
    let mut canonical = format!("{}\n{}\n{}\n", request.method, request.path, request.query);
    for (name, value) in request.headers {
        canonical.push_str(name);
        canonical.push(':');
        canonical.push_str(value.trim());
        canonical.push('\n');
    }
    let names: Vec<&str> = request.headers.iter().map(|(name, _)| *name).collect();
    let names = names.join(";");
    let _infallible = write!(canonical, "\n{names}\n{}", request.body_hash);
    let day = &stamp[..8];
    let scope = format!("{day}/{region}/s3/aws4_request");
    let to_sign = format!("{ALGORITHM}\n{stamp}\n{scope}\n{}", hash(canonical.as_bytes()));
    let first = zeroize::Zeroizing::new(format!("AWS4{}", credentials.secret.as_str()));
    let mut key = hmac::Key::new(hmac::HMAC_SHA256, first.as_bytes());
    for word in [day, region, "s3", "aws4_request"] {
        key = hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&key, word.as_bytes()).as_ref());
    }
    let signature = hex(hmac::sign(&key, to_sign.as_bytes()).as_ref());
    format!("{ALGORITHM} Credential={}/{scope},SignedHeaders={names},Signature={signature}", credentials.id)
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _infallible = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAMP: &str = "20130524T000000Z";
    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn signature(method: &str, path: &str, query: &str, more: &[(&str, &str)]) -> String {
        let credentials = Credentials {
            id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
            secret: zeroize::Zeroizing::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned()),
            token: None,
        };
        let mut headers = vec![("host", "examplebucket.s3.amazonaws.com")];
        headers.extend(more);
        headers.extend([("x-amz-content-sha256", EMPTY), ("x-amz-date", STAMP)]);
        let request = Request { method, path, query, headers: &headers, body_hash: EMPTY };
        let text = authorization(&request, &credentials, "us-east-1", STAMP);
        text.rsplit('=').next().unwrap().to_owned()
    }

    /// The examples of the API reference ("Examples: Signature Calculations").
    #[test]
    fn amazons_own_examples_come_out() {
        assert_eq!(
            signature("GET", "/test.txt", "", &[("range", "bytes=0-9")]),
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
        );
        assert_eq!(
            signature("GET", "/", "max-keys=2&prefix=J", &[]),
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"
        );
    }

    #[test]
    fn moments_are_written_as_amazon_does() {
        assert_eq!(stamp(Moment(1_369_353_600_000)), STAMP);
        assert_eq!(stamp(Moment(951_782_399_999)), "20000228T235959Z");
        assert_eq!(stamp(Moment(951_782_400_000)), "20000229T000000Z");
        assert_eq!(stamp(Moment(0)), "19700101T000000Z");
        assert_eq!(stamp(Moment(-1)), "19691231T235959Z");
        assert_eq!(stamp(Moment(1_798_761_599_000)), "20261231T235959Z");
    }
}
