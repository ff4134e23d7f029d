//! The story of a tick as a list of events: the same fields as in the logs, made from the records.

use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::TickRecords;
use super::message::Message;
use crate::count::counted;
use crate::domain::credits::Credits;
use crate::domain::ingress::{Action, Control};
use crate::domain::name::AgentName;
use crate::domain::position::Position;
use crate::domain::time::{Tick, Timestamp};
use crate::record::approval::{Decision, Outcome, Verdict};
use crate::record::plan::Item;
use crate::record::turn::{Content, Status, TurnRecord};

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Event {
    /// When.
    pub timestamp: Timestamp,
    /// `info`, `warning` or `error`.
    pub level: &'static str,
    /// `lemming.story`.
    pub logger: &'static str,
    /// A stable word for its sort.
    pub event: &'static str,
    /// What happened, for people. May hold what models wrote.
    pub message: String,
    /// In which tick.
    pub tick: Tick,
    /// Whose turn, message or account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentName>,
    /// What else is known.
    #[serde(flatten)]
    pub fields: Map<String, Value>,
}

impl Event {
    /// Says whether the event concerns this agent.
    #[must_use]
    pub fn concerns(&self, agent: &AgentName) -> bool {
        let named = |value: &Value| value.as_str() == Some(agent.as_str());
        let recipients = self.fields.get("recipients").and_then(Value::as_array);
        self.agent.as_ref() == Some(agent) || recipients.is_some_and(|names| names.iter().any(named))
    }
}

/// The messages of a tick, in the order of their positions.
#[must_use]
pub fn messages(records: &TickRecords) -> Vec<Message> {
    let tick = records.plan.tick;
    let mut messages: Vec<Message> = Vec::new();
    // A position counts all that was admitted, commands too.
    for (index, admitted) in (0..).zip(&records.plan.ingress) {
        if let Item::Mail(mail) = &admitted.item {
            messages.push(Message::of_mail(Position::new(tick, 0, index), mail));
        }
    }
    for turn in &records.turns {
        for (index, entry) in (0..).zip(&turn.effects.outbox) {
            messages.push(Message::of_entry(Position::new(tick, turn.rank, index), entry));
        }
    }
    messages
}

/// The events of a tick, in the order in which they took effect.
#[must_use]
pub fn events(records: &TickRecords) -> Vec<Event> {
    let mut story = Story { tick: records.plan.tick, time: records.plan.time, events: Vec::new() };
    story.planned(records);
    for turn in &records.turns {
        story.turn(turn, records);
    }
    story.closed(records);
    story.events
}

struct Story {
    tick: Tick,
    time: Timestamp,
    events: Vec<Event>,
}

impl Story {
    fn add(&mut self, event: &'static str, agent: Option<&AgentName>, message: String, fields: Value) -> &mut Event {
        let fields = match fields {
            Value::Object(fields) => fields,
            _ => Map::new(),
        };
        self.events.push(Event {
            timestamp: self.time,
            level: "info",
            logger: "lemming.story",
            event,
            message,
            tick: self.tick,
            agent: agent.cloned(),
            fields,
        });
        let last = self.events.len() - 1;
        &mut self.events[last]
    }

    fn said(&mut self, message: &Message) {
        let text = format!("{} to {}: {}", message.from, message.to_text(), message.text);
        let fields = json!({
            "id": message.id,
            "kind": message.kind,
            "recipients": message.to,
            "reply_to": message.reply_to,
            "text": message.text,
        });
        self.add("message", Some(&message.from), text, fields);
    }

