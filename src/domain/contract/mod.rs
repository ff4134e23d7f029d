//! The contract: what a model may ask for, read from whatever it wrote.
//!
//! A reply is JSON, `{outbox_entries, tool_calls, memory_updates, notes}`, all optional; it may stand
//! in Markdown fences or in prose, be cut off or have the wrong types. [`parse`] repairs what it can,
//! drops the rest, and names each of both as a [`Violation`]; it never fails and never panics. Two
//! rules hold throughout: what was cut off is dropped whole, and a broken address never reaches more
//! people than a right one.
//!
//! `find` looks for the reply in the text, `scan` reads its JSON (`token` and `flaw` below it), `entry`,
//! `address` and `ask` read its parts.
//!
//! Source of the fields: LeMMing v1.0.0, plan.md, "Engine Contract".

mod address;
mod ask;
mod entry;
mod find;
mod flaw;
mod scan;
mod schema;
mod token;
mod violation;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

pub use address::Addresses;
pub use ask::{MemoryUpdate, ToolCall};
pub use entry::Draft;
pub use schema::schema;
pub use violation::Violation;

use find::{Form, Found, find};
use flaw::{Flaw, Flaws};
use token::Stop;
use violation::{Log, excerpt, what};

/// The most bytes of a reply that are read.
pub const MAX_REPLY_BYTES: usize = 1 << 20;
/// The most entries of a reply.
pub const MAX_ENTRIES: usize = 64;
/// The most tool calls of a reply.
pub const MAX_TOOL_CALLS: usize = 32;
/// The most memory updates of a reply.
pub const MAX_MEMORY_UPDATES: usize = 64;
/// The most tags of an entry.
pub const MAX_TAGS: usize = 32;
/// The most violations that are kept; one more says how many are not.
pub const MAX_VIOLATIONS: usize = 100;
/// The deepest nesting of a payload, of arguments and of a memory's value.
pub const MAX_VALUE_DEPTH: usize = 64;

/// What a model asked for, repaired as far as it can be.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Reply {
    /// What it says.
    pub entries: Vec<Draft>,
    /// The tools that it calls.
    pub tool_calls: Vec<ToolCall>,
    /// The changes of its memory.
    pub memory_updates: Vec<MemoryUpdate>,
    /// Its thoughts, for the log.
    pub notes: Option<String>,
    /// How the reply breaks the contract.
    pub violations: Vec<Violation>,
    /// `false`: the text holds no contract at all, not even part of one.
    pub is_contract: bool,
}

impl Reply {
    /// Sorts the fields of all objects, as a record gives them back: what is in memory and what was
    /// stored must not differ.
    fn sort(&mut self) {
        for entry in &mut self.entries {
            for fields in [&mut entry.payload, &mut entry.meta] {
                fields.values_mut().for_each(Value::sort_all_objects);
                fields.sort_keys();
            }
        }
        self.tool_calls.iter_mut().for_each(|call| call.arguments.sort_all_objects());
        self.memory_updates.iter_mut().for_each(|update| update.value.sort_all_objects());
    }

    /// The reply as contract JSON that [`parse`] reads without repairing anything but the arguments
    /// of a tool call that are no object.
    #[must_use]
    pub fn to_contract(&self) -> Value {
        json!({
            "outbox_entries": self.entries,
            "tool_calls": self.tool_calls,
            "memory_updates": self.memory_updates,
            "notes": self.notes,
        })
    }
}

/// Reads a model's reply. Total: any text gives a reply, in time linear in its length.
#[must_use]
pub fn parse(text: &str, addresses: &dyn Addresses) -> Reply {
    let mut log = Log::default();
    let text = bounded(text, &mut log);
    let Some(found) = find(text) else {
        if says_nothing(text) {
            return Reply { is_contract: true, violations: log.finish(), ..Reply::default() };
        }
        log.add("", "expected contract JSON, found none");
        return Reply { violations: log.finish(), ..Reply::default() };
    };
    report(&found, text, &mut log);
    let mut reply = Reply { is_contract: true, ..Reply::default() };
    match found.form {
        Form::Contract { at, fields } => {
            if !at.is_empty() {
                log.add("", "expected an object, got a list: its first object counts");
            }
            contract(fields, &mut reply, addresses, &mut log);
        }
        Form::List(entries) => {
            log.add("", "expected an object, got a list: taken as `outbox_entries`");
            reply.entries = entry::drafts(Value::Array(entries), "", addresses, &mut log);
        }
        Form::Entry(fields) => {
            log.add("", "expected `outbox_entries`, got a single entry: taken as one");
            reply.entries.extend(entry::draft(fields, "", addresses, &mut log));
        }
        Form::Fragment => log.add("", "expected `outbox_entries`, got part of one entry: dropped"),
    }
    reply.violations = log.finish();
    reply.sort();
    reply
}

