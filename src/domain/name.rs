//! Names of agents, memory keys and models: newtypes that cannot hold anything unsafe.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// Longest name in bytes: it must fit a file name with an extension on every file system.
pub const MAX_NAME_BYTES: usize = 128;

/// A name that does not follow its rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} is not a valid {what}: it must match {rule} and have at most {MAX_NAME_BYTES} bytes")]
pub struct NameError {
    what: &'static str,
    rule: &'static str,
    name: String,
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $what:literal, $rule:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(std::sync::Arc<str>);

        impl $type {
            /// The regular expression that every value matches.
            pub const PATTERN: &'static str = $rule;

            /// Checks a name against [`Self::PATTERN`].
            ///
            /// # Errors
            /// The name does not match; the message says what would.
            pub fn new(name: impl AsRef<str>) -> Result<Self, NameError> {
                let name = name.as_ref();
                let valid: fn(&str) -> bool = $valid;
                if !name.is_empty() && name.len() <= MAX_NAME_BYTES && valid(name) {
                    Ok(Self(name.into()))
                } else {
                    let name = name.chars().take(80).collect();
                    Err(NameError { what: $what, rule: $rule, name })
                }
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $type {
            type Error = NameError;
            fn try_from(name: String) -> Result<Self, NameError> {
                Self::new(name)
            }
        }

        impl std::str::FromStr for $type {
            type Err = NameError;
            fn from_str(name: &str) -> Result<Self, NameError> {
                Self::new(name)
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> Self {
                name.0.as_ref().to_owned()
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl std::borrow::Borrow<str> for $type {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "pattern": $rule, "maxLength": MAX_NAME_BYTES })
            }
        }
    };
}

name! {
    /// The name of an agent; equal to its folder's name (`agents/<name>/`).
    ///
    /// Source of the rule: LeMMing v1.0.0, `resume.json`.
    AgentName, "agent name", "^[a-z][a-z0-9_]*$",
    |n| n.starts_with(|c: char| c.is_ascii_lowercase())
        && n.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

name! {
    /// The key of one memory (`agents/<name>/memory/<key>.json`).
    MemoryKey, "memory key", "^[A-Za-z0-9_-]+$",
    |n| n.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

name! {
    /// The key of a model in `config/models.json`.
    ModelKey, "model key", "^[A-Za-z0-9][A-Za-z0-9._:/-]*$",
    |n| n.starts_with(|c: char| c.is_ascii_alphanumeric())
        && n.bytes().all(|b| b.is_ascii_alphanumeric() || b"._:/-".contains(&b))
}

name! {
    /// The name of a tool, as a resume permits it and a model calls it.
    ToolName, "tool name", "^[A-Za-z][A-Za-z0-9_:./*-]*$",
    |n| n.starts_with(|c: char| c.is_ascii_alphabetic())
        && n.bytes().all(|b| b.is_ascii_alphanumeric() || b"_:./*-".contains(&b))
}

name! {
    /// The name of an MCP server in `config/tools.json`.
    ServerName, "name of a server", "^[A-Za-z][A-Za-z0-9_-]*$",
    |n| n.starts_with(|c: char| c.is_ascii_alphabetic())
        && n.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

name! {
    /// The name of an ingress object: a UUID (version 7 by us), used once.
    IngressName, "ingress name", "^[A-Za-z0-9_-]+$",
    |n| n.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

name! {
    /// The name of an API key in `config/keys.json`: whose it is, or what for.
    KeyName, "name of a key", "^[A-Za-z0-9_-]+$",
    |n| n.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

name! {
    /// The identity of one invocation of a runner: new in every invocation, from the system's entropy.
    RunnerId, "runner id", "^[a-z0-9-]+$",
    |n| n.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

impl ToolName {
    /// Says whether this permission is for the tool that is permitted by the name of `permission`: it is that name, or
    /// `mcp:SERVER/*` and the tool is of that server.
    #[must_use]
    pub fn covers(&self, permission: &str) -> bool {
        Self::is_covered(self.as_str(), permission)
    }

    /// The same, of a pattern that is no name yet.
    #[must_use]
    pub fn is_covered(pattern: &str, permission: &str) -> bool {
        let of_server = |all: &str| all.starts_with("mcp:") && permission.starts_with(all);
        pattern == permission || pattern.strip_suffix('*').is_some_and(|all| all.ends_with('/') && of_server(all))
    }
}

/// The reserved name of the people of an organisation: addressable, never due, reads everything.
pub const HUMAN: &str = "human";

/// The folder name of a template, which is not an agent.
pub const TEMPLATE: &str = "agent_template";

impl AgentName {
    /// The reserved name `human`.
    #[must_use]
    pub fn human() -> Self {
        Self(HUMAN.into())
    }

    /// Says whether this is the reserved name `human`.
    #[must_use]
    pub fn is_human(&self) -> bool {
        self.as_str() == HUMAN
    }

    /// Says whether an agent may carry this name: not `human`, not `agent_template`.
    #[must_use]
    pub fn may_be_an_agent(&self) -> bool {
        !self.is_human() && self.as_str() != TEMPLATE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agent_names_follow_the_rule() {
        for good in ["a", "hr", "lead_2", "x9_"] {
            assert!(AgentName::new(good).is_ok(), "{good}");
        }
        for bad in ["", "A", "9a", "_a", "a-b", "a b", "ä", "a/b", "..", "a\0", &"a".repeat(129)] {
            assert!(AgentName::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_permission_covers_its_tool_or_all_of_a_server() {
        for (permission, tool, covers) in [
            ("shell", "shell", true),
            ("shell", "shell2", false),
            ("mcp:a/read", "mcp:a/read", true),
            ("mcp:a/read", "mcp:a/read_all", false),
            ("mcp:a/*", "mcp:a/read", true),
            ("mcp:a/*", "mcp:a/*", true),
            ("mcp:a/*", "mcp:ab/read", false),
            ("mcp:*", "mcp:a/read", false),
            ("s*", "shell", false),
            ("a/*", "a/b", false),
        ] {
            assert_eq!(ToolName::new(permission).expect("a name").covers(tool), covers, "{permission} {tool}");
        }
    }

    #[test]
    fn memory_keys_cannot_leave_their_folder() {
        for good in ["a", "A-1_b"] {
            assert!(MemoryKey::new(good).is_ok(), "{good}");
        }
        for bad in ["", ".", "..", "a/b", "a.json", "a%2fb", "é"] {
            assert!(MemoryKey::new(bad).is_err(), "{bad}");
        }
    }
}