    fn planned(&mut self, records: &TickRecords) {
        let plan = &records.plan;
        let fields = json!({
            "clock": plan.clock,
            "agent_count": plan.due.len(),
            "due": plan.due.iter().map(|due| &due.agent).collect::<Vec<_>>(),
            "trigger": plan.trigger,
        });
        let due = match plan.due.len() {
            0 => "nobody is due".to_owned(),
            1 => "1 agent is due".to_owned(),
            n => format!("{n} agents are due"),
        };
        self.add("tick_planned", None, format!("tick {} (clock {}): {due}", plan.tick, plan.clock), fields);
        for admitted in &plan.ingress {
            if let Item::Control(control) = &admitted.item {
                self.ordered(control);
            }
        }
        for credited in &plan.credited {
            let whose = credited.agent.as_ref().map_or("the budget", AgentName::as_str);
            let text = format!("{} credits were added to {whose}", credited.credits);
            self.add("credited", credited.agent.as_ref(), text, json!({ "credits": credited.credits }));
        }
        plan.decisions.iter().for_each(|decision| self.decided(decision));
        for message in messages(records).iter().filter(|message| message.position.rank == 0) {
            self.said(message);
        }
        for skipped in &plan.skipped {
            let reason = skipped.reason.as_str();
            let text = format!("{} was due and does not run: {}", skipped.agent, reason.replace('_', " "));
            self.add("skipped", Some(&skipped.agent), text, json!({ "reason": reason })).level = "warning";
        }
        for problem in &plan.problems {
            let fields = json!({ "reason": problem.kind, "path": problem.path });
            self.add("problem", problem.agent.as_ref(), problem.message.clone(), fields).level = "warning";
        }
    }

    fn decided(&mut self, decision: &Decision) {
        let Decision { approval, agent, verdict, by, .. } = decision;
        let how = match (verdict, &decision.arguments) {
            (Verdict::Approved, None) => "is approved",
            (Verdict::Approved, Some(_)) => "is approved with other arguments",
            (Verdict::Denied, _) => "is denied",
            (Verdict::Expired, _) => "was not answered in time",
        };
        let fields = json!({ "approval": approval, "verdict": verdict, "by": by, "reason": decision.reason });
        self.add("approval_decided", Some(agent), format!("the call {approval} of {agent} {how}"), fields);
    }

    /// What a turn began with of calls that waited, and what it asks a person.
    fn approvals(&mut self, turn: &TurnRecord) {
        for settled in &turn.answered {
            let (agent, tool) = (&turn.agent, &settled.tool);
            let (text, level) = match (settled.verdict, settled.outcome) {
                (Verdict::Approved, Outcome::Made) if settled.ok => {
                    (format!("{agent} made the approved call of {tool}"), "info")
                }
                (Verdict::Approved, Outcome::Made) => {
                    (format!("{agent} made the approved call of {tool}, and it failed"), "warning")
                }
                (_, Outcome::Unknown) => {
                    (format!("nobody knows whether the approved call of {tool} of {agent} was made"), "warning")
                }
                (verdict, _) => (format!("{agent} hears that its call of {tool} was {}", heard(verdict)), "info"),
            };
            let fields = json!({ "approval": settled.id, "tool": tool, "verdict": settled.verdict,
                "outcome": settled.outcome, "ok": settled.ok });
            self.add("approval_settled", Some(agent), text, fields).level = level;
        }
        for question in &turn.waiting {
            let text = format!("{} asks a person before it calls {}", turn.agent, question.tool);
            let fields = json!({ "approval": question.id, "tool": question.tool, "permission": question.permission,
                "arguments_sha256": question.arguments_sha256, "expires_at": question.expires_at });
            self.add("approval_asked", Some(&turn.agent), text, fields);
        }
    }

