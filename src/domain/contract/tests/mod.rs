//! Replies and what becomes of them, as data.

mod asks;
mod entries;
mod limits;
mod text;

use std::fmt::Write as _;

use serde_json::json;

use super::*;
use crate::domain::name::AgentName;

/// An organisation of ada, bob, cy and eve; the author may write to everyone but eve.
pub(super) struct Org {
    pub(super) restricted: bool,
}

impl Addresses for Org {
    fn knows(&self, name: &AgentName) -> bool {
        ["ada", "bob", "eve", "cy"].contains(&name.as_str())
    }
    fn may_address(&self, name: &AgentName) -> bool {
        name.as_str() != "eve"
    }
    fn restricted(&self) -> Option<Vec<AgentName>> {
        let name = |name| AgentName::new(name).expect("name");
        self.restricted.then(|| vec![name("bob"), name("cy"), name("bob")])
    }
}

pub(super) const ORG: Org = Org { restricted: false };

/// A reply in a few words; of each violation its pointer.
fn show(reply: &Reply) -> String {
    let mut shown = String::new();
    if !reply.is_contract {
        shown.push_str("no contract; ");
    }
    for entry in &reply.entries {
        let to = entry
            .recipients
            .as_ref()
            .map_or("everyone".to_owned(), |names| names.iter().map(AgentName::as_str).collect::<Vec<_>>().join("+"));
        write!(shown, "{} to {to} {}", entry.kind.as_str(), json!(entry.payload)).expect("text");
        for tag in &entry.tags {
            write!(shown, " #{tag}").expect("text");
        }
        if entry.importance != Default::default() {
            write!(shown, " {}", json!(entry.importance)).expect("text");
        }
        for (name, id) in [("reply_to", entry.reply_to), ("thread", entry.thread_id)] {
            if let Some(id) = id {
                write!(shown, " {name} {}", &id.to_string()[..4]).expect("text");
            }
        }
        if !entry.meta.is_empty() {
            write!(shown, " meta {}", json!(entry.meta)).expect("text");
        }
        shown.push_str("; ");
    }
    for call in &reply.tool_calls {
        let id = call.id.as_ref().map_or(String::new(), |id| format!(" as {id}"));
        write!(shown, "call {}{id} {}; ", call.tool, call.arguments).expect("text");
    }
    for update in &reply.memory_updates {
        let cap = update.cap.map_or(String::new(), |cap| format!(" cap {cap}"));
        write!(shown, "{} {} {}{cap}; ", json!(update.operation).as_str().expect("name"), update.key, update.value)
            .expect("text");
    }
    if let Some(notes) = &reply.notes {
        write!(shown, "notes {notes}; ").expect("text");
    }
    for violation in &reply.violations {
        write!(shown, "!{}; ", violation.pointer).expect("text");
    }
    shown.trim_end_matches("; ").to_owned()
}

#[track_caller]
fn check(cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        let reply = parse(text, &ORG);
        assert_eq!(show(&reply), *expected, "{text}\n{:#?}", reply.violations);
        let stored = serde_json::to_string(&reply).expect("json");
        assert_eq!(serde_json::from_str::<Reply>(&stored).expect("reply"), reply, "{text}");
    }
}

/// Checks entries by their JSON, each alone in a reply.
#[track_caller]
fn check_entries(cases: &[(&str, &str)]) {
    for (entry, expected) in cases {
        let text = format!(r#"{{"outbox_entries":[{entry}]}}"#);
        let shown = show(&parse(&text, &ORG)).replace("!/outbox_entries/0", "!");
        assert_eq!(shown, *expected, "{entry}");
    }
}
