//! A span, as it is noted and as OTLP writes it.

use axum::http::HeaderMap;
use model::world::{Moment, Random};
use serde_json::{Value, json};

/// The trace that a request belongs to, as its asker says, or a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Parent {
    trace: [u8; 16],
    span: Option<[u8; 8]>,
}

impl Parent {
    /// `None`: the asker says that it is not recorded.
    pub(crate) fn of(headers: &HeaderMap, random: &dyn Random) -> Option<Self> {
        let given = headers.get("traceparent").and_then(|value| value.to_str().ok()).and_then(parse);
        if let Some((parent, sampled)) = given {
            return sampled.then_some(parent);
        }
        let mut trace = [0; 16];
        random.fill(&mut trace);
        Some(Self { trace, span: None })
    }
}

/// `00-TRACE-SPAN-FLAGS` of hexadecimal digits in lower case; a later version may have more behind it. All zeros are invalid.
fn parse(text: &str) -> Option<(Parent, bool)> {
    let mut parts = text.split('-');
    let (version, trace) = (bytes::<1>(parts.next()?)?, bytes::<16>(parts.next()?)?);
    let (span, flags) = (bytes::<8>(parts.next()?)?, bytes::<1>(parts.next()?)?);
    let whole = match version[0] {
        0 => parts.next().is_none(),
        0xff => false,
        _ => true,
    };
    let known = whole && trace != [0; 16] && span != [0; 8];
    known.then_some((Parent { trace, span: Some(span) }, flags[0] & 1 == 1))
}

fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != 2 * N || !text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    let mut bytes = [0; N];
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * index..2 * index + 2)?, 16).ok()?;
    }
    Some(bytes)
}

/// A request that was answered.
pub(crate) struct Span {
    pub(crate) parent: Parent,
    pub(crate) id: [u8; 8],
    pub(crate) method: String,
    pub(crate) route: Option<String>,
    pub(crate) status: u16,
    pub(crate) code: Option<String>,
    pub(crate) request_id: Option<String>,
    pub(crate) start: Moment,
    pub(crate) seconds: f64,
}

/// A request that the server got (`SpanKind`), and an answer that failed (`StatusCode`) in OTLP.
const SERVER: u8 = 2;
const ERROR: u8 = 2;

impl Span {
    /// In OTLP's JSON: ids in hexadecimal, numbers of 64 bits as text; attributes as OpenTelemetry names them for HTTP.
    pub(super) fn json(&self) -> Value {
        let nanos = i128::from(self.start.0) * 1_000_000;
        let took = std::time::Duration::from_secs_f64(self.seconds.clamp(0.0, 86_400.0)).as_nanos();
        let end = nanos + i128::try_from(took).unwrap_or_default();
        let text = |key: &str, value: &str| json!({ "key": key, "value": { "stringValue": value } });
        let status = self.status.to_string();
        let mut attributes = vec![
            text("http.request.method", &self.method),
            json!({ "key": "http.response.status_code", "value": { "intValue": status } }),
        ];
        for (key, value) in
            [("http.route", &self.route), ("error.type", &self.code), ("rehome.request_id", &self.request_id)]
        {
            attributes.extend(value.as_ref().map(|value| text(key, value)));
        }
        let name = self.route.as_ref().map_or_else(|| self.method.clone(), |route| format!("{} {route}", self.method));
        let failed = if self.status >= 500 { json!({ "code": ERROR }) } else { json!({}) };
        let mut span = json!({
            "traceId": model::ids::to_hex(&self.parent.trace),
            "spanId": model::ids::to_hex(&self.id),
            "name": name,
            "kind": SERVER,
            "startTimeUnixNano": nanos.to_string(),
            "endTimeUnixNano": end.to_string(),
            "attributes": attributes,
            "status": failed,
        });
        if let Some(parent) = self.parent.span {
            span["parentSpanId"] = model::ids::to_hex(&parent).into();
        }
        span
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_traceparent_is_taken_as_it_is_written_or_not_at_all() {
        let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let (parent, sampled) = parse(good).unwrap();
        assert_eq!((model::ids::to_hex(&parent.trace), sampled), ("0af7651916cd43dd8448eb211c80319c".to_owned(), true));
        assert!(!parse(&good.replace("-01", "-00")).unwrap().1);
        assert!(parse(&format!("{}-more", good.replacen("00-", "01-", 1))).is_some(), "a later version");
        for wrong in [
            "",
            "00",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            "00-\u{e4}f7651916cd43dd8448eb211c80319-b7ad6b7169203331-01",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
