//! What stands in a prompt as JSON, one value a line: tools, entries, the last turn.
//!
//! The shapes borrow what they show, and their fields stand in the order of their names.

use serde::Serialize;
use uuid::Uuid;

use super::line;
use crate::domain::json::{FieldsInOrder, InOrder};
use crate::domain::name::AgentName;
use crate::domain::outbox::{Importance, Kind, OutboxEntry};
use crate::domain::time::Tick;
use crate::provider::ToolSpec;
use crate::record::approval::{Settled, Verdict, Waiting};
use crate::record::turn::{Status, TurnRecord};

#[derive(Serialize)]
struct Tool<'a> {
    arguments: InOrder<'a>,
    description: &'a str,
    tool: &'a str,
}

/// A tool that the agent may call.
pub(super) fn tool(tool: &ToolSpec) -> String {
    line(&Tool { arguments: InOrder(&tool.arguments), description: &tool.description, tool: &tool.name })
}

#[derive(Serialize)]
struct Entry<'a> {
    from: &'a AgentName,
    id: Uuid,
    #[serde(skip_serializing_if = "is_normal")]
    importance: Importance,
    kind: Kind,
    payload: FieldsInOrder<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply_to: Option<Uuid>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    tags: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    thread_id: Option<Uuid>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_normal(importance: &Importance) -> bool {
    *importance == Importance::Normal
}

/// An entry of the inbox.
pub(super) fn entry(entry: &OutboxEntry) -> String {
    line(&Entry {
        from: &entry.agent,
        id: entry.id,
        importance: entry.meta.importance,
        kind: entry.kind,
        payload: FieldsInOrder(&entry.payload),
        reply_to: entry.meta.reply_to,
        tags: &entry.tags,
        thread_id: entry.meta.thread_id,
    })
}

#[derive(Serialize)]
struct LastTurn<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    calls_that_were_made: Option<Vec<CallMade<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<Option<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    notes: Option<String>,
    status: Status,
    tick: Tick,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    you_said: Vec<Said<'a>>,
}

#[derive(Serialize)]
struct CallMade<'a> {
    ok: bool,
    tool: &'a str,
}

#[derive(Serialize)]
struct Said<'a> {
    text: String,
    to: Option<&'a [AgentName]>,
}

/// The last turn, briefly: its notes, what it said, and, where it failed, what it had done outside.
pub(super) fn last_turn(last: &TurnRecord) -> String {
    let said = last.effects.outbox.iter().take(8);
    let said = said.map(|entry| Said { text: short(entry.text()), to: entry.recipients.as_deref() });
    let failed = last.status == Status::Failed;
    let calls = last.exchanges.iter().flat_map(|exchange| &exchange.results);
    let calls = calls.map(|call| CallMade { ok: call.ok, tool: &call.tool });
    line(&LastTurn {
        calls_that_were_made: failed.then(|| calls.collect()),
        failure: failed.then(|| last.failure.as_ref().map(|failure| short(failure.message.clone()))),
        notes: last.notes.clone().map(short),
        status: last.status,
        tick: last.tick,
        you_said: said.collect(),
    })
}

#[derive(Serialize)]
struct AnsweredCall<'a> {
    answer: Verdict,
    approval: Uuid,
    arguments: InOrder<'a>,
    ok: bool,
    result: InOrder<'a>,
    tool: &'a str,
}

/// What came of a call that had waited for a person. A long one is cut: its arguments are what the agent knows.
pub(super) fn answered(answered: &Settled) -> String {
    line(&AnsweredCall {
        answer: answered.verdict,
        approval: answered.id,
        arguments: InOrder(&answered.arguments),
        ok: answered.ok,
        result: InOrder(&answered.result),
        tool: &answered.tool,
    })
}

#[derive(Serialize)]
struct WaitingCall<'a> {
    approval: Uuid,
    asked_in_tick: Tick,
    tool: &'a str,
}

/// A call that waits for a person.
pub(super) fn waiting(id: Uuid, waiting: &Waiting) -> String {
    line(&WaitingCall { approval: id, asked_in_tick: waiting.tick, tool: &waiting.tool })
}

/// The first 280 characters.
fn short(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(280) {
        text.truncate(end);
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::record::decode;

    /// What is shown has its fields in order, and says what the value says.
    fn check(shown: &str, expected: Value) {
        assert_eq!(shown, crate::domain::json::line(&expected));
    }

    fn said(more: Value) -> OutboxEntry {
        let mut entry = json!({"id": "00000000-0000-0000-0000-00000000000a", "tick": 1, "agent": "bob", "kind": "request",
            "payload": {"text": "Hi", "z": {"b": 1, "a": [{"d": null, "c": 2}]}, "a": 0.5}, "recipients": null,
            "created_at": "2026-01-01T00:00:00Z"});
        for (name, value) in more.as_object().expect("fields") {
            entry[name] = value.clone();
        }
        serde_json::from_value(entry).expect("entry")
    }

    #[test]
    fn an_entry_is_shown_without_what_goes_without_saying() {
        let payload = json!({"a": 0.5, "text": "Hi", "z": {"a": [{"c": 2, "d": null}], "b": 1}});
        let (id, other) = ("00000000-0000-0000-0000-00000000000a", "00000000-0000-0000-0000-00000000000b");
        check(&entry(&said(json!({}))), json!({"from": "bob", "id": id, "kind": "request", "payload": payload}));
        let meta = json!({"thread_id": other, "reply_to": id, "importance": "high", "hops": 3});
        check(
            &entry(&said(json!({"tags": ["b", "a"], "meta": meta}))),
            json!({"from": "bob", "id": id, "importance": "high", "kind": "request", "payload": payload,
                "reply_to": id, "tags": ["b", "a"], "thread_id": other}),
        );
    }

    #[test]
    fn the_last_turn_is_shown_briefly() {
        let mut turn: TurnRecord = decode(include_bytes!("../../../tests/golden/turn.v1.json")).expect("turn");
        turn.notes = Some("n".repeat(281));
        turn.status = Status::Ok;
        turn.effects.outbox = vec![said(json!({"recipients": ["ada"], "payload": {"text": "ä".repeat(300)}}))];
        let you_said = json!([{"to": ["ada"], "text": "ä".repeat(280)}]);
        let (tick, notes) = (turn.tick, "n".repeat(280));
        check(&last_turn(&turn), json!({"tick": tick, "status": "ok", "you_said": you_said, "notes": notes}));
        turn.effects.outbox.clear();
        turn.notes = None;
        turn.exchanges.clear();
        check(&last_turn(&turn), json!({"tick": tick, "status": "ok"}));
        turn.status = Status::Failed;
        turn.failure = None;
        let made = json!({"tick": tick, "status": "failed", "failure": null, "calls_that_were_made": []});
        check(&last_turn(&turn), made);
    }

    #[test]
    fn a_tool_is_shown_with_its_arguments() {
        let spec = ToolSpec {
            name: "look".to_owned(),
            description: "Looks.".to_owned(),
            arguments: json!({"type": "object", "properties": {"b": {}, "a": {}}}),
        };
        let arguments = json!({"properties": {"a": {}, "b": {}}, "type": "object"});
        check(&tool(&spec), json!({"tool": "look", "description": "Looks.", "arguments": arguments}));
    }
}
