//! The headers of an own tool: texts, and references to secrets, which are read when a call is made.

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use super::{Found, Problem};
use crate::config::Environment;
use crate::connect::secrets::Secrets;
use crate::domain::toolbox::HttpCall;
use crate::provider::secret::Secret;
use crate::tool::ToolError;

/// Headers that say how a request is sent: they are ours to set.
const OURS: [&str; 10] = [
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "accept-encoding",
    "upgrade",
    "te",
    "trailer",
    "expect",
    "proxy-authorization",
];

/// Words of names whose values are secrets.
const SECRETS: [&str; 8] = ["authorization", "cookie", "token", "secret", "password", "key", "apikey", "sig"];

/// What a header is sent with.
#[derive(Debug)]
enum Text {
    Plain(HeaderValue),
    /// A secret, behind a word such as `Bearer`.
    Secret {
        before: String,
        reference: String,
    },
}

/// Headers, by name.
#[derive(Debug, Default)]
pub(super) struct Headers(Vec<Header>);

#[derive(Debug)]
struct Header {
    /// As the file writes it.
    written: String,
    name: HeaderName,
    text: Text,
}

impl Headers {
    /// Reads headers. What is wrong with them is in `found`, without their values: those may be secrets.
    pub(super) fn new(call: &HttpCall, found: &mut Found) -> Self {
        let mut headers = Vec::new();
        for (name, text) in &call.headers {
            let at = format!("/http/headers/{}", name.replace('~', "~0").replace('/', "~1"));
            let Ok(header) = HeaderName::try_from(name) else {
                found.add(Problem::error("bad_header", at).says("is no name of a header", "such as Authorization"));
                continue;
            };
            if OURS.contains(&header.as_str()) {
                let problem = Problem::error("bad_header", at);
                found.add(problem.says("says how a request is sent, which no tool can", "leave it out"));
                continue;
            }
            if headers.iter().any(|other: &Header| other.name == header) {
                let problem = Problem::error("bad_header", at);
                found.add(problem.says("is there twice, in other letters", "name each header once"));
                continue;
            }
            let expected = "must be a text, or a reference to a secret: `env:NAME` or `Bearer env:NAME`";
            match reference(text) {
                Some(Ok((before, reference))) => {
                    let text = Text::Secret { before: before.to_owned(), reference: reference.to_owned() };
                    headers.push(Header { written: name.clone(), name: header, text });
                }
                Some(Err(())) => {
                    let problem = Problem::error("bad_key_reference", at);
                    found.add(problem.says("has a reference that names no environment variable", expected));
                }
                None if is_secret(header.as_str()) => {
                    let problem = Problem::error("secret_in_file", at);
                    let message = "seems to hold a secret: this file is kept in the records of every tick";
                    let expected =
                        "name it by reference, `env:NAME` or `Bearer env:NAME`, and change the one that stood here";
                    found.add(problem.says(message, expected));
                }
                None => match HeaderValue::from_str(text) {
                    Ok(value) => {
                        if text.contains('{') {
                            let problem = Problem::warning("no_effect", &at);
                            let expected = "arguments have their places in the address alone";
                            found.add(problem.says("is sent as it stands, braces included", expected));
                        }
                        headers.push(Header { written: name.clone(), name: header, text: Text::Plain(value) });
                    }
                    Err(_) => found.add(Problem::error("bad_header", at).says("holds what no header can", expected)),
                },
            }
        }
        Self(headers)
    }

    /// Says whether there is a header of this name.
    pub(super) fn has(&self, name: &HeaderName) -> bool {
        self.0.iter().any(|header| header.name == *name)
    }

    /// The references to secrets, by the names of their headers as the file writes them.
    pub(super) fn references(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().filter_map(|header| match &header.text {
            Text::Secret { reference, .. } => Some((header.written.as_str(), reference.as_str())),
            Text::Plain(_) => None,
        })
    }

