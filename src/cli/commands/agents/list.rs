//! `lemming agents list`

use serde_json::json;

use crate::chronicle;
use crate::chronicle::roster::{Member, roster};
use crate::cli::error::{CliError, Exit};
use crate::cli::globals::{AtArgs, Session};
use crate::cli::output::{Cell, DIM, NAME, WARN, one_line};
use crate::domain::schedule::{Schedule, When};

/// Lists the agents: their titles, models, schedules, whom they read, and what they have left.
///
/// Reads only.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(in crate::cli) struct ListArgs {
    /// Lists the agents that were removed, too
    #[arg(long)]
    removed: bool,
    #[command(flatten)]
    at: AtArgs,
}

pub(in crate::cli::commands) async fn run(args: ListArgs, session: &mut Session) -> Result<Exit, CliError> {
    let org = session.org().await?;
    let moment = args.at.moment(&org).await?;
    let agents = session.reading(&org, "reading resumes", roster(&moment)).await?;
    let removed = match args.removed {
        // What was removed since then was there.
        true if !moment.is_past => chronicle::removed(&org.store).await?.into_iter().collect(),
        true => gone(&moment),
        false => Vec::new(),
    };
    let out = &mut session.out;
    if out.json() {
        let mut document = json!({ "tick": moment.state.tick, "agents": agents });
        if args.removed {
            document["removed"] = json!(removed);
        }
        out.document(&document)?;
        return Ok(Exit::Ok);
    }
    if agents.is_empty() {
        out.line("there are no agents: `lemming agents new` makes one")?;
    } else {
        let head = ["agent", "title", "model", "runs", "reads", "credits", "unread", ""];
        let mut rows = vec![head.map(|title| Cell::new(title).style(DIM)).to_vec()];
        rows.extend(agents.iter().map(row));
        out.table(&rows)?;
    }
    if !removed.is_empty() {
        let names: Vec<&str> = removed.iter().map(crate::domain::name::AgentName::as_str).collect();
        out.line("")?;
        out.wrapped(format!("removed: {}; `lemming agents restore NAME` brings one back", names.join(", ")))?;
    }
    Ok(Exit::Ok)
}

fn gone(moment: &chronicle::moment::Moment) -> Vec<crate::domain::name::AgentName> {
    moment.state.agents.iter().filter(|(_, agent)| !agent.present).map(|(name, _)| name.clone()).collect()
}

fn row(agent: &Member) -> Vec<Cell> {
    let mut notes = Vec::new();
    notes.extend(agent.broken.as_ref().map(|_| "broken resume"));
    notes.extend(agent.resume.as_ref().is_some_and(|resume| !resume.enabled).then_some("disabled"));
    notes.extend(agent.paused.then_some("paused"));
    let of = |text: Option<String>| text.unwrap_or_else(|| "?".to_owned());
    let resume = agent.resume.as_ref();
    let reads = |reads: &[String]| if reads.is_empty() { "nobody".to_owned() } else { reads.join(", ") };
    vec![
        Cell::new(agent.name.as_str()).style(NAME),
        Cell::new(one_line(&of(resume.map(|resume| resume.title.clone())), 30)),
        Cell::new(one_line(&of(resume.map(|resume| resume.model.to_string())), 24)),
        Cell::new(of(resume.map(|resume| period(&resume.schedule)))),
        Cell::new(one_line(&of(resume.map(|resume| reads(&resume.reads))), 40)),
        Cell::number(agent.credits_left),
        Cell::number(agent.unread),
        Cell::new(notes.join(", ")).style(WARN),
    ]
}

/// When an agent runs, in a few words.
pub(in crate::cli::commands) fn period(schedule: &Schedule) -> String {
    let when = if schedule.when == When::OnMessage { ", with mail" } else { "" };
    match (schedule.run_every_n_ticks.get(), schedule.phase_offset) {
        (1, _) => format!("every tick{when}"),
        (n, 0) => format!("every {n} ticks{when}"),
        (n, offset) => format!("every {n} ticks, offset {offset}{when}"),
    }
}
