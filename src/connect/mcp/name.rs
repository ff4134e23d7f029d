//! What models call the tools of servers by: letters, digits, `_` and `-`, at most 64 of them, as providers demand.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::ids::Sha;
use crate::domain::name::ServerName;
use crate::domain::toolbox::{AcceptedTools, Toolbox, permission_of};

/// The longest name. Source: the tool names of the Anthropic and the OpenAI API, `^[a-zA-Z0-9_-]{1,64}$`.
const MAX_BYTES: usize = 64;

/// How much of a hash tells two tools apart.
const HASH_DIGITS: usize = 8;

/// The names of all tools of these servers, by server and tool: `SERVER__TOOL`. A name that had to be changed, or that two
/// tools would have, ends in the start of a hash: the same wherever it is made.
#[must_use]
pub fn names<'a>(toolbox: &Toolbox, accepted: &'a AcceptedTools) -> BTreeMap<(&'a ServerName, &'a str), String> {
    let all = accepted.servers.iter().flat_map(|(server, of)| of.tools.iter().map(move |tool| (server, &*tool.name)));
    let all: BTreeSet<(&ServerName, &str)> = all.collect();
    let mut taken: BTreeMap<String, usize> = toolbox.tools.keys().map(|tool| (tool.to_string(), 1)).collect();
    for (server, tool) in &all {
        *taken.entry(plain(server, tool)).or_default() += 1;
    }
    let name = |(server, tool): (&'a ServerName, &'a str)| {
        let name = plain(server, tool);
        let is_itself = name == format!("{server}__{tool}") && name.len() <= MAX_BYTES;
        let name = if is_itself && taken[&name] == 1 { name } else { hashed(&name, server, tool) };
        ((server, tool), name)
    };
    all.into_iter().map(name).collect()
}

/// Without whatever no name may have.
fn plain(server: &ServerName, tool: &str) -> String {
    let allowed = |c: char| if c.is_ascii_alphanumeric() || c == '_' || c == '-' { c } else { '_' };
    format!("{server}__{}", tool.chars().map(allowed).collect::<String>())
}

fn hashed(name: &str, server: &ServerName, tool: &str) -> String {
    let hash = Sha::of(permission_of(server, tool).as_bytes());
    let start = &name[..name.len().min(MAX_BYTES - HASH_DIGITS - 1)];
    format!("{start}_{}", &hash.short()[..HASH_DIGITS])
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn named(servers: &Value, own: &Value) -> Vec<String> {
        let of = |names: &Value| -> Vec<Value> {
            let names = names.as_array().expect("names");
            names.iter().map(|name| json!({"name": name, "arguments": {}})).collect()
        };
        let sha = Sha::of(b"").as_str().to_owned();
        let accepted = |(server, names): (&String, &Value)| {
            let accepted = json!({"accepted_at": "2026-01-01T00:00:00Z", "sha256": sha, "tools": of(names)});
            (server.clone(), accepted)
        };
        let servers: serde_json::Map<String, Value> =
            servers.as_object().expect("servers").iter().map(accepted).collect();
        let accepted: AcceptedTools = serde_json::from_value(json!({"servers": servers})).expect("accepted tools");
        let toolbox: Toolbox = serde_json::from_value(json!({"tools": own})).expect("a toolbox");
        names(&toolbox, &accepted).into_values().collect()
    }

    #[test]
    fn plain_names_stay_and_others_end_in_a_hash() {
        let names = named(&json!({"files": ["read", "odd name/é", "x".repeat(80)]}), &json!({}));
        assert_eq!(names[1], "files__read");
        assert!(
            names[0].starts_with("files__odd_name___") && names[0].len() == "files__odd_name___".len() + 8,
            "{names:?}"
        );
        assert!(names.iter().all(|name| name.len() <= 64), "{names:?}");
        assert!(names[2].starts_with("files__xxx") && names[2].len() == 64, "{names:?}");
    }

    #[test]
    fn no_two_tools_have_one_name() {
        let own = json!({"files__own": {"description": "d", "command": ["true"]}});
        let servers = json!({"a": ["b__c", "d.e", "d/e"], "a__b": ["c"], "files": ["own"]});
        let names = named(&servers, &own);
        let different: BTreeSet<&String> = names.iter().collect();
        assert_eq!(different.len(), 5, "{names:?}");
        assert!(!names.contains(&"files__own".to_owned()) && !names.contains(&"a__b__c".to_owned()), "{names:?}");
        assert_eq!(names, named(&servers, &own), "the same again");
    }
}
