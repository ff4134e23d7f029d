//! Which calls wait for a person's yes.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::effect::Effect;
use crate::domain::credits::Credits;
use crate::domain::name::{AgentName, ToolName};
use crate::domain::pace::Span;

/// Whether a call waits for a person's yes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ToSchema)]
#[schema(as = ToolApproval)]
#[serde(rename_all = "snake_case")]
pub enum Approval {
    /// It is made at once.
    Never,
    /// It waits.
    Always,
    /// It waits if it is worth more than this, or if nobody can tell what it is worth.
    Above {
        /// The most that a call may be worth that does not wait.
        credits: Credits,
    },
}

impl Approval {
    /// What holds where no rule says otherwise.
    #[must_use]
    pub const fn of(effect: Effect) -> Self {
        match effect {
            Effect::Once => Self::Always,
            Effect::None | Effect::Repeatable => Self::Never,
        }
    }

    /// Says whether a call of this worth waits.
    #[must_use]
    pub fn is_needed(self, worth: Option<Credits>) -> bool {
        match self {
            Self::Never => false,
            Self::Always => true,
            Self::Above { credits } => worth.is_none_or(|worth| worth > credits),
        }
    }
}

/// A rule: which tools, of whom, and whether their calls wait.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ApprovalRule {
    /// The tools, as resumes permit them: a name, `mcp:SERVER/TOOL`, `mcp:SERVER/*`, or `*` for all.
    pub tools: Vec<String>,
    /// The agents; absent: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agents: Option<Vec<AgentName>>,
    /// Whether a call waits for a person's yes.
    pub approval: Approval,
    /// Fields that this version does not know: kept and reported.
    #[serde(flatten)]
    #[schemars(skip)]
    pub extra: Map<String, Value>,
}

impl ApprovalRule {
    /// Says whether the rule is about calls of this tool by this agent.
    #[must_use]
    pub fn concerns(&self, tool: &str, agent: &AgentName) -> bool {
        let of_tool = self.tools.iter().any(|pattern| pattern == "*" || ToolName::is_covered(pattern, tool));
        of_tool && self.agents.as_ref().is_none_or(|agents| agents.contains(agent))
    }
}

/// `approvals` of `config/tools.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Approvals {
    /// The rules; of those that are about a call the first counts.
    pub rules: Vec<ApprovalRule>,
    /// A question that nobody answered for so long is answered by no.
    pub expire_after: Span,
    /// Fields that this version does not know: kept and reported.
    #[serde(flatten)]
    #[schemars(skip)]
    pub extra: Map<String, Value>,
}

impl Default for Approvals {
    fn default() -> Self {
        let week = Span::new(Duration::from_secs(7 * 86_400));
        Self { rules: Vec::new(), expire_after: week, extra: Map::new() }
    }
}

/// What a call is worth, for rules that ask above an amount. No account is charged with it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Worth {
    /// Every call the same.
    Credits(Credits),
    /// What stands in its arguments, at this JSON pointer.
    Argument(String),
}

impl Worth {
    /// What a call with these arguments is worth; `None` if that cannot be told.
    #[must_use]
    pub fn of(&self, arguments: &Value) -> Option<Credits> {
        match self {
            Self::Credits(credits) => Some(*credits),
            Self::Argument(pointer) => serde_json::from_value(arguments.pointer(pointer)?.clone()).ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_amount_that_cannot_be_told_waits() {
        let above = Approval::Above { credits: Credits::whole(5) };
        let worth = Worth::Argument("/order/amount".to_owned());
        for (arguments, waits) in [
            (json!({"order": {"amount": 4}}), false),
            (json!({"order": {"amount": 5}}), false),
            (json!({"order": {"amount": 5.000_001}}), true),
            (json!({"order": {"amount": "4"}}), Worth::Argument(String::new()).of(&json!("4")).is_none()),
            (json!({"order": {"amount": -1}}), true),
            (json!({"order": {}}), true),
            (json!(null), true),
        ] {
            assert_eq!(above.is_needed(worth.of(&arguments)), waits, "{arguments}");
        }
        assert!(above.is_needed(None) && Approval::Always.is_needed(Some(Credits::ZERO)));
        assert!(!Approval::Never.is_needed(None));
    }
}
