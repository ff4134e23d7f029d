//! `lemming ticks show`

use serde_json::json;

use super::trigger;
use crate::chronicle::ticks::{FileLine, TickState, TickView, TurnLine, show};
use crate::cli::error::{CliError, Exit};
use crate::cli::globals::{Session, no_tick};
use crate::cli::output::{BAD, Cell, DIM, GOOD, NAME, Output, TITLE, WARN, clean, counted, one_line, styled};
use crate::cli::problems;
use crate::cli::times::Times;
use crate::domain::time::Tick;
use crate::record::plan::Item;

/// How wide a message may be on its line; the whole is in --json.
const WIDTH: usize = 400;

/// Shows the whole of one tick, closed or open.
///
/// What it was made from: what asked for it, slots that were missed, resumes that had changed, mail and commands. Who was
/// due and why, how each turn went, what it cost and how long it took; who was skipped and why. What was said, kept and
/// written; what went wrong; the hashes of its records.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct ShowArgs {
    /// The tick's number [default: the open one, or else the last]
    tick: Option<u64>,
}

pub(super) async fn run(args: ShowArgs, session: &mut Session) -> Result<Exit, CliError> {
    let org = session.org().await?;
    let view = match args.tick {
        Some(number) => show(&org.store, Tick(number)).await?,
        None => {
            let last = crate::engine::load(&org.store).await?.state.tick;
            match show(&org.store, last.next()).await? {
                Some(open) => Some(open),
                None => show(&org.store, last).await?,
            }
        }
    };
    let Some(view) = view else { return Err(no_tick(&org, args.tick.map(Tick)).await?) };
    if session.out.json() {
        session.out.document(&view)?;
    } else {
        tell(&view, &session.times(), &mut session.out)?;
    }
    Ok(Exit::Ok)
}

fn tell(view: &TickView, times: &Times, out: &mut Output) -> Result<(), CliError> {
    let state = match view.state {
        TickState::Closed => styled(GOOD, "closed"),
        TickState::Open => styled(WARN, "open"),
    };
    out.line(format!(
        "{} {state}  {}",
        styled(TITLE, format!("tick {}", view.tick)),
        styled(DIM, format!("clock {}, {}, {}", view.clock, times.shown(view.time), trigger(&view.trigger, times)))
    ))?;
    if let Some(missed) = &view.missed {
        let slots = if missed.from == missed.to {
            format!("the slot of clock {}", missed.from)
        } else {
            format!("the slots of clocks {} to {}", missed.from, missed.to)
        };
        let then =
            if missed.caught_up { "who was due then is due now, once" } else { "who was due then was passed over" };
        out.line(styled(WARN, format!("nobody triggered {slots}: {then}")))?;
    }
    inputs(view, out)?;
    turns(view, out)?;
    if !view.messages.is_empty() {
        section("messages", out)?;
    }
    for message in &view.messages {
        let text = one_line(&message.text, WIDTH);
        out.line(format!("  {} → {}: {text}", styled(NAME, &message.from), styled(NAME, message.to_text())))?;
    }
    if !view.memory.is_empty() || !view.files.is_empty() || !view.created.is_empty() {
        section("changes", out)?;
    }
    for change in &view.memory {
        let by = if change.by_command { "  by a person's command" } else { "" };
        let archived = change.archived.map_or("", |_| "  what it replaced is in the archive");
        let operation = json!(change.operation);
        let text = format!("{} {}{by}{archived}", operation.as_str().unwrap_or_default(), change.key);
        out.line(format!("  {}  memory {text}", styled(NAME, &change.agent)))?;
    }
    view.files.iter().try_for_each(|file| out.line(format!("  {}", file_line(file))))?;
    for (agent, by) in &view.created {
        out.line(format!("  {}  created {}", styled(NAME, by), styled(NAME, agent)))?;
    }
    if !view.problems.is_empty() {
        section("problems", out)?;
    }
    problems::lines(&view.problems).iter().try_for_each(|line| out.line(format!("  {line}")))?;
    section("hashes", out)?;
    let hashes = &view.hashes;
    let all = [
        ("closed", hashes.closed.as_ref()),
        ("previous", hashes.previous.as_ref()),
        ("plan", Some(&hashes.plan)),
        ("org.json", Some(&hashes.org)),
        ("models.json", Some(&hashes.models)),
    ];
    let tools = [("tools.json", hashes.tools.as_ref()), ("tools.lock.json", hashes.tools_lock.as_ref())];
    let rows: Vec<Vec<Cell>> = all
        .into_iter()
        .chain(tools.into_iter().filter(|(_, sha)| sha.is_some()))
        .map(|(name, sha)| {
            vec![Cell::new(format!("  {name}")), Cell::new(sha.map_or("-", |sha| sha.as_str())).style(DIM)]
        })
        .collect();
    out.table(&rows)?;
    Ok(())
}

fn section(title: &str, out: &mut Output) -> Result<(), CliError> {
    out.line("")?;
    Ok(out.line(styled(DIM, title))?)
}

