//! `lemming status`

use crate::chronicle::problems::{TICKS_BACK, Trouble, problems};
use crate::chronicle::status::{AgentStatus, Status, status_at};
use crate::cli::error::{CliError, Exit};
use crate::cli::globals::{AtArgs, Session};
use crate::cli::output::{BAD, Cell, DIM, GOOD, NAME, Output, TITLE, WARN, counted, one_line, styled};
use crate::cli::problems::{lines, troubles};
use crate::cli::times::Times;
use crate::engine::FAILING_AFTER;

/// So many problems are shown; `lemming problems` shows all.
const FIRST: usize = 5;

/// Shows how the organisation stands: its agents, its budget, and what is wrong.
///
/// Reads only; numbers are as of the last closed tick.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct StatusArgs {
    #[command(flatten)]
    at: AtArgs,
}

pub(super) async fn run(args: StatusArgs, session: &mut Session) -> Result<Exit, CliError> {
    let org = session.org().await?;
    let moment = args.at.moment(&org).await?;
    let looking = status_at(&moment, &org.place, org.clock().now());
    let status = session.reading(&org, "reading resumes", looking).await?;
    if session.out.json() {
        session.out.document(&status)?;
    } else {
        let times = session.times();
        show(&status, &times, &mut session.out)?;
        if moment.is_past {
            lines(&status.problems).iter().try_for_each(|line| session.out.line(line))?;
        } else {
            let looking = problems(&moment, org.clock().now(), TICKS_BACK);
            let found = session.reading(&org, "looking for what is wrong", looking).await?;
            tell(&found, &mut session.out)?;
        }
    }
    Ok(Exit::Ok)
}

fn show(status: &Status, times: &Times, out: &mut Output) -> Result<(), CliError> {
    out.line(format!("{}  {}", styled(TITLE, one_line(&status.org, 80)), styled(DIM, &status.store)))?;
    let paused = if status.paused { styled(WARN, "  paused") } else { String::new() };
    match status.time {
        None => out.line(format!("no tick yet; `lemming tick` runs the first{paused}"))?,
        Some(time) => {
            let time = times.shown(time);
            out.line(format!("tick {} (clock {}), {time}{paused}", status.tick, status.clock))?;
        }
    }
    if let Some(open) = &status.open {
        let done = format!("{} of {} turns done", open.committed.len(), open.due.len());
        let text = format!("tick {} is open: {done}; `lemming tick` goes on with it", open.tick);
        out.line(styled(WARN, text))?;
    }
    if let Some(budget) = &status.budget {
        out.line(format!("budget {}: {} left of {}", budget.window, budget.left, budget.credits))?;
    }
    if status.waiting_ingress > 0 {
        out.line(format!("{} waiting for the next tick", status.waiting_ingress))?;
    }
    out.line("")?;
    let head = ["agent", "title", "credits", "unread", "last turn", ""];
    let mut rows = vec![head.iter().map(|title| Cell::new(*title).style(DIM)).collect::<Vec<_>>()];
    rows.extend(status.agents.iter().map(row));
    out.table(&rows)?;
    Ok(())
}

/// How much is wrong, and the first of it.
fn tell(found: &[Trouble], out: &mut Output) -> Result<(), CliError> {
    if found.is_empty() {
        return Ok(());
    }
    out.line("")?;
    troubles(&found[..found.len().min(FIRST)], out)?;
    let more = if found.len() > FIRST { ", all of which `lemming problems` shows" } else { "; see `lemming problems`" };
    out.line(format!("{}{more}", counted(found.len(), "problem")))?;
    Ok(())
}

fn row(agent: &AgentStatus) -> Vec<Cell> {
    let last = agent
        .last_turn
        .as_ref()
        .map_or("none".to_owned(), |turn| format!("{} in tick {}", turn.status.as_str(), turn.tick));
    let good = agent.last_turn.as_ref().is_none_or(|turn| turn.status.is_good());
    let mut notes = Vec::new();
    notes.extend(agent.broken.as_ref().map(|_| "broken resume"));
    notes.extend((agent.broken.is_none() && !agent.enabled).then_some("disabled"));
    notes.extend(agent.paused.then_some("paused"));
    let failing = (agent.failures >= FAILING_AFTER).then(|| format!("failing, {} times in a row", agent.failures));
    notes.extend(failing.as_deref());
    notes.extend(agent.below_soft_cap.then_some("below its soft cap"));
    vec![
        Cell::new(agent.name.as_str()).style(NAME),
        Cell::new(one_line(agent.title.as_deref().unwrap_or("?"), 40)),
        Cell::number(agent.credits_left),
        Cell::number(agent.unread),
        Cell::new(last).style(if good { GOOD } else { BAD }),
        Cell::new(notes.join(", ")).style(WARN),
    ]
}
