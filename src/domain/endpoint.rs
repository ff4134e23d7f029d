//! Where a model's provider is, and where its key lies: what `config/models.json` may say of both.
//!
//! That file is pinned in the records, so that no secret may stand in it: a key is named by
//! reference, an address holds no password. What breaks this is refused without being repeated.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use url::Url;

/// A text that is no reference to a key. Does not repeat it: it may be the key itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "is no reference to a key: it must be env:NAME, file:PATH, aws-secretsmanager:ID or aws-ssm:NAME; \
     a key itself never stands in this file"
)]
pub struct KeyRefError;

/// Where a key lies.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum KeyRef {
    /// A variable of the runner's environment.
    Env(String),
    /// A file of the runner's machine; a relative path is below the organisation's folder.
    File(String),
    /// A secret of AWS Secrets Manager, by name or ARN.
    SecretsManager(String),
    /// A parameter of AWS Systems Manager.
    Ssm(String),
}

impl KeyRef {
    /// Reads a reference.
    ///
    /// # Errors
    /// It is none. The message does not repeat the text.
    pub fn parse(text: &str) -> Result<Self, KeyRefError> {
        let (kind, name) = text.split_once(':').ok_or(KeyRefError)?;
        let name = name.to_owned();
        let is_clean = !name.is_empty() && name.len() <= 2048 && !name.chars().any(char::is_control);
        let is_variable =
            || name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') && !name.as_bytes()[0].is_ascii_digit();
        match kind {
            "env" if is_clean && is_variable() => Ok(Self::Env(name)),
            "file" if is_clean => Ok(Self::File(name)),
            "aws-secretsmanager" if is_clean => Ok(Self::SecretsManager(name)),
            "aws-ssm" if is_clean => Ok(Self::Ssm(name)),
            _ => Err(KeyRefError),
        }
    }
}

impl fmt::Display for KeyRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "env:{name}"),
            Self::File(path) => write!(f, "file:{path}"),
            Self::SecretsManager(id) => write!(f, "aws-secretsmanager:{id}"),
            Self::Ssm(name) => write!(f, "aws-ssm:{name}"),
        }
    }
}

impl TryFrom<String> for KeyRef {
    type Error = KeyRefError;
    fn try_from(text: String) -> Result<Self, KeyRefError> {
        Self::parse(&text)
    }
}

impl From<KeyRef> for String {
    fn from(key: KeyRef) -> Self {
        key.to_string()
    }
}

impl JsonSchema for KeyRef {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "KeyRef".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        // No pattern: what does not match a pattern is repeated in the message, and may be a key.
        json_schema!({
            "type": "string",
            "description": "Where the key lies: env:NAME, file:PATH, aws-secretsmanager:ID or aws-ssm:NAME.",
        })
    }
}

/// A text that is no address of a provider. Does not repeat it: it may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "is no address of a provider: it must be an http or https URL, without user, password, fragment or query \
     (but for api-version); a key is named in `key`"
)]
pub struct BaseUrlError;

/// The address of a provider. Ends in a slash.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BaseUrl(Url);

impl BaseUrl {
    /// Reads an address.
    ///
    /// # Errors
    /// It is none, or holds what must not stand there. The message does not repeat the text.
    pub fn parse(text: &str) -> Result<Self, BaseUrlError> {
        let mut url = Url::parse(text).map_err(|_| BaseUrlError)?;
        let is_plain = matches!(url.scheme(), "http" | "https")
            && url.host().is_some()
            && url.username().is_empty()
            && url.password().is_none()
            && url.fragment().is_none()
            && url.query_pairs().all(|(name, _)| name == "api-version");
        if !is_plain {
            return Err(BaseUrlError);
        }
        if !url.path().ends_with('/') {
            let path = format!("{}/", url.path());
            url.set_path(&path);
        }
        Ok(Self(url))
    }

    /// The address.
    #[must_use]
    pub fn as_url(&self) -> &Url {
        &self.0
    }

    /// Says whether the provider is on this machine.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        match self.0.host() {
            Some(url::Host::Domain(name)) => name == "localhost",
            Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
            Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
            None => false,
        }
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str())
    }
}

impl TryFrom<String> for BaseUrl {
    type Error = BaseUrlError;
    fn try_from(text: String) -> Result<Self, BaseUrlError> {
        Self::parse(&text)
    }
}

impl From<BaseUrl> for String {
    fn from(url: BaseUrl) -> Self {
        url.0.into()
    }
}

impl JsonSchema for BaseUrl {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "BaseUrl".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "The provider's address, such as http://localhost:11434; absent: the provider's own.",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_to_a_key_is_read_and_written_back() {
        for text in
            ["env:OPENAI_API_KEY", "file:/run/secrets/key", "aws-secretsmanager:arn:aws:x:1", "aws-ssm:/lemming/key"]
        {
            assert_eq!(KeyRef::parse(text).expect("reference").to_string(), text);
        }
    }

    #[test]
    fn what_may_be_a_key_itself_is_refused_and_not_repeated() {
        for text in ["sk-proj-123", "env:", "env:sk-proj-123", "env:1A", "file:", "vault:x", "aws-ssm:a\nb", ""] {
            let error = KeyRef::parse(text).expect_err(text);
            assert!(!error.to_string().contains("123"), "{error}");
        }
        let json = serde_json::from_str::<KeyRef>("\"sk-proj-123\"").expect_err("key");
        assert!(!json.to_string().contains("123"), "{json}");
    }

    #[test]
    fn an_address_ends_in_a_slash_and_may_name_its_version() {
        for (text, shown) in [
            ("http://localhost:11434", "http://localhost:11434/"),
            ("https://x.example/v1", "https://x.example/v1/"),
            ("https://x.example/openai/?api-version=1", "https://x.example/openai/?api-version=1"),
        ] {
            assert_eq!(BaseUrl::parse(text).expect(text).to_string(), shown);
        }
        assert!(BaseUrl::parse("http://127.0.0.1:1").is_ok_and(|url| url.is_loopback()));
        assert!(!BaseUrl::parse("http://10.0.0.1:1").expect("url").is_loopback());
    }

    #[test]
    fn an_address_with_a_secret_in_it_is_refused_and_not_repeated() {
        for text in
            ["https://u:hunter2@x/v1", "https://hunter2@x/", "https://x/?key=hunter2", "https://x/#hunter2", "x"]
        {
            let error = BaseUrl::parse(text).expect_err(text);
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
    }
}
