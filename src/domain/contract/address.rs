//! Whom an entry reaches. A broken address never reaches more people than a right one.

use std::collections::HashSet;

use serde_json::Value;

use super::violation::{Log, excerpt, what};
use crate::domain::name::AgentName;

/// Whom the author of a reply may address. `human` is always known and may always be addressed.
pub trait Addresses {
    /// Says whether there is an agent of this name.
    fn knows(&self, name: &AgentName) -> bool;

    /// Says whether the author may address entries to this name.
    fn may_address(&self, name: &AgentName) -> bool;

    /// The names that an author with `send_outboxes` may address; `None`: anyone. An entry to
    /// everyone, written by a restricted author, is addressed to exactly these.
    fn restricted(&self) -> Option<Vec<AgentName>> {
        None
    }
}

/// Reads `recipients` or, where that is absent or null, `to`.
pub(super) fn recipients(
    recipients: Option<Value>,
    to: Option<Value>,
    at: &str,
    addresses: &dyn Addresses,
    log: &mut Log,
) -> Option<Vec<AgentName>> {
    let given = |value: Option<Value>| value.filter(|value| !value.is_null());
    let audience = match (given(recipients), given(to)) {
        (None, None) => Audience::Everyone,
        (Some(value), None) => audience(value, &format!("{at}/recipients"), addresses, log),
        (None, Some(value)) => audience(value, &format!("{at}/to"), addresses, log),
        (Some(value), Some(to)) => {
            let counts = audience(value, &format!("{at}/recipients"), addresses, log);
            if counts != audience(to, "", addresses, &mut Log::default()) {
                log.add(format!("{at}/to"), "differs from `recipients`, which counts");
            }
            counts
        }
    };
    match audience {
        Audience::Names(names) if names.is_empty() => Some(vec![AgentName::human()]),
        Audience::Names(names) => Some(names),
        Audience::Everyone => addresses.restricted().map(|names| {
            let mut seen = HashSet::new();
            let names: Vec<_> = names.into_iter().filter(|name| seen.insert(name.clone())).collect();
            if names.is_empty() { vec![AgentName::human()] } else { names }
        }),
    }
}

#[derive(Debug)]
enum Audience {
    Everyone,
    Names(Vec<AgentName>),
}

impl PartialEq for Audience {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Everyone, Self::Everyone) => true,
            (Self::Names(left), Self::Names(right)) => {
                left.iter().collect::<HashSet<_>>() == right.iter().collect::<HashSet<_>>()
            }
            _ => false,
        }
    }
}

fn audience(value: Value, at: &str, addresses: &dyn Addresses, log: &mut Log) -> Audience {
    let (values, is_list) = match value {
        Value::Array(values) => (values, true),
        value => (vec![value], false),
    };
    if values.is_empty() {
        log.add(at, "an empty list reaches nobody: goes to human alone");
    }
    let (mut names, mut seen, mut everyone, mut broken) = (Vec::new(), HashSet::new(), false, false);
    for (index, value) in values.into_iter().enumerate() {
        let at = || if is_list { format!("{at}/{index}") } else { at.to_owned() };
        let Value::String(text) = value else {
            log.add(at(), format!("expected a name, got {}: removed", what(&value)));
            broken = true;
            continue;
        };
        let trimmed = trim(&text);
        match name(trimmed, addresses) {
            Ok(Some(name)) => {
                if seen.insert(name.clone()) {
                    names.push(name);
                }
            }
            Ok(None) => everyone = true,
            Err(wrong) => {
                log.add(at(), format!("{wrong}: removed"));
                broken = true;
                continue;
            }
        }
        if trimmed.len() != text.len() {
            log.add(at(), format!("expected the bare name, got {}: trimmed", excerpt(&text)));
        }
    }
    if everyone && broken {
        log.add(at, "everyone is not addressed next to a broken name");
    }
    if everyone && !broken { Audience::Everyone } else { Audience::Names(names) }
}

fn trim(text: &str) -> &str {
    let text = text.trim();
    text.strip_prefix('@').map_or(text, str::trim)
}

/// The name that a text means; `None`: everyone.
fn name(text: &str, addresses: &dyn Addresses) -> Result<Option<AgentName>, String> {
    let name = AgentName::new(text);
    match name {
        Ok(name) if name.is_human() => Ok(Some(name)),
        // An agent may be called `all`: then that is its name, the narrower reading.
        Ok(name) if addresses.knows(&name) => {
            if addresses.may_address(&name) {
                Ok(Some(name))
            } else {
                Err(format!("{name} may not be addressed by this agent"))
            }
        }
        _ if ["*", "all", "everyone"].contains(&text) => Ok(None),
        Ok(name) => Err(format!("there is no agent {}", excerpt(name.as_str()))),
        Err(_) => Err(format!("{} is not the name of an agent", excerpt(text))),
    }
}
