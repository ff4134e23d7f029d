//! The tools that there are, and who may call them.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::PARALLEL;
use super::moment::Moment;
use crate::connect::mcp::accepted::is_whole;
use crate::domain::name::{AgentName, ServerName, ToolName};
use crate::domain::time::Timestamp;
use crate::domain::toolbox::{AcceptedTools, Approval, ApprovalRule, Effect, Toolbox, permission_of};
use crate::engine::EngineError;
use crate::tool::catalogue::{Reach, facts};
use crate::tool::{Connector, Tool};
use crate::validate::nearest;

/// A tool, for people.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ToolCard {
    /// Its name, as models call it.
    pub tool: String,
    /// Its name, as resumes permit it.
    pub permission: String,
    /// The MCP server that it is of.
    pub server: Option<ServerName>,
    /// What it does, as models are told.
    pub description: String,
    /// What a call may touch; absent for tools that are not built in.
    pub reach: Option<Reach>,
    /// What a call does outside, and so whether it may be made twice.
    pub effect: Effect,
    /// Whether a call waits for a person's yes, where no rule says otherwise of an agent.
    pub approval: Approval,
    /// Its own limits.
    pub limits: Vec<String>,
    /// The JSON Schema of its arguments.
    pub arguments: Value,
    /// Who may call it, by their resumes.
    pub agents: Vec<AgentName>,
    /// Why no call of it would do anything, if that is so.
    pub problem: Option<String>,
}

/// A tool that resumes permit and that there is not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct UnknownTool {
    /// The name.
    pub tool: String,
    /// Whose resumes have it.
    pub agents: Vec<AgentName>,
    /// The name that may have been meant.
    pub nearest: Option<String>,
}

/// An MCP server of `config/tools.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ServerCard {
    /// Its name.
    pub server: ServerName,
    /// How many of its tools a person accepted; absent: nobody has accepted any.
    pub accepted: Option<usize>,
    /// When.
    pub accepted_at: Option<Timestamp>,
    /// Why no tool of it can be called, if that is so.
    pub problem: Option<String>,
}

/// What there is to know of tools.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Tools {
    /// The MCP servers, by name.
    pub servers: Vec<ServerCard>,
    /// Every tool that there is, by name.
    pub tools: Vec<ToolCard>,
    /// The names that are none.
    pub unknown: Vec<UnknownTool>,
}

/// The tools that there are, built in and of the organisation's own, and who may call them at a moment.
///
/// # Errors
/// The store failed, or the settings cannot be read.
pub async fn tools(
    moment: &Moment,
    builtin: &[Arc<dyn Tool>],
    connector: &dyn Connector,
) -> Result<Tools, EngineError> {
    let (toolbox, accepted) = moment.toolbox().await?.unwrap_or_default();
    let mut known = builtin.to_vec();
    known.extend(connector.tools(&toolbox, &accepted));
    let known = &known;
    let has_search = moment.settings().await?.tools.web_search.is_some();
    let read = |agent: AgentName| async move {
        let resume = moment.resume(&agent).await?;
        Ok::<_, EngineError>(resume.ok().map(|resume| (agent, resume.permissions.tools)))
    };
    let agents = stream::iter(moment.agents().await?);
    let permitted: Vec<_> = agents.map(read).buffered(PARALLEL).try_collect().await?;
    let mut callers: BTreeMap<String, Vec<AgentName>> = BTreeMap::new();
    for (agent, mut tools) in permitted.into_iter().flatten() {
        tools.sort_unstable();
        tools.dedup();
        tools.iter().for_each(|tool| callers.entry(tool.to_string()).or_default().push(agent.clone()));
    }
    let mut cards: Vec<ToolCard> = known
        .iter()
        .map(|tool| {
            let permission = tool.permission();
            let mut agents: Vec<AgentName> = Vec::new();
            for (pattern, callers) in &callers {
                if ToolName::is_covered(pattern, permission) {
                    agents.extend(callers.iter().cloned());
                }
            }
            agents.sort_unstable();
            agents.dedup();
            let (reach, limits) = facts(tool.name()).unzip();
            let without_engine = tool.name() == "web_search" && !has_search;
            ToolCard {
                tool: tool.name().to_owned(),
                permission: permission.to_owned(),
                server: toolbox
                    .servers
                    .keys()
                    .find(|server| permission.starts_with(&permission_of(server, "")))
                    .cloned(),
                description: tool.description().to_owned(),
                reach,
                effect: tool.effect(),
                approval: approval(&toolbox, permission, tool.effect()),
                limits: limits.unwrap_or_default(),
                arguments: tool.arguments(),
                agents,
                problem: without_engine.then(|| "org.json names no search engine: tools.web_search".to_owned()),
            }
        })
        .collect();
    cards.sort_by(|a, b| a.tool.cmp(&b.tool));
    let is_known = |pattern: &str| known.iter().any(|tool| ToolName::is_covered(pattern, tool.permission()));
    let near = |tool: &str| nearest(tool, known.iter().map(|tool| tool.permission())).map(str::to_owned);
    let unknown = callers.into_iter().filter(|(pattern, _)| !is_known(pattern)).map(|(tool, agents)| UnknownTool {
        nearest: near(&tool),
        tool,
        agents,
    });
    let servers = toolbox.servers.keys().map(|name| server(name, &accepted)).collect();
    Ok(Tools { servers, unknown: unknown.collect(), tools: cards })
}

/// Whether calls wait, by the first rule that is about the tool whoever calls it.
fn approval(toolbox: &Toolbox, permission: &str, effect: Effect) -> Approval {
    let of_all = |rule: &&ApprovalRule| {
        rule.agents.is_none()
            && rule.tools.iter().any(|pattern| pattern == "*" || ToolName::is_covered(pattern, permission))
    };
    toolbox.approvals.rules.iter().find(of_all).map_or_else(|| Approval::of(effect), |rule| rule.approval)
}

fn server(name: &ServerName, accepted: &AcceptedTools) -> ServerCard {
    let list = accepted.servers.get(name);
    let problem = match list {
        None => Some(format!("nobody has accepted its tools: `lemming tools accept {name}` shows them")),
        Some(list) if !is_whole(list) => Some(format!(
            "what was accepted of it was changed by hand, so it is not believed: `lemming tools accept {name}`"
        )),
        Some(_) => None,
    };
    ServerCard {
        server: name.clone(),
        accepted: list.map(|list| list.tools.len()),
        accepted_at: list.map(|list| list.accepted_at),
        problem,
    }
}
