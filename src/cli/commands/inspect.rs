//! `lemming inspect`

use serde_json::{Value, json};

use crate::chronicle::message::{Bounds, newest as messages};
use crate::chronicle::turns::{Turn, newest};
use crate::cli::error::{CliError, Exit};
use crate::cli::globals::{AtArgs, Session, agent_of_any_time};
use crate::cli::letter::{self, Look};
use crate::cli::output::{BAD, DIM, GOOD, NAME, Output, TITLE, WARN, clean, one_line, styled};
use crate::cli::times::Times;
use crate::domain::name::AgentName;
use crate::domain::resume::Resume;
use crate::record::approval::Outcome;
use crate::record::state::AgentState;
use crate::record::turn::{Status, ToolResult};

/// How far back turns are looked for, in ticks.
const TICKS_BACK: u64 = 1_000;

/// Shows one agent: its resume, its last turns with prompt and answer, and the keys of its memory.
///
/// Reads only. With --json each turn is the whole record.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct InspectArgs {
    /// The agent's name
    agent: String,
    /// How many turns, the newest first
    #[arg(long, value_name = "N", default_value_t = 3)]
    turns: usize,
    /// How many entries of its outbox, the newest first
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    outbox: usize,
    #[command(flatten)]
    at: AtArgs,
}

pub(super) async fn run(args: InspectArgs, session: &mut Session) -> Result<Exit, CliError> {
    let org = session.org().await?;
    let moment = args.at.moment(&org).await?;
    let agent = agent_of_any_time(&org, &moment, &args.agent).await?;
    let turns = newest(&moment, &agent, args.turns, TICKS_BACK).await?;
    let mut outbox = Vec::new();
    if args.outbox > 0 {
        let bounds = Bounds { last: moment.state.tick, messages: args.outbox, ticks: TICKS_BACK };
        outbox = messages(&org.store, bounds, |entry| entry.from == agent).await?.messages;
        outbox.reverse();
    }
    let memory: Vec<String> = moment.memory_keys(&agent).await?.iter().map(ToString::to_string).collect();
    let resume = moment.resume(&agent).await?;
    let known = moment.state.agents.get(&agent);
    let times = session.times();
    let out = &mut session.out;
    if out.json() {
        let turns: Vec<Value> =
            turns.iter().map(|turn| json!({ "record": turn.record, "charge": turn.charge })).collect();
        out.document(&json!({
            "agent": agent,
            "resume": resume.as_ref().ok(),
            "broken": resume.as_ref().err(),
            "account": known.map(|known| &known.account),
            "cursor": known.map(|known| known.cursor),
            "turns": turns,
            "outbox": outbox,
            "memory": memory,
        }))?;
        return Ok(Exit::Ok);
    }
    show_resume(&agent, resume.as_ref(), known, out)?;
    let keys = if memory.is_empty() { "none".to_owned() } else { memory.join(", ") };
    out.line(format!("{} {}", styled(DIM, "memory:"), one_line(&keys, 400)))?;
    if args.outbox > 0 && outbox.is_empty() {
        out.line(styled(DIM, "it has said nothing yet"))?;
    }
    outbox.iter().try_for_each(|message| letter::show(message, &times, Look::default(), out))?;
    if turns.is_empty() && args.turns > 0 {
        out.line(styled(DIM, "no turn yet"))?;
    }
    for turn in &turns {
        show_turn(turn, &times, out)?;
    }
    Ok(Exit::Ok)
}

