//! `list_agents` and `show_agent`: who works here, and how one of them does.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Call, Tool};
use crate::chronicle::moment::Moment;
use crate::chronicle::roster::members;
use crate::chronicle::turns::{Turn, newest};
use crate::domain::name::AgentName;
use crate::mcp::arguments::Field;
use crate::mcp::lookup;
use crate::mcp::page::{self, Page};
use crate::mcp::refusal::Refusal;

/// How far back turns are looked for, in ticks.
const TICKS_BACK: u64 = 1_000;

/// The most turns that are shown of one agent.
const MAX_TURNS: usize = 10;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ListArguments {
    /// At most so many, 1 to 100; 50 without it.
    #[serde(default)]
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    #[serde(default)]
    cursor: Option<String>,
}

pub(super) struct ListAgents;

impl Tool for ListAgents {
    type Arguments = ListArguments;
    const NAME: &'static str = "list_agents";
    const TITLE: &'static str = "The agents";
    const ABOUT: &'static str = "Lists the agents by name: title, model, schedule, whose outboxes each reads, its tools, credits left, unread messages, how its last turn went, and whether it is paused, disabled or broken.";
    const FIELDS: &'static [Field] = &[
        ("agents", "array", "The agents, by name."),
        ("next_cursor", "string?", "Where the next page begins, if there is one."),
    ];

    async fn call(call: Call<'_>, arguments: ListArguments) -> Result<Value, Refusal> {
        let after = page::cursor(arguments.cursor.as_deref(), |text| AgentName::new(text).ok())?;
        let mut page = Page::new(arguments.limit, 50)?;
        let moment = Moment::now(&call.org.store).await?;
        let mut last = None;
        let mut next = None;
        let mut names = moment.agents().await?;
        names.sort_unstable();
        names.retain(|name| after.as_ref().is_none_or(|after| name > after));
        // One more than fits says whether there is more.
        names.truncate(page.limit() + 1);
        for member in members(&moment, names).await? {
            let name = member.name.clone();
            if !page.takes(json!(member)) {
                next = last;
                break;
            }
            last = Some(name);
        }
        Ok(json!({ "agents": page.items(), "next_cursor": next }))
    }
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ShowArguments {
    /// The agent's name.
    agent: String,
    /// How many of its last turns, 0 to 10; 3 without it.
    #[serde(default)]
    turns: Option<usize>,
    /// With what each turn was asked and what it answered, word for word.
    #[serde(default)]
    words: bool,
}

pub(super) struct ShowAgent;

impl Tool for ShowAgent {
    type Arguments = ShowArguments;
    const NAME: &'static str = "show_agent";
    const TITLE: &'static str = "One agent";
    const ABOUT: &'static str = "Shows one agent: its resume (instructions, schedule, permissions, credits), its account, the keys of its memory, and its last turns, the newest first: what each read, said, called, changed and cost, and why it failed.";
    const FIELDS: &'static [Field] = &[
        ("agent", "string", "Its name."),
        ("resume", "object?", "Its resume; null where it cannot be read."),
        ("broken", "string?", "Why its resume cannot be read."),
        ("state", "object?", "How it stands after the last closed tick; null before its first."),
        ("memory", "array", "The keys of its memory."),
        ("turns", "array", "Its last turns, the newest first."),
    ];

    async fn call(call: Call<'_>, arguments: ShowArguments) -> Result<Value, Refusal> {
        let turns = arguments.turns.unwrap_or(3);
        if turns > MAX_TURNS {
            return Err(Refusal::usage(format!("it must be 0 to {MAX_TURNS}")).at("/turns"));
        }
        let moment = Moment::now(&call.org.store).await?;
        let agent = lookup::of_any_time(&moment, &arguments.agent, "/agent").await?;
        document(&moment, &agent, turns, arguments.words).await
    }
}

/// All that is shown of one agent.
pub(in crate::mcp) async fn document(
    moment: &Moment,
    agent: &AgentName,
    turns: usize,
    words: bool,
) -> Result<Value, Refusal> {
    let turns = match turns {
        0 => Vec::new(),
        turns => newest(moment, agent, turns, TICKS_BACK).await?,
    };
    let memory = moment.memory_keys(agent).await?;
    let resume = moment.resume(agent).await?;
    let state = moment.state.agents.get(agent).map(|known| {
        json!({
            "present": known.present,
            "paused": known.paused,
            "account": known.account,
            "turns": known.turns,
            "failures": known.failures,
            "last_turn": known.last_turn,
            "cursor": known.cursor,
        })
    });
    Ok(json!({
        "agent": agent,
        "resume": resume.as_ref().ok(),
        "broken": resume.as_ref().err(),
        "state": state,
        "memory": memory,
        "turns": turns.iter().map(|turn| told(turn, words)).collect::<Vec<_>>(),
    }))
}

/// What is told of a turn.
fn told(turn: &Turn, words: bool) -> Value {
    let record = &turn.record;
    let said = record
        .effects
        .outbox
        .iter()
        .map(|entry| json!({ "id": entry.id, "to": entry.recipients, "kind": entry.kind, "text": entry.text() }));
    let called = record.exchanges.iter().flat_map(|exchange| &exchange.results);
    let called =
        called.map(|call| json!({ "tool": call.tool, "ok": call.ok, "unknown": call.unknown, "waits": call.waits }));
    let mut told = json!({
        "tick": record.tick,
        "status": record.status,
        "failure": record.failure,
        "started_at": record.started_at,
        "duration_ms": record.duration_ms,
        "charged": turn.charge.map(|charge| charge.total()),
        "read": record.inbox.len(),
        "said": said.collect::<Vec<_>>(),
        "called": called.collect::<Vec<_>>(),
        "remembered": record.effects.memory.iter().map(|change| &change.key).collect::<Vec<_>>(),
        "files": record.effects.files.iter().map(|change| &change.path).collect::<Vec<_>>(),
        "created": record.effects.creates.iter().map(|new| &new.resume.name).collect::<Vec<_>>(),
        "waiting": record.waiting.iter().map(|question| question.id).collect::<Vec<_>>(),
        "notes": record.notes,
        "violations": record.violations,
        "warnings": record.warnings,
        "erased": record.erased.is_some(),
    });
    if words {
        told["prompt"] = json!(record.prompt);
        told["answers"] = record
            .exchanges
            .iter()
            .map(|exchange| json!({ "answer": exchange.answer, "results": exchange.results }))
            .collect();
    }
    told
}
