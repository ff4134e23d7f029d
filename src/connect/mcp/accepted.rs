//! What a server says of its tools, as people accept it: bounded, hashed, and compared word for word.

use std::collections::{BTreeMap, BTreeSet};

use rmcp::model::Tool;
use serde::Serialize;

use crate::domain::ids::Sha;
use crate::domain::json;
use crate::domain::time::Timestamp;
use crate::domain::toolbox::{Accepted, AcceptedTool, Annotations};
use crate::record;

/// The longest name of a tool.
pub const MAX_NAME_BYTES: usize = 128;

/// The longest description of a tool.
pub const MAX_DESCRIPTION_BYTES: usize = 16 << 10;

/// The longest schema of a tool's arguments, as JSON.
pub const MAX_SCHEMA_BYTES: usize = 64 << 10;

/// Says what a server says of a tool.
///
/// # Errors
/// It cannot be accepted; why.
pub fn described(tool: Tool) -> Result<AcceptedTool, String> {
    let name = tool.name.into_owned();
    if name.is_empty() || name.len() > MAX_NAME_BYTES || name.chars().any(char::is_control) {
        return Err(format!("a name of {} bytes or with control characters cannot be a tool's", name.len()));
    }
    let description = tool.description.unwrap_or_default().into_owned();
    if description.len() > MAX_DESCRIPTION_BYTES {
        let bytes = description.len();
        return Err(format!("its description has {bytes} bytes, more than {MAX_DESCRIPTION_BYTES}"));
    }
    let schema = json::sorted(&serde_json::Value::Object(tool.input_schema.as_ref().clone()));
    let bytes = schema.to_string().len();
    if bytes > MAX_SCHEMA_BYTES {
        return Err(format!("the schema of its arguments has {bytes} bytes, more than {MAX_SCHEMA_BYTES}"));
    }
    let arguments = schema.as_object().cloned().unwrap_or_default();
    let said = tool.annotations.unwrap_or_default();
    let annotations = Annotations {
        read_only: said.read_only_hint,
        destructive: said.destructive_hint,
        idempotent: said.idempotent_hint,
        open_world: said.open_world_hint,
    };
    Ok(AcceptedTool { name, description, arguments, annotations })
}

/// The hash of tools as people accept them.
#[must_use]
pub fn hash(tools: &[AcceptedTool]) -> Sha {
    record::hash(&tools)
}

/// The tools, as accepted at a moment.
#[must_use]
pub fn accept(mut tools: Vec<AcceptedTool>, accepted_at: Timestamp) -> Accepted {
    tools.sort_by(|a, b| a.name.cmp(&b.name));
    Accepted { accepted_at, sha256: hash(&tools), tools }
}

/// Says whether nobody has changed what was accepted since.
#[must_use]
pub fn is_whole(accepted: &Accepted) -> bool {
    hash(&accepted.tools) == accepted.sha256
}

/// What is different between two lists of tools.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Differences {
    /// Tools that there were not.
    pub added: Vec<AcceptedTool>,
    /// The names of tools that there are no more.
    pub removed: Vec<String>,
    /// Tools of which something else is said.
    pub changed: Vec<Change>,
}

/// A tool of which something else is said.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// What was accepted.
    pub accepted: AcceptedTool,
    /// What is said now.
    pub now: AcceptedTool,
}

impl Differences {
    /// What of `now` is different from what was accepted.
    #[must_use]
    pub fn between(accepted: &[AcceptedTool], now: &[AcceptedTool]) -> Self {
        let by_name = |tools: &'_ [AcceptedTool]| -> BTreeMap<String, AcceptedTool> {
            tools.iter().map(|tool| (tool.name.clone(), tool.clone())).collect()
        };
        let (before, after) = (by_name(accepted), by_name(now));
        let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        let mut found = Self::default();
        for name in names {
            match (before.get(name), after.get(name)) {
                (None, Some(tool)) => found.added.push(tool.clone()),
                (Some(_), None) => found.removed.push(name.clone()),
                (Some(accepted), Some(now)) if accepted != now => {
                    found.changed.push(Change { accepted: accepted.clone(), now: now.clone() });
                }
                _ => {}
            }
        }
        found
    }

    /// Says whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.changed.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn tool(value: Value) -> Tool {
        serde_json::from_value(value).expect("a tool")
    }

    #[test]
    fn what_is_said_of_a_tool_is_kept_and_the_order_of_keys_does_not_matter() {
        let hints = json!({"readOnlyHint": true, "openWorldHint": false});
        let one =
            tool(json!({"name": "a", "description": "does", "inputSchema": {"a": 1, "b": 2}, "annotations": hints}));
        let other =
            tool(json!({"annotations": hints, "inputSchema": {"b": 2, "a": 1}, "description": "does", "name": "a"}));
        let (one, other) = (described(one).expect("one"), described(other).expect("other"));
        assert_eq!(hash(std::slice::from_ref(&one)), hash(&[other]));
        assert_eq!((one.annotations.read_only, one.annotations.open_world), (Some(true), Some(false)));
        assert!(is_whole(&accept(vec![one], Timestamp::from_unix_ms(0))));
    }

    #[test]
    fn what_no_tool_needs_is_refused() {
        for bad in [
            json!({"name": "", "inputSchema": {}}),
            json!({"name": "a\u{1b}[2J", "inputSchema": {}}),
            json!({"name": "a".repeat(MAX_NAME_BYTES + 1), "inputSchema": {}}),
            json!({"name": "a", "description": "d".repeat(MAX_DESCRIPTION_BYTES + 1), "inputSchema": {}}),
            json!({"name": "a", "inputSchema": {"title": "t".repeat(MAX_SCHEMA_BYTES)}}),
        ] {
            assert!(described(tool(bad)).is_err());
        }
    }

    #[test]
    fn every_word_that_changed_is_a_difference() {
        let of = |description: &str, schema: Value| {
            described(tool(json!({"name": "a", "description": description, "inputSchema": schema}))).expect("a tool")
        };
        let accepted = [of("does", json!({}))];
        assert!(Differences::between(&accepted, &accepted).is_empty());
        for now in [of("does ", json!({})), of("does", json!({"type": "object"}))] {
            assert_eq!(Differences::between(&accepted, &[now]).changed.len(), 1);
        }
        let gone = Differences::between(&accepted, &[]);
        assert_eq!((gone.removed.as_slice(), gone.is_empty()), (["a".to_owned()].as_slice(), false));
        assert_eq!(Differences::between(&[], &accepted).added.len(), 1);
    }
}