fn show_resume(
    agent: &AgentName,
    resume: Result<&Resume, &String>,
    known: Option<&AgentState>,
    out: &mut Output,
) -> Result<(), CliError> {
    let resume = match resume {
        Ok(resume) => resume,
        Err(error) => {
            out.line(format!("{}  {}", styled(NAME, agent), styled(BAD, clean(error))))?;
            return Ok(());
        }
    };
    out.line(format!("{}  {}", styled(NAME, agent), styled(TITLE, one_line(&resume.title, 80))))?;
    out.line(one_line(&resume.short_description, 400))?;
    let reads: Vec<String> = resume.permissions.read_outboxes.clone().into();
    let schedule = &resume.schedule;
    let facts = [
        (
            "model",
            format!(
                "{}, temperature {}, {} tokens",
                resume.model.key, resume.model.temperature, resume.model.max_tokens
            ),
        ),
        ("runs", super::agents::period(schedule)),
        ("reads", if reads.is_empty() { "nobody".to_owned() } else { reads.join(", ") }),
        (
            "credits",
            match known {
                Some(known) => format!("{} left of {}", known.account.balance, resume.credits.max_credits),
                None => format!("{} to begin with", resume.credits.opening()),
            },
        ),
    ];
    for (name, value) in facts {
        out.line(format!("{} {value}", styled(DIM, format!("{name}:"))))?;
    }
    out.line(format!("{} {}", styled(DIM, "told:"), clean(&resume.instructions)))?;
    Ok(())
}

fn show_turn(turn: &Turn, times: &Times, out: &mut Output) -> Result<(), CliError> {
    let record = &turn.record;
    let style = match record.status {
        Status::Ok => GOOD,
        Status::Waiting => WARN,
        Status::Failed => BAD,
    };
    let charged = turn.charge.map_or("not charged yet".to_owned(), |charge| format!("{} charged", charge.total()));
    out.line("")?;
    out.wrapped(format!(
        "{} {}  {}",
        styled(TITLE, format!("tick {}", record.tick)),
        styled(style, record.status.as_str()),
        styled(
            DIM,
            format!(
                "{}, read {}, said {}, {charged}, {} ms",
                times.shown(record.started_at),
                record.inbox.len(),
                record.effects.outbox.len(),
                record.duration_ms
            )
        )
    ))?;
    if record.erased.is_some() {
        out.line(styled(WARN, "erased: what was read, asked and answered is no longer kept"))?;
    }
    if let Some(failure) = &record.failure {
        out.line(format!("{} {}", styled(BAD, "failed:"), clean(&failure.message)))?;
    }
    for warning in &record.warnings {
        out.line(format!("{} {}", styled(WARN, "warning:"), clean(warning)))?;
    }
    for violation in &record.violations {
        let text = format!("{} {}", violation.pointer, violation.message);
        out.line(format!("{} {}", styled(WARN, "violation:"), clean(&text)))?;
    }
    if let Some(notes) = &record.notes {
        out.line(format!("{} {}", styled(DIM, "notes:"), clean(notes)))?;
    }
    for settled in &record.answered {
        let (tool, verdict) = (one_line(&settled.tool, 80), settled.verdict.as_str());
        let outcome = match settled.outcome {
            Outcome::Made if settled.ok => ", made",
            Outcome::Made => ", made, and failed",
            Outcome::NotMade => ", not made",
            Outcome::Unknown => ", nobody knows whether it was made",
        };
        out.line(format!("{} the call {} of {tool}: {verdict}{outcome}", styled(DIM, "answered:"), settled.id))?;
        out.line(clean(&settled.result.to_string()))?;
    }
    for question in &record.waiting {
        let tool = one_line(&question.tool, 80);
        out.line(format!("{} the call {} of {tool}", styled(WARN, "asks:"), question.id))?;
    }
    for message in &record.prompt {
        let role = json!(message.role);
        out.line(styled(DIM, format!("--- prompt, {}", role.as_str().unwrap_or_default())))?;
        out.line(clean(&message.content))?;
    }
    for exchange in &record.exchanges {
        out.line(styled(
            DIM,
            format!("--- answer of {}, for {}", exchange.receipt.model, exchange.receipt.cost_credits),
        ))?;
        out.line(clean(&exchange.answer))?;
        for result in &exchange.results {
            let state = match result {
                ToolResult { waits: true, .. } => ", waits for a person's yes",
                ToolResult { unknown: true, .. } => ", nobody knows whether it was made",
                ToolResult { ok: true, .. } => "",
                ToolResult { .. } => ", failed",
            };
            out.line(styled(DIM, format!("--- tool {}{state}", one_line(&result.tool, 80))))?;
            out.line(clean(&result.result.to_string()))?;
        }
    }
    Ok(())
}
