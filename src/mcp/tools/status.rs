//! `status` and `problems`: how the organisation stands, and what a person should know.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Call, Tool};
use crate::chronicle::moment::Moment;
use crate::chronicle::problems::{TICKS_BACK, problems};
use crate::chronicle::status::{self, status_at};
use crate::mcp::arguments::Field;
use crate::mcp::page::{self, Page};
use crate::mcp::refusal::Refusal;

/// Nothing: it is always the same question.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

pub(super) struct Status;

impl Tool for Status {
    type Arguments = Nothing;
    const NAME: &'static str = "status";
    const TITLE: &'static str = "How the organisation stands";
    const ABOUT: &'static str = "Says how the organisation stands as of the last closed tick: its tick and clock, whether it is paused, its budget, how many agents it has and how they are, how many messages and commands wait for the next tick, how many calls wait for a person's yes, and how many problems there are. Begin here.";
    const FIELDS: &'static [Field] = &[
        ("org", "string", "What people call it."),
        ("tick", "integer", "The last closed tick; 0 before the first."),
        ("clock", "integer", "Its clock."),
        ("time", "string?", "When that tick was planned."),
        ("paused", "boolean", "Whether a person paused the organisation."),
        ("open", "object?", "A tick that was begun and is not closed."),
        ("budget", "object?", "The budget, if there is one."),
        (
            "agents",
            "object",
            "How many there are, and how many of them are paused, disabled, failing, broken or below their soft cap.",
        ),
        ("waiting_ingress", "integer", "Messages and commands that the next tick will find."),
        ("waiting_approvals", "integer", "Calls that wait for a person's yes."),
        ("problems", "integer", "How many problems there are: `problems` lists them."),
    ];

    async fn call(call: Call<'_>, _: Nothing) -> Result<Value, Refusal> {
        let moment = Moment::now(&call.org.store).await?;
        let status = status_at(&moment, &call.org.place, call.org.clock().now()).await?;
        let found = problems(&moment, call.org.clock().now(), TICKS_BACK).await?;
        let count = |is: fn(&status::AgentStatus) -> bool| status.agents.iter().filter(|agent| is(agent)).count();
        let open = status.open.as_ref().map(|open| {
            json!({ "tick": open.tick, "time": open.time, "due": open.due.len(), "committed": open.committed.len() })
        });
        Ok(json!({
            "org": status.org,
            "tick": status.tick,
            "clock": status.clock,
            "time": status.time,
            "paused": status.paused,
            "open": open,
            "budget": status.budget,
            "agents": {
                "all": status.agents.len(),
                "paused": count(|agent| agent.paused),
                "disabled": count(|agent| !agent.enabled),
                "failing": count(|agent| agent.failures > 0),
                "broken": count(|agent| agent.broken.is_some()),
                "below_soft_cap": count(|agent| agent.below_soft_cap),
                "with_unread": count(|agent| agent.unread > 0),
            },
            "waiting_ingress": status.waiting_ingress,
            "waiting_approvals": super::approvals::waiting(&moment).count(),
            "problems": found.len(),
        }))
    }
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ProblemsArguments {
    /// At most so many, 1 to 100; 50 without it.
    #[serde(default)]
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    #[serde(default)]
    cursor: Option<String>,
}

pub(super) struct Problems;

impl Tool for Problems {
    type Arguments = ProblemsArguments;
    const NAME: &'static str = "problems";
    const TITLE: &'static str = "What needs a person";
    const ABOUT: &'static str = "Lists what a person should know and do something about: agents that fail or cannot run, credits that run out, mail that nobody could read, files that are wrong. Calls that wait for a yes are in `list_approvals`.";
    const FIELDS: &'static [Field] = &[
        ("problems", "array", "Each with its kind, the agent or file it is about, and what it is."),
        ("next_cursor", "string?", "Where the next page begins, if there is one."),
    ];

    async fn call(call: Call<'_>, arguments: ProblemsArguments) -> Result<Value, Refusal> {
        let from = page::cursor(arguments.cursor.as_deref(), |text| text.parse::<usize>().ok())?.unwrap_or(0);
        let mut page = Page::new(arguments.limit, 50)?;
        let moment = Moment::now(&call.org.store).await?;
        let found = problems(&moment, call.org.clock().now(), TICKS_BACK).await?;
        let found: Vec<Value> = found.iter().map(|problem| json!(problem)).collect();
        let mut next = None;
        for (index, problem) in found.into_iter().enumerate().skip(from) {
            if !page.takes(problem) {
                next = Some(index.to_string());
                break;
            }
        }
        Ok(json!({ "problems": page.items(), "next_cursor": next }))
    }
}
