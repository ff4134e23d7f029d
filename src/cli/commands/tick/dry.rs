//! `lemming tick --dry-run`

use std::sync::Arc;

use serde_json::{Value, json};

use super::{TickArgs, idle};
use crate::chronicle::outlook::{DueLine, Outlook, outlook};
use crate::cli::error::{CliError, Exit};
use crate::cli::globals::Session;
use crate::cli::output::{Cell, DIM, GOOD, NAME, Output, TITLE, WARN, clean, counted, styled};
use crate::cli::problems;
use crate::domain::ids::Seed;
use crate::engine::{Silent, Stop, rehearse};

/// Shows what the tick would do: calls no model and writes nothing.
pub(super) async fn run(args: &TickArgs, session: &mut Session) -> Result<Exit, CliError> {
    let org = session.org().await?;
    let terms = crate::engine::Terms::default();
    let ctx = org.context(args.seed.map(Seed), terms, Stop::never(), Arc::new(Silent));
    let before = org.requests();
    let rehearsed = rehearse(&ctx, &args.trigger(&org).await?).await?;
    let found = match rehearsed {
        Ok(rehearsal) => Ok(outlook(&rehearsal, args.prompts).await?),
        Err(idle) => Err(idle),
    };
    if session.out.json() {
        let mut document = match &found {
            Ok(found) => json!(found),
            Err(idle) => json!({ "idle": idle, "tick": null, "due": [], "done": [], "skipped": [] }),
        };
        document["dry_run"] = Value::Bool(true);
        document["requests"] = json!(org.requests() - before);
        session.out.document(&document)?;
        return Ok(Exit::Ok);
    }
    match &found {
        Ok(found) => show(found, &mut session.out)?,
        Err(reason) => session.out.line(format!("no tick would be started: {}", idle(*reason)))?,
    }
    Ok(Exit::Ok)
}

fn show(found: &Outlook, out: &mut Output) -> Result<(), CliError> {
    let title = styled(TITLE, format!("tick {}", found.tick));
    let at = styled(DIM, format!("(clock {})", found.clock));
    if let Some(reason) = found.idle {
        out.line(format!("no tick would be started: {}", idle(reason)))?;
    } else if found.open {
        let done = format!("{} of {} turns are done", found.done.len(), found.done.len() + found.due.len());
        out.line(format!("{title} {at} is open: {done}; this is what is left"))?;
    } else {
        out.line(format!("{title} {at} would run {}", counted(found.due.len(), "turn")))?;
    }
    if found.mail + found.commands > 0 && !found.open {
        let (mail, commands) = (counted(found.mail, "message"), counted(found.commands, "command"));
        out.line(format!("it would admit {mail} and {commands}"))?;
    }
    if !found.due.is_empty() {
        let head = ["  agent", "because", "model", "has", "first call", "turn", "all attempts", "prompt", "inbox"];
        let mut rows = vec![head.iter().map(|title| Cell::new(*title).style(DIM)).collect::<Vec<_>>()];
        rows.extend(found.due.iter().map(row));
        out.table(&rows)?;
    }
    for due in found.due.iter().filter(|due| !due.waits_for.is_empty()) {
        let names: Vec<&str> = due.waits_for.iter().map(|name| name.as_str()).collect();
        let others = due.waits_for_count.saturating_sub(names.len());
        let others = if others > 0 { format!(" and {others} more") } else { String::new() };
        let text = format!("reads as well what {}{others} will say in this tick", names.join(", "));
        out.line(format!("  {}  {}", styled(NAME, &due.agent), styled(DIM, text)))?;
    }
    for due in found.due.iter().filter(|due| due.recorded_answers > 0) {
        let text =
            format!("goes on after {} of another runner, at no cost", counted(due.recorded_answers, "recorded answer"));
        out.line(format!("  {}  {}", styled(NAME, &due.agent), styled(DIM, text)))?;
    }
    for skipped in &found.skipped {
        let mut text = format!("skipped: {}", skipped.reason.as_str().replace('_', " "));
        if let (Some(needed), Some(had)) = (skipped.needed_credits, skipped.had_credits) {
            text.push_str(&format!(", {needed} needed and {had} there"));
        }
        out.line(format!("  {}  {}", styled(NAME, &skipped.agent), styled(WARN, text)))?;
    }
    problems::lines(&found.problems).iter().try_for_each(|line| out.line(format!("  {line}")))?;
    if !found.due.is_empty() {
        let (worst, grant) = (found.worst_credits, found.grant_credits);
        out.line(format!("at worst {worst}, and {grant} if every runner dies over every turn"))?;
    }
    if let Some(budget) = &found.budget {
        out.line(format!("budget {}: {} left of {}", budget.window, budget.left, budget.credits))?;
    }
    for due in &found.due {
        for message in due.prompt.iter().flatten() {
            let role = json!(message.role);
            let title = format!("--- {}, {}", due.agent, role.as_str().unwrap_or_default());
            out.line(styled(DIM, title))?;
            out.line(clean(&message.content))?;
        }
    }
    out.line(styled(GOOD, "nothing was called, and nothing was written"))?;
    Ok(())
}

fn row(due: &DueLine) -> Vec<Cell> {
    let because = json!(due.because);
    let left_out = if due.left_out > 0 { format!(" of {}", due.messages + due.left_out) } else { String::new() };
    vec![
        Cell::new(format!("  {}", due.agent)).style(NAME),
        Cell::new(because.as_str().unwrap_or_default().replace('_', " ")),
        match &due.model {
            Some(model) => Cell::new(model.as_str()),
            None => Cell::new("none").style(WARN),
        },
        Cell::number(due.credits_left),
        Cell::number(due.first_call_credits),
        Cell::number(due.worst_credits),
        Cell::number(due.grant_credits),
        Cell::number(format!("{} bytes", due.prompt_bytes)),
        Cell::number(format!("{}{left_out}", counted(due.messages, "message"))),
    ]
}
