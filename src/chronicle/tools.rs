//! The tools that there are, and who may call them.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use serde::Serialize;
use serde_json::Value;

use super::PARALLEL;
use super::moment::Moment;
use crate::domain::name::AgentName;
use crate::engine::EngineError;
use crate::tool::Tool;
use crate::tool::catalogue::{Reach, facts};
use crate::validate::nearest;

/// A tool, for people.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ToolCard {
    /// Its name.
    pub tool: String,
    /// What it does, as models are told.
    pub description: String,
    /// What a call may touch; absent for tools that are not built in.
    pub effect: Option<Reach>,
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UnknownTool {
    /// The name.
    pub tool: String,
    /// Whose resumes have it.
    pub agents: Vec<AgentName>,
    /// The name that may have been meant.
    pub nearest: Option<String>,
}

/// What there is to know of tools.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Tools {
    /// Every tool that there is, by name.
    pub tools: Vec<ToolCard>,
    /// The names that are none.
    pub unknown: Vec<UnknownTool>,
}

/// The tools that there are, and who may call them at a moment.
///
/// # Errors
/// The store failed, or the settings cannot be read.
pub async fn tools(moment: &Moment, known: &[Arc<dyn Tool>]) -> Result<Tools, EngineError> {
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
            let (effect, limits) = facts(tool.name()).unzip();
            let without_engine = tool.name() == "web_search" && !has_search;
            ToolCard {
                tool: tool.name().to_owned(),
                description: tool.description().to_owned(),
                effect,
                limits: limits.unwrap_or_default(),
                arguments: tool.arguments(),
                agents: callers.remove(tool.name()).unwrap_or_default(),
                problem: without_engine.then(|| "org.json names no search engine: tools.web_search".to_owned()),
            }
        })
        .collect();
    cards.sort_by(|a, b| a.tool.cmp(&b.tool));
    let near = |tool: &str| nearest(tool, known.iter().map(|tool| tool.name())).map(str::to_owned);
    let unknown = callers.into_iter().map(|(tool, agents)| UnknownTool { nearest: near(&tool), tool, agents });
    Ok(Tools { unknown: unknown.collect(), tools: cards })
}
