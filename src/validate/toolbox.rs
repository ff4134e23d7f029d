//! The organisation's own tools and its servers: what the shapes of `config/tools.json` and `config/tools.lock.json` do
//! not say.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::file;
use super::{Finding, Findings, ValidateError, one_of};
use crate::config::Environment;
use crate::connect::{Parts, mcp, own};
use crate::domain::name::{AgentName, ToolName};
use crate::domain::toolbox::{AcceptedTools, McpServer, OwnTool, Toolbox};
use crate::schema::FileKind;
use crate::store::{Key, Store};

/// What resumes and rules may name.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// Every tool with a name of its own: built-in ones too.
    names: Vec<String>,
    /// By server, the tools that people accepted; none: nobody accepted any.
    servers: BTreeMap<String, Option<BTreeSet<String>>>,
}

impl Known {
    /// What there is to say of a name that stands for no tool.
    fn objection(&self, name: &str) -> Option<(String, String)> {
        let Some((server, tool)) = name.strip_prefix("mcp:").and_then(|rest| rest.split_once('/')) else {
            let names: Vec<&str> = self.names.iter().map(String::as_str).collect();
            let known = names.contains(&name);
            return (!known).then(|| (format!("there is no tool {name:?}"), one_of(name, &names, "tools")));
        };
        let Some(accepted) = self.servers.get(server) else {
            let servers: Vec<&str> = self.servers.keys().map(String::as_str).collect();
            let message = format!("{} has no server {server:?}", Key::Tools);
            return Some((message, one_of(server, &servers, "servers")));
        };
        let accept = format!("`lemming tools accept {server}` shows its tools and accepts them");
        match accepted {
            None => Some((format!("nobody has accepted tools of the server {server:?}"), accept)),
            Some(tools) if tool != "*" && !tools.contains(tool) => {
                let tools: Vec<&str> = tools.iter().map(String::as_str).collect();
                let message = format!("nobody has accepted a tool {tool:?} of the server {server:?}");
                Some((message, format!("{}; {accept}", one_of(tool, &tools, "tools"))))
            }
            Some(_) => None,
        }
    }

    /// Warns of the tools of a resume that there are not.
    pub(super) fn check_permissions(&self, path: &str, json: &Value, found: &mut Findings) {
        let at = "/permissions/tools";
        for (i, name) in texts(json.pointer(at)) {
            // A name that breaks the rule has been reported as such.
            if ToolName::new(name).is_ok() {
                self.check_name(path, format!("{at}/{i}"), name, found);
            }
        }
    }

    fn check_name(&self, path: &str, pointer: String, name: &str, found: &mut Findings) {
        if let Some((message, expected)) = self.objection(name) {
            found.add(Finding::warning("unknown_tool", path, pointer).says(message, expected));
        }
    }
}

/// Reads both files and checks each tool and server. `builtin` are the tools that every organisation has.
pub(super) async fn check<'a>(
    store: &Store,
    environment: &Environment,
    builtin: impl Iterator<Item = &'a str>,
    found: &mut Findings,
) -> Result<(Known, Option<Value>), ValidateError> {
    let (path, lock_path) = (Key::Tools.path(), Key::ToolsLock.path());
    let toolbox = file::read::<Toolbox>(store, &path, FileKind::Tools, found).await?.json;
    let accepted = file::read::<AcceptedTools>(store, &lock_path, FileKind::ToolsLock, found).await?;
    let mut known = Known { names: builtin.map(str::to_owned).collect(), servers: BTreeMap::new() };
    // From its JSON, so that a wrong shape elsewhere in it hides nothing.
    let parts = Parts::new(environment.clone(), None);
    for (name, value) in fields(toolbox.as_ref(), "tools") {
        known.names.push(name.clone());
        let (Ok(name), Ok(tool)) = (ToolName::new(name), serde_json::from_value::<OwnTool>(value.clone())) else {
            continue;
        };
        for problem in own::problems(&name, &tool, &parts) {
            let pointer = format!("/tools/{}{}", escaped(name.as_str()), problem.pointer);
            // Its shape has said so.
            if found.findings.iter().any(|finding| finding.path == path && finding.pointer == pointer) {
                continue;
            }
            let finding = match problem.is_error {
                true => Finding::error(problem.code, &path, pointer),
                false => Finding::warning(problem.code, &path, pointer),
            };
            found.add(finding.says(problem.message, problem.expected));
        }
    }
    let lock = accepted.typed.unwrap_or_default();
    for (name, value) in fields(toolbox.as_ref(), "servers") {
        let accepted = lock.servers.iter().find(|(server, _)| server.as_str() == name).map(|(_, accepted)| accepted);
        let tools = accepted.map(|accepted| accepted.tools.iter().map(|tool| tool.name.clone()).collect());
        known.servers.insert(name.clone(), tools);
        let Ok(server) = serde_json::from_value::<McpServer>(value.clone()) else { continue };
        let at = format!("/servers/{}", escaped(name));
        if let Err(why) = server.transport() {
            let finding = Finding::error("bad_server", &path, &at);
            found.add(finding.says(why, "must have the `url` of a server, or the `command` that starts one"));
        }
        for objection in mcp::objections(&server) {
            let pointer = format!("{at}{}", objection.pointer);
            let finding = match objection.is_doubt {
                true => Finding::warning("bad_server", &path, pointer),
                false => Finding::error("bad_server", &path, pointer),
            };
            found.add(finding.says(objection.message, objection.expected));
        }
    }
    for name in lock.servers.keys().filter(|name| !known.servers.contains_key(name.as_str())) {
        let finding = Finding::warning("unknown_server", &lock_path, format!("/servers/{}", escaped(name.as_str())));
        let message = format!("{} has no server {:?}", Key::Tools, name.as_str());
        found.add(finding.says(message, "remove it, or name the server there"));
    }
    Ok((known, toolbox))
}

/// Warns of tools and agents that the rules of approvals name and that there are not.
pub(super) fn check_rules(toolbox: &Value, known: &Known, agents: &[AgentName], found: &mut Findings) {
    let path = Key::Tools.path();
    let rules = toolbox.pointer("/approvals/rules").and_then(Value::as_array).into_iter().flatten();
    let agents: Vec<&str> = agents.iter().map(AgentName::as_str).collect();
    for (i, rule) in rules.enumerate() {
        for (k, name) in texts(rule.get("tools")).filter(|(_, name)| *name != "*") {
            known.check_name(&path, format!("/approvals/rules/{i}/tools/{k}"), name, found);
        }
        for (k, name) in texts(rule.get("agents")).filter(|(_, name)| !agents.contains(name)) {
            if AgentName::new(name).is_ok() {
                let finding = Finding::warning("unknown_name", &path, format!("/approvals/rules/{i}/agents/{k}"));
                found.add(finding.says(format!("there is no agent {name:?}"), one_of(name, &agents, "agents")));
            }
        }
    }
}

fn fields<'a>(json: Option<&'a Value>, name: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    json.and_then(|json| json.get(name)?.as_object()).into_iter().flatten()
}

fn texts(list: Option<&Value>) -> impl Iterator<Item = (usize, &str)> {
    let items = list.and_then(Value::as_array).into_iter().flatten().enumerate();
    items.filter_map(|(i, item)| Some((i, item.as_str()?)))
}

fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
