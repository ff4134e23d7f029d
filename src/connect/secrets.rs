//! Secrets of servers and endpoints: found by their references when a call is made, and cut out of all that comes back.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use serde_json::{Map, Value};
use url::{Host, Url, form_urlencoded};

use crate::config::Environment;
use crate::provider::secret::Secret;

/// The shortest form of a secret that is cut out, beside the secret itself: shorter ones stand in texts by chance.
const MIN_FORM_BYTES: usize = 8;

/// The secrets of one call.
#[derive(Debug, Clone, Default)]
pub struct Secrets(Vec<Secret>);

impl Secrets {
    /// The value that a text of `config/tools.json` stands for: what `env:NAME` or `Bearer env:NAME` refers to, or itself.
    ///
    /// # Errors
    /// The variable is not set.
    pub fn resolve(&mut self, text: &str, environment: &Environment) -> Result<String, String> {
        let Some((before, reference)) = reference(text) else { return Ok(text.to_owned()) };
        let secret = Secret::new(environment.secret(reference)?);
        let value = format!("{before}{}", secret.expose());
        self.hold(secret);
        Ok(value)
    }

    /// Keeps a secret, with the forms that it may come back in.
    pub fn hold(&mut self, secret: Secret) {
        let forms = forms(secret.expose());
        self.0.push(secret);
        self.0.extend(forms.into_iter().filter(|form| form.len() >= MIN_FORM_BYTES).map(Secret::new));
    }

    /// A text without them, whether they stand there as they are, as JSON or an address writes them, or in base64.
    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, secret| secret.redact(&text))
    }

    /// A document without them.
    #[must_use]
    pub fn redact_all(&self, value: Value) -> Value {
        if self.0.is_empty() {
            return value;
        }
        match value {
            Value::String(text) => Value::String(self.redact(&text)),
            Value::Array(items) => items.into_iter().map(|item| self.redact_all(item)).collect(),
            Value::Object(fields) => {
                let field = |(name, value): (String, Value)| (self.redact(&name), self.redact_all(value));
                Value::Object(fields.into_iter().map(field).collect::<Map<_, _>>())
            }
            other => other,
        }
    }
}

/// Says whether a secret may be sent to this address: encrypted, or to this machine.
#[must_use]
pub fn may_travel_to(url: &Url) -> bool {
    let is_here = match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    url.scheme() == "https" || is_here
}

/// What stands before a reference to a secret, a word such as `Bearer`, and the reference; `None`: the text is none.
#[must_use]
pub fn reference(text: &str) -> Option<(&str, &str)> {
    let text = text.trim();
    let at = match text.starts_with("env:") {
        true => 0,
        false => text.find(" env:")? + 1,
    };
    let (before, reference) = text.split_at(at);
    let is_word = before.trim_end().bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    is_word.then_some((before, reference))
}

/// How else a secret is written: escaped as JSON, percent-encoded, and in base64, wherever in a longer text it stands.
fn forms(secret: &str) -> BTreeSet<String> {
    let json = Value::from(secret).to_string();
    let mut forms = BTreeSet::from([json[1..json.len() - 1].to_owned()]);
    forms.insert(form_urlencoded::byte_serialize(secret.as_bytes()).collect());
    let percent = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    forms.insert(secret.bytes().map(percent).collect());
    for (before, touched) in [(0, 0), (1, 2), (2, 3)] {
        let bytes: Vec<u8> = std::iter::repeat_n(0, before).chain(secret.bytes()).collect();
        // The last sign holds bits of what follows, if the secret does not end with it.
        let whole = bytes.len() * 8 / 6;
        for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
            forms.extend(engine.encode(&bytes).get(touched..whole).map(str::to_owned));
        }
    }
    forms.remove(secret);
    forms
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn environment() -> Environment {
        let vars = [("KEY", "s3cr\"et-value"), ("SHORT", "ab")];
        Environment::new(["lemming"], vars.map(|(name, value)| (name.to_owned(), value.to_owned())))
    }

    #[test]
    fn references_are_looked_up_and_other_texts_stand_for_themselves() {
        let mut secrets = Secrets::default();
        for (text, value) in [
            ("env:KEY", Ok("s3cr\"et-value")),
            ("Bearer env:KEY", Ok("Bearer s3cr\"et-value")),
            ("application/json", Ok("application/json")),
            ("Basic env:KEY", Ok("Basic s3cr\"et-value")),
            ("not a word env:KEY", Ok("not a word env:KEY")),
            ("env:MISSING", Err("the environment variable MISSING is not set")),
            ("env:", Err("must be env:NAME, the name of an environment variable")),
        ] {
            let resolved = secrets.resolve(text, &environment());
            assert_eq!(resolved.as_deref().map_err(String::as_str), value, "{text}");
        }
    }

    #[test]
    fn a_secret_is_cut_out_wherever_it_stands() {
        let mut secrets = Secrets::default();
        secrets.resolve("Bearer env:KEY", &environment()).expect("a key");
        let nested =
            json!({"a": [{"s3cr\"et-value": "x s3cr\"et-value y"}], "text": "{\"k\":\"s3cr\\\"et-value\"}", "n": 1});
        let clean = secrets.redact_all(nested);
        assert!(!clean.to_string().contains("et-value"), "{clean}");
        assert_eq!(clean["n"], 1);
    }

    #[test]
    fn a_secret_is_cut_out_in_every_form_that_a_server_may_repeat_it_in() {
        let mut secrets = Secrets::default();
        secrets.resolve("Bearer env:KEY", &environment()).expect("a key");
        let secret = "s3cr\"et-value";
        for before in ["", "u", "us", "user:", "Bearer "] {
            for after in ["", "x", "xy", "xyz"] {
                let whole = format!("{before}{secret}{after}");
                for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
                    let clean = secrets.redact(&engine.encode(&whole));
                    assert!(clean.contains("[redacted]") && clean.len() < 24 + before.len() + after.len(), "{clean}");
                }
            }
        }
        for text in ["?key=s3cr%22et-value&x", "s3cr\\\"et-value"] {
            assert!(!secrets.redact(text).contains("et-value"), "{text}");
        }
        assert_eq!(secrets.redact("nothing of it: s3cr"), "nothing of it: s3cr");
    }
}
