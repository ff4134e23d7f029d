//! A tool of a server, as a model sees and calls it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Map, Value};

use super::client::{Call, Server};
use crate::clean::visible;
use crate::connect::Parts;
use crate::domain::credits::Credits;
use crate::domain::name::ServerName;
use crate::domain::toolbox::{AcceptedTool, Effect, McpServer, Terms, permission_of};
use crate::tool::limits::{MAX_RESULT_BYTES, start_of};
use crate::tool::{CallFailure, Desk, Tool, ToolError};

/// The time limit of a call where nothing is said of it.
pub const CALL_TIME: Duration = Duration::from_secs(30);

/// How much of a description a model is told.
const MAX_TOLD_BYTES: usize = 4 << 10;

/// A tool of a server that a person accepted.
#[derive(Debug)]
pub struct ServerTool {
    parts: Parts,
    server_name: ServerName,
    server: Arc<McpServer>,
    accepted: AcceptedTool,
    terms: Terms,
    name: String,
    permission: String,
    description: String,
    arguments: Value,
}

impl ServerTool {
    /// A tool that is called by this name.
    pub(super) fn new(
        parts: &Parts,
        server_name: &ServerName,
        server: &Arc<McpServer>,
        accepted: &AcceptedTool,
        name: String,
    ) -> Self {
        let terms = server.terms_of(&accepted.name);
        let said = visible(&accepted.description);
        let cut = if said.len() > MAX_TOLD_BYTES { "…" } else { "" };
        let said = start_of(&said, MAX_TOLD_BYTES);
        let description = format!("A tool of the MCP server {server_name}, which says of it: {said}{cut}");
        Self {
            parts: parts.clone(),
            permission: permission_of(server_name, &accepted.name),
            arguments: told(&accepted.arguments, terms.idempotency_key.as_deref()),
            server_name: server_name.clone(),
            server: Arc::clone(server),
            accepted: accepted.clone(),
            terms,
            name,
            description,
        }
    }
}

/// The schema as a model is told it: all that it reads can be seen, and what is filled in for it is not asked for.
fn told(schema: &Map<String, Value>, filled_in: Option<&str>) -> Value {
    let mut schema = schema.clone();
    if let Some(filled_in) = filled_in {
        if let Some(Value::Object(properties)) = schema.get_mut("properties") {
            properties.remove(filled_in);
        }
        if let Some(Value::Array(required)) = schema.get_mut("required") {
            required.retain(|name| name != filled_in);
        }
    }
    schema.entry("type").or_insert_with(|| "object".into());
    shown(Value::Object(schema))
}

fn shown(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(shown).collect(),
        Value::Object(fields) => {
            let field = |(name, value): (String, Value)| match value {
                Value::String(text) if name == "description" || name == "title" => (name, visible(&text).into()),
                value => (name, shown(value)),
            };
            Value::Object(fields.into_iter().map(field).collect())
        }
        other => other,
    }
}

#[async_trait]
impl Tool for ServerTool {
    fn name(&self) -> &str {
        &self.name
    }

    fn permission(&self) -> &str {
        &self.permission
    }

    fn description(&self) -> &str {
        &self.description
    }

    fn arguments(&self) -> Value {
        self.arguments.clone()
    }

    fn effect(&self) -> Effect {
        self.terms.effect.unwrap_or_else(|| self.accepted.annotations.effect())
    }

    fn worth(&self, arguments: &Value) -> Option<Credits> {
        self.terms.worth.as_ref()?.of(arguments)
    }

    fn asks_outside(&self, _: &Value) -> bool {
        true
    }

    async fn call(&self, arguments: Value, desk: &mut dyn Desk) -> Result<Value, CallFailure> {
        // A replay asks no server, whatever it finds of the call in its record.
        if let Some(recorded) = desk.recorded().await? {
            return match (recorded.ok, recorded.result) {
                (true, result) => Ok(result),
                (false, Value::String(why)) => Err(ToolError(why).into()),
                (false, why) => Err(ToolError(why.to_string()).into()),
            };
        }
        let (id, rule) = (desk.call_id(), desk.settings().sandbox.into());
        let Value::Object(mut arguments) = arguments else {
            return Err(ToolError("wrong arguments: they must be a JSON object".to_owned()).into());
        };
        if let Some(key) = &self.terms.idempotency_key {
            arguments.insert(key.clone(), id.to_string().into());
        }
        let server = Server { parts: &self.parts, name: &self.server_name, config: &self.server, rule };
        let max_bytes =
            self.terms.max_result_bytes.and_then(|max| usize::try_from(max.get()).ok()).unwrap_or(MAX_RESULT_BYTES);
        let call = Call { tool: &self.accepted, arguments, id, max_bytes: max_bytes.min(MAX_RESULT_BYTES) };
        let limit = self.terms.timeout.map_or(CALL_TIME, |limit| limit.duration());
        match server.call(call, limit).await {
            Ok(result) => Ok(result),
            Err(error) => {
                tracing::warn!(event = "server_call_failed", server = %self.server_name, tool_name = %self.name,
                    error = %error, "a call of a server's tool failed");
                Err(ToolError(error.to_string()).into())
            }
        }
    }
}