/// An empty object alone, in a fence or bare: the model has nothing to say, and may say so.
fn says_nothing(text: &str) -> bool {
    let text = text.trim().trim_matches('`').trim();
    let object = text.strip_prefix("json").unwrap_or(text).trim_start();
    let inside = object.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    inside.is_some_and(|inside| inside.trim().is_empty())
}

fn contract(mut fields: Map<String, Value>, reply: &mut Reply, addresses: &dyn Addresses, log: &mut Log) {
    let mut take = |name| fields.remove(name).unwrap_or_default();
    reply.entries = entry::drafts(take("outbox_entries"), "/outbox_entries", addresses, log);
    reply.tool_calls = ask::tool_calls(take("tool_calls"), log);
    reply.memory_updates = ask::memory_updates(take("memory_updates"), log);
    reply.notes = match take("notes") {
        Value::Null => None,
        Value::String(notes) => Some(notes),
        value => {
            log.add("/notes", format!("expected a string, got {}: taken as JSON text", what(&value)));
            Some(value.to_string())
        }
    };
    unknown_fields(&fields, "", log);
}

/// Cuts a text to [`MAX_REPLY_BYTES`].
fn bounded<'a>(text: &'a str, log: &mut Log) -> &'a str {
    if text.len() <= MAX_REPLY_BYTES {
        return text;
    }
    log.add("", format!("has {} bytes: those after {MAX_REPLY_BYTES} are not read", text.len()));
    &text[..text.floor_char_boundary(MAX_REPLY_BYTES)]
}

fn report(found: &Found, text: &str, log: &mut Log) {
    match found.broken {
        Some((Stop::End, _)) => log.add("", "is cut off: only what is whole is kept"),
        Some((Stop::Syntax, at)) => {
            let line = text[..at].matches('\n').count() + 1;
            log.add("", format!("is no JSON from line {line} on: only what is whole before is kept"));
        }
        None => {}
    }
    report_flaws(&found.flaws, "", log);
    if found.others > 0 {
        log.add("", format!("holds {} more objects of the contract: ignored", found.others));
    }
}

fn report_flaws(flaws: &Flaws, at: &str, log: &mut Log) {
    if flaws.is_empty() {
        return;
    }
    for flaw in Flaw::ALL {
        match flaws.count(flaw) {
            0 => {}
            1 => log.add(at, flaw.message()),
            n => log.add(at, format!("{} ({n} times)", flaw.message())),
        }
    }
}

/// Reads a list, each element with its pointer; an object in its place is a list of one.
fn elements(list: Value, at: &str, limit: usize, log: &mut Log) -> Vec<(String, Value)> {
    let list = match list {
        Value::Null => Vec::new(),
        Value::Array(list) => list,
        Value::Object(_) => {
            log.add(at, "expected a list, got an object: taken as a list of one");
            return vec![(at.to_owned(), list)];
        }
        value => {
            log.add(at, format!("expected a list, got {}: dropped", what(&value)));
            Vec::new()
        }
    };
    if list.len() > limit {
        log.add(at, format!("has {} elements: those after {limit} are dropped", list.len()));
    }
    list.into_iter().take(limit).enumerate().map(|(index, value)| (format!("{at}/{index}"), value)).collect()
}

/// One violation for all unknown fields of an object.
fn unknown_fields(fields: &Map<String, Value>, at: &str, log: &mut Log) {
    const SHOWN: usize = 5;
    if fields.is_empty() {
        return;
    }
    let names: Vec<_> = fields.keys().take(SHOWN).map(|name| excerpt(name)).collect();
    let more = if fields.len() > SHOWN { format!(" and {} more", fields.len() - SHOWN) } else { String::new() };
    log.add(at, format!("has unknown fields: {}{more}: dropped", names.join(", ")));
}
