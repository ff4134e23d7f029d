//! API keys: what `config/keys.json` holds of each, which is never the key itself.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::ids::Sha;
use super::name::KeyName;
use super::time::Timestamp;

/// What a key lets its holder do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// See everything that is to be seen.
    Read,
    /// Send messages, which costs what their readers think about them.
    Send,
    /// Give commands: top-ups, pauses, edits.
    Control,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 3] = [Self::Read, Self::Send, Self::Control];

    /// The scope as it stands in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Send => "send",
            Self::Control => "control",
        }
    }

    /// Reads a scope as it stands in JSON.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == text)
    }
}

/// One key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ApiKey {
    /// The SHA-256 of the key, in 64 hexadecimal digits. Keys are 256 random bits: no salt and no slow hash would add to that.
    #[schemars(with = "String", regex(pattern = "^[0-9a-f]{64}$"))]
    pub sha256: Sha,
    /// What it lets its holder do.
    pub scopes: Vec<Scope>,
    /// When it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub created_at: Option<Timestamp>,
    /// Fields that this version does not know: kept and reported.
    #[serde(flatten)]
    #[schemars(skip)]
    pub extra: Map<String, Value>,
}

/// `config/keys.json`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ApiKeys {
    /// The JSON Schema of this file, for editors.
    #[serde(rename = "$schema", default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// The keys by name.
    #[serde(flatten)]
    pub keys: BTreeMap<KeyName, ApiKey>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_stand_in_json_as_people_write_them() {
        for scope in Scope::ALL {
            assert_eq!(serde_json::to_value(scope).expect("json"), scope.as_str());
            assert_eq!(Scope::parse(scope.as_str()), Some(scope));
        }
        assert_eq!(Scope::parse("admin"), None);
    }

    #[test]
    fn a_key_in_the_place_of_its_hash_is_refused() {
        let text = r#"{ "a": { "sha256": "lemming_0123", "scopes": ["read"] } }"#;
        let error = serde_json::from_str::<ApiKeys>(text).expect_err("no hash").to_string();
        assert!(error.contains("SHA-256") && !error.contains("0123"), "{error}");
    }
}