    fn ordered(&mut self, control: &Control) {
        let (agent, text) = match &control.action {
            Action::TopUp { agent, credits } => {
                let whose = agent.as_ref().map_or("the budget", AgentName::as_str);
                (agent.as_ref(), format!("tops up {whose} by {credits}"))
            }
            Action::Pause { agent } => (agent.as_ref(), format!("pauses {}", whom(agent.as_ref()))),
            Action::Resume { agent } => (agent.as_ref(), format!("lets {} go on", whom(agent.as_ref()))),
            Action::Memory { agent, key, .. } => (Some(agent), format!("edits the memory {key} of {agent}")),
            Action::Archive { agent, key, keep: None, .. } => {
                (Some(agent), format!("archives the memory {key} of {agent}"))
            }
            Action::Archive { agent, key, keep: Some(keep), .. } => {
                (Some(agent), format!("archives all but the newest {keep} of the memory {key} of {agent}"))
            }
            Action::PutBack { agent, key, items } => {
                let items = counted(items.len(), "item");
                (Some(agent), format!("puts {items} back into the memory {key} of {agent}"))
            }
            Action::RestoreFile { path, tick } => (None, format!("restores {path} as of tick {tick}")),
            Action::Approve { approval, arguments: None, .. } => (None, format!("says yes to the call {approval}")),
            Action::Approve { approval, arguments: Some(_), .. } => {
                (None, format!("says yes to the call {approval}, with other arguments"))
            }
            Action::Deny { approval, .. } => (None, format!("says no to the call {approval}")),
        };
        let fields = json!({ "action": control.action, "by": control.by });
        self.add("command", agent, format!("{} {text}", control.by.0), fields);
    }

    fn turn(&mut self, turn: &TurnRecord, records: &TickRecords) {
        let agent = Some(&turn.agent);
        let ended = turn.started_at.unix_ms().saturating_add(i64::try_from(turn.duration_ms).unwrap_or(0));
        self.time = self.time.max(Timestamp::from_unix_ms(ended));
        for message in messages(records).iter().filter(|message| message.position.rank == turn.rank) {
            self.said(message);
        }
        self.approvals(turn);
        for change in &turn.effects.memory {
            let text = format!("{} keeps {}", turn.agent, change.key);
            self.add("memory", agent, text, json!({ "key": change.key, "operation": change.operation }));
        }
        let used: Vec<Value> = turn
            .exchanges
            .iter()
            .flat_map(|exchange| &exchange.results)
            .map(|call| match (call.waits, call.unknown) {
                (true, _) => json!({ "tool": call.tool, "ok": call.ok, "waits": true }),
                (_, true) => json!({ "tool": call.tool, "ok": call.ok, "unknown": true }),
                _ => json!({ "tool": call.tool, "ok": call.ok }),
            })
            .collect();
        if !used.is_empty() {
            let text = format!("{} used {}", turn.agent, used_text(turn));
            self.add("tools", agent, text, json!({ "calls": used }));
        }
        for change in &turn.effects.files {
            let deleted = change.content == Content::Deleted;
            let text = format!("{} {} {}", turn.agent, if deleted { "deletes" } else { "writes" }, change.path);
            self.add("file", agent, text, json!({ "path": change.path, "deleted": deleted }));
        }
        for violation in &turn.violations {
            let pointer = if violation.pointer.is_empty() { "the answer" } else { &violation.pointer };
            let text = format!("{} broke the contract at {pointer}: {}", turn.agent, violation.message);
            self.add("violation", agent, text, json!({ "pointer": violation.pointer })).level = "warning";
        }
        for warning in &turn.warnings {
            self.add("warning", agent, format!("{}: {warning}", turn.agent), Value::Null).level = "warning";
        }
        let spent = turn.spent.paid + turn.spent.unanswered + turn.spent.action;
        let receipts = || turn.exchanges.iter().map(|exchange| &exchange.receipt);
        let mut fields = json!({
            "status": turn.status,
            "duration_ms": turn.duration_ms,
            "llm_duration_ms": receipts().map(|receipt| receipt.duration_ms).sum::<u64>(),
            "cost_credits": spent,
            "read": turn.inbox.len(),
            "outbox_count": turn.effects.outbox.len(),
            "memory_updates": turn.effects.memory.len(),
            "model_name": receipts().next_back().map(|receipt| &receipt.model_name),
        });
        let mut text =
            format!("{} read {} and said {}, for {spent}", turn.agent, turn.inbox.len(), turn.effects.outbox.len());
        if let Some(failure) = &turn.failure {
            text = format!("{} failed: {} (for {spent})", turn.agent, failure.message);
            fields["reason"] = json!(failure.kind);
            fields["error"] = json!(failure.message);
        }
        let failed = turn.status == Status::Failed;
        self.add("turn", agent, text, fields).level = if failed { "error" } else { "info" };
    }

