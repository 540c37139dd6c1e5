//! The address of a bucket.

use std::path::PathBuf;

use crate::StoreError;

/// Where buckets are signed for unless the address says otherwise; stores of one's own take any.
const REGION: &str = "us-east-1";

/// Seconds that one exchange may take unless the address says otherwise: 16 MiB, the largest blob, over a line of 8 Mbit/s.
const TIMEOUT_SECONDS: u64 = 20;

/// The longest time that an address may give an exchange: somebody waits for it.
const TIMEOUT_SECONDS_MAX: u64 = 120;

/// A bucket, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    /// Without its secrets, which it never holds, and as it was given: for what people read.
    pub(super) shown: String,
    /// Scheme and host, without a final slash.
    pub(super) origin: String,
    /// The host as it is signed.
    pub(super) host: String,
    /// What paths begin with: `/BUCKET`, or nothing where the bucket is in the host.
    pub(super) path: String,
    /// What names begin with: nothing, or words that end in a slash.
    pub(super) prefix: String,
    pub(super) region: String,
    pub(super) credentials: Option<PathBuf>,
    pub(super) ca: Option<PathBuf>,
    pub(super) timeout: u64,
}

impl Address {
    pub(super) fn parse(address: &str) -> Result<Self, StoreError> {
        let bad = |why: &str| StoreError::Address { address: address.to_owned(), why: why.to_owned() };
        let rest = address.strip_prefix("s3://").ok_or_else(|| bad("it does not begin with `s3://`"))?;
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
        let in_bucket = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
        if !(3..=63).contains(&bucket.len()) || !bucket.chars().all(in_bucket) {
            return Err(bad("a bucket's name has 3 to 63 lower-case letters, digits, `-` and `.`"));
        }
        // Others would have to be escaped, and stores do not agree how.
        let in_prefix = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
        if !prefix.chars().all(in_prefix) || prefix.contains("//") || prefix.split('/').any(|word| word == "..") {
            return Err(bad("a prefix has letters, digits, `-`, `_`, `.` and `/`"));
        }
        let prefix = prefix.trim_end_matches('/');
        let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
        let mut parsed = Self {
            shown: format!("s3://{place}"),
            origin: String::new(),
            host: String::new(),
            path: format!("/{bucket}"),
            prefix,
            region: REGION.to_owned(),
            credentials: None,
            ca: None,
            timeout: TIMEOUT_SECONDS,
        };
        let mut endpoint = None;
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').ok_or_else(|| bad("what follows `?` are pairs `name=value`"))?;
            match name {
                "endpoint" => endpoint = Some(value.trim_end_matches('/')),
                "region" => value.clone_into(&mut parsed.region),
                "credentials-file" => parsed.credentials = Some(value.into()),
                "ca-file" => parsed.ca = Some(value.into()),
                "timeout" => {
                    let seconds = value.parse().ok().filter(|seconds| (1..=TIMEOUT_SECONDS_MAX).contains(seconds));
                    parsed.timeout = seconds.ok_or_else(|| bad("`timeout` is 1 to 120 seconds"))?;
                }
                other => return Err(bad(&format!("`{other}` is not known"))),
            }
        }
        if parsed.region.is_empty() || !parsed.region.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
            return Err(bad("a region has letters, digits and `-`"));
        }
        match endpoint {
            Some(endpoint) => {
                let host = endpoint.strip_prefix("https://").or_else(|| endpoint.strip_prefix("http://"));
                let is_host = |host: &&str| {
                    !host.is_empty()
                        && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte))
                };
                let host = host.filter(is_host).ok_or_else(|| bad("`endpoint` is a scheme and a host"))?;
                endpoint.clone_into(&mut parsed.origin);
                host.clone_into(&mut parsed.host);
            }
            // A dot in the bucket's name would not fit the certificate.
            None if bucket.contains('.') => {
                parsed.host = format!("s3.{}.amazonaws.com", parsed.region);
            }
            None => {
                parsed.host = format!("{bucket}.s3.{}.amazonaws.com", parsed.region);
                parsed.path = String::new();
            }
        }
        if parsed.origin.is_empty() {
            parsed.origin = format!("https://{}", parsed.host);
        }
        Ok(parsed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_where_the_bucket_is() {
        let own = Address::parse("s3://rehome/a/b/?endpoint=http://127.0.0.1:8333/&region=eu-1&timeout=3").unwrap();
        assert_eq!((own.origin.as_str(), own.host.as_str()), ("http://127.0.0.1:8333", "127.0.0.1:8333"));
        assert_eq!((own.path.as_str(), own.prefix.as_str()), ("/rehome", "a/b/"));
        assert_eq!((own.region.as_str(), own.timeout), ("eu-1", 3));
        let amazon = Address::parse("s3://my-rehome?region=eu-central-1").unwrap();
        assert_eq!(amazon.origin, "https://my-rehome.s3.eu-central-1.amazonaws.com");
        assert_eq!((amazon.path.as_str(), amazon.prefix.as_str()), ("", ""));
        let dotted = Address::parse("s3://my.rehome/x").unwrap();
        assert_eq!((dotted.host.as_str(), dotted.path.as_str()), ("s3.us-east-1.amazonaws.com", "/my.rehome"));
    }

    #[test]
    fn an_address_that_cannot_be_meant_is_refused_and_says_why() {
        for (address, word) in [
            ("http://rehome", "s3://"),
            ("s3://", "3 to 63"),
            ("s3://Rehome", "lower-case"),
            ("s3://rehome/a b", "prefix"),
            ("s3://rehome/../x", "prefix"),
            ("s3://rehome?endpoint=127.0.0.1", "scheme"),
            ("s3://rehome?endpoint=http://a/b", "scheme"),
            ("s3://rehome?endpoit=http://a", "endpoit"),
            ("s3://rehome?timeout=0", "timeout"),
            ("s3://rehome?region=a/b", "region"),
        ] {
            let error = Address::parse(address).unwrap_err().to_string();
            assert!(error.contains(word), "{address}: {error}");
        }
    }
}
