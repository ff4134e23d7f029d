//! The part of `config/tools.json` that comes along with agents: the servers and own tools that they may call, and the rules
//! about these. What somebody accepted of a server never does.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::domain::name::{AgentName, ToolName};
use crate::edit::{self, EditError};

/// The toolbox without servers and own tools that none of these permissions is about.
pub(super) fn part(mut toolbox: Value, tools: &BTreeSet<ToolName>) -> Value {
    for group in ["servers", "tools"] {
        if let Some(members) = toolbox.get_mut(group).and_then(Value::as_object_mut) {
            members.retain(|name, _| is_needed(group, name, tools));
        }
    }
    toolbox
}

/// A toolbox, as somebody wrote it, with what of another these permissions are about and it does not have. Rules about that
/// come after its own; each is about the agents that come in, under their new names.
pub(super) fn joined(
    text: &str,
    theirs: &Value,
    tools: &BTreeSet<ToolName>,
    agents: &[(AgentName, AgentName)],
) -> Result<String, EditError> {
    let ours: Value = serde_json::from_str(text).unwrap_or_default();
    let none = Map::new();
    let (mut edited, mut came) = (text.to_owned(), Vec::new());
    for group in ["servers", "tools"] {
        let members = theirs.get(group).and_then(Value::as_object).unwrap_or(&none);
        for (name, member) in members.iter().filter(|(name, _)| is_needed(group, name, tools)) {
            if ours.get(group).and_then(|group| group.get(name)).is_none() {
                edited = edit::set(&edited, &[group, name], member)?;
                came.push((group, name.as_str()));
            }
        }
    }
    let listed = |of: &Value| of.pointer("/approvals/rules").and_then(Value::as_array).cloned().unwrap_or_default();
    let is_about = |rule: &Value| {
        let mut named = rule["tools"].as_array().into_iter().flatten().filter_map(Value::as_str);
        named.any(|tool| came.iter().any(|(group, name)| is_of(group, name, tool)))
    };
    let more: Vec<Value> =
        listed(theirs).into_iter().filter(is_about).filter_map(|rule| renamed(rule, agents)).collect();
    if more.is_empty() {
        return Ok(edited);
    }
    let rules: Vec<Value> = listed(&ours).into_iter().chain(more).collect();
    edit::set(&edited, &["approvals", "rules"], &json!(rules))
}

/// The rule about the agents that come in; none, if it is about others alone.
fn renamed(mut rule: Value, agents: &[(AgentName, AgentName)]) -> Option<Value> {
    if let Some(named) = rule.get_mut("agents").and_then(Value::as_array_mut) {
        let came = |name: &Value| agents.iter().find(|(from, _)| name == from.as_str()).map(|(_, name)| json!(name));
        *named = named.iter().filter_map(came).collect();
        if named.is_empty() {
            return None;
        }
    }
    Some(rule)
}

fn is_needed(group: &str, name: &str, tools: &BTreeSet<ToolName>) -> bool {
    tools.iter().any(|tool| is_of(group, name, tool.as_str()))
}

/// Whether a permission is about an own tool, or about a tool of a server.
fn is_of(group: &str, name: &str, tool: &str) -> bool {
    match tool.strip_prefix("mcp:") {
        Some(tool) => group == "servers" && tool.split_once('/').is_some_and(|(server, _)| server == name),
        None => group == "tools" && tool == name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needs(tools: &[&str]) -> BTreeSet<ToolName> {
        tools.iter().map(|name| ToolName::new(*name).expect("a name")).collect()
    }

    fn theirs() -> Value {
        json!({
            "servers": {"files": {"url": "https://a/"}, "file": {"url": "https://b/"}},
            "tools": {"order": {"command": ["order"]}, "look": {"command": ["look"]}},
            "approvals": {"rules": [
                {"tools": ["mcp:files/write"], "agents": ["ada", "eve"], "approval": "always"},
                {"tools": ["mcp:files/*"], "agents": ["eve"], "approval": "never"},
                {"tools": ["order"], "approval": "always"},
                {"tools": ["*"], "approval": "never"},
            ]},
        })
    }

    #[test]
    fn what_nobody_may_call_is_left_behind() {
        let part = part(theirs(), &needs(&["mcp:files/*", "look"]));
        assert_eq!(part["servers"], json!({"files": {"url": "https://a/"}}));
        assert_eq!(part["tools"], json!({"look": {"command": ["look"]}}));
    }

    #[test]
    fn servers_come_with_the_rules_about_them_and_replace_none() {
        let agents =
            ["ada"].map(|name| (AgentName::new(name).expect("a name"), AgentName::new("bob").expect("a name")));
        let ours = r#"{"approvals": {"rules": [{"tools": ["shell"], "approval": "always"}]}}"#;
        let text = joined(ours, &theirs(), &needs(&["mcp:files/read"]), &agents).expect("edited");
        let read: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(read["servers"], json!({"files": {"url": "https://a/"}}));
        let rules = json!([
            {"tools": ["shell"], "approval": "always"},
            {"tools": ["mcp:files/write"], "agents": ["bob"], "approval": "always"},
        ]);
        assert_eq!((&read["approvals"]["rules"], read.get("tools")), (&rules, None));
        let there = r#"{"servers": {"files": {"url": "https://ours/"}}}"#;
        assert_eq!(joined(there, &theirs(), &needs(&["mcp:files/read"]), &agents).expect("edited"), there);
    }
}
