//! API keys: what `config/keys.json` holds of each, which is never the key itself.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::ids::Sha;
use super::name::KeyName;
use super::time::Timestamp;

/// What a key lets its holder do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// See everything that is to be seen.
    Read,
    /// Send messages, which costs what their readers think about them.
    Send,
    /// Give commands: top-ups, pauses, changes of memories, answers to agents that ask.
    Control,
    /// Change the files that people write: resumes, settings, new agents.
    Edit,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 4] = [Self::Read, Self::Send, Self::Control, Self::Edit];

    /// The scope as it stands in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Send => "send",
            Self::Control => "control",
            Self::Edit => "edit",
        }
    }

    /// Reads a scope as it stands in JSON.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == text)
    }
}

/// A set of scopes with a name. What a role may grows with the program; what a list of scopes may does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Sees everything, changes nothing.
    Viewer,
    /// Also talks with agents, answers them, and gives commands.
    Operator,
    /// Everything.
    Admin,
}

impl Role {
    /// Every role, the one that may least first.
    pub const ALL: [Self; 3] = [Self::Viewer, Self::Operator, Self::Admin];

    /// The role as it stands in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }

    /// Reads a role as it stands in JSON.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }

    /// What its holders may do.
    #[must_use]
    pub const fn scopes(self) -> &'static [Scope] {
        match self {
            Self::Viewer => &[Scope::Read],
            Self::Operator => &[Scope::Read, Scope::Send, Scope::Control],
            Self::Admin => &Scope::ALL,
        }
    }

    /// The role that may most and no more than these scopes, if there is one.
    #[must_use]
    pub fn within(scopes: &[Scope]) -> Option<Self> {
        let fits = |role: &Self| role.scopes().iter().all(|scope| scopes.contains(scope));
        Self::ALL.into_iter().rev().find(fits)
    }
}

/// One key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ApiKey {
    /// The SHA-256 of the key, in 64 hexadecimal digits. Keys are 256 random bits: no salt and no slow hash would add to that.
    #[schemars(with = "String", regex(pattern = "^[0-9a-f]{64}$"))]
    pub sha256: Sha,
    /// Its role: it may what the role may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// What it lets its holder do, besides what the role lets him do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<Scope>,
    /// In a file above several organisations, the folders of those that it opens; absent: all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub orgs: Option<Vec<String>>,
    /// When it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub created_at: Option<Timestamp>,
    /// Fields that this version does not know: kept and reported.
    #[serde(flatten)]
    #[schemars(skip)]
    pub extra: Map<String, Value>,
}

impl ApiKey {
    /// All that it lets its holder do.
    #[must_use]
    pub fn allowed(&self) -> Vec<Scope> {
        let mut all: Vec<Scope> =
            self.role.map(Role::scopes).into_iter().flatten().chain(&self.scopes).copied().collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Says whether a key of a file above several organisations opens the one in this folder.
    #[must_use]
    pub fn opens(&self, folder: &str) -> bool {
        self.orgs.as_ref().is_none_or(|orgs| orgs.iter().any(|org| org == folder))
    }
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
        assert_eq!(Scope::parse("admin"), None, "which is a role");
    }

    #[test]
    fn a_role_may_what_the_roles_below_it_may() {
        for pair in Role::ALL.windows(2) {
            assert!(pair[0].scopes().iter().all(|scope| pair[1].scopes().contains(scope)), "{pair:?}");
        }
        for role in Role::ALL {
            assert_eq!(Role::parse(role.as_str()), Some(role));
            assert_eq!(Role::within(role.scopes()), Some(role));
        }
        assert_eq!(Role::within(&[Scope::Send]), None, "whoever may send alone has no role");
        assert_eq!(Role::within(&[Scope::Send, Scope::Read]), Some(Role::Viewer));
    }

    #[test]
    fn a_key_may_what_its_role_and_its_scopes_may() {
        let key = |text: &str| serde_json::from_str::<ApiKey>(text).expect("a key");
        let sha = "0".repeat(64);
        let viewer = key(&format!(r#"{{"sha256": "{sha}", "role": "viewer", "scopes": ["send", "read"]}}"#));
        assert_eq!(viewer.allowed(), [Scope::Read, Scope::Send]);
        assert!(viewer.opens("desk"));
        let bound = key(&format!(r#"{{"sha256": "{sha}", "role": "admin", "orgs": ["desk"]}}"#));
        assert!(bound.opens("desk") && !bound.opens("des") && bound.allowed().len() == 4);
    }

    #[test]
    fn a_key_in_the_place_of_its_hash_is_refused() {
        let text = r#"{ "a": { "sha256": "lemming_0123", "scopes": ["read"] } }"#;
        let error = serde_json::from_str::<ApiKeys>(text).expect_err("no hash").to_string();
        assert!(error.contains("SHA-256") && !error.contains("0123"), "{error}");
    }
}
