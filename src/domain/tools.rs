//! What `org.json` says of tools: `tools`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// `tools` of `org.json`: how tools that reach outside may do so. Who may call which, the resumes say.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ToolSettings {
    /// Whether `shell` and `python` need a sandbox.
    #[serde(default, skip_serializing_if = "is_default")]
    pub sandbox: SandboxRule,
    /// What `shell` may run.
    #[serde(default, skip_serializing_if = "is_default")]
    pub shell: ShellSettings,
    /// Where `web_fetch` may go.
    #[serde(default, skip_serializing_if = "is_default")]
    pub web_fetch: WebFetchSettings,
    /// The search engine of `web_search`; absent: the tool refuses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub web_search: Option<WebSearchSettings>,
    /// Fields that this version does not know: kept and reported.
    #[serde(flatten)]
    #[schemars(skip)]
    pub extra: Map<String, Value>,
}

impl ToolSettings {
    /// Says whether nothing is set.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

fn is_default<T: Default + PartialEq>(settings: &T) -> bool {
    *settings == T::default()
}

/// Whether the tools that run something need a sandbox.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SandboxRule {
    /// Without a working sandbox nothing is run.
    #[default]
    Required,
    /// Without a working sandbox it is run all the same, with whatever of it works.
    WhereAvailable,
}

/// Settings of the tool `shell`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ShellSettings {
    /// The names of the programs that may be run, without folders.
    pub allow: Vec<String>,
}

impl Default for ShellSettings {
    fn default() -> Self {
        let allow = ["grep", "ls", "cat", "echo", "head", "tail", "jq"].map(str::to_owned);
        Self { allow: allow.into() }
    }
}

/// `tools.web_fetch`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WebFetchSettings {
    /// Hosts (`wiki.internal`) or hosts with a port (`127.0.0.1:8080`) that may be fetched although they are in a
    /// private network.
    #[serde(default)]
    pub allow_hosts: Vec<String>,
}

impl WebFetchSettings {
    /// Says whether this host is allowed on any port, or on this one.
    #[must_use]
    pub fn allows(&self, host: &str, port: u16) -> bool {
        let with_port = format!("{host}:{port}");
        self.allow_hosts.iter().any(|allowed| {
            let allowed = allowed.trim();
            allowed.eq_ignore_ascii_case(host) || allowed.eq_ignore_ascii_case(&with_port)
        })
    }
}

/// The sort of search engine at an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SearchKind {
    /// `SearXNG`, with its format `json` switched on. Source: docs.searxng.org, "Search API".
    Searxng,
    /// Brave's web search. Source: api-dashboard.search.brave.com, "Web search".
    Brave,
}

/// `tools.web_search`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WebSearchSettings {
    /// The address that is asked, such as `http://localhost:8888/search`.
    pub url: String,
    /// What answers there.
    pub kind: SearchKind,
    /// Where its key is to be found (`env:NAME`); absent: it needs none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_allowed_by_its_name_or_by_name_and_port() {
        let allow_hosts = vec!["Wiki.internal".to_owned(), "127.0.0.1:8080".to_owned(), "[::1]".to_owned()];
        let settings = WebFetchSettings { allow_hosts };
        for (host, port, allowed) in [
            ("wiki.internal", 443, true),
            ("wiki.internal", 80, true),
            ("a.wiki.internal", 443, false),
            ("wiki.internal.example", 443, false),
            ("127.0.0.1", 8080, true),
            ("127.0.0.1", 80, false),
            ("[::1]", 80, true),
            ("", 80, false),
        ] {
            assert_eq!(settings.allows(host, port), allowed, "{host}:{port}");
        }
    }
}
