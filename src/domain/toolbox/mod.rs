//! The tools that an organisation brings itself: `config/tools.json`, and what people accepted of servers that others
//! write: `config/tools.lock.json`.
//!
//! Start with [`Toolbox`]. Who may call what the resumes say (`permissions.tools`): an own tool by its name, a tool of a
//! server as `mcp:SERVER/TOOL`, all of a server as `mcp:SERVER/*`. Both files are inputs of a tick and pinned by its plan,
//! so that a model is told the same of its tools wherever a turn runs, and no server is asked before a tool is called.

mod accepted;
mod approval;
mod effect;
mod own;
mod server;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use self::accepted::{Accepted, AcceptedTool, AcceptedTools, Annotations};
pub use self::approval::{Approval, ApprovalRule, Approvals, Worth};
pub use self::effect::Effect;
pub use self::own::{HttpCall, OwnTool};
pub use self::server::{McpServer, ServerSandbox, Terms, Transport};
use super::name::{AgentName, ServerName, ToolName};

/// `config/tools.json`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Toolbox {
    /// The JSON Schema of this file, for editors.
    #[serde(rename = "$schema", default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// MCP servers by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub servers: BTreeMap<ServerName, McpServer>,
    /// The organisation's own tools by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tools: BTreeMap<ToolName, OwnTool>,
    /// Which calls wait for a person's yes.
    #[serde(default)]
    pub approvals: Approvals,
    /// Fields that this version does not know: kept and reported.
    #[serde(flatten)]
    #[schemars(skip)]
    pub extra: Map<String, Value>,
}

impl Toolbox {
    /// Which calls of a tool by an agent wait for a person's yes: what the first rule says that names both. Without one,
    /// calls that may not be made twice wait, and no others do.
    #[must_use]
    pub fn approval(&self, tool: &str, effect: Effect, agent: &AgentName) -> Approval {
        let named = self.approvals.rules.iter().find(|rule| rule.concerns(tool, agent));
        named.map_or_else(|| Approval::of(effect), |rule| rule.approval)
    }
}

/// The name by which resumes permit a tool of a server.
#[must_use]
pub fn permission_of(server: &ServerName, tool: &str) -> String {
    format!("mcp:{server}/{tool}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agent(name: &str) -> AgentName {
        AgentName::new(name).expect("a name")
    }

    fn toolbox(rules: Value) -> Toolbox {
        serde_json::from_value(serde_json::json!({"approvals": {"rules": rules}})).expect("a toolbox")
    }

    #[test]
    fn without_a_rule_only_what_may_not_be_made_twice_waits() {
        let toolbox = Toolbox::default();
        for (effect, approval) in
            [(Effect::None, Approval::Never), (Effect::Repeatable, Approval::Never), (Effect::Once, Approval::Always)]
        {
            assert_eq!(toolbox.approval("mcp:a/b", effect, &agent("ada")), approval);
        }
    }

    #[test]
    fn the_first_rule_that_names_tool_and_agent_counts() {
        let toolbox = toolbox(serde_json::json!([
            {"tools": ["mcp:files/write_file"], "agents": ["ada"], "approval": "never"},
            {"tools": ["mcp:files/*"], "approval": {"above": {"credits": 5}}},
            {"tools": ["*"], "approval": "always"},
        ]));
        let rule = |tool, name| toolbox.approval(tool, Effect::Once, &agent(name));
        let above = Approval::Above { credits: super::super::credits::Credits::whole(5) };
        assert_eq!(rule("mcp:files/write_file", "ada"), Approval::Never);
        assert_eq!(rule("mcp:files/write_file", "bob"), above);
        assert_eq!(rule("mcp:filesystem/write_file", "bob"), Approval::Always);
        assert_eq!(rule("web_fetch", "ada"), Approval::Always);
    }
}