fn inputs(view: &TickView, out: &mut Output) -> Result<(), CliError> {
    for found in &view.inputs.resumes {
        let text = match found.found {
            "resume" => "a new or changed resume",
            "gone" => "its folder or resume is gone",
            _ => "its resume cannot be read",
        };
        out.line(format!("found: {}  {text}", styled(NAME, &found.agent)))?;
    }
    let commands = view.inputs.ingress.iter().filter_map(|admitted| match &admitted.item {
        Item::Control(control) => Some(control),
        Item::Mail(_) => None,
    });
    for control in commands {
        let action = json!(control.action).to_string();
        out.line(format!("command: {} {}", one_line(&control.by.0, 80), one_line(&action, 200)))?;
    }
    for decision in &view.inputs.decisions {
        let by = decision.by.as_ref().map_or("nobody".to_owned(), |by| one_line(&by.0, 80));
        let (agent, verdict) = (styled(NAME, &decision.agent), decision.verdict.as_str());
        out.line(format!("answer: {by}  the call {} of {agent} is {verdict}", decision.approval))?;
    }
    for credited in &view.inputs.credited {
        let whose = credited.agent.as_ref().map_or("the budget", |agent| agent.as_str());
        out.line(format!("credited: {} to {whose}", credited.credits))?;
    }
    Ok(())
}

fn turns(view: &TickView, out: &mut Output) -> Result<(), CliError> {
    section(&format!("{}, {}", counted(view.turns.len(), "turn"), cost(view)), out)?;
    if !view.turns.is_empty() {
        let head =
            ["  agent", "because", "status", "cost", "calls", "tools", "tokens in", "out", "time", "read", "said"];
        let mut rows = vec![head.iter().map(|title| Cell::new(*title).style(DIM)).collect::<Vec<_>>()];
        rows.extend(view.turns.iter().map(row));
        out.table(&rows)?;
    }
    for turn in &view.turns {
        if let Some(failure) = &turn.failure {
            let text = clean(&failure.message).replace('\n', " ");
            out.line(format!("  {}  {}", styled(NAME, &turn.agent), styled(BAD, format!("failed: {text}"))))?;
        }
        if !turn.dead_letters.is_empty() {
            let text = format!("given up after it: {}", counted(turn.dead_letters.len(), "message"));
            out.line(format!("  {}  {}", styled(NAME, &turn.agent), styled(BAD, text)))?;
        }
        for id in &turn.waiting {
            let text = format!("waits for a person's yes: `lemming approvals show {id}`");
            out.line(format!("  {}  {}", styled(NAME, &turn.agent), styled(WARN, text)))?;
        }
        for id in &turn.answered {
            let text = format!("began with the answer to the call {id}");
            out.line(format!("  {}  {}", styled(NAME, &turn.agent), styled(DIM, text)))?;
        }
        if let Some(holder) = &turn.held_by {
            let text = format!("in the hands of the runner {holder}");
            out.line(format!("  {}  {}", styled(NAME, &turn.agent), styled(WARN, text)))?;
        }
        if turn.attempts > 1 {
            let text = format!("given to {} in turn", counted(turn.attempts, "runner"));
            out.line(format!("  {}  {}", styled(NAME, &turn.agent), styled(WARN, text)))?;
        }
    }
    for skipped in &view.skipped {
        let text = format!("skipped: {}", skipped.reason.as_str().replace('_', " "));
        out.line(format!("  {}  {}", styled(NAME, &skipped.agent), styled(WARN, text)))?;
    }
    if !view.skipped.is_empty() {
        out.line(styled(DIM, format!("  `lemming ticks why AGENT --tick {}` says more", view.tick)))?;
    }
    Ok(())
}

fn cost(view: &TickView) -> String {
    match view.state {
        TickState::Closed => format!("{} charged", view.cost_credits),
        TickState::Open => "nothing charged before it closes".to_owned(),
    }
}

fn row(turn: &TurnLine) -> Vec<Cell> {
    let style = match turn.status {
        "ok" => GOOD,
        "failed" => BAD,
        _ => WARN,
    };
    let because = json!(turn.because);
    vec![
        Cell::new(format!("  {}", turn.agent)).style(NAME),
        Cell::new(because.as_str().unwrap_or_default().replace('_', " ")),
        Cell::new(turn.status).style(style),
        Cell::number(turn.cost_credits),
        Cell::number(turn.calls),
        Cell::number(turn.tool_calls),
        Cell::number(turn.input_tokens),
        Cell::number(turn.output_tokens),
        Cell::number(format!("{} ms", turn.duration_ms)),
        Cell::number(turn.read),
        Cell::number(turn.said),
    ]
}

fn file_line(file: &FileLine) -> String {
    let what = match (file.imported, file.sha256.is_some()) {
        (true, true) => "found a person's edit of",
        (true, false) => "found that a person deleted",
        (false, true) => "wrote",
        (false, false) => "deleted",
    };
    format!("{}  {what} {}", styled(NAME, &file.agent), one_line(&file.path, 200))
}
