//! `lemming ticks list`

use serde_json::json;

use super::trigger;
use crate::chronicle::ticks::{Bounds, Row, TickState, list};
use crate::cli::error::{CliError, Exit};
use crate::cli::globals::{AtArgs, Session, agent_of_any_time};
use crate::cli::output::{BAD, Cell, DIM, GOOD, TITLE, WARN, one_line, styled};
use crate::cli::times::Times;

/// Lists the last ticks, the newest first: when, what asked for it, who ran, what was said and what it cost.
///
/// An open tick comes first, with what is known of it. The hash is that of the tick's closed record, and vouches for all
/// ticks up to it: note it elsewhere to hold the records against it later.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct ListArgs {
    /// At most so many ticks
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: usize,
    /// Only ticks in which this agent was due
    #[arg(long, value_name = "NAME")]
    agent: Option<String>,
    /// Looks at most so many ticks back
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    ticks: u64,
    #[command(flatten)]
    at: AtArgs,
}

pub(super) async fn run(args: ListArgs, session: &mut Session) -> Result<Exit, CliError> {
    let org = session.org().await?;
    let moment = args.at.moment(&org).await?;
    let agent = match &args.agent {
        Some(name) => Some(agent_of_any_time(&org, &moment, name).await?),
        None => None,
    };
    let bounds = Bounds { limit: args.limit, ticks: args.ticks };
    let found = list(&moment, bounds, agent.as_ref()).await?;
    let times = session.times();
    let out = &mut session.out;
    if out.json() {
        out.document(&json!({ "agent": agent, "ticks": found.ticks, "more": found.more }))?;
        return Ok(Exit::Ok);
    }
    if found.ticks.is_empty() {
        out.line(match agent {
            Some(agent) => format!("{agent} was due in none of them"),
            None => "no tick yet; `lemming tick` runs the first".to_owned(),
        })?;
        return Ok(Exit::Ok);
    }
    let head = ["tick", "clock", "time", "trigger", "due", "ok", "failed", "skipped", "said", "mail", "cost", "hash"];
    let mut rows = vec![head.iter().map(|title| Cell::new(*title).style(DIM)).collect::<Vec<_>>()];
    rows.extend(found.ticks.iter().map(|tick| row(tick, &times)));
    out.table(&rows)?;
    if found.more {
        out.line(styled(DIM, "there may be older ones: --limit and --ticks say how many are shown and looked at"))?;
    }
    Ok(Exit::Ok)
}

fn row(row: &Row, times: &Times) -> Vec<Cell> {
    let some = |count: usize, style| {
        let cell = Cell::number(count);
        if count > 0 { cell.style(style) } else { cell }
    };
    let hash = match (&row.sha256, row.state) {
        (Some(sha), _) => Cell::new(sha.short()),
        (None, TickState::Open) => Cell::new("open").style(WARN),
        (None, TickState::Closed) => Cell::new("-"),
    };
    vec![
        Cell::number(row.tick).style(TITLE),
        Cell::number(row.clock),
        Cell::new(times.shown(row.time)),
        Cell::new(one_line(&trigger(&row.trigger, times), 40)),
        Cell::number(row.due),
        some(row.ok, GOOD),
        some(row.failed, BAD),
        some(row.skipped, WARN),
        Cell::number(row.messages),
        Cell::number(row.mail),
        Cell::number(row.cost_credits),
        hash,
    ]
}
