//! `list_agents`: who is in the organisation.

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::limits::MAX_LISTED_AGENTS;
use super::{CallFailure, Desk, Tool, arguments, schema};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
    /// Only names that begin so; absent: all.
    #[serde(default)]
    prefix: String,
}

#[derive(Debug)]
pub(super) struct ListAgents;

#[async_trait]
impl Tool for ListAgents {
    fn name(&self) -> &'static str {
        "list_agents"
    }

    fn description(&self) -> &'static str {
        "Lists the agents of the organisation, whose outbox you may read, and whom you may address."
    }

    fn arguments(&self) -> Value {
        schema::<Arguments>()
    }

    async fn call(&self, value: Value, desk: &mut dyn Desk) -> Result<Value, CallFailure> {
        let Arguments { prefix } = arguments(value)?;
        let mut agents = desk.agents();
        agents.retain(|agent| agent.name.as_str().starts_with(&prefix));
        let found = agents.len();
        agents.truncate(MAX_LISTED_AGENTS);
        let mut result = json!({"agents": agents});
        if found > MAX_LISTED_AGENTS {
            result["note"] = json!(format!("{MAX_LISTED_AGENTS} of {found} are listed: give a prefix to see others"));
        }
        Ok(result)
    }
}
