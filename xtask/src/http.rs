//! Just enough HTTP/1.1 to ask a server whether it is there and to set a bench up: one request on one connection, to a server of our own on the loopback.

use std::io::{Read, Write};
use std::net::TcpStream;

use anyhow::{Context, bail};

/// An answer.
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The head, as text.
    head: String,
    /// The body, as text.
    pub body: String,
}

impl Answer {
    /// The cookies that it sets, as the next request sends them.
    pub fn cookies(&self) -> String {
        let set = self.head.lines().filter_map(|line| line.split_once(':'));
        let set = set.filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie"));
        let pairs = set.map(|(_, value)| value.trim().split(';').next().unwrap_or_default().to_owned());
        pairs.collect::<Vec<_>>().join("; ")
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
    }
}

/// A request with further header fields.
pub fn get(listen: &str, path: &str, fields: &[(String, String)]) -> anyhow::Result<Answer> {
    exchange(listen, &format!("GET {path} HTTP/1.1\r\nhost: {listen}\r\n{}connection: close\r\n\r\n", lines(fields)))
}

/// A request with a body and further header fields.
pub fn post(listen: &str, path: &str, (fields, body): (&[(String, String)], &str)) -> anyhow::Result<Answer> {
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: {listen}\r\n{}content-length: {}\r\nconnection: close\r\n\r\n",
        lines(fields),
        body.len()
    );
    exchange(listen, &(head + body))
}

/// Fields as they stand in a head.
pub fn lines(fields: &[(String, String)]) -> String {
    fields.iter().flat_map(|(name, value)| [name.as_str(), ": ", value, "\r\n"]).collect()
}

fn exchange(listen: &str, request: &str) -> anyhow::Result<Answer> {
    let mut stream = TcpStream::connect(listen).context("could not reach the server")?;
    stream.write_all(request.as_bytes()).context("could not send a request")?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).context("could not read an answer")?;
    parse(&String::from_utf8_lossy(&bytes))
}

fn parse(text: &str) -> anyhow::Result<Answer> {
    let Some((head, body)) = text.split_once("\r\n\r\n") else { bail!("the answer has no end of its head") };
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).context("the answer has no status")?;
    Ok(Answer { status, head: head.to_owned(), body: body.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn an_answer_is_taken_apart() {
        let answer = parse("HTTP/1.1 201 Created\r\nETag: \"1.ab\"\r\n\r\n{}").unwrap();
        assert_eq!((answer.status, answer.header("etag"), answer.body.as_str()), (201, Some("\"1.ab\""), "{}"));
        let answer = parse("HTTP/1.1 200 OK\r\nSet-Cookie: a=1; HttpOnly\r\nset-cookie: b=2\r\n\r\n").unwrap();
        assert_eq!(answer.cookies(), "a=1; b=2");
        assert!(parse("garbage").is_err());
    }
}
