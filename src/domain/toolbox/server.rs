//! An MCP server: how it is reached, and what holds for its tools.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::approval::Worth;
use super::effect::Effect;
use crate::domain::pace::Span;
use crate::domain::tools::SandboxRule;

/// A server that speaks the Model Context Protocol: at an address, or a program that is started for a call.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct McpServer {
    /// The address of a server that speaks streamable HTTP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Headers that it is sent. A secret stands there as a reference: `env:NAME`, or `Bearer env:NAME`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// The program that is started instead and spoken to by its standard streams, with its arguments: local runs alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<Vec<String>>,
    /// Its variables. It has no others but `PATH`, `HOME` and `LANG`. A secret stands there as a reference: `env:NAME`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// The folder that it is started in; absent: an empty one that is thrown away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cwd: Option<String>,
    /// Whether it runs without a sandbox. `required` is the rule of the tool `shell`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sandbox: Option<ServerSandbox>,
    /// Places that a program in the sandbox may read, beside those of the system.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reads: Vec<String>,
    /// Places that a program in the sandbox may write.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub writes: Vec<String>,
    /// What holds for all its tools, where nothing else is said of one.
    #[serde(flatten)]
    pub terms: Terms,
    /// What holds for one of its tools, by the server's own name for it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tools: BTreeMap<String, Terms>,
}

/// Whether the program of a server runs in the sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ServerSandbox {
    /// Without a working sandbox it is not started.
    Required,
    /// Without a working sandbox it is started all the same, with whatever of it works.
    WhereAvailable,
    /// It is started as any program of this user: it may do all that the user may.
    Off,
}

impl From<SandboxRule> for ServerSandbox {
    fn from(rule: SandboxRule) -> Self {
        match rule {
            SandboxRule::Required => Self::Required,
            SandboxRule::WhereAvailable => Self::WhereAvailable,
        }
    }
}

/// How a server is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport<'a> {
    /// By streamable HTTP at this address.
    Http(&'a str),
    /// By the standard streams of this program.
    Stdio(&'a [String]),
}

impl McpServer {
    /// How it is reached.
    ///
    /// # Errors
    /// Neither address nor command is given, or both are.
    pub fn transport(&self) -> Result<Transport<'_>, &'static str> {
        match (&self.url, self.command.as_deref()) {
            (Some(url), None) => Ok(Transport::Http(url)),
            (None, Some(command)) if command.first().is_some_and(|program| !program.is_empty()) => {
                Ok(Transport::Stdio(command))
            }
            (None, Some(_)) => Err("/command is empty: it must begin with a program"),
            (Some(_), Some(_)) => Err("has a url and a command: it must have one of them"),
            (None, None) => Err("has neither a url nor a command: it must have one of them"),
        }
    }

    /// What holds for one of its tools.
    #[must_use]
    pub fn terms_of(&self, tool: &str) -> Terms {
        let Some(own) = self.tools.get(tool) else { return self.terms.clone() };
        Terms {
            effect: own.effect.or(self.terms.effect),
            worth: own.worth.clone().or_else(|| self.terms.worth.clone()),
            timeout: own.timeout.or(self.terms.timeout),
            max_result_bytes: own.max_result_bytes.or(self.terms.max_result_bytes),
            idempotency_key: own.idempotency_key.clone().or_else(|| self.terms.idempotency_key.clone()),
            extra: own.extra.clone(),
        }
    }
}

/// What holds for calls of a tool.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Terms {
    /// What a call does outside; absent: what the server says of the tool, and `once` if it says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effect: Option<Effect>,
    /// What a call is worth, for approvals above an amount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worth: Option<Worth>,
    /// The time limit of a call; absent: 30 s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Span>,
    /// A longer result is cut; absent: 64 KiB, which is also the most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_result_bytes: Option<NonZeroU32>,
    /// Where the id of a call goes, so that the service does it once: the name of an argument of a server's tool, or of a
    /// header of an own tool over HTTP (there: absent, `Idempotency-Key`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
    /// Fields that this version does not know: kept and reported.
    #[serde(flatten)]
    #[schemars(skip)]
    pub extra: Map<String, Value>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn server(value: Value) -> McpServer {
        serde_json::from_value(value).expect("a server")
    }

    #[test]
    fn a_server_has_an_address_or_a_command() {
        assert_eq!(server(json!({"url": "http://a"})).transport(), Ok(Transport::Http("http://a")));
        let command = server(json!({"command": ["a", "b"]}));
        assert_eq!(command.transport(), Ok(Transport::Stdio(&["a".to_owned(), "b".to_owned()])));
        for wrong in
            [json!({}), json!({"command": []}), json!({"command": [""]}), json!({"url": "a", "command": ["a"]})]
        {
            assert!(server(wrong.clone()).transport().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_tools_own_terms_come_first() {
        let server = server(json!({
            "url": "http://a", "timeout": "5s", "effect": "repeatable", "other": 1,
            "tools": {"write": {"effect": "once", "worth": {"argument": "/amount"}}},
        }));
        let terms = server.terms_of("write");
        assert_eq!((terms.effect, terms.timeout), (Some(Effect::Once), server.terms.timeout));
        assert_eq!(terms.worth, Some(Worth::Argument("/amount".to_owned())));
        assert_eq!(server.terms_of("read").effect, Some(Effect::Repeatable));
        assert_eq!(server.terms.extra.keys().collect::<Vec<_>>(), ["other"], "what is unknown is kept");
    }
}
