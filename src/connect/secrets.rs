//! Secrets of servers and endpoints: found by their references when a call is made, and cut out of all that comes back.

use serde_json::{Map, Value};

use crate::config::Environment;
use crate::provider::secret::Secret;

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
        self.0.push(secret);
        Ok(value)
    }

    /// A text without them, whether they stand there as they are or as JSON writes them.
    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, secret| {
            let text = secret.redact(&text);
            let escaped = Value::from(secret.expose()).to_string();
            let escaped = escaped.trim_matches('"');
            if escaped == secret.expose() { text } else { Secret::new(escaped).redact(&text) }
        })
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

/// What stands before a reference to a secret, and the reference; `None`: the text is none.
#[must_use]
pub fn reference(text: &str) -> Option<(&str, &str)> {
    const BEARER: &str = "Bearer ";
    let text = text.trim();
    let (before, rest) = match text.strip_prefix(BEARER) {
        Some(rest) => (BEARER, rest.trim_start()),
        None => ("", text),
    };
    rest.starts_with("env:").then_some((before, rest))
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
            ("Basic env:KEY", Ok("Basic env:KEY")),
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
}
