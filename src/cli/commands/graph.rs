//! `lemming graph`

use serde_json::{Value, json};

use crate::chronicle::graph::{Notes, OrgGraph, Place, graph};
use crate::cli::error::{CliError, Exit};
use crate::cli::globals::{AtArgs, Session, known_agent_at};
use crate::cli::output::{BAD, Cell, DIM, NAME, Output, WARN, clean, counted, named, styled};
use crate::domain::name::AgentName;

/// Up to so many agents, each has its line; of more, a summary is shown.
const LISTED: usize = 40;

/// So many names of a list are shown where there are many agents.
const NAMED: usize = 12;

/// Shows whose mail can reach whom, by what the resumes permit, and what leads nowhere.
///
/// Mail goes from one agent to another where the reader's read_outboxes has the author and the
/// author's send_outboxes, if it has one, has the reader. You may write to everybody, and everybody
/// to you. Named below it: agents that nobody hears, that only people reach, or neither; agents
/// that wake each other; permissions that lead nowhere. Reads only.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct GraphArgs {
    /// text, dot (Graphviz), mermaid or json [default: text; json with --json]
    #[arg(long, value_name = "FORMAT", value_parser = ["text", "dot", "mermaid", "json"], hide_possible_values = true)]
    format: Option<String>,
    /// Only this agent, whom it hears and who hears it
    #[arg(long, value_name = "NAME")]
    agent: Option<String>,
    /// Whom mail of this agent can reach, and whose reaches it, passed on by others, and in how many steps
    #[arg(long, value_name = "NAME", conflicts_with = "agent")]
    reach: Option<String>,
    #[command(flatten)]
    at: AtArgs,
}

pub(super) async fn run(args: GraphArgs, session: &mut Session) -> Result<Exit, CliError> {
    let format = match (args.format.as_deref(), session.out.json()) {
        (None | Some("json"), true) | (Some("json"), false) => "json",
        (Some(_), true) => return Err(CliError::new(Exit::Usage, "--json and another --format exclude each other")),
        (Some(format), false) => format,
        (None, false) => "text",
    };
    if args.reach.is_some() && matches!(format, "dot" | "mermaid") {
        return Err(CliError::new(Exit::Usage, format!("--reach is a list: it cannot be drawn as {format}")));
    }
    let org = session.org().await?;
    let moment = args.at.moment(&org).await?;
    let found = session.reading(&org, "reading resumes", graph(&moment)).await?;
    let only = match args.agent.as_ref().or(args.reach.as_ref()) {
        Some(name) => Some(known_agent_at(&org, &moment, name).await?),
        None => None,
    };
    if let Some(error) = only.as_ref().and_then(|agent| found.broken.get(agent)) {
        let path = only.as_ref().map(|agent| crate::store::Key::Resume(agent.clone()).path()).unwrap_or_default();
        return Err(CliError::new(Exit::Invalid, error.clone()).at(path, "").hint("see `lemming validate`"));
    }
    let out = &mut session.out;
    match (format, &only, args.reach.is_some()) {
        ("dot", agent, _) => out.line(found.dot(agent.as_ref()))?,
        ("mermaid", agent, _) => out.line(found.mermaid(agent.as_ref()))?,
        ("json", Some(agent), true) => out.document(&reach_document(&found, agent))?,
        ("json", agent, _) => out.document(&document(&found, agent.as_ref()))?,
        (_, Some(agent), true) => show_reach(&found, agent, out)?,
        (_, Some(agent), false) => show_one(&found, agent, out)?,
        (_, None, _) => show(&found, out)?,
    }
    Ok(Exit::Ok)
}

fn document(found: &OrgGraph, agent: Option<&AgentName>) -> Value {
    let (_, ways) = found.around(agent);
    let places: Vec<Place> = match agent {
        Some(agent) => found.place(agent).into_iter().collect(),
        None => found.places().collect(),
    };
    let edges: Vec<Value> = ways.iter().map(|(from, to)| json!({ "from": from, "to": to })).collect();
    let mut document = json!({ "agents": places, "edges": edges, "max_hops": found.max_hops, "broken": found.broken });
    if agent.is_none() {
        document["notes"] = json!(found.notes());
    }
    document
}

fn reach_document(found: &OrgGraph, agent: &AgentName) -> Value {
    json!({ "agent": agent, "reaches": found.graph.reach(agent), "reached_by": found.graph.reached_by(agent) })
}

fn names<'a>(names: impl IntoIterator<Item = &'a AgentName>) -> String {
    named(names, usize::MAX)
}

fn show(found: &OrgGraph, out: &mut Output) -> Result<(), CliError> {
    let degrees = found.graph.degrees();
    let members = found.graph.members();
    let ways: usize = degrees.iter().map(|degree| degree.hearers).sum();
    out.line(format!("{}, {} for mail between them", counted(members.len(), "agent"), counted(ways, "way")))?;
    if members.len() <= LISTED {
        show_places(found.places(), out)?;
    } else {
        let mut busiest: Vec<usize> = (0..members.len()).collect();
        busiest.sort_by_key(|i| std::cmp::Reverse((degrees[*i].heard + degrees[*i].hearers, std::cmp::Reverse(*i))));
        let head = ["the most connected", "hears", "heard by"];
        let mut rows = vec![head.map(|title| Cell::new(title).style(DIM)).to_vec()];
        rows.extend(busiest.into_iter().take(NAMED).map(|i| {
            let name = Cell::new(members[i].name.as_str()).style(NAME);
            vec![name, Cell::number(degrees[i].heard), Cell::number(degrees[i].hearers)]
        }));
        out.table(&rows)?;
        out.line(styled(DIM, "`lemming graph --agent NAME` shows one of them; --format json all"))?;
    }
    show_notes(found, &found.notes(), out)
}