    fn closed(&mut self, records: &TickRecords) {
        let Some(closed) = &records.closed else { return };
        for (agent, fold) in &closed.turns {
            let forfeited = fold.charge.forfeited;
            if forfeited > Credits::ZERO {
                let text = format!("{forfeited} of {agent} are forfeited with runners that died");
                self.add("forfeited", Some(agent), text, json!({ "credits": forfeited })).level = "warning";
            }
            if !fold.dead_letters.is_empty() {
                let count = fold.dead_letters.len();
                let messages = if count == 1 { "1 message".to_owned() } else { format!("{count} messages") };
                let text = format!("given up, after three turns of {agent} that failed over it: {messages}");
                self.add("dead_letters", Some(agent), text, json!({ "positions": fold.dead_letters })).level = "error";
            }
        }
        for (agent, born) in &closed.born {
            let text = format!("{} created {agent} and gave it {}", born.by, born.credits);
            self.add("created", Some(agent), text, json!({ "by": born.by, "credits": born.credits }));
        }
        for problem in closed.problems.iter().filter(|problem| !records.plan.problems.contains(problem)) {
            let fields = json!({ "reason": problem.kind, "path": problem.path });
            self.add("problem", problem.agent.as_ref(), problem.message.clone(), fields).level = "warning";
        }
        let charged: Credits = closed.turns.values().map(|fold| fold.charge.total()).sum();
        let count = closed.turns.len();
        let turns = if count == 1 { "turn" } else { "turns" };
        let text = format!("tick {} is closed: {count} {turns}, {charged}", closed.tick);
        self.add("tick_closed", None, text, json!({ "cost_credits": charged, "turns": count }));
    }
}

/// How often a tool was called, and what came of it.
#[derive(Debug, Default)]
struct Used {
    times: usize,
    refused: usize,
    waits: usize,
    unknown: usize,
}

/// The tools that a turn called, in the order of their first calls, and how often.
fn used_text(turn: &TurnRecord) -> String {
    let mut used: Vec<(&str, Used)> = Vec::new();
    for call in turn.exchanges.iter().flat_map(|exchange| &exchange.results) {
        let place = used.iter().position(|(tool, _)| *tool == call.tool).unwrap_or_else(|| {
            used.push((&call.tool, Used::default()));
            used.len() - 1
        });
        let one = &mut used[place].1;
        one.times += 1;
        one.waits += usize::from(call.waits);
        one.unknown += usize::from(call.unknown);
        one.refused += usize::from(!call.ok && !call.waits && !call.unknown);
    }
    let one = |(tool, used): &(&str, Used)| {
        let times = if used.times > 1 { format!(" {} times", used.times) } else { String::new() };
        let apart = [(used.refused, "refused"), (used.waits, "waiting for a yes"), (used.unknown, "unknown")];
        let apart: Vec<String> =
            apart.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
        let apart = if apart.is_empty() { String::new() } else { format!(" ({})", apart.join(", ")) };
        format!("{tool}{times}{apart}")
    };
    used.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// What an agent hears of a call that was not made.
fn heard(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Approved => "approved, and could not be made",
        Verdict::Denied => "denied",
        Verdict::Expired => "not answered in time",
    }
}

fn whom(agent: Option<&AgentName>) -> &str {
    agent.map_or("the organisation", AgentName::as_str)
}

/// The events of a tick that concern an agent, with its planning; none where nothing concerned the agent. Without one, all.
#[must_use]
pub fn concerning(records: &TickRecords, agent: Option<&AgentName>) -> Vec<Event> {
    let mut told = events(records);
    told.retain(|event| agent.is_none_or(|agent| event.concerns(agent) || event.event == "tick_planned"));
    // A tick in which nothing concerned the agent is no news.
    if agent.is_some() && told.iter().all(|event| event.event == "tick_planned") {
        told.clear();
    }
    told
}