    /// The headers as they are sent, and the secrets in them.
    pub(super) fn resolve(&self, environment: &Environment) -> Result<(HeaderMap, Secrets), ToolError> {
        let (mut headers, mut secrets) = (HeaderMap::new(), Secrets::default());
        for Header { name, text, .. } in &self.0 {
            let value = match text {
                Text::Plain(value) => value.clone(),
                Text::Secret { before, reference } => {
                    let wrong = |why: &str| ToolError(format!("config/tools.json, the header {name}: {why}"));
                    let secret = Secret::new(environment.secret(reference).map_err(|error| wrong(&error))?);
                    let text = format!("{before}{}", secret.expose());
                    let mut value = HeaderValue::from_str(&text).map_err(|_| wrong("no header can hold its secret"))?;
                    value.set_sensitive(true);
                    secrets.hold(secret);
                    value
                }
            };
            headers.insert(name.clone(), value);
        }
        Ok((headers, secrets))
    }
}

/// Says whether the values of such headers, or of such fields of a query, are secrets.
pub(in crate::connect) fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let mut words = name.split(['-', '_', '.']);
    words.any(|word| SECRETS.contains(&word)) && name != "idempotency-key"
}

/// The reference in the text of a header, with what stands before it; an error: it names no variable.
fn reference(text: &str) -> Option<Result<(&str, &str), ()>> {
    let at = match text.starts_with("env:") {
        true => 0,
        false => text.find(" env:")? + 1,
    };
    let (before, reference) = text.split_at(at);
    let name = reference.strip_prefix("env:").unwrap_or_default();
    let is_name = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let is_word = before.trim_end().bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    Some(if is_name && is_word { Ok((before, reference)) } else { Err(()) })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn headers(all: serde_json::Value) -> (Headers, Found) {
        let call = json!({"method": "GET", "url": "https://a.example", "headers": all});
        let mut found = Found::default();
        (Headers::new(&serde_json::from_value(call).expect("a call"), &mut found), found)
    }

    #[test]
    fn secrets_are_read_by_reference_and_nothing_shows_them() {
        let (headers, found) =
            headers(json!({"Authorization": "Bearer env:TOKEN", "X-Api-Key": "env:KEY", "Accept": "text/csv"}));
        assert_eq!(found.0, []);
        let vars = [("TOKEN", "hunter2-a"), ("KEY", "hunter2-b")].map(|(a, b)| (a.to_owned(), b.to_owned()));
        let (sent, secrets) = headers.resolve(&Environment::new([""], vars)).expect("headers");
        assert_eq!(sent["authorization"], "Bearer hunter2-a");
        assert!(sent["x-api-key"] == "hunter2-b" && sent["accept"] == "text/csv");
        assert_eq!(secrets.redact("hunter2-a hunter2-b"), "[redacted] [redacted]");
        assert!(!format!("{sent:?}{headers:?}{secrets:?}").contains("hunter2"));
        let unset = headers.resolve(&Environment::default()).expect_err("no secrets").0;
        assert!(
            unset.contains("config/tools.json, the header authorization: the environment variable TOKEN"),
            "{unset}"
        );
        let broken = Environment::new([""], [("TOKEN".to_owned(), "hunter2\nX: y".to_owned())]);
        let error = headers.resolve(&broken).expect_err("no header").0;
        assert!(!error.contains("hunter2"), "{error}");
    }

    #[test]
    fn what_is_no_header_or_holds_a_secret_is_named_and_not_repeated() {
        for (name, text, code) in [
            ("a b", "x", "bad_header"),
            ("Host", "x", "bad_header"),
            ("Content-Length", "1", "bad_header"),
            ("X-A", "a\r\nX-B: hunter2", "bad_header"),
            ("X-A", "env:hunter2-", "bad_key_reference"),
            ("X-A", "env:", "bad_key_reference"),
            ("X-A", "hunter2: env:X", "bad_key_reference"),
            ("Authorization", "Bearer hunter2", "secret_in_file"),
            ("X-Api-Key", "hunter2", "secret_in_file"),
            ("X-Auth-Token", "hunter2", "secret_in_file"),
            ("Cookie", "hunter2", "secret_in_file"),
            ("X-A", "{a}", "no_effect"),
        ] {
            let (_, found) = headers(json!({name: text}));
            assert_eq!(found.0.iter().map(|problem| problem.code).collect::<Vec<_>>(), [code], "{name}: {text}");
            assert!(!format!("{found:?}").contains("hunter2"), "{found:?}");
        }
        assert_eq!(headers(json!({"X-A": "1", "x-a": "2"})).1.0.len(), 1);
        assert_eq!(headers(json!({"Monkey": "banana"})).1.0, []);
    }
}