fn show_places(places: impl Iterator<Item = Place>, out: &mut Output) -> Result<(), CliError> {
    let mut rows = vec![["agent", "hears", "heard by", "reaches"].map(|title| Cell::new(title).style(DIM)).to_vec()];
    rows.extend(places.map(|place| {
        let heard_by = match (place.enabled, place.heard_by.is_empty()) {
            (false, _) => Cell::new("disabled").style(WARN),
            (true, true) => Cell::new("people alone").style(WARN),
            (true, false) => Cell::new(names(&place.heard_by)),
        };
        let hears = match (place.enabled, place.hears.is_empty()) {
            (false, _) => Cell::new("disabled").style(WARN),
            (true, true) => Cell::new("people alone").style(WARN),
            (true, false) => Cell::new(names(&place.hears)),
        };
        vec![Cell::new(place.agent.as_str()).style(NAME), hears, heard_by, Cell::number(place.reaches)]
    }));
    out.table(&rows)?;
    Ok(())
}

fn show_notes(found: &OrgGraph, notes: &Notes, out: &mut Output) -> Result<(), CliError> {
    let mut lines = Vec::new();
    let mut note = |list: &[AgentName], what: &str| {
        if !list.is_empty() {
            lines.push(format!("{} {what}: {}", styled(WARN, "note:"), named(list, NAMED)));
        }
    };
    note(&notes.unreachable, "no agent hears these, and they hear none");
    note(&notes.mute, "no agent hears these; only people do, where it is addressed to them");
    note(&notes.only_people_reach, "no agent's mail reaches these; only people's does");
    note(&notes.disabled, "disabled, so that these neither read nor write");
    for set in notes.loops.iter().take(NAMED) {
        let text = format!(
            "{} wake each other: if none falls silent, mail that was passed on {} times wakes nobody any more",
            named(set, NAMED),
            found.max_hops
        );
        lines.push(format!("{} {text}", styled(WARN, "loop:")));
    }
    for gap in notes.gaps.iter().take(LISTED) {
        lines.push(format!("{} {}", styled(WARN, "gap:"), gap.text()));
    }
    if let Some(more) = notes.gaps.len().checked_sub(LISTED + 1) {
        lines.push(format!("{} {} more; --format json has all", styled(WARN, "gap:"), more + 1));
    }
    for (agent, error) in found.broken.iter().take(NAMED) {
        lines.push(format!("{} {agent} is left out: {}", styled(BAD, "broken:"), clean(error).replace('\n', " ")));
    }
    if !lines.is_empty() {
        out.line("")?;
    }
    lines.into_iter().try_for_each(|line| out.wrapped(line))?;
    Ok(())
}

fn show_one(found: &OrgGraph, agent: &AgentName, out: &mut Output) -> Result<(), CliError> {
    let Some(place) = found.place(agent) else { return Ok(()) };
    let state = if place.enabled { "" } else { "  disabled" };
    out.line(format!("{}{}", styled(NAME, agent), styled(WARN, state)))?;
    out.wrapped(format!("{} {}", styled(DIM, "hears:"), names(&place.hears)))?;
    out.wrapped(format!("{} {}", styled(DIM, "heard by:"), names(&place.heard_by)))?;
    out.line(format!("{} {}", styled(DIM, "reaches:"), counted(place.reaches, "agent")))?;
    let notes = found.notes();
    let set = notes.loops.iter().find(|set| set.contains(agent));
    set.map_or(Ok(()), |set| out.wrapped(format!("{} with {}", styled(WARN, "loop:"), named(set, NAMED))))?;
    let gaps = notes.gaps.iter().filter(|gap| gap.agent == *agent || gap.other == *agent);
    gaps.into_iter().try_for_each(|gap| out.wrapped(format!("{} {}", styled(WARN, "gap:"), gap.text())))?;
    Ok(())
}

fn show_reach(found: &OrgGraph, agent: &AgentName, out: &mut Output) -> Result<(), CliError> {
    for (title, reached) in [("reaches", found.graph.reach(agent)), ("is reached by", found.graph.reached_by(agent))] {
        out.line(format!("{} {title} {}", styled(NAME, agent), counted(reached.len(), "agent")))?;
        let last = reached.values().copied().max().unwrap_or(0);
        for step in 1..=last {
            let at: Vec<&AgentName> =
                reached.iter().filter(|(_, steps)| **steps == step).map(|(name, _)| *name).collect();
            out.wrapped(format!("  {} {}", styled(DIM, format!("in {}:", counted(step, "step"))), names(at)))?;
        }
    }
    Ok(())
}
